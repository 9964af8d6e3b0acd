"""The demo shop as the gate and the planner read it: imported once, opened by each test."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import bot.demo
from bot.clock import ManualClock
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from storage import shops
from storage.database import Database
from tests.tables import make_tables

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def import_demo(folder: Path, names: Sequence[str] = bot.demo.FILES) -> str:
    """The URL of a database with the demo shop in it, or some of its files: to encode all of it takes a while."""
    url = f"sqlite:///{folder}/demo.db"
    make_tables(url)

    async def fill() -> None:
        async with Database(url) as database:
            shop_id = await database.write(lambda tx: shops.create(tx, "Alder & Reed", "GBP", "Europe/London", "en"))
            folder = Path(bot.demo.__file__).parent
            files = [folder / name for name in names]
            await import_paths(database, shop_id, files, clock=ManualClock(START))

    asyncio.run(fill())
    return url


@asynccontextmanager
async def open_library(url: str) -> AsyncIterator[Library]:
    async with Database(url) as database:
        library = Library(database, 1)
        await library.refresh()
        yield library
