"""Products with their variants."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from storage.database import Transaction
from storage.imports import is_current
from storage.prepared import Prepared
from storage.tables import Product, Variant, table

SOLD = table(Product)
DESCRIBED = Prepared(select(SOLD.c.title, SOLD.c.category, SOLD.c.tags).where(SOLD.c.id == bindparam("product")))
SPOKEN_OF = (Product.visible, Product.withdrawn.is_(None), is_current(Product))


async def visible(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Every product that may be spoken of, by id."""
    query = select(Product.__table__).where(Product.shop_id == shop_id, *SPOKEN_OF)
    return list(await tx.execute(query.order_by(Product.id)))


async def get(tx: Transaction, shop_id: int, ids: list[int]) -> list[Row[Any]]:
    """These products, in the order of `ids`, without those that may not be spoken of."""
    query = select(Product.__table__).where(Product.shop_id == shop_id, Product.id.in_(ids), *SPOKEN_OF)
    found = {row.id: row for row in await tx.execute(query)}
    return [found[product_id] for product_id in ids if product_id in found]


async def described(tx: Transaction, product_id: int) -> Any:
    """What a product is (title, category, tags), also where it may not be spoken of."""
    return await DESCRIBED.run(tx, {"product": product_id})


async def titles(tx: Transaction, shop_id: int, part: str, count: int) -> list[str]:
    """Titles of products that hold this text, for who is typing one."""
    query = select(Product.title).where(Product.shop_id == shop_id, *SPOKEN_OF)
    query = query.where(func.lower(Product.title).contains(part.lower(), autoescape=True))
    return list(await tx.scalars(query.order_by(Product.title).limit(count)))


async def variants(tx: Transaction, shop_id: int, ids: list[int]) -> list[Row[Any]]:
    """The variants of these products, in the merchant's order."""
    query = select(Variant.__table__).where(Variant.shop_id == shop_id, Variant.product_id.in_(ids))
    return list(await tx.execute(query.order_by(Variant.product_id, Variant.position)))


async def all_variants(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    query = select(Variant.__table__).where(Variant.shop_id == shop_id)
    return list(await tx.execute(query.order_by(Variant.product_id, Variant.position)))


async def count(tx: Transaction, shop_id: int) -> int:
    query = select(func.count()).select_from(Product).where(Product.shop_id == shop_id, *SPOKEN_OF)
    return int((await tx.execute(query)).scalar_one())


async def added(tx: Transaction, shop_id: int, at: datetime, count: int) -> list[int]:
    """Products that came since a moment, newest first; what the shop began with is not new."""
    here = (Product.shop_id == shop_id, *SPOKEN_OF)
    first = select(func.min(Product.run_id)).where(*here).scalar_subquery()
    query = select(Product.id).where(*here, Product.added >= at, Product.run_id > first)
    return list(await tx.scalars(query.order_by(Product.id.desc()).limit(count)))
