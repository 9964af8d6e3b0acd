"""Opening the shop: its row in SQL, the demo's catalogue where there is none, and files that an admin drops later."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot import demo as demo_shop
from bot.clock import Clock
from bot.commands.base import Imported, Shop
from bot.config import Settings
from bot.knowledge.importers import BadImport, import_paths
from bot.messages import File
from storage import shops
from storage.database import Database, Transaction
from storage.imports import Superseded


async def open_shop(
    database: Database, settings: Settings, clock: Clock, *, demo: bool, shop_id: int | None = None
) -> Shop:
    """The shop's row (of several, that of `shop_id`), made at the first start; with nothing imported, it opens with
    the demo's catalogue."""

    async def get(tx: Transaction) -> Any:
        return await shops.get(tx, shop_id)

    row = await database.read(get)
    if row is None:
        name, zone, spoken = settings.shop_name, settings.shop_timezone or "UTC", settings.shop_language or "en"

        async def create(tx: Transaction) -> None:
            if await get(tx) is None:  # another process may start, too
                await shops.create(tx, name, settings.shop_currency, zone, spoken)

        await database.write(create)
        row = await database.read(get)
    if demo and row is not None and row.catalogue_version == 0:
        shop, folder = row.id, Path(demo_shop.__file__).parent
        await database.write(lambda tx: shops.update(tx, shop, demo=True))
        with contextlib.suppress(Superseded):  # by another process that starts; it imports the same
            await import_paths(database, shop, [folder / one for one in demo_shop.FILES], clock=clock, demo=True)
        row = await database.read(get)
    return shop_of(row, settings)


def shop_of(row: Any, settings: Settings) -> Shop:
    """The row with what the settings say instead."""
    return Shop(
        row.id,
        settings.shop_name or row.name or "Shop",
        settings.shop_currency or row.currency,
        settings.shop_timezone or row.timezone,
        settings.shop_language or row.language,
    )


async def import_dropped(
    database: Database, shop_id: int, settings: Settings, clock: Clock, files: Sequence[File]
) -> Imported:
    """Import dropped files. Raises ValueError with what is wrong, by the names that the files were dropped under."""
    paths = [Path(file.path) for file in files]
    try:
        report = await import_paths(database, shop_id, paths, clock=clock, currency=settings.shop_currency)
    except BadImport as error:
        wrong = [str(problem) for problem in error.problems[:5]]
        for file in files:
            wrong = [line.replace(file.path, file.name) for line in wrong]
        raise ValueError("\n".join(wrong)) from None
    except Superseded as error:
        raise ValueError(str(error)) from None
    both = {"products": report.products, "articles": report.articles}
    return {noun: (one.added, one.changed, one.unchanged, one.withdrawn) for noun, one in both.items()}
