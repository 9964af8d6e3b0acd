"""What imports changed that is worth telling: prices that fell, products that can be bought again."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Row, and_, delete, insert, or_, select, type_coerce

from storage.database import Transaction
from storage.tables import Change, Product, Staged, Variant
from storage.tables.base import Amount

MOST = 500  # variants of one import whose change is kept; nobody posts about more
PRICE, STOCK = "price", "stock"


async def find(tx: Transaction, shop_id: int, run_id: int) -> list[dict[str, Any]]:
    """What the staged variants of a run are about to change for the better, as columns of `Change`. A variant is the
    same one where product, position, SKU and options are. Read before the transaction that makes the run current."""
    price, stock = (Staged.row[name].as_string().cast(BigInteger) for name in ("price", "stock"))  # beyond 32 bits
    can = Staged.row["available"].as_boolean()
    columns = (Variant.id, Variant.product_id, Variant.price, Variant.sku, Variant.options, Staged.row)
    same = and_(Product.shop_id == shop_id, Product.handle == Staged.handle, Product.withdrawn.is_(None))
    beside = and_(Variant.product_id == Product.id, Variant.position == Staged.row["position"].as_integer())
    query = select(*columns).join(Product, same).join(Variant, beside)
    query = query.where(Staged.run_id == run_id, Staged.kind == "variant")
    gone = or_(Variant.stock <= 0, and_(Variant.stock.is_(None), Variant.available.is_(False)))
    there = or_(stock > 0, and_(stock.is_(None), can.is_(True)))
    found: list[dict[str, Any]] = []
    for kind, of_note in ((PRICE, price < type_coerce(Variant.price, BigInteger)), (STOCK, and_(gone, there))):
        for row in await tx.execute(query.where(of_note).limit(MOST)):
            if (row.sku, row.options) != (row.row["sku"], row.row["options"]):
                continue
            after = None if row.row["price"] is None else Decimal(row.row["price"]) / Amount.SCALE
            values = {"product_id": row.product_id, "variant_id": row.id, "before": row.price, "after": after}
            found.append({"shop_id": shop_id, "run_id": run_id, "kind": kind, **values})
    return found


async def keep(tx: Transaction, found: list[dict[str, Any]], now: datetime) -> None:
    await tx.execute(insert(Change), [{**one, "at": now} for one in found])


async def since(tx: Transaction, shop_id: int, kind: str, at: datetime) -> list[Row[Any]]:
    """Changes of one kind since a moment, newest first."""
    query = select(Change.__table__).where(Change.shop_id == shop_id, Change.kind == kind, Change.at >= at)
    return list(await tx.execute(query.order_by(Change.id.desc()).limit(MOST)))


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Delete what is too old to be told."""
    await tx.execute(delete(Change).where(Change.shop_id == shop_id, Change.at < before))
