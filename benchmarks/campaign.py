"""A campaign to 3,000 chats, killed again and again: what is doubled, what nobody can account for, how long it takes.

An admin starts it in a group on a strict fake of the network, over real sockets, with the true limits enforced: thirty
messages a second in all, one a second in a chat. `python -m bot run` is killed in the middle of it and started anew,
while members go on asking questions. In some chats the bot is gone, or may not write. What members see in the end is
held against what the campaign's own tables say.
"""

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.parts.report import Row, main
from benchmarks.parts.traffic import ASKED, START, Bot, fake_of, until
from bot.clock import SystemClock
from storage import attention, campaigns, members, migrate, shops
from storage.database import Database
from tests.fakes.telegram import FakeTelegram

NEWS = "We are open on Sunday, come and see us!"
OFFICE, TALK = "office", "talk"  # where the admin is, and where members ask
LIMIT = 30.0  # messages a second
GONE, MUTE = 50, 75  # one chat of so many has no bot any more, or lets it not write
PATIENCE = 900.0  # seconds in which the campaign has to be done
STARTED = "is on its way"


class Clients:
    """Members who ask in a group while the campaign runs; `delays` are the seconds until each was answered."""

    def __init__(self, fake: FakeTelegram) -> None:
        self.fake, self.asked = fake, dict[str, float]()

    async def run(self) -> None:
        for number in range(10_000):
            text = self.fake.mention + ASKED[number % len(ASKED)]
            at = time.time()
            self.asked[await self.fake.say(TALK, f"m{number % 50}", text)] = at
            await asyncio.sleep(6)  # far below twenty replies a minute, also where a restart forgot some

    def delays(self) -> list[float]:
        replied: dict[str, float] = {}
        for one in self.fake.log:
            if one.chat == TALK and one.reply_to in self.asked:
                replied.setdefault(one.reply_to, one.at.timestamp())
        return sorted(replied[one] - at for one, at in self.asked.items() if one in replied)


async def seed(fake: FakeTelegram, url: str, count: int) -> None:
    """The chats, as if the bot had been added to each."""
    await asyncio.to_thread(migrate.upgrade, url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))

        async def enter(tx: Any) -> None:
            for number in range(count):
                chat, _ = fake.world.place(f"group{number}")
                if number % GONE == 1:
                    chat.bot = "kicked"
                elif number % MUTE == 2:
                    chat.may_write = False
                await members.enter(tx, 1, fake.name, str(chat.id), chat.name, False)

        await database.write(enter)


async def restart(fake: FakeTelegram, bot: Bot) -> float:
    """Kill it, start it; seconds until the new process speaks to the network."""
    at = time.perf_counter()
    await bot.end(signal.SIGKILL)
    calls = len(fake.calls)
    await bot.start()
    if not await until(lambda: len(fake.calls) > calls, START):
        raise RuntimeError(f"the bot did not come back:\n{bot.said()}")
    return time.perf_counter() - at


async def said(fake: FakeTelegram, text: str, seconds: float, bot: Bot) -> None:
    """Until the bot said something that has this in it."""
    if not await until(lambda: any(text in one.text for one in fake.log), seconds, every=0.05):
        shown = [one.text for one in fake.log if NEWS not in one.text][-3:]
        raise RuntimeError(f"nobody said {text!r}, but {shown}:\n{bot.said()}")


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    count, kills = (150, 2) if quick else (given.chats, given.kills)
    async with fake_of("telegram", SystemClock()) as fake, contextlib.AsyncExitStack() as stack:
        assert isinstance(fake, FakeTelegram)
        fake.faults.limits = True
        bot = Bot(fake, folder)
        bot.command = (*bot.command, "--set", "QUIET_HOURS=")
        url = f"sqlite:///{bot.file}"
        await seed(fake, url, count)
        stack.push_async_callback(bot.close)
        await bot.start()
        clients = Clients(fake)
        asking = asyncio.create_task(clients.run())
        stack.callback(asking.cancel)
        await until(lambda: any(one.chat == TALK for one in fake.log), START)
        await fake.say(OFFICE, "boss", f'/campaign@shop_bot new "{NEWS}" to all')
        await until(lambda: any("/start" in one.text or "not sent yet" in one.text for one in fake.log), START)
        chats = {one.chat for one in fake.log}
        await fake.say(OFFICE, "boss", "/campaign@shop_bot start 1")
        if not await until(lambda: _seen(fake) > 0, START):
            raise RuntimeError(f"nothing was sent; members see {chats}:\n{bot.said()}")
        began, down = time.perf_counter(), 0.0
        for at in _moments(count, kills):
            await until(lambda at=at: _seen(fake) >= at, PATIENCE)  # type: ignore[misc]
            down += await restart(fake, bot)
        await said(fake, ": done.", PATIENCE, bot)
        took = time.perf_counter() - began
        await bot.end(signal.SIGTERM)
        return [*await _account(fake, url, count, kills), *_times(fake, count, kills, took, down), *_asked(clients)]


def _seen(fake: FakeTelegram) -> int:
    return sum(one.text == NEWS for one in fake.log)


def _moments(count: int, kills: int) -> list[int]:
    """After how many messages each kill comes."""
    chance = random.Random(7)
    return [round((number + chance.uniform(0.6, 1.0)) * count * 0.95 / kills) for number in range(kills)]


async def _account(fake: FakeTelegram, url: str, count: int, kills: int) -> list[Row]:
    """What the tables say, beside what members see."""
    shown = Counter(one.chat for one in fake.log if one.text == NEWS and not one.edit)
    async with Database(url) as database:
        held = await database.read(lambda tx: campaigns.counts(tx, 1))
        places = await database.read(lambda tx: _places(tx))
    wrong = sum(
        (state == "sent") != bool(shown[title]) for title, state in places if state in ("sent", "failed", "blocked")
    )
    ends = sum(held.get(one, 0) for one in ("sent", "failed", "blocked", "unknown", "skipped"))
    arrived = sum(bool(shown[title]) for title, state in places if state == "unknown")
    spent = [title for title, state in places if state in ("failed", "blocked")]
    async with Database(url) as database:
        kept = await database.read(lambda tx: _reserved(tx, spent))
    note = ", ".join(f"{number} {state}" for state, number in sorted(held.items()))
    return [
        Row("doubled", sum(number > 1 for number in shown.values()), at_most=0, note=f"of {len(places)} chats"),
        Row("unaccounted", len(places) - ends + wrong, at_most=0, note=note),
        Row("shown as unknown", held.get("unknown", 0), note=f"on their way at a kill; {arrived} did arrive"),
        Row("places in the ledger of what was not sent", kept, at_most=0),
    ]


async def _places(tx: Any) -> list[tuple[str, str]]:
    return [(row.title, row.state) for row in await campaigns.places(tx, 1)]


async def _reserved(tx: Any, titles: Sequence[str]) -> int:
    chats = [one for one in await members.chats(tx, 1) if one.title in set(titles)]
    return sum([await attention.held(tx, 1, f"campaign:1:{one.id}") for one in chats])


def _times(fake: FakeTelegram, count: int, kills: int, took: float, down: float) -> list[Row]:
    floor = count / LIMIT
    note = f"{floor:.0f} s at {LIMIT:.0f} a second, {down:.0f} s for {kills} restarts"
    return [
        Row("from the first message to the report", took, "s", note=note),
        Row("held against the floor and the restarts", took / (floor + down), "x", at_most=1.2),
        Row("sends answered 429", fake.refused, note="the limits are kept from our side"),
    ]


def _asked(clients: Clients) -> list[Row]:
    delays = clients.delays()
    half, most = delays[len(delays) // 2], delays[int(len(delays) * 0.95)]
    lost = len(clients.asked) - len(delays)
    note = f"{len(delays)} questions meanwhile, restarts among them; {lost} asked at the end"
    return [Row("a member's question answered, p50", half, "s", note=note), Row("the same, p95", most, "s")]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chats", type=int, default=3000, metavar="N", help="default: 3000")
    parser.add_argument("--kills", type=int, default=5, metavar="N", help="default: 5")


def summary(rows: Sequence[Row]) -> str:
    held = {row.name: row.value for row in rows}
    times = held["held against the floor and the restarts"]
    return f"{held['doubled']:.0f} doubled, {held['unaccounted']:.0f} unaccounted, {times:.2f}x the floor"


if __name__ == "__main__":
    sys.exit(
        main("campaign", __doc__, measure, summary, takes="about 3 minutes", quick="half a minute", extend=options)
    )
