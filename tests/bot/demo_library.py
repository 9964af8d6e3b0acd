"""The demo shop as the gate and the planner read it: imported once, opened by each test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import bot.demo
from bot.clock import ManualClock
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from storage import migrate, shops
from storage.database import Database

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def import_demo(folder: Path) -> str:
    """The URL of a database with the demo shop in it."""
    url = f"sqlite:///{folder}/demo.db"
    migrate.upgrade(url)

    async def fill() -> None:
        async with Database(url) as database:
            shop_id = await database.write(lambda tx: shops.create(tx, "Alder & Reed", "GBP", "Europe/London", "en"))
            folder = Path(bot.demo.__file__).parent
            files = [folder / name for name in bot.demo.FILES]
            await import_paths(database, shop_id, files, clock=ManualClock(START))

    asyncio.run(fill())
    return url


@asynccontextmanager
async def open_library(url: str) -> AsyncIterator[Library]:
    async with Database(url) as database:
        library = Library(database, 1)
        await library.refresh()
        yield library
