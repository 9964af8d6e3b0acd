"""Staging and making current, as somebody who reads the tables meanwhile sees it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from storage import imports, products, shops
from storage.database import Database
from storage.tables import Product, Staged, Variant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = select(func.count()).select_from(Product).where(*products.SPOKEN_OF)


def tea(price: str = "5.25") -> imports.Entry:
    row: dict[str, Any] = dict.fromkeys(("brand", "category", "description", "link", "image"), "")
    row |= {"title": "Tea", "tags": ["hot"], "attributes": {"Leaf": "green"}, "visible": True}
    variant = {"sku": "T", "options": {}, "price": Decimal(price), "compare_at": None, "currency": "USD", "stock": None,
               "available": True}  # fmt: skip
    return imports.entry("product", "tea", row, [variant])


async def staged(database: Database, entry: imports.Entry) -> int:
    run = await database.write(lambda tx: imports.begin(tx, 1, NOW))
    await database.write(lambda tx: imports.stage(tx, 1, run, [entry], NOW))
    return run


async def current(database: Database, run: int) -> dict[str, imports.Counts]:
    found = await database.read(lambda tx: imports.compare(tx, 1, run, products=True, sources=[]))
    return await database.write(lambda tx: imports.make_current(tx, 1, run, NOW, found, shop={"name": "New"}))


async def number(database: Database, query: Any) -> Any:
    return await database.read(lambda tx: tx.scalar(query))


async def test_nothing_is_seen_before_the_run_is_current(database: Database) -> None:
    run = await staged(database, tea())
    assert await number(database, SHOWN) == 0
    counts = await current(database, run)
    assert counts["products"] == imports.Counts(added=1)
    assert await number(database, SHOWN) == 1
    assert await number(database, select(Variant.price)) == Decimal("5.25")
    shop = await database.read(shops.get)
    assert shop
    assert (shop.name, shop.catalogue_version) == ("New", 1)


async def test_a_change_is_seen_only_when_it_is_current(database: Database) -> None:
    await current(database, await staged(database, tea()))
    run = await staged(database, tea("6.5"))
    assert await number(database, select(Variant.price)) == Decimal("5.25")
    assert (await current(database, run))["products"] == imports.Counts(changed=1)
    assert await number(database, select(Variant.price)) == Decimal("6.5")
    assert await number(database, select(Product.tags)) == ["hot"]
    assert await number(database, select(Product.attributes)) == {"Leaf": "green"}
    assert await number(database, select(Product.visible)) is True


async def test_a_run_that_another_took_over_cannot_become_current(database: Database) -> None:
    first = await staged(database, tea())
    await database.write(lambda tx: imports.begin(tx, 1, NOW))
    with pytest.raises(imports.Superseded):
        await current(database, first)
    with pytest.raises(imports.Superseded):
        await database.write(lambda tx: imports.stage(tx, 1, first, [tea()], NOW))


async def test_what_a_failed_run_wrote_is_cleared(database: Database) -> None:
    run = await staged(database, tea())
    await database.write(lambda tx: imports.give_up(tx, run))
    assert await database.write(lambda tx: imports.clear(tx, 1)) is False
    for table in (Product, Variant, Staged):
        assert await number(database, select(func.count()).select_from(table)) == 0


async def test_clearing_after_success_keeps_the_products(database: Database) -> None:
    await current(database, await staged(database, tea()))
    await database.write(lambda tx: imports.clear(tx, 1))
    assert await number(database, SHOWN) == 1
    assert await number(database, select(func.count()).select_from(Staged)) == 0
