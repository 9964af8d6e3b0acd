"""Members' wordings by which rows are found. A row that leaves takes its aliases along."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from storage import shops
from storage.database import Transaction
from storage.tables import Alias

OF_A_ROW = 20  # wordings kept of one row, the newest
OF_A_SHOP = 5_000


async def add(
    tx: Transaction, shop_id: int, row: str, text: str, language: str, origin: str, now: datetime, **values: Any
) -> bool:
    """Let the row be found by this wording; False where it is already. `values`: outbox_id, member_id."""
    if await tx.scalar(select(Alias.id).filter_by(shop_id=shop_id, row=row, text=text)):
        return False
    held = {"shop_id": shop_id, "row": row, "text": text, "language": language, "origin": origin, "at": now}
    await tx.execute(insert(Alias).values(**{"outbox_id": None, "member_id": None} | held | values))
    older = select(Alias.id).filter_by(shop_id=shop_id, row=row).order_by(Alias.id.desc()).offset(OF_A_ROW).limit(100)
    oldest = select(Alias.id).filter_by(shop_id=shop_id).order_by(Alias.id.desc()).offset(OF_A_SHOP).limit(100)
    for beyond in (older, oldest):
        if ids := (await tx.scalars(beyond)).all():
            await tx.execute(delete(Alias).where(Alias.id.in_(ids)))
    await shops.bump_taught(tx, shop_id)
    return True


async def every(tx: Transaction, shop_id: int, row: str = "") -> list[Row[Any]]:
    """Every alias, of one row or of all, oldest first."""
    query = select(Alias.__table__).where(Alias.shop_id == shop_id)
    if row:
        query = query.where(Alias.row == row)
    return list(await tx.execute(query.order_by(Alias.id)))


async def newest(tx: Transaction, shop_id: int, count: int) -> list[Row[Any]]:
    query = select(Alias.__table__).where(Alias.shop_id == shop_id).order_by(Alias.id.desc()).limit(count)
    return list(await tx.execute(query))


async def get(tx: Transaction, shop_id: int, alias_id: int) -> Row[Any] | None:
    return (await tx.execute(select(Alias.__table__).filter_by(shop_id=shop_id, id=alias_id))).first()


async def remove(tx: Transaction, shop_id: int, alias_id: int) -> bool:
    return await _remove(tx, shop_id, Alias.id == alias_id)


async def unlearn(tx: Transaction, shop_id: int, outbox_id: int) -> bool:
    """Remove what was learnt from one answer."""
    return await _remove(tx, shop_id, Alias.outbox_id == outbox_id)


async def leave(tx: Transaction, shop_id: int, rows: Sequence[str]) -> bool:
    """Remove the aliases of rows that leave."""
    return await _remove(tx, shop_id, Alias.row.in_(rows))


async def _remove(tx: Transaction, shop_id: int, which: Any) -> bool:
    removed = await tx.execute(delete(Alias).where(Alias.shop_id == shop_id, which))
    if removed.rowcount:
        await shops.bump_taught(tx, shop_id)
    return bool(removed.rowcount)
