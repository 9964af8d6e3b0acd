"""What was put before members unasked, and what was kept from them to see whether it helps."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


class SuggestionLog(Base):
    """One moment in which a member could be sent a suggestion: with its candidates and the chance that each had.

    A member of the holdout is sent none: `holdout` is true and `chosen` empty.
    """

    __tablename__ = "suggestion_log"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index("ix_suggestion_log_shop_id_at", "shop_id", "at"),
        Index("ix_suggestion_log_member_id_at", "member_id", "at"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    member_id: Mapped[int] = references("member.id")
    key: Mapped[str]  # as the outbox and the ledger have it
    holdout: Mapped[bool]
    candidates: Mapped[list[Any]] = mapped_column(default=list)  # product ids
    propensities: Mapped[list[Any]] = mapped_column(default=list)  # of each, in sum 1
    expected: Mapped[list[Any]] = mapped_column(default=list)  # of each: the chance of a press
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what each signal said of the chosen one, 0 to 1
    chosen: Mapped[int | None]  # product id
    stopped: Mapped[datetime | None]  # when the member ended their subscription, after this and before the next
    past: Mapped[bool] = mapped_column(default=False, server_default=false())  # no evidence since pushes were resumed
    at: Mapped[datetime]
