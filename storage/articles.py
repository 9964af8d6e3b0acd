"""Articles: FAQ entries and sections of policies."""

from typing import Any

from sqlalchemy import Row, func, select

from storage.database import Transaction
from storage.imports import is_current
from storage.tables import Article

IN_FORCE = (Article.withdrawn.is_(None), is_current(Article))


async def current(tx: Transaction, shop_id: int, ids: list[int] | None = None) -> list[Row[Any]]:
    """Every article in force, or those of these ids, by id."""
    query = select(Article.__table__).where(Article.shop_id == shop_id, *IN_FORCE)
    if ids is not None:
        query = query.where(Article.id.in_(ids))
    return list(await tx.execute(query.order_by(Article.id)))


async def count(tx: Transaction, shop_id: int) -> int:
    query = select(func.count()).select_from(Article).where(Article.shop_id == shop_id, *IN_FORCE)
    return int((await tx.execute(query)).scalar_one())
