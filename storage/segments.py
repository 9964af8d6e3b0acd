"""Segments: rules under names. Who is in one stands nowhere."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from storage.database import Transaction
from storage.tables import Segment


async def put(tx: Transaction, shop_id: int, name: str, rule: str, now: datetime) -> None:
    """Keep a rule under a name, in place of the one before."""
    if await get(tx, shop_id, name):
        await tx.execute(update(Segment).filter_by(shop_id=shop_id, name=name).values(rule=rule))
    else:
        await tx.execute(insert(Segment).values(shop_id=shop_id, name=name, rule=rule, created=now))


async def get(tx: Transaction, shop_id: int, name: str) -> Row[Any] | None:
    return (await tx.execute(select(Segment.__table__).filter_by(shop_id=shop_id, name=name))).first()


async def every(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """All, by name."""
    return list(await tx.execute(select(Segment.__table__).filter_by(shop_id=shop_id).order_by(Segment.name)))


async def drop(tx: Transaction, shop_id: int, name: str) -> bool:
    """Was there one?"""
    return bool((await tx.execute(delete(Segment).filter_by(shop_id=shop_id, name=name))).rowcount)
