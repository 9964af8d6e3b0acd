"""Thumbs on what the bot said: one for each member and message, the last counts."""

from datetime import datetime

from sqlalchemy import func, insert, select, update

from storage.database import Transaction
from storage.tables import Rating


async def rate(tx: Transaction, shop_id: int, outbox_id: int, member_id: int, value: int, now: datetime) -> None:
    """Keep a member's thumb (1 or -1) in place of the one before."""
    which = {"outbox_id": outbox_id, "member_id": member_id}
    found = await tx.scalar(select(Rating.id).filter_by(**which))
    if found is None:
        await tx.execute(insert(Rating).values(shop_id=shop_id, value=value, at=now, **which))
    else:
        await tx.execute(update(Rating).where(Rating.id == found).values(value=value, at=now))


async def thumbs(tx: Transaction, outbox_id: int) -> tuple[int, int]:
    """How many members liked the message, and how many did not."""
    query = select(Rating.value, func.count()).where(Rating.outbox_id == outbox_id).group_by(Rating.value)
    found = {row[0]: int(row[1]) for row in await tx.execute(query)}
    return found.get(1, 0), found.get(-1, 0)
