"""Questions that the bot had no good answer to, until the shop answers them or the words' time is over."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from storage.database import Transaction
from storage.tables import Chat, Member, Question


async def add(
    tx: Transaction, shop_id: int, chat_id: int, member_id: int, message_id: str, text: str, language: str, cause: str,
    now: datetime,
) -> None:  # fmt: skip
    """Put a question on the list; one that stands there already, answered or not, stays as it is."""
    which = {"shop_id": shop_id, "chat_id": chat_id, "message_id": message_id}
    if await tx.scalar(select(Question.id).filter_by(**which)) is None:
        values = {"member_id": member_id, "text": text, "language": language, "cause": cause, "at": now}
        await tx.execute(insert(Question).values(**which, **values))


async def liked(tx: Transaction, shop_id: int, chat_id: int, message_id: str) -> None:
    """Nobody dislikes its answer any more: it leaves the list."""
    where = {"shop_id": shop_id, "chat_id": chat_id, "message_id": message_id, "cause": "disliked", "state": "open"}
    await tx.execute(delete(Question).filter_by(**where))


async def unsettled(tx: Transaction, shop_id: int, count: int, chat_id: int | None = None) -> list[Row[Any]]:
    """The newest open questions (of one chat where it is given), newest first."""
    query = select(Question.__table__).filter_by(shop_id=shop_id, state="open")
    if chat_id is not None:
        query = query.where(Question.chat_id == chat_id)
    return list(await tx.execute(query.order_by(Question.id.desc()).limit(count)))


async def set_topics(tx: Transaction, topics: Mapping[int, Sequence[int]]) -> None:
    """Topic -> the ids of its questions."""
    for topic, ids in topics.items():
        await tx.execute(update(Question).where(Question.id.in_(ids)).values(topic=topic))


async def of_topic(tx: Transaction, shop_id: int, topic: int, command: int) -> list[Row[Any]]:
    """The open questions of a topic, or the one of that number, with where and by whom each was asked; also those
    that this very command (its inbox id) has settled, before a kill."""
    query = (
        select(Question.__table__, Chat.direct, Member.name)
        .join(Chat, Chat.id == Question.chat_id)
        .join(Member, Member.id == Question.member_id)
        .where(Question.shop_id == shop_id, or_(Question.state == "open", Question.settled_by == command))
    )
    which = or_(Question.topic == topic, Question.id == topic)
    return list(await tx.execute(query.where(which).order_by(Question.id)))


async def settle(tx: Transaction, ids: Sequence[int], state: str, command: int) -> None:
    await tx.execute(update(Question).where(Question.id.in_(ids)).values(state=state, settled_by=command))


async def settle_of(tx: Transaction, shop_id: int, chat_id: int, message_id: str, command: int) -> None:
    """One question was answered some other way."""
    which = update(Question).filter_by(shop_id=shop_id, chat_id=chat_id, message_id=message_id, state="open")
    await tx.execute(which.values(state="answered", settled_by=command))


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Remove the questions that are older than the retention time."""
    await tx.execute(delete(Question).where(Question.shop_id == shop_id, Question.at < before))
