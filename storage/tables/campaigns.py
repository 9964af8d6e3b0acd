"""Campaigns, the places that each goes to, and the short links by which clicks are counted."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Campaign(Base):
    """One post to many chats.

    state: draft (an admin looks at it), running, stopped, done (everything that it was for has an end), dropped.
    """

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("shop_id", "cause"), Index("ix_campaign_shop_id_state", "shop_id", "state"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")  # where it was asked for, and is reported
    cause: Mapped[int] = mapped_column(Id)  # the inbox id of the command that asked for it
    content: Mapped[str]  # content type; '' for the admin's own words
    words: Mapped[str]  # where it goes, as the admin said it
    bodies: Mapped[dict[str, Any]]  # language -> the columns of its outbox rows
    state: Mapped[str] = mapped_column(default="draft")
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]


class Target(Base):
    """A place that a campaign goes to.

    state: waiting (from `due` on; `note` says what for), queued (its row stands in the outbox), and then what became of
    that: sent, failed (`note` says why), unknown, blocked; or skipped, where it may not be sent there.
    """

    __tablename__ = "campaign_target"
    __table_args__ = (
        UniqueConstraint("campaign_id", "chat_id"),
        Index("ix_campaign_target_campaign_id_state", "campaign_id", "state"),
    )
    id: Mapped[int] = key()
    campaign_id: Mapped[int] = references("campaign.id")
    chat_id: Mapped[int] = references("chat.id")
    member_id: Mapped[int | None] = mapped_column(Id)  # the subscriber whose direct chat it is
    outbox_id: Mapped[int | None] = mapped_column(Id, index=True)
    state: Mapped[str] = mapped_column(default="waiting")
    note: Mapped[str] = mapped_column(default="")
    due: Mapped[datetime]


class ShortLink(Base):
    """An address of the shop's own that leads on to `address`. Only who is written to in a direct chat, and subscribed,
    has one to themselves."""

    __tablename__ = "short_link"
    __table_args__ = (UniqueConstraint("code"), Index("ix_short_link_shop_id_post", "shop_id", "post"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    code: Mapped[str]
    address: Mapped[str]
    post: Mapped[str]  # the key of the outbox row that says it
    member_id: Mapped[int | None] = mapped_column(Id)
    created: Mapped[datetime]


class Click(Base):
    """Somebody followed a short link. Nothing is kept of who, from where, or with what."""

    __tablename__ = "click"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    short_link_id: Mapped[int] = references("short_link.id", index=True)
    at: Mapped[datetime]
