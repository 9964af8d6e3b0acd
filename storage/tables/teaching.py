"""What a shop teaches its bot: wordings learnt, thumbs, questions that nobody answered, drafts of articles."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


class Alias(Base):
    """A member's wording by which a row is found too. origin: thumbs, answer (an admin's own answer to it)."""

    __tablename__ = "alias"
    __table_args__ = (UniqueConstraint("shop_id", "row", "text"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    row: Mapped[str]  # `article:4`, `product:12`
    text: Mapped[str]
    language: Mapped[str]
    origin: Mapped[str]
    outbox_id: Mapped[int | None]  # the answer that was liked
    member_id: Mapped[int | None]  # whose wording it is
    at: Mapped[datetime]


class Rating(Base):
    """A member's thumb on one message of the bot's: 1 or -1. There is one for each member, the last."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("outbox_id", "member_id"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    outbox_id: Mapped[int] = references("outbox.id")
    member_id: Mapped[int] = references("member.id")
    value: Mapped[int]
    at: Mapped[datetime]


class Question(Base):
    """A question of a member's that the bot had no good answer to; it leaves with the member's words.

    cause: unknown (the bot said that it doesn't know), disliked (a thumb went down). state: open, answered, dropped.
    """

    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("shop_id", "chat_id", "message_id"),
        Index("ix_question_shop_id_state", "shop_id", "state"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")
    member_id: Mapped[int] = references("member.id")
    message_id: Mapped[str]
    text: Mapped[str]
    language: Mapped[str]
    cause: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    topic: Mapped[int | None]  # the number that admins saw it under, with others that ask the same
    settled_by: Mapped[int | None]  # the inbox id of the command that answered or dropped it
    at: Mapped[datetime]


class Lesson(Base):
    """An article that an admin drafted from a wrong answer. state: draft, approved, refused."""

    __tablename__ = "lesson"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    question: Mapped[str]
    answer: Mapped[str]
    language: Mapped[str]
    outbox_id: Mapped[int]  # the answer that was wrong
    cause: Mapped[int]  # the inbox id of the command that drafted it
    state: Mapped[str] = mapped_column(default="draft")
    at: Mapped[datetime]
