"""What keeps the bot running as the admins want it: settings, audit, schedules, attention."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


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
    """When to post what, and where."""

    __tablename__ = "schedule"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    chat_id: Mapped[int] = references("chat.id")
    content: Mapped[str]  # content type
    words: Mapped[str]  # as the admin said it
    cron: Mapped[str]  # minute hour day month weekday, cron's own weekday numbers
    timezone: Mapped[str]
    catchup_window: Mapped[int] = mapped_column(default=3600)  # seconds; a later run is reported as missed
    active: Mapped[bool] = mapped_column(default=True)
    next_due: Mapped[datetime]


class Run(Base):
    """One due time of a schedule. state: due, done, missed, failed (`note` says why)."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("schedule_id", "due"), Index("ix_run_state", "state"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    schedule_id: Mapped[int] = references("schedule.id")
    due: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="due")
    note: Mapped[str] = mapped_column(default="")


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
