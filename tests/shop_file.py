"""A database file with one shop in it, made as `python -m bot run` makes it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from storage import shops
from storage.database import Database
from tests.tables import make_tables


@asynccontextmanager
async def new_shop(folder: Path, currency: str = "USD") -> AsyncIterator[Database]:
    """The database, open; the shop's id is 1."""
    url = f"sqlite:///{folder}/shop.db"
    await asyncio.to_thread(make_tables, url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", currency, "UTC", "en"))
        yield database
