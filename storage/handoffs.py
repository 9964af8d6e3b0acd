"""Humans' turns with members: from the call of a human until the bot may speak there again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Chat, Handoff, Member, table

TURN = table(Handoff)
COLUMNS: tuple[Any, ...] = (TURN.c.id, TURN.c.member_id, TURN.c.until, TURN.c.told)
IN_CHAT = select(*COLUMNS).where(TURN.c.chat_id == bindparam("chat"), TURN.c.until > bindparam("now"))
IN_FORCE = Prepared(IN_CHAT.order_by(TURN.c.id))


async def begin(
    tx: Transaction, shop_id: int, chat_id: int, member_id: int, reason: str, now: datetime, until: datetime
) -> int:
    """A human was called, or took over; the new row's id."""
    values = {"shop_id": shop_id, "chat_id": chat_id, "member_id": member_id, "reason": reason, "at": now}
    made = await tx.execute(insert(Handoff).values(until=until, told=False, **values).returning(Handoff.id))
    return int(made.scalar_one())


async def in_force(tx: Transaction, chat_id: int, now: datetime) -> list[Row[Any]]:
    """Those of this chat (id, member_id, until, told) that are not over, oldest first."""
    return await IN_FORCE.rows(tx, {"chat": chat_id, "now": now})


async def put_off(tx: Transaction, handoff_id: int, until: datetime) -> None:
    """Not over before `until`; one that ends later stays."""
    here = (Handoff.id == handoff_id) & (Handoff.until < until)
    await tx.execute(update(Handoff).where(here).values(until=until))


async def tell(tx: Transaction, handoff_id: int) -> bool:
    """Note that the member was told that a human will answer; False where that was noted before."""
    here = (Handoff.id == handoff_id) & ~Handoff.told
    return bool((await tx.execute(update(Handoff).where(here).values(told=True))).rowcount)


async def end(
    tx: Transaction,
    shop_id: int,
    now: datetime,
    *,
    handoff_id: int | None = None,
    chat_id: int | None = None,
    member_id: int | None = None,
) -> list[Row[Any]]:
    """End those of the shop that are not over and fit what is given; whom they were with (name), and where (title,
    platform_id)."""
    wanted = ((Handoff.id, handoff_id), (Handoff.chat_id, chat_id), (Handoff.member_id, member_id))
    fit = [column == value for column, value in wanted if value is not None]
    query = select(Handoff.id, Member.name, Chat.title, Chat.platform_id).where(Handoff.shop_id == shop_id)
    query = query.join(Member, Member.id == Handoff.member_id).join(Chat, Chat.id == Handoff.chat_id)
    found = list(await tx.execute(query.where(Handoff.until > now, *fit).order_by(Handoff.id)))
    await tx.execute(update(Handoff).where(Handoff.id.in_([row.id for row in found])).values(until=now))
    return found
