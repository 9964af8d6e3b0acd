"""The shop's own row."""

from typing import Any

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy import update as update_of

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Shop, table

SHOP = table(Shop)
VERSION = Prepared(select(SHOP.c.catalogue_version, SHOP.c.taught_version).where(SHOP.c.id == bindparam("shop")))


async def get(tx: Transaction, shop_id: int | None = None) -> Row[Any] | None:
    """The shop of this id, else the first of this database; None before there is one."""
    query = select(Shop.__table__) if shop_id is None else select(Shop.__table__).where(Shop.id == shop_id)
    return (await tx.execute(query.order_by(Shop.id).limit(1))).first()


async def version(tx: Transaction, shop_id: int) -> tuple[int, int]:
    """How often imports changed the catalogue, and how often something was taught: indexes are in step with both."""
    found = await VERSION.run(tx, {"shop": shop_id})
    return int(found.catalogue_version), int(found.taught_version)


async def create(tx: Transaction, name: str, currency: str, timezone: str, language: str, demo: bool = False) -> int:
    """Make the shop and return its id."""
    values = {"name": name, "currency": currency, "timezone": timezone, "language": language, "demo": demo}
    made = await tx.execute(insert(Shop).values(catalogue_version=0, **values).returning(Shop.id))
    return int(made.scalar_one())


async def update(tx: Transaction, shop_id: int, **values: Any) -> None:
    """Set columns of the shop's row."""
    if values:
        await tx.execute(update_of(Shop).where(Shop.id == shop_id).values(**values))


async def bump_catalogue(tx: Transaction, shop_id: int) -> None:
    """Say that products or articles changed, so that indexes are made anew. Belongs into the change's transaction."""
    version = Shop.catalogue_version + 1
    await tx.execute(update_of(Shop).where(Shop.id == shop_id).values(catalogue_version=version))


async def bump_taught(tx: Transaction, shop_id: int) -> None:
    """Say that taught articles or aliases changed. Belongs into the change's transaction."""
    await tx.execute(update_of(Shop).where(Shop.id == shop_id).values(taught_version=Shop.taught_version + 1))
