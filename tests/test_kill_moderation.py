"""kill -9 while a group is kept clean: in the end every advertisement is gone, each was decided about once, and nothing
else was touched. Killed at seeded moments, over the fake Telegram's real socket."""

import asyncio
import contextlib
import random
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.traffic import START, Bot
from bot.clock import SystemClock
from tests.fakes.telegram import FakeTelegram

SPAM = "Earn {sum}$ a day from home, no experience needed, write me now @job_{name}"
TALK = "is the moka pot dishwasher safe?"
KILLS, MEMBERS = 5, 6


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_kill_9_neither_doubles_nor_loses_what_was_decided(tmp_path: Path):
    chance, spam, talk = random.Random(11), list[str](), list[str]()
    async with FakeTelegram(SystemClock()) as fake:
        fake.hear_all()
        group, _ = fake.world.place("shop")
        fake.move("shop", "shop_bot", "administrator")
        bot = Bot(fake, tmp_path)
        await bot.start()
        try:
            for told in ("in a direct chat only", "I keep this group clean"):  # where the report of the dry run goes
                await fake.say("shop", "boss", "/moderation on")
                await _until(lambda told=told: any(told in one for one in fake.shown("shop")))  # type: ignore[misc]
            for kill in range(KILLS):
                for number in range(MEMBERS):
                    name = f"eve{kill}x{number}"
                    spam.append(await fake.say("shop", name, SPAM.format(sum=100 + 10 * number, name=name)))
                    talk.append(await fake.say("shop", f"ann{number}", f"{TALK} {number * 7 + kill}"))
                    await asyncio.sleep(chance.uniform(0, 0.15))  # the moment of the kill is chance's
                await bot.end(signal.SIGKILL)
                await bot.start()
            await _until(lambda: all(group.messages[int(one)].deleted for one in spam))
            await bot.end(signal.SIGTERM)
        finally:
            await bot.close()
        assert not any(group.messages[int(one)].deleted for one in talk)
    decided = rows(bot.file, "SELECT message_id, kind, state FROM sanction WHERE state = 'stands'")
    assert sorted(one[0] for one in decided) == sorted(spam)
    assert {one[1] for one in decided} == {"delete"}
    assert set(rows(bot.file, "SELECT DISTINCT state FROM moderation_action")) == {("done",)}
    notices = rows(bot.file, "SELECT count(*), count(DISTINCT key) FROM outbox WHERE kind = 'moderation'")
    assert notices == [(len(spam), len(spam))]


async def _until(reached: Any) -> None:
    async with asyncio.timeout(START):
        while not reached():  # noqa: ASYNC110 - members see no event
            await asyncio.sleep(0.02)  # between two looks
