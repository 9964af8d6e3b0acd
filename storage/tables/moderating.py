"""Keeping groups clean: which are watched, what was decided about whom, and what is to be done about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Guard(Base):
    """A group that is watched. state: off, dry (nothing is done, all is written down), on."""

    __tablename__ = "guard"
    __table_args__ = (UniqueConstraint("shop_id", "chat_id"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")
    state: Mapped[str] = mapped_column(default="off", server_default=text("'off'"))
    button: Mapped[bool] = mapped_column(default=False, server_default=false())  # who joins has to press one
    slow: Mapped[int] = mapped_column(default=0, server_default="0")  # seconds between two messages of a member
    exempt: Mapped[list[Any]] = mapped_column(default=list)  # member ids
    raid_until: Mapped[datetime | None]
    since: Mapped[datetime]  # of the first time that it was watched


class Sanction(Base):
    """What was decided about a member. kind: delete, warn, mute, ban, ask (to press the button). state: stands, dry
    (nothing came of it), lifted.

    `person` is a keyed hash of platform and platform id: a ban is known by it when the member is forgotten, and
    `member_id` with them.
    """

    __tablename__ = "sanction"
    __table_args__ = (
        UniqueConstraint("shop_id", "cause"),
        Index("ix_sanction_shop_id_person", "shop_id", "person"),
        Index("ix_sanction_chat_id_at", "chat_id", "at"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")
    member_id: Mapped[int | None] = mapped_column(Id, index=True)
    person: Mapped[str]
    cause: Mapped[str]  # the key of the message that it came of: it is decided once
    kind: Mapped[str]
    reason: Mapped[str]  # flood, repeated, spam, invite, link, forward, raid, joined, admin
    message_id: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")  # of the message; emptied after the retention time
    appeal: Mapped[str] = mapped_column(default="")  # the member's words about it; emptied likewise
    appealed: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[str]
    until: Mapped[datetime | None]
    at: Mapped[datetime]


class ModerationAction(Base):
    """Something to do on a platform, written down before it is done; doing it twice is doing it once.

    what: remove, mute, free, ban, unban, slow. state: ready (from `due` on), done, over (its time went by before it
    could be done), failed (`error` says why).
    """

    __tablename__ = "moderation_action"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index("ix_moderation_action_state_due", "state", "due"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")
    sanction_id: Mapped[int | None] = mapped_column(Id, index=True)
    key: Mapped[str]
    what: Mapped[str]
    person: Mapped[str] = mapped_column(default="")  # the platform's id of the member
    message_id: Mapped[str] = mapped_column(default="")
    seconds: Mapped[int] = mapped_column(default=0)  # of slow mode
    until: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="ready")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    due: Mapped[datetime]
    done: Mapped[datetime | None]
