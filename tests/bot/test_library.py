"""The library while the catalogue changes under it."""

import asyncio
from pathlib import Path

from bot.clock import ManualClock
from bot.knowledge.importers import import_paths
from bot.knowledge.topics import about
from bot.language import tokens
from tests.bot.demo_library import START, import_demo, open_library

QUESTION = "when is delivery free?"


async def test_who_asks_while_it_is_rebuilt_gets_one_version_or_the_next(tmp_path: Path) -> None:
    page = tmp_path / "faq.md"
    page.write_text("## What does delivery cost?\nDelivery is free.\n")
    url = await asyncio.to_thread(import_demo, tmp_path)
    async with open_library(url) as library:
        before = library.articles.version
        await import_paths(library.database, 1, [page], clock=ManualClock(START))  # those of the old faq.md leave
        rebuilding = asyncio.create_task(library.refresh())
        asked = 0
        while not rebuilding.done():
            hits = library.find_articles(tokens(QUESTION), "en", about(QUESTION, "en"))
            assert library.read_articles([hits[0].id])
            library.goes_on(hits[0].row, tokens(QUESTION), about(QUESTION, "en"))
            asked += 1
            await asyncio.sleep(0)
        await rebuilding
        assert asked > 1
        assert library.articles.version > before
        hits = library.find_articles(tokens(QUESTION), "en", about(QUESTION, "en"))
        assert library.read_articles([hits[0].id])[0].body == "Delivery is free."
