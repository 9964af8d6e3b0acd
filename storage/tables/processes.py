"""The processes that share a database, and what only one of them does at a time."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


class Process(Base):
    """A running process. What it has claimed (`claimed_by` of a chat or of an inbox row) is its own until it is gone:
    it said so, its machine says so, or `until` is over."""

    __tablename__ = "process"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    name: Mapped[str] = mapped_column(unique=True)  # made at its start, never used again
    place: Mapped[str]  # where its machine may be asked whether it still runs; "" where it can't
    until: Mapped[datetime]


class Lease(Base):
    """Work that one process at a time does: it ends by itself unless it is renewed."""

    __tablename__ = "lease"
    __table_args__ = (UniqueConstraint("shop_id", "name"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    name: Mapped[str]
    process: Mapped[str]  # the name of who has it
    until: Mapped[datetime]
