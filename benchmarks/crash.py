"""kill -9, refusals and floods on a chat network: what is lost, doubled or out of order.

Members talk on a strict fake of the network, over real sockets, to `python -m bot run` with a scripted engine; the
true limits of the network are enforced. The process is killed in the middle of its work, and what members see in the
end is counted.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.parts.report import Row, main
from benchmarks.parts.traffic import ROOT, START, Bot, Talk, fake_of, killed
from bot.clock import SystemClock

DRAIN = 600.0  # seconds in which a backlog has to be gone
RATES = (15, 60)  # updates a second
MESSAGES = {15: 400, 60: 1200}
MODEL = ROOT / "llm" / "weights" / "starter" / "model.safetensors"


async def kills(folder: Path, name: str, rate: int, count: int, often: int, engine: str = "scripted") -> list[Row]:
    """So many kills while so many messages come in at a rate."""
    async with fake_of(name, SystemClock()) as fake:
        fake.faults.limits = True
        bot, talk = Bot(fake, folder, engine), Talk(fake, groups=max(8, count // 16))
        try:
            busy = await killed(fake, bot, talk, kills=often, count=count, rate=rate, drain=DRAIN)
            seconds = await bot.end(signal.SIGTERM)
        finally:
            await bot.close()
        found, what = talk.outcome(), f"{often} kills, {rate}/s{', the shipped model' * (engine == 'local')}"
    note = f"of {found.asked} addressed in {len(talk.groups)} groups; {busy} kills with work under way"
    return [
        Row(f"{what}: lost", found.lost, at_most=0, note=note),
        Row(f"{what}: doubled", found.doubled, note="killed between a send and its mark"),
        Row(f"{what}: doubled in one chat by one kill", found.at_once, at_most=1),
        Row(f"{what}: out of order", found.disordered, at_most=0),
        Row(f"{what}: SIGTERM to exit", seconds, "s", at_most=3),
    ]


async def refusals(folder: Path, name: str, count: int) -> list[Row]:
    """Every fifth send is answered 429."""
    async with fake_of(name, SystemClock()) as fake:
        fake.faults.refuse_every = 5
        bot, talk = Bot(fake, folder), Talk(fake, groups=8)
        try:
            await bot.start()
            await talk.run(count, 10)
            await talk.answered(bot, START)
            await bot.end(signal.SIGTERM)
        finally:
            await bot.close()
        found = talk.outcome()
    return [
        Row("every fifth send answered 429: lost", found.lost, at_most=0, note=f"of {count}; {fake.refused} refused"),
        Row("every fifth send answered 429: doubled", found.doubled, at_most=0),
        Row("every fifth send answered 429: out of order", found.disordered, at_most=0),
    ]


async def flood(folder: Path, name: str, seconds: int) -> list[Row]:
    """200 members in 40 groups, 20 messages a second, a quarter of them addressed."""
    async with fake_of(name, SystemClock()) as fake:
        fake.faults.limits = True
        fake.hear_all()
        bot, talk = Bot(fake, folder), Talk(fake, groups=40, share=0.25)
        try:
            await bot.start()
            start = time.perf_counter()
            await talk.run(20 * seconds, 20)
            took = time.perf_counter() - start
            drained = await talk.answered(bot, DRAIN)
            under = await bot.end(signal.SIGTERM)
        finally:
            await bot.close()
        found = talk.outcome()
    note = f"of {found.asked} addressed in {took:.0f} s"
    return [
        Row("flood: unanswered", found.lost, at_most=0, note=note),
        Row("flood: doubled", found.doubled, at_most=0),
        Row("flood: out of order", found.disordered, at_most=0),
        Row("flood: until the backlog was gone", drained, "s", at_most=DRAIN),
        Row("flood: answered 429", fake.refused, note="the limits are kept from our side"),
        Row("flood: answered 429 twice in a row on a route", fake.refused_twice, at_most=0),
        Row("flood: SIGTERM to exit", under, "s", at_most=3),
    ]


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    name, often = given.platform, min(given.kills, 3) if quick else given.kills
    rows: list[Row] = []
    for rate in RATES[:1] if quick else RATES:
        count = 30 if quick else MESSAGES[rate]
        rows += await kills(folder / f"kill{rate}", name, rate, count, often)
    if not quick:
        rows += await kills(folder / "kill20", name, 20, 600, max(1, often // 2))
        if MODEL.exists():
            rows += await kills(folder / "kill1", name, 1, 50, max(1, often // 2), "local")
    rows += await refusals(folder / "refused", name, 20 if quick else 100)
    rows += await flood(folder / "flood", name, 5 if quick else 60)
    return rows


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", default="telegram", metavar="NAME", help="telegram (default) or discord")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default: 20")


def summary(rows: Sequence[Row]) -> str:
    lost = sum(row.value for row in rows if row.name.endswith(("lost", "unanswered")))
    doubled = sum(row.value for row in rows if row.name.endswith("doubled"))
    disordered = sum(row.value for row in rows if row.name.endswith("out of order"))
    return f"{lost:.0f} lost, {doubled:.0f} doubled, {disordered:.0f} out of order"


if __name__ == "__main__":
    sys.exit(main("crash", __doc__, measure, summary, takes="about 10 minutes", quick="a minute", extend=options))
