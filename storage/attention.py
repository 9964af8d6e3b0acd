"""Reservations of attention: what a member or chat was sent without asking."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from storage.database import Transaction
from storage.tables import Reservation


async def count(tx: Transaction, shop_id: int, target: str, since: datetime) -> int:
    query = select(func.count()).select_from(Reservation).where(Reservation.shop_id == shop_id)
    return int((await tx.execute(query.where(Reservation.target == target, Reservation.at >= since))).scalar_one())


async def held(tx: Transaction, shop_id: int, key: str) -> bool:
    return (await tx.scalar(select(Reservation.id).filter_by(shop_id=shop_id, key=key))) is not None


async def add(
    tx: Transaction, shop_id: int, key: str, target: str, kind: str, at: datetime, data: dict[str, Any]
) -> None:
    await tx.execute(insert(Reservation).values(shop_id=shop_id, key=key, target=target, kind=kind, at=at, data=data))


async def give_back(tx: Transaction, shop_id: int, key: str) -> None:
    """What was reserved and not sent counts no more."""
    await tx.execute(delete(Reservation).filter_by(shop_id=shop_id, key=key))
