"""kill -9 in the middle of /forgetme: it ends whole after the next start, its certificate comes once (twice where the
kill cut the send itself off, as any reply on a network that knows no key), and nothing of who was forgotten is left in
the files: tables, SQLite's log, the output of the process."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.traffic import START, Bot
from bot.clock import SystemClock
from tests.fakes.telegram import FakeTelegram

# Killed once the work stands so: its state, and from how many tables something went.
STEPS = [("open", 0), ("open", 2), ("open", 4), ("open", 6), ("swept", 0), ("done", 0)]
ORDER = ("open", "swept", "done", "clean")
DONE = "Done. I have forgotten you."


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def planted(number: int) -> tuple[str, str]:
    """The name of a member, and a word that only they say."""
    return f"zuleika{number}quarle", f"ottoline{number}heron"


async def plant(fake: FakeTelegram, number: int) -> None:
    """Talk, a question on the list, a call of a human, a profile that an admin looked at."""
    name, word = planted(number)
    await fake.say("shop", name, f"hello, {word} sent me, I am {name}")
    await fake.say("shop", name, f"{fake.mention}does the {word} teapot fit a 17 cm shelf?")
    await fake.say("shop", f"ann{number}", f"{fake.mention}{name.capitalize()} said: how much is the moka pot, {word}?")
    await fake.say(f"direct:{name}", name, f"how much is the moka pot, {word}?")
    await fake.say(f"direct:{name}", name, f"I want to speak to a human please, says {word}")
    await fake.say("shop", "boss", f"/profile {name}")
    await fake.say(f"direct:{name}", name, "/forgetme")
    await _until(lambda: any("Shall I forget you?" in text for text in fake.shown(f"direct:{name}")))


def reached(path: Path, number: int, step: tuple[str, int]) -> bool:
    """Is the work of this round where it is to be killed, or past it?"""
    found = rows(path, f"SELECT state, counts FROM forgetting ORDER BY id LIMIT 1 OFFSET {number}")
    if not found:
        return False
    state, counts = found[0]
    place, wanted = ORDER.index(state), ORDER.index(step[0])
    return place > wanted or (place == wanted and len(json.loads(counts)) >= step[1])


def wait_for(path: Path, number: int, step: tuple[str, int]) -> None:
    end = time.monotonic() + START
    while not reached(path, number, step):
        assert time.monotonic() < end, f"/forgetme of round {number} never came to {step}"


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_kill_9_at_the_steps_of_forgetting_leaves_nothing(tmp_path: Path) -> None:
    async with FakeTelegram(SystemClock()) as fake:
        fake.hear_all()
        fake.move("shop", "shop_bot", "administrator")
        bot, killed, under_way = Bot(fake, tmp_path), [], []
        await bot.start()
        try:
            for number, step in enumerate(STEPS):
                await plant(fake, number)
                name, word = planted(number)
                assert word.encode() in held(tmp_path)
                work = len(rows(bot.file, "SELECT id FROM forgetting"))
                await fake.say(f"direct:{name}", name, "/forgetme yes")
                await asyncio.to_thread(wait_for, bot.file, work, step)
                await bot.end(signal.SIGKILL)
                killed.append(rows(bot.file, "SELECT state, counts FROM forgetting ORDER BY id DESC LIMIT 1")[0])
                # Seen, and not yet marked as sent.
                ready = rows(bot.file, "SELECT id FROM outbox WHERE state = 'ready'")
                under_way.append(told(fake, number) > 0 and bool(ready))
                await bot.start()
                await _until(lambda: told(fake, number) > 0 and not open_work(bot.file))  # noqa: B023
            await bot.end(signal.SIGTERM)
            await bot.start()  # the nightly work, at a start as well
            await _until(lambda: set(rows(bot.file, "SELECT DISTINCT state FROM forgetting")) == {("clean",)})
            await bot.end(signal.SIGTERM)
        finally:
            await bot.close()
        seen = [told(fake, number) for number in range(len(STEPS))]
    assert all(count == 1 or (count == 2 and cut) for count, cut in zip(seen, under_way, strict=True)), seen
    assert "open" in {state for state, _ in killed}, "no kill came in the middle of the work"
    left = held(tmp_path).lower()
    found = [word for number in range(len(STEPS)) for word in planted(number) if word.encode() in left]
    assert found == []
    assert rows(bot.file, "PRAGMA integrity_check") == [("ok",)]


def told(fake: FakeTelegram, number: int) -> int:
    """How many certificates the member saw."""
    return sum(text.startswith(DONE) for text in fake.shown(f"direct:{planted(number)[0]}"))


def open_work(path: Path) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT id FROM forgetting WHERE state IN ('open', 'swept')")


def held(folder: Path) -> bytes:
    """Every file that the process writes: the database and its log, what it printed, pictures, uploads."""
    return b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def _until(reached: Any) -> None:
    async with asyncio.timeout(START):
        while not reached():  # noqa: ASYNC110 - members see no event
            await asyncio.sleep(0.02)  # between two looks
