"""Purchases: lines of orders, nobody's until a member enters the code of one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from storage.database import Transaction
from storage.tables import Product, Purchase, Variant, table

BOUGHT = table(Purchase)
IN_ONE = 500


async def of_orders(tx: Transaction, shop_id: int, names: Sequence[str]) -> list[Row[Any]]:
    """The lines of these orders."""
    found: list[Row[Any]] = []
    for start in range(0, len(names), IN_ONE):
        query = select(BOUGHT).where(BOUGHT.c.shop_id == shop_id)
        found += await tx.execute(query.where(BOUGHT.c.order_name.in_(names[start : start + IN_ONE])))
    return found


async def by_hash(tx: Transaction, shop_id: int, digest: str) -> list[Row[Any]]:
    """The lines of the orders that a code is for, in order."""
    query = select(BOUGHT).where(BOUGHT.c.shop_id == shop_id, BOUGHT.c.hash == digest)
    return list(await tx.execute(query.order_by(BOUGHT.c.at, BOUGHT.c.order_name, BOUGHT.c.position)))


async def owners(tx: Transaction, shop_id: int) -> dict[str, tuple[int, int]]:
    """The hash of each code that was entered -> the member, and the direct chat."""
    query = select(BOUGHT.c.hash, BOUGHT.c.member_id, BOUGHT.c.chat_id).where(BOUGHT.c.shop_id == shop_id)
    rows = await tx.execute(query.where(BOUGHT.c.member_id.is_not(None)).distinct())
    return {row.hash: (row.member_id, row.chat_id) for row in rows}


async def add(tx: Transaction, shop_id: int, **values: Any) -> int:
    added = await tx.execute(insert(BOUGHT).values(shop_id=shop_id, **values).returning(BOUGHT.c.id))
    return int(added.scalar_one())


async def change(tx: Transaction, purchase_id: int, **values: Any) -> None:
    await tx.execute(update(BOUGHT).where(BOUGHT.c.id == purchase_id).values(**values))


async def drop(tx: Transaction, purchase_id: int) -> None:
    await tx.execute(delete(BOUGHT).where(BOUGHT.c.id == purchase_id))


async def products(tx: Transaction, shop_id: int) -> tuple[dict[str, int], dict[str, int]]:
    """The product of each article number, and of each title in small letters."""
    numbers = select(Variant.sku, Variant.product_id).where(Variant.shop_id == shop_id, Variant.sku != "")
    titles = select(func.lower(Product.title), Product.id).where(Product.shop_id == shop_id)
    return {row[0]: row[1] for row in await tx.execute(numbers)}, {row[0]: row[1] for row in await tx.execute(titles)}
