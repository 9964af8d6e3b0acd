"""What stays of a member who had themselves forgotten: nothing that tells who it was."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, key, references


class Tombstone(Base):
    """An account that was forgotten: what it said until then is not taken in again, from wherever it comes."""

    __tablename__ = "tombstone"
    __table_args__ = (UniqueConstraint("shop_id", "hash"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    hash: Mapped[str]  # of platform and id there, keyed by the shop's secret
    at: Mapped[datetime]


class Forgetting(Base):
    """A member's being forgotten, from their yes to the last trace.

    state: open (being removed), swept (the member is still to be told), done, clean (the database's files were written
    anew since). `data` says who it is of, and is empty once it is done; `counts`, of each table how many rows, is the
    certificate.
    """

    __tablename__ = "forgetting"
    __table_args__ = (Index("ix_forgetting_shop_id_state", "shop_id", "state"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    cause: Mapped[int] = mapped_column(Id)  # the inbox id of the command that asked for it
    state: Mapped[str] = mapped_column(default="open")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]


class TrainingExport(Base):
    """A file that training learns from, and whose words are in it: what to do without once one of them is forgotten."""

    __tablename__ = "training_export"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    path: Mapped[str]
    digest: Mapped[str]  # sha256 of the file, which a model made of it names
    members: Mapped[list[Any]] = mapped_column(default=list)  # their ids
    at: Mapped[datetime]
