"""What is posted: drafts on their way to a chat, and what imports changed that is worth a post."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Draft(Base):
    """A post before it is posted.

    state: open (an admin may decide), approved (posted when it is due), rejected, posted, lapsed (nothing was to be
    said, or nobody decided). `version` counts its wordings, so that nobody approves one that they never saw.
    """

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("shop_id", "key"), Index("ix_draft_shop_id_state", "shop_id", "state"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")  # where it is posted
    key: Mapped[str]  # what caused it: `run:RUN_ID`, `draft:INBOX_ID`
    run_id: Mapped[int | None] = mapped_column(Id)
    content: Mapped[str]  # content type, with what the admin said behind it
    language: Mapped[str]
    text: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the columns of its outbox row
    plain: Mapped[dict[str, Any]] = mapped_column(default=dict)  # `text` and `data` of it without a model's words
    candidates: Mapped[list[Any]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="open")
    note: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[int | None] = mapped_column(Id)  # a member
    due: Mapped[datetime | None]
    created: Mapped[datetime]
    decided: Mapped[datetime | None]


class Change(Base):
    """What an import changed about a variant for the better: kind price (it fell), or stock (there is some again)."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_shop_id_kind_at", "shop_id", "kind", "at"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    run_id: Mapped[int] = references("import_run.id")
    product_id: Mapped[int] = references("product.id")
    variant_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str]
    before: Mapped[Decimal | None]  # a price
    after: Mapped[Decimal | None]
    at: Mapped[datetime]
