"""What came in, what members did, what goes out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


class Inbox(Base):
    """A message as the platform gave it, durable before it is confirmed.

    state: new (to be handled), later (parked until `due`), done, failed (given up, `error` says why).
    """

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("shop_id", "key"), Index("ix_inbox_state_due", "state", "due"))
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    key: Mapped[str]  # platform, bot and event id
    chat: Mapped[str]  # platform and chat id: the order within a chat is the order of ids
    message: Mapped[dict[str, Any]]  # empty where it was done with at once
    state: Mapped[str] = mapped_column(default="new")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    received: Mapped[datetime]
    due: Mapped[datetime | None]
    claimed_by: Mapped[str | None]  # the process that works on it, or did


class Interaction(Base):
    """One append-only event of a member: what they said or did. Traits are derived from these."""

    __tablename__ = "interaction"
    __table_args__ = (
        Index("ix_interaction_chat_id_id", "chat_id", "id"),
        Index("ix_interaction_member_id_at", "member_id", "at"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    member_id: Mapped[int] = references("member.id")
    chat_id: Mapped[int] = references("chat.id")
    # said, asked, complained, thanked, pressed, reacted, commanded, added, joined, left, removed (by moderation);
    # bought, amended (of an order); of suggestions: clicked (more like this), dismissed, hidden (a brand), shown (all)
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(default="")  # emptied after the retention time
    message_id: Mapped[str] = mapped_column(default="")
    product_id: Mapped[int | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)  # also `signs`: what the words say of who said them
    at: Mapped[datetime]


class Outbox(Base):
    """A message of the bot's, from before its first word to after it was sent.

    state: open (being written, may be shown in part), ready (to be sent), sending (marked before a send that must not
    repeat), sent, unknown (killed between mark and answer: shown to admins, never sent again), failed, blocked (the bot
    was, or is there no more), cancelled.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("shop_id", "key"),
        Index("ix_outbox_state_due", "state", "due"),
        Index("ix_outbox_chat_id_id", "chat_id", "id"),
        Index("ix_outbox_shop_id_checked", "shop_id", "checked"),
    )
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id")
    chat_id: Mapped[int] = references("chat.id")
    member_id: Mapped[int | None]  # whom it answers or is for
    key: Mapped[str]  # what caused it: `reply:INBOX_ID`, `post:RUN_ID`, `suggestion:...`
    # reply, command, post, suggestion, notice, greeting, edit (of an earlier one), correction (beside it)
    kind: Mapped[str]
    action: Mapped[str] = mapped_column(default="reply")  # reply, refuse, handoff, command
    worded_by: Mapped[str] = mapped_column(default="code")  # model, quote, code
    model: Mapped[str] = mapped_column(default="", server_default=text("''"))  # which engine worded it
    text: Mapped[str]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)  # buttons, cards, visibility
    reply_to: Mapped[str] = mapped_column(default="")
    facts: Mapped[list[Any]] = mapped_column(default=list)
    sources: Mapped[list[Any]] = mapped_column(default=list)
    rests: Mapped[dict[str, Any] | None]  # the rows it rests on with their versions, and what it claims of them
    checked: Mapped[int | None]  # the catalogue's version that its claims were compared with; None: no more to compare
    state: Mapped[str] = mapped_column(default="ready")
    message_id: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime]
    due: Mapped[datetime]
    sent: Mapped[datetime | None]


class Handoff(Base):
    """A human's turn with a member in a chat (in a direct chat: with the chat), from the call of a human on.

    The bot says nothing there before `until`, which every word of an admin to the member puts off.
    """

    __tablename__ = "handoff"
    __table_args__ = (Index("ix_handoff_chat_id_until", "chat_id", "until"),)
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    chat_id: Mapped[int] = references("chat.id")
    member_id: Mapped[int] = references("member.id", index=True)
    reason: Mapped[str]  # request, complaint, unsure (twice in a row), words (of the merchant's list), muted
    until: Mapped[datetime]
    told: Mapped[bool] = mapped_column(default=False)  # the member heard meanwhile that a human will answer
    at: Mapped[datetime]
