"""What is derived from interactions, the segments that are made of it, and purchases that wait for their buyer."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, Number, key, references


class Trait(Base):
    """One thing that is known of a member from one chat. All of it can be derived anew from the interactions.

    A score that fades is that of the moment `at`, its newest event's: later it is worth less by its half-life, which
    `bot/members/traits.py` has for each kind of name (`product:12`, `did:asked`, `spoke:en:14`, `aspect:battery:+`, …).
    Rows are written with every message, several at once: hence the plain number for a moment, and no further index.
    """

    __tablename__ = "trait"
    __table_args__ = ({"sqlite_with_rowid": False},)
    member_id: Mapped[int] = references("member.id", primary_key=True)
    chat_id: Mapped[int] = references("chat.id", primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = references("shop.id")
    score: Mapped[float] = mapped_column(Number)
    at: Mapped[float] = mapped_column(Number)  # seconds since 1970
    events: Mapped[int]  # how many interactions it comes from
    last_id: Mapped[int] = mapped_column(Id)  # the last of them


class Segment(Base):
    """A rule over traits under a name; who is in it is worked out at every look."""

    __tablename__ = "segment"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    name: Mapped[str]
    rule: Mapped[str]
    created: Mapped[datetime]


class Purchase(Base):
    """A line of an order that the shop's system exported. It is nobody's until a member enters the order's code."""

    __tablename__ = "purchase"
    __table_args__ = (UniqueConstraint("shop_id", "order_name", "position"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    order_name: Mapped[str]  # as the shop's system calls it
    position: Mapped[int]
    hash: Mapped[str] = mapped_column(index=True)  # of the code, which is kept nowhere
    title: Mapped[str]
    product_id: Mapped[int | None] = mapped_column(Id)
    quantity: Mapped[int]
    amount: Mapped[Decimal]  # of the whole line
    currency: Mapped[str]
    at: Mapped[datetime]
    member_id: Mapped[int | None] = references("member.id", index=True)
    chat_id: Mapped[int | None] = references("chat.id")  # the direct chat in which the code was entered
