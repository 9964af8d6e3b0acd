"""kill -9 of two processes on one database, each with half of the shards of Discord: nothing is lost or doubled."""

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest

from tests.fakes.discord import FakeDiscord
from tests.test_kill_discord import CHATS, Bot, Talk
from tests.test_kill_processes import url

__all__ = ["url"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
KILLS = 4


async def test_kill_9_of_one_half_of_discord_or_the_other(url: str, tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.gateway.shards = 2
        for chat in CHATS:
            await fake.place(chat)
        halves, talk = [Bot(tmp_path, fake, url, f"{one}-{one}") for one in range(2)], Talk(fake, KILLS)
        try:
            for half in halves:
                await half.start()
            await talk.greet()
            await talk.ask(5)
            await halves[0].until(lambda: not talk.lost(), "all of the first answered")
            for number in range(KILLS):
                seen, moment, killed = len(fake.log), talk.chance.randint(1, 6), halves[number % 2]
                asking = asyncio.create_task(talk.ask(8))
                await killed.until(lambda seen=seen, moment=moment: len(fake.log) >= seen + moment, "answering")  # type: ignore[misc]
                assert await killed.end(signal.SIGKILL) == -signal.SIGKILL
                await asking
                await talk.ask(4)
                await killed.start()
            await halves[0].until(lambda: not talk.lost(), "everything answered")
            assert [await half.end(signal.SIGTERM) for half in halves] == [0, 0]
        finally:
            for half in halves:
                with contextlib.suppress(ProcessLookupError, AttributeError):
                    await half.end(signal.SIGKILL)
        assert (talk.lost(), talk.doubled()) == (0, 0)
        for chat, asked in talk.asked.items():
            if not chat.startswith("direct:"):
                assert talk.answers(chat) == asked, f"out of order in {chat}"
