"""What the catalogue was when somebody last looked for new products, lower prices and low stock."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, select, update

from storage.database import Transaction
from storage.imports import is_current
from storage.tables import Product, Schedule, Shop, Variant, Watched

MOST = 50  # products that one event is told of
SEEN = and_(Product.visible, Product.withdrawn.is_(None), is_current(Product))


async def waiting(tx: Transaction, shop_id: int) -> bool:
    """Did the catalogue change since the last look, and does a schedule wait for that?"""
    waits = select(Schedule.id).where(Schedule.shop_id == shop_id, Schedule.active, Schedule.rule.startswith("on "))
    new = Shop.catalogue_version != func.coalesce(Shop.watched_version, literal(-1))
    return (await tx.scalar(select(Shop.id).where(Shop.id == shop_id, new, waits.exists()))) is not None


async def version(tx: Transaction, shop_id: int) -> tuple[int, int | None]:
    """The catalogue's version, and the one looked at last; the shop's row is held until the transaction ends."""
    query = (
        select(Shop.catalogue_version, Shop.watched_version).where(Shop.id == shop_id).with_for_update(key_share=True)
    )
    row = (await tx.execute(query)).one()
    return int(row.catalogue_version), row.watched_version


async def expect(tx: Transaction, shop_id: int, rule: str) -> None:
    """A schedule gets this rule. The first that waits for an event begins with how things are, not with how they were
    when an earlier one was removed."""
    waits = select(Schedule.id).where(Schedule.shop_id == shop_id, Schedule.active, Schedule.rule.startswith("on "))
    if rule.startswith("on ") and (await tx.scalar(waits.limit(1))) is None:
        await tx.execute(update(Shop).where(Shop.id == shop_id).values(watched_version=None))


async def look(tx: Transaction, shop_id: int, seen: int) -> None:
    """Keep how things are in this version of the catalogue."""
    await tx.execute(delete(Watched).where(Watched.shop_id == shop_id))
    columns = ("shop_id", "product_id", "variant_id", "price", "stock")
    now = select(Variant.shop_id, Variant.product_id, Variant.id, Variant.price, Variant.stock)
    now = now.join(Product, Product.id == Variant.product_id).where(Product.shop_id == shop_id, SEEN)
    await tx.execute(insert(Watched).from_select(columns, now))
    await tx.execute(update(Shop).where(Shop.id == shop_id).values(watched_version=seen))


async def happened(tx: Transaction, shop_id: int, event: str) -> Sequence[int]:
    """Ids of the products to which it happened since the last look: new, price, restock or `stock N`."""
    name, _, number = event.partition(" ")
    if name == "new":
        known = select(Watched.product_id).where(Watched.shop_id == shop_id)
        query = select(Product.id).where(Product.shop_id == shop_id, SEEN, Product.id.not_in(known))
        return list(await tx.scalars(query.order_by(Product.id).limit(MOST)))
    now, before = func.coalesce(Variant.stock, literal(-1)), func.coalesce(Watched.stock, literal(-1))
    changes: dict[str, ColumnElement[bool]] = {
        "price": Variant.price < Watched.price,
        "restock": and_(now > 0, before == 0),
        "stock": and_(now >= 0, now < int(number or 0), before >= int(number or 0)),
    }
    query = select(Product.id).join(Variant, Variant.product_id == Product.id)
    query = query.join(Watched, and_(Watched.shop_id == shop_id, Watched.variant_id == Variant.id))
    query = query.where(Product.shop_id == shop_id, SEEN, changes[name])
    return list(await tx.scalars(query.group_by(Product.id).order_by(Product.id).limit(MOST)))
