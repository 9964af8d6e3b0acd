"""kill -9 while messages are corrected: each is edited once for each change of what it says, and none besides.

A member asks over the page's real websocket; rows change again and again, and the process is killed at seeded moments
after each change: before it was noticed, while it is written down, while the edits are sent.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bot.clock import SystemClock
from bot.knowledge.importers import import_paths
from storage.database import Database
from tests.bot.changing_shop import Catalogue
from tests.test_kill import Bot, Page, answered

KILLS = 6
MUG, TRAY = ("Amber Mug", ""), ("Slate Tray", "")
QUESTIONS = ("how much is the Amber Mug?", "how much is the Slate Tray?", "when is delivery free?")


async def change(bot: Bot, catalogue: Catalogue, folder: Path) -> None:
    """As another process imports."""
    async with Database(f"sqlite:///{bot.file}") as database:
        await import_paths(database, 1, catalogue.write(folder), clock=SystemClock(), currency="GBP")


def shown(page: Page, asked: list[str]) -> list[str]:
    """What the page shows as the reply to each question."""
    replies = {one["reply_to"]: one["text"] for one in page.shown.values() if one["sender"] == "bot"}
    return [replies.get(one, "") for one in asked]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_kill_9_while_messages_are_corrected(tmp_path: Path) -> None:
    chance, catalogue, bot = random.Random(5), Catalogue(), Bot(tmp_path)
    page = Page(bot.url, "maya", lambda frame: None)
    living = asyncio.create_task(page.live())
    try:
        await bot.start()
        await change(bot, catalogue, tmp_path)
        asked = [str(UUID(int=chance.getrandbits(128))) for _ in QUESTIONS]
        for one, text in zip(asked, QUESTIONS, strict=True):
            await page.say({"id": one, "chat": "group", "text": f"@shop {text}"})
        await page.until(lambda: answered(page), "answered", bot)
        wanted = [0, 0, 0]
        for number in range(KILLS):
            catalogue.variants[MUG] = (70 + number, 20)
            catalogue.threshold = 80 + number // 2  # every second time
            wanted = [wanted[0] + 1, 0, wanted[2] + (number % 2 == 0)]
            await change(bot, catalogue, tmp_path)
            await asyncio.sleep(chance.uniform(0, 1.3))  # the moment of the kill: the bot looks once a second
            assert await bot.end(signal.SIGKILL) == -signal.SIGKILL
            await bot.start()
            now = (f"£{catalogue.variants[MUG][0]}.00", "£25.00", f"£{catalogue.threshold} ")
            await page.until(
                lambda now=now: all(part in text for part, text in zip(now, shown(page, asked), strict=True)),  # type: ignore[misc]
                f"showing {now}", bot,
            )  # fmt: skip
        assert await bot.end(signal.SIGTERM) == 0, bot.said()
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        with contextlib.suppress(ProcessLookupError):
            await bot.end(signal.SIGKILL)
    edits = left(bot.file)
    assert [sum(row["reply_to"] == one for row in edits) for one in asked] == wanted
    assert {row["state"] for row in edits} == {"sent"}


def left(file: Path) -> list[Any]:
    """Every edit that was decided, oldest first."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return list(connection.execute("SELECT reply_to, state, text FROM outbox WHERE kind = 'edit' ORDER BY id"))
