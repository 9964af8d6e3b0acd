"""Reservations of attention: what a member or chat was, or will be, sent without asking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, func, insert, select

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Chat, Interaction, Outbox, Reservation, Shop, table

HELD, PLACE, SAID = table(Reservation), table(Chat), table(Interaction)
FIND = Prepared(select(HELD.c.id).where(HELD.c.shop_id == bindparam("shop"), HELD.c.key == bindparam("key")))
ADD = Prepared(insert(HELD))


def _within(first: str, last: str) -> Any:
    """How many are from `first` on and before `last`."""
    inside = and_(HELD.c.at >= bindparam(first), HELD.c.at < bindparam(last))
    return func.sum(case((inside, 1), else_=0))


TAKEN = Prepared(
    select(
        HELD.c.kind,
        _within("hour", "from_now").label("hour"),
        _within("day", "tomorrow").label("day"),
        _within("week", "next_week").label("week"),
        func.max(case((HELD.c.at <= bindparam("now"), HELD.c.at))).label("before"),
        func.min(case((HELD.c.at >= bindparam("now"), HELD.c.at))).label("behind"),
    )
    .where(HELD.c.shop_id == bindparam("shop"), HELD.c.target == bindparam("target"))
    .where(HELD.c.at >= bindparam("since"), HELD.c.at < bindparam("until"))
    .group_by(HELD.c.kind)
)
OF_CHAT = Prepared(select(PLACE.c.timezone, PLACE.c.quiet_hours).where(PLACE.c.id == bindparam("chat")))
OF_MEMBER = Prepared(
    select(PLACE.c.timezone, PLACE.c.quiet_hours)
    .join(SAID, SAID.c.chat_id == PLACE.c.id)
    .where(SAID.c.member_id == bindparam("member"), PLACE.c.direct)
    .order_by(SAID.c.id.desc())
    .limit(1)
)


async def lock(tx: Transaction, shop_id: int) -> None:
    """From here to the end of the transaction nobody else reserves in this shop: SQLite has one writer at a time, and
    on PostgreSQL the shop's row is held. A row for each target would be held in another order by each batch of a group
    commit, and they would end in deadlocks."""
    if tx.dialect.name != "sqlite":
        await tx.execute(select(Shop.id).where(Shop.id == shop_id).with_for_update(key_share=True))


async def taken(tx: Transaction, shop_id: int, target: str, **moments: datetime) -> list[Any]:
    """For each kind how many are reserved: in the `hour` before and up to `now`, from `day` to `tomorrow`, from `week`
    to `next_week`; and the nearest `before` and `behind` now, looked for from `since` to `until`."""
    return await TAKEN.rows(tx, {"shop": shop_id, "target": target, **moments})


async def manners(tx: Transaction, target: str) -> tuple[str, str]:
    """Time zone and quiet hours that the chat, or the member's direct chat, has of its own; empty where it has none."""
    noun, _, number = target.partition(":")
    if noun == "chat":
        row = await OF_CHAT.run(tx, {"chat": int(number)})
    else:
        row = await OF_MEMBER.run(tx, {"member": int(number)})
    return (row.timezone, row.quiet_hours) if row else ("", "")


async def held(tx: Transaction, shop_id: int, key: str) -> bool:
    return await FIND.run(tx, {"shop": shop_id, "key": key}) is not None


async def add(
    tx: Transaction, shop_id: int, key: str, target: str, kind: str, at: datetime, data: dict[str, Any]
) -> None:
    await ADD.rows(tx, {"shop_id": shop_id, "key": key, "target": target, "kind": kind, "at": at, "data": data})


async def give_back(tx: Transaction, shop_id: int, key: str) -> None:
    """What was reserved and not sent counts no more."""
    await tx.execute(delete(Reservation).filter_by(shop_id=shop_id, key=key))


async def settle(tx: Transaction, shop_id: int, since: datetime) -> int:
    """Give back what was reserved since then for messages that were not sent in the end; how many those are."""
    unsent = select(Outbox.key).where(
        Outbox.shop_id == shop_id, Outbox.created >= since, Outbox.state.in_(("failed", "cancelled"))
    )
    gone = delete(Reservation).where(
        Reservation.shop_id == shop_id, Reservation.at >= since, Reservation.key.in_(unsent)
    )
    return int((await tx.execute(gone)).rowcount)


async def clear(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Delete reservations that no cap counts any more."""
    await tx.execute(delete(Reservation).where(Reservation.shop_id == shop_id, Reservation.at < before))


async def of(tx: Transaction, shop_id: int) -> Sequence[Row[Any]]:
    """Every reservation (target, kind, key, at), oldest first."""
    query = select(HELD.c.target, HELD.c.kind, HELD.c.key, HELD.c.at).where(HELD.c.shop_id == shop_id)
    return list(await tx.execute(query.order_by(HELD.c.at, HELD.c.id)))
