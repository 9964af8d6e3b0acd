"""Ten minutes of a bad network: what breaks, and what stays stuck.

Calls are answered 5xx, cut off (half of them after they took effect) or a second late, every seventh send is refused,
events that no client can read go out beside the others, all connections are cut now and then, and the bot's clock jumps
to and fro. Afterwards the network is well again, and every group is asked one last question.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.parts.report import Row, main
from benchmarks.parts.traffic import Bot, Talk, fake_of
from bot.clock import SystemClock

GROUPS = 12
DRAIN = 600.0  # seconds
RATE = 2.0  # messages a second
TICK = 0.05  # seconds between two times that the bot is told
JUMPS = (-90.0, -5.0, 5.0, 90.0)  # seconds


class Time:
    """The bot's clock: a file with the time, which goes on and now and then jumps."""

    def __init__(self, path: Path) -> None:
        self.path, self.ahead = path, timedelta()
        self.tell()

    def tell(self) -> None:
        """A reader sees one moment or the other, never half of one."""
        beside = self.path.with_suffix(".new")
        beside.write_text((datetime.now(UTC) + self.ahead).isoformat())
        beside.replace(self.path)

    async def run(self) -> None:
        while True:
            self.tell()
            await asyncio.sleep(TICK)


async def harm(talk: Talk, time: Time) -> None:
    """Cut connections and move the clock, until cancelled."""
    while True:
        await asyncio.sleep(talk.chance.uniform(2, 8))
        await talk.fake.drop()
        if talk.chance.random() < 0.5:
            time.ahead += timedelta(seconds=talk.chance.choice(JUMPS))


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    seconds, time = 20 if quick else given.seconds, Time(folder / "clock")
    async with fake_of(given.platform, SystemClock()) as fake, contextlib.AsyncExitStack() as stack:
        bot, talk = Bot(fake, folder, clock=time.path), Talk(fake, groups=GROUPS)
        stack.push_async_callback(bot.close)
        ticking = asyncio.create_task(time.run())
        stack.callback(ticking.cancel)
        await bot.start()
        faults = fake.faults
        faults.broken, faults.slow, faults.malformed, faults.refuse_every = 0.08, 0.08, 0.03, 7
        harming = asyncio.create_task(harm(talk, time))
        stack.callback(harming.cancel)
        await talk.run(int(RATE * seconds), RATE)
        harming.cancel()
        faults.broken = faults.slow = faults.malformed = 0.0
        faults.refuse_every = 0
        for group in talk.groups:
            await talk.say(group)
        drained = await talk.answered(bot, DRAIN)
        crashed = bot.process.returncode is not None
        under = 0.0 if crashed else await bot.end(signal.SIGTERM)
    found = talk.outcome()
    last = {group: [one for one in talk.asked if one[0] == group][-1] for group in talk.groups}
    replied = {(one.chat, one.reply_to) for one in fake.log}
    return [
        Row("crashed", crashed, at_most=0, note=f"{seconds} s, {found.asked} addressed in {GROUPS} groups"),
        Row("groups that are stuck", sum(one not in replied for one in last.values()), at_most=0),
        Row("lost", found.lost, at_most=0),
        Row("out of order", found.disordered, at_most=0),
        Row("doubled", found.doubled, note="calls that were cut off after they took effect"),
        Row("until all was answered", drained, "s"),
        Row("SIGTERM to exit", under, "s", at_most=3),
    ]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", default="telegram", metavar="NAME", help="telegram (default) or discord")
    parser.add_argument("--seconds", type=int, default=600, metavar="N", help="how long; default: 600")


def summary(rows: Sequence[Row]) -> str:
    held = {row.name: row.value for row in rows}
    return f"{held['lost']:.0f} lost, {held['out of order']:.0f} out of order, {held['doubled']:.0f} doubled"


if __name__ == "__main__":
    sys.exit(main("chaos", __doc__, measure, summary, takes="about 11 minutes", quick="half a minute", extend=options))
