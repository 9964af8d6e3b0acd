"""Shops, their members with an identity per platform, and the chats that they talk in."""

from datetime import datetime

from sqlalchemy import UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Shop(Base):
    """The merchant's tenant. Every row that is a merchant's carries its id."""

    __tablename__ = "shop"
    id: Mapped[int] = key()
    name: Mapped[str]
    currency: Mapped[str]
    timezone: Mapped[str]
    language: Mapped[str]
    demo: Mapped[bool] = mapped_column(default=False)  # holds the demo catalogue, which a first import replaces
    catalogue_version: Mapped[int] = mapped_column(default=0)  # counts imports; indexes are kept in step by it
    taught_version: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # the same of what was taught
    watched_version: Mapped[int | None]  # the catalogue version that `watched` is of
    secret: Mapped[str] = mapped_column(default="", server_default=text("''"))  # keys the hashes of who was forgotten


class Member(Base):
    """A person known to a shop."""

    __tablename__ = "member"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="")
    subscribed: Mapped[bool] = mapped_column(default=False)
    opted_out: Mapped[bool] = mapped_column(default=False)
    trains: Mapped[bool] = mapped_column(default=False, server_default=false())  # their words may train a model
    first_seen: Mapped[datetime]
    merged_into: Mapped[int | None] = mapped_column(Id)  # the member that has all of theirs since both were linked


class Identity(Base):
    """Who a member is on one platform."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("shop_id", "platform", "platform_id"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    member_id: Mapped[int] = references("member.id", index=True)
    platform: Mapped[str]
    platform_id: Mapped[str]


class Link(Base):
    """Two identities that may be one member's, from the one-time code on. `member` asked for the code and was told it
    in `chat`, `other` sent it. state: open (nobody sent it), claimed (each has to say yes), done, refused,
    parted (they were one member, and are two again)."""

    __tablename__ = "link"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    member_id: Mapped[int] = references("member.id", index=True)
    chat_id: Mapped[int] = references("chat.id")
    other_id: Mapped[int | None] = references("member.id")
    other_chat_id: Mapped[int | None] = references("chat.id")
    hash: Mapped[str] = mapped_column(index=True)  # of the code, which is kept nowhere
    state: Mapped[str]
    agreed: Mapped[bool]
    other_agreed: Mapped[bool]
    expires: Mapped[datetime]


class Chat(Base):
    """A group, channel, thread or direct chat. `mode` and `language` are empty where the shop's default holds."""

    __tablename__ = "chat"
    __table_args__ = (UniqueConstraint("shop_id", "platform", "platform_id"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    platform: Mapped[str]
    platform_id: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    direct: Mapped[bool] = mapped_column(default=False)
    mode: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    muted_until: Mapped[datetime | None]  # a human took over
    claimed_by: Mapped[str | None]  # the process that sends to it now
    timezone: Mapped[str] = mapped_column(default="", server_default=text("''"))  # IANA; empty where the shop's holds
    quiet_hours: Mapped[str] = mapped_column(
        default="", server_default=text("''")
    )  # the same; `none` for no quiet hours
