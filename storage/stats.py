"""What the merchant's numbers are counted from: who spoke when, what was answered, and how."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from storage.database import Transaction
from storage.interactions import SPOKEN
from storage.tables import Chat, Interaction, Outbox, Question, table

DID, OUT, ASKED, PLACE = table(Interaction), table(Outbox), table(Question), table(Chat)
MOST = 500_000  # rows that are looked at: the newest


def _where(noun: Any, shop_id: int, chat_id: int | None) -> tuple[ColumnElement[bool], ...]:
    here = () if chat_id is None else (noun.c.chat_id == chat_id,)
    return (noun.c.shop_id == shop_id, *here)


async def spoken(
    tx: Transaction, shop_id: int, chat_id: int | None, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    """What members said (member_id, chat_id, at, message_id, product_id, data), oldest first."""
    columns = (DID.c.member_id, DID.c.chat_id, DID.c.at, DID.c.message_id, DID.c.product_id, DID.c.data)
    query = select(*columns).where(*_where(DID, shop_id, chat_id), DID.c.kind.in_(SPOKEN))
    query = query.where(DID.c.at >= since, DID.c.at < until).order_by(DID.c.at.desc(), DID.c.id.desc()).limit(MOST)
    return list(await tx.execute(query))[::-1]


async def asked_about(
    tx: Transaction, shop_id: int, chat_id: int | None, since: datetime, until: datetime, count: int
) -> Sequence[Row[Any]]:
    """Products (product_id, count) by how often members asked about them or looked them up, most often first."""
    query = select(DID.c.product_id, func.count().label("count")).where(*_where(DID, shop_id, chat_id))
    query = query.where(DID.c.at >= since, DID.c.at < until, DID.c.product_id.is_not(None), DID.c.kind != "complained")
    query = query.group_by(DID.c.product_id).order_by(func.count().desc(), DID.c.product_id)
    return list(await tx.execute(query.limit(count)))


async def came(tx: Transaction, shop_id: int, chat_id: int | None, until: datetime) -> dict[int, datetime]:
    """When each member was first seen, of all who were before that moment."""
    query = select(DID.c.member_id, func.min(DID.c.at)).where(*_where(DID, shop_id, chat_id), DID.c.at < until)
    return {row[0]: row[1] for row in await tx.execute(query.group_by(DID.c.member_id))}


async def answers(
    tx: Transaction, shop_id: int, chat_id: int | None, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    """The bot's answers to members (chat_id, member_id, action, sources, extra, reply_to, created, sent), oldest first,
    without the later parts of long ones."""
    columns = (OUT.c.chat_id, OUT.c.member_id, OUT.c.action, OUT.c.sources, OUT.c.extra, OUT.c.reply_to, OUT.c.key)
    query = select(*columns, OUT.c.created, OUT.c.sent).where(*_where(OUT, shop_id, chat_id), OUT.c.kind == "reply")
    query = query.where(OUT.c.created >= since, OUT.c.created < until, OUT.c.state == "sent")
    rows = await tx.execute(query.order_by(OUT.c.id.desc()).limit(MOST))
    return [row for row in rows if "of" not in row.extra][::-1]


async def settled(tx: Transaction, shop_id: int, chat_id: int | None) -> set[tuple[int, str]]:
    """Questions (chat, message) that an admin answered from the list."""
    query = select(ASKED.c.chat_id, ASKED.c.message_id).where(*_where(ASKED, shop_id, chat_id))
    return {(row[0], row[1]) for row in await tx.execute(query.where(ASKED.c.state == "answered"))}


async def busiest(tx: Transaction, shop_id: int, since: datetime) -> int | None:
    """The group in which most was said since then."""
    query = (
        select(DID.c.chat_id).join(PLACE, PLACE.c.id == DID.c.chat_id).where(DID.c.shop_id == shop_id, ~PLACE.c.direct)
    )
    query = query.where(DID.c.at >= since, DID.c.kind.in_(SPOKEN)).group_by(DID.c.chat_id)
    found: int | None = await tx.scalar(query.order_by(func.count().desc(), DID.c.chat_id).limit(1))
    return found
