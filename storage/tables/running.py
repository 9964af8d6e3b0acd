"""What keeps the bot running as the admins want it: settings, audit, schedules, attention."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Setting(Base):
    """One setting of a shop that an admin changed in a chat; the env file's value holds where there is none."""

    __tablename__ = "setting"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    name: Mapped[str]
    value: Mapped[str]


class Audit(Base):
    """Who did, or was refused, what."""

    __tablename__ = "audit"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    member_id: Mapped[int | None]
    chat_id: Mapped[int | None]
    action: Mapped[str]
    allowed: Mapped[bool]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]


class Schedule(Base):
    """When to post what, and where. `next_due` is None where nothing comes by the clock: an event, or once and over.

    A run is begun `lead` seconds ahead, so that its draft can be looked at. approve: auto, ask; unanswered, what
    becomes of a draft that nobody answered: post, skip, plain.
    """

    __tablename__ = "schedule"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    chat_id: Mapped[int] = references("chat.id")
    content: Mapped[str]  # content type
    words: Mapped[str]  # as the admin said it
    rule: Mapped[str]  # five cron fields, `once WALL TIME`, `every SECONDS` or `on EVENT`
    timezone: Mapped[str]
    name: Mapped[str] = mapped_column(default="", server_default=text("''"))  # of its entry in the schedule file
    catchup_window: Mapped[int] = mapped_column(default=3600)  # seconds; a later run is reported as missed
    jitter: Mapped[int] = mapped_column(default=0, server_default="0")  # seconds that a post may be later, by chance
    lead: Mapped[int] = mapped_column(default=0, server_default="0")
    approve: Mapped[str] = mapped_column(default="auto", server_default="auto")
    unanswered: Mapped[str] = mapped_column(default="post", server_default="post")
    active: Mapped[bool] = mapped_column(default=True)  # not removed
    paused: Mapped[bool] = mapped_column(default=False, server_default=false())
    next_due: Mapped[datetime | None]
    begins: Mapped[datetime | None]  # `lead` before that


class Run(Base):
    """One due time of a schedule. state: due, done; and with a `note` that says why: missed, failed, unknown (nobody
    saw whether it arrived), skipped (as was wanted).

    `local` is the wall time that a fixed one is of: a second clock reading of the same is no second run. `post_at` is
    `due` with what chance and quiet hours put it off.
    """

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("schedule_id", "due"),
        UniqueConstraint("schedule_id", "local"),
        Index("ix_run_state", "state"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    schedule_id: Mapped[int] = references("schedule.id")
    due: Mapped[datetime]
    local: Mapped[str | None]
    post_at: Mapped[datetime]
    about: Mapped[list[Any]] = mapped_column(default=list)  # rows (`product:12`) of its event
    state: Mapped[str] = mapped_column(default="due")
    note: Mapped[str] = mapped_column(default="")
    asked: Mapped[bool] = mapped_column(default=False, server_default=false())  # by an admin: no cap holds it back
    told: Mapped[bool] = mapped_column(default=False, server_default=false())  # the admins know that it is missed


class Reservation(Base):
    """One thing that a member or chat was, or will be, sent without asking."""

    __tablename__ = "reservation"
    __table_args__ = (UniqueConstraint("shop_id", "key"), Index("ix_reservation_target_at", "target", "at"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    key: Mapped[str]
    target: Mapped[str]  # `member:ID` or `chat:ID`
    kind: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]


class Watched(Base):
    """A variant as it was when somebody last looked for new products, lower prices and low stock."""

    __tablename__ = "watched"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    product_id: Mapped[int] = mapped_column(Id)
    variant_id: Mapped[int] = mapped_column(Id)
    price: Mapped[Decimal | None]
    stock: Mapped[int | None] = mapped_column(Id)
