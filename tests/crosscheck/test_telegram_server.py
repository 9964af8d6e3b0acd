"""The bot on a Bot API server that nobody here wrote. `make crosscheck` puts it where it is looked for."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.app import Parts, build
from bot.clock import SystemClock
from bot.config import Settings
from bot.platforms.base import Platform
from bot.platforms.telegram import Telegram
from bot.tools.edges import helps
from llm.engines.scripted import ScriptedEngine
from tests.crosscheck.test_discord_clients import HERE, PATIENCE, THERE
from tests.crosscheck.test_telegram_clients import NODE

LIBRARY = THERE / "node_modules" / "telegram-test-api"
TOKEN = "123456:AAH-a-token-of-tests"
BOT = "@TestNameBot"  # as the server names every bot
GROUP, ANN = -1001, 7


@dataclass
class Server:
    """The server, as members and its own log see it."""

    url: str
    client: aiohttp.ClientSession

    async def say(self, chat: int, text: str) -> None:
        """Ann says something, in the group or to the bot alone."""
        ann = {"id": ANN, "first_name": "Ann", "username": "ann", "is_bot": False}
        place = {"id": chat, "type": "supergroup", "title": "Shop"} if chat == GROUP else ann | {"type": "private"}
        marks = [(one.start(), one[0]) for one in re.finditer(r"@\w+|^/\w+", text)]
        kinds = {"@": "mention", "/": "bot_command"}
        entities = [{"type": kinds[word[0]], "offset": at, "length": len(word)} for at, word in marks]
        message = {"from": ann, "chat": place, "date": int(time.time()), "text": text, "entities": entities}
        await self._post("/sendMessage", message | {"botToken": TOKEN})

    async def press(self, chat: int, number: int, data: str) -> None:
        ann = {"id": ANN, "first_name": "Ann", "is_bot": False}
        under = {"message_id": number, "date": int(time.time()), "chat": {"id": chat, "type": "private"}, "text": "…"}
        await self._post("/sendCallback", {"from": ann, "message": under, "data": data, "botToken": TOKEN})

    async def log(self, chat: int) -> list[dict[str, Any]]:
        """What the bot said there, by the server's own history, oldest first."""
        found = await self._post("/getUpdatesHistory", {"token": TOKEN})
        return [one for one in found if one.get("message", {}).get("chat_id") == str(chat)]

    async def said(self, chat: int, count: int) -> list[dict[str, Any]]:
        """The same once it is so much."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.log(chat)) < count:  # noqa: ASYNC110 - what is logged gives no event
                await asyncio.sleep(0.05)
        return found

    async def _post(self, path: str, values: dict[str, Any]) -> Any:
        async with self.client.post(self.url + path, json=values) as answer:
            return (await answer.json())["result"]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    if not LIBRARY.exists():
        pytest.skip("`make crosscheck` installs it")
    command, where = (str(NODE), str(HERE / "telegram_test_api.js")), {"NODE_PATH": str(LIBRARY.parent)}
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=where)
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE):
            url = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession() as client:
            yield Server(url, client)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_members_are_answered_once(settings: Settings, server: Server) -> None:
    def platforms(parts: Parts) -> list[Platform]:
        return [
            Telegram(
                token=TOKEN, api_url=server.url, database=parts.database, shop_id=parts.shop.id, texts=parts.texts,
                uploads=settings.uploads, clock=parts.clock, commands=helps(parts),
            )
        ]  # fmt: skip

    async with build(settings, SystemClock(), ScriptedEngine(), platforms) as app:
        running = asyncio.create_task(app.run())
        try:
            await server.say(ANN, "how much is the gooseneck kettle?")
            (answer,) = await server.said(ANN, 1)
            assert "£" in answer["message"]["text"]
            button = answer["message"]["reply_markup"]["inline_keyboard"][0][0]
            await server.press(ANN, answer["messageId"], button["callback_data"])
            await server.say(ANN, "/help")
            await server.said(ANN, 3)
            await server.say(GROUP, "nice weather today")
            await server.say(GROUP, f"{BOT} how much is the moka pot?")
            (shown,) = await server.said(GROUP, 1)
            assert "£" in shown["message"]["text"]
            await app.intake.idle()
            await app.outbox.flush()
            texts = [one["message"]["text"] for one in await server.log(ANN)]
            assert len(texts) == len(set(texts)) == 3
            assert "Just ask me about the shop" in texts[2]
            assert len(await server.log(GROUP)) == 1
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
