"""A correction as a member sees it: the whole bot behind its page, another process imports."""

import asyncio
from pathlib import Path

import aiohttp

from bot import app as composition
from bot.clock import SystemClock
from bot.config import Settings
from bot.knowledge.importers import import_paths
from bot.platforms.web import Web
from bot.tools.serve import page
from llm.engines.scripted import ScriptedEngine
from storage.database import Database
from tests.bot.changing_shop import Catalogue
from tests.bot.test_web import Visitor

TOKEN = "a long random token"


async def test_an_open_page_sees_the_edit_and_a_reload_shows_it(settings: Settings, tmp_path: Path) -> None:
    catalogue, clock = Catalogue(), SystemClock()
    here = settings.model_copy(update={"web_port": 0})
    async with composition.build(
        here, clock, ScriptedEngine(), lambda parts: [page(here, parts, TOKEN)], demo=False
    ) as app:
        await import_paths(app.database, app.shop.id, catalogue.write(tmp_path), clock=clock, currency="GBP")
        web = app.platforms["web"]
        assert isinstance(web, Web)
        running = asyncio.create_task(app.run())
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as client:
                await see(client, await web.opened(), settings.database_url, catalogue, tmp_path)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def see(client: aiohttp.ClientSession, url: str, database_url: str, catalogue: Catalogue, folder: Path) -> None:
    visitor = Visitor(await client.ws_connect(f"{url}/ws", origin=url))
    await visitor.seat("maya")
    asked = await visitor.say("@shop how much is the Amber Mug?")
    said = await reply(visitor, asked)
    assert said["text"] == "Here: £10.00."
    catalogue.variants["Amber Mug", ""] = (12, 20)
    async with Database(database_url) as database:
        await import_paths(database, 1, catalogue.write(folder), clock=SystemClock(), currency="GBP")
    edited = await reply(visitor, asked)
    assert (edited["id"], edited["text"]) == (said["id"], "Here: £12.00.")
    shown = await Visitor(await client.ws_connect(f"{url}/ws", origin=url)).seat("tom")
    assert [one["text"] for one in shown] == ["@shop how much is the Amber Mug?", "Here: £12.00."]


async def reply(visitor: Visitor, to: str) -> dict[str, str]:
    """The next version of the reply to a message."""
    while True:
        said: dict[str, str] = (await visitor.next("message"))["message"]
        if said["sender"] == "bot" and said["reply_to"] == to and said["done"]:
            return said
