"""Posts on time, once: two processes on one database, kill -9 at every step, a year in twelve zones, one ledger.

Doubled is what members would see twice; silently lost is what is neither posted nor shown to admins as missed, failed
or unknown. The year is held against a model that looks at every minute (`benchmarks/parts/wallclock.py`).
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from benchmarks.parts import wallclock
from benchmarks.parts.posting import CAPS, QUIET, ZONE, runs_of
from benchmarks.parts.report import Row, main
from bot.attention import KINDS
from bot.clock import ManualClock
from bot.content.times import following
from storage import attention, members, outbox, schedules, shops
from storage.database import Database, Transaction
from storage.migrate import upgrade
from storage.tables import Run

ROOT = Path(__file__).parent.parent
STEPS = [f"{number}:{side}" for number in range(1, 8) for side in ("before", "after")] + ["send:before", "send:after"]
CHANGES = {"clocks go forward": "2026-03-29", "clocks go back": "2026-10-25"}  # in London at 01:00 UTC
ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "America/Santiago", "Africa/Cairo", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe", "Antarctica/Troll",
)  # fmt: skip
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


async def begin(url: str, plans: Sequence[tuple[str, str]], now: datetime, *, window: int = 3600) -> int:
    """A shop with a chat for each schedule (rule, zone); its id."""
    await asyncio.to_thread(upgrade, url)
    async with Database(url) as database:

        async def fill(tx: Transaction) -> int:
            shop_id = await shops.create(tx, "Shop", "USD", "UTC", "en")
            for number, (rule, zone) in enumerate(plans):
                chat = await members.enter(tx, shop_id, "wall", str(number), "", False)
                first = following(rule, zone, now)
                await schedules.add(
                    tx, shop_id, chat.id, content="tip", words=rule, rule=rule, timezone=zone,
                    catchup_window=window, next_due=first and first.at,
                )  # fmt: skip
            return shop_id

        return await database.write(fill)


async def started(url: str, shop_id: int, log: Path, *more: str) -> asyncio.subprocess.Process:
    """A process that posts, once it is ready to."""
    arguments = ["post", "--url", url, "--shop", str(shop_id), "--log", str(log), *more]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.parts.posting", *arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}
    )
    while not log.with_suffix(f".{process.pid}").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    return process


async def killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


def seen(log: Path) -> Counter[str]:
    """How often each post was seen."""
    return Counter(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else Counter()


async def every_run(tx: Transaction) -> list[Any]:
    return list(await tx.execute(Run.__table__.select().order_by(Run.id)))


async def outcome(url: str) -> tuple[list[Any], dict[str, str]]:
    """Every run, and the state of each post in the outbox."""
    async with Database(url) as database:

        async def look(tx: Transaction) -> Any:
            runs = await every_run(tx)
            keys = [f"post:{run.id}" for run in runs]
            return runs, {key: row.state for key in keys if (row := await outbox.by_key(tx, runs[0].shop_id, key))}

        return await database.read(look)


def counted(runs: Sequence[Any], states: dict[str, str], posted: Counter[str], due: int) -> tuple[int, int, int]:
    """Doubled, silently lost, shown as unknown, missed or failed."""
    doubled = sum(count - 1 for count in posted.values())
    shown = sum(
        not posted[f"post:{run.id}"]
        and (run.state in ("missed", "failed", "unknown") or states.get(f"post:{run.id}") == "unknown")
        for run in runs
    )
    return doubled, max(0, due - len(posted) - shown), shown


async def two_processes(folder: Path, quick: bool, url: str) -> list[Row]:
    """20 schedules, each due every 5 seconds; two processes tick on the same database."""
    seconds, now = 12 if quick else 60, datetime.now(UTC)
    plans, log = [("every 5", "UTC")] * 20, folder / "two.log"
    shop_id = await begin(url, plans, now + timedelta(seconds=10))
    both = [await started(url, shop_id, log) for _ in range(2)]
    end = max(datetime.now(UTC), now + timedelta(seconds=10)) + timedelta(seconds=seconds)
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds())
    for _ in range(60):  # until what was due by then is over
        await asyncio.sleep(1)
        runs, states = await outcome(url)
        held = [run for run in runs if run.due <= end]
        if all(run.state != "due" and states.get(f"post:{run.id}") not in ("ready", "sending") for run in held):
            break
    for process in both:
        await killed(process)
    runs, states = await outcome(url)
    held = [run for run in runs if run.due <= end]
    keys = {f"post:{run.id}" for run in held}
    posted = Counter({key: count for key, count in seen(log).items() if key in keys})
    moments = {run.due for run in held}
    due = int((max(moments) - min(moments)).total_seconds() // 5 + 1) * len(plans)
    doubled, lost, shown = counted(held, states, posted, due)
    note = f"of {due} due in {seconds} s; {shown} shown as missed or unknown"
    return [
        Row("two processes, 20 posts every 5 s: doubled", doubled, at_most=0, note=note),
        Row("two processes, 20 posts every 5 s: lost", lost, at_most=0),
    ]


async def kill(folder: Path, day: str, step: str, turn: int) -> tuple[int, int, int, bool]:
    """One process dies at a step while two post what is due at 01:30 on a day on which London changes its clocks."""
    log, clock = folder / "wall.log", folder / "clock"
    url = f"sqlite:///{folder}/posts.db"
    midnight = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)
    shop_id = await begin(url, [("30 1 * * *", "Europe/London")], midnight)
    clock.write_text(midnight.isoformat())
    slow, dying = ("--wait", "0.4"), ("--step", step)
    given = ("--clock", str(clock))
    processes = [await started(url, shop_id, log, *given, *dying), await started(url, shop_id, log, *given, *slow)]
    at = midnight
    for _ in range(14):  # to seven in the evening, past both readings of 01:30
        at += timedelta(minutes=15) if at < midnight + timedelta(hours=3) else timedelta(hours=8)
        clock.write_text(at.isoformat())
        await asyncio.sleep(0.25)
    await asyncio.sleep(1.0)
    died = processes[0].returncode is not None
    if turn:  # the other one too, and both come back
        for process in processes:
            await killed(process)
        processes = [await started(url, shop_id, log, *given) for _ in range(2)]
        await asyncio.sleep(0.7)
    for process in processes:
        await killed(process)
    runs, states = await outcome(url)
    held = [run for run in runs if run.due < midnight + timedelta(days=1)]
    keys = {f"post:{run.id}" for run in held}
    posted = Counter({key: count for key, count in seen(log).items() if key in keys})
    # Two posts of one wall time are a double too, under whatever keys.
    extra = max(0, len(posted) - 1)
    doubled, lost, shown = counted(held, states, posted, 1)
    return doubled + extra, lost, shown, died


async def kills(folder: Path, quick: bool) -> list[Row]:
    steps = STEPS[::5] if quick else STEPS
    rows = []
    for what, day in CHANGES.items():
        found = []
        for turn in (0, 1):
            for step in steps[turn::2] if quick else steps:
                place = folder / f"{day}-{step.replace(':', '-')}-{turn}"
                place.mkdir(parents=True)
                found.append(await kill(place, day, step, turn))
        doubled, lost, shown = (sum(one[at] for one in found) for at in range(3))
        died = sum(one[3] for one in found)
        note = f"of {len(found)} kills, {died} at the step itself; {shown} shown as unknown"
        rows += [
            Row(f"kill -9 at each step, {what}: doubled", doubled, at_most=0, note=note),
            Row(f"kill -9 at each step, {what}: silently lost", lost, at_most=0),
        ]
    return rows


def rules(draw: random.Random, count: int) -> list[tuple[str, str]]:
    """Schedules as merchants have them: mostly fixed wall times, some finer ones, intervals; (rule, zone)."""
    found = []
    for number in range(count):
        days = draw.choice(("*", "0,6", str(draw.randint(0, 6)), "1,4", "2", "0"))
        month_day = draw.choice(("*", "*", str(draw.randint(1, 31)), "1,15", "*/3"))
        month = draw.choice(("*", "*", "*", "1-6", "3,10", "11"))
        # Many at the hours in which clocks are changed.
        hour, minute = draw.choice((0, 1, 2, 3, draw.randint(0, 23))), draw.choice((0, 15, 30, 45, draw.randint(0, 59)))
        kind = number % 10
        if kind < 7:
            rule = f"{minute} {hour} {month_day} {month} {days}"
        elif kind == 7:
            rule = f"{minute},{(minute + 20) % 60} {hour}-{min(23, hour + 2)} {month_day} {month} {draw.randint(0, 6)}"
        elif kind == 8:
            rule = draw.choice(("*/30 0-4 * {} 0", "{minute} * 1 * *", "*/20 1,2 */5 * *", "0 */3 * * 6,0"))
            rule = rule.replace("{}", month).replace("{minute}", str(minute))
        else:
            rule = f"every {draw.choice((12, 20, 36)) * 3600 + draw.choice((0, 900))}"
        found.append((rule, ZONES[number % len(ZONES)]))
    return found


async def year(folder: Path, quick: bool) -> list[Row]:
    """So many schedules through a year of the tables, against the model."""
    count, days = (48, 120) if quick else (200, 366)
    start, end = YEAR, YEAR + timedelta(days=days)
    plans = rules(random.Random(7), count)
    url, clock = f"sqlite:///{folder}/year.db", ManualClock(start)
    began = time.perf_counter()
    shop_id = await begin(url, plans, start)
    async with Database(url) as database:
        runs = runs_of(database, shop_id, clock)
        while (due := await database.read(lambda tx: schedules.next_due(tx, shop_id))) and due <= end:
            clock.set(due)
            while await runs.step():
                pass
        took = time.perf_counter() - began
        rows = await database.read(every_run)
    posted: dict[int, set[datetime]] = {number: set() for number in range(1, count + 1)}
    for row in rows:
        if row.state == "done":
            posted[row.schedule_id].add(row.due)
    spans = {zone: wallclock.walk(zone, start - timedelta(days=1), days + 2) for zone in ZONES}
    differing, wanted_all, worst = 0, 0, ""
    for number, (rule, zone) in enumerate(plans, 1):
        wanted = {at for at in wallclock.due(rule, spans[zone]) if start < at <= end}
        wanted_all += len(wanted)
        if apart := wanted ^ posted[number]:
            differing += len(apart)
            worst = worst or f"{rule} in {zone}: {min(apart):%Y-%m-%d %H:%M} UTC"
    note = f"of {wanted_all} runs in {days} days, {len(ZONES)} zones, {took:.0f} s; {worst}".rstrip("; ")
    name = f"{count} schedules against the minute by minute model: differing runs"
    return [Row(name, differing, at_most=0, note=note)]


async def spent(folder: Path, quick: bool, url: str) -> list[Row]:
    """Four processes reserve at random; what they took is held against the caps, event by event."""
    workers, count = 4, 1500 if quick else 25_000
    await asyncio.to_thread(upgrade, url)
    async with Database(url) as database:
        number = "INTEGER PRIMARY KEY" if database.sqlite else "BIGSERIAL PRIMARY KEY"
        sql = f"CREATE TABLE event (id {number}, key TEXT, target TEXT, kind TEXT, moment TEXT, what TEXT)"
        await database.write(lambda tx: tx.execute(text(sql)))
        shop_id = await database.write(lambda tx: shops.create(tx, "Shop", "USD", ZONE, "en"))
        began = time.perf_counter()
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.parts.posting", "spend", "--url", url, "--shop", str(shop_id),
                "--seed", str(seed), "--count", str(count), cwd=ROOT, env={**os.environ, "PYTHONPATH": "."},
            )
            for seed in range(1, workers + 1)
        ]  # fmt: skip
        if any([await process.wait() for process in processes]):
            raise RuntimeError("a worker broke; its error stands above")
        took = time.perf_counter() - began
        query = text("SELECT key, target, kind, moment, what FROM event ORDER BY id")

        async def noted(tx: Transaction) -> list[Any]:
            return list(await tx.execute(query))

        events = await database.read(noted)
        held = {row.key for row in await database.read(lambda tx: attention.of(tx, shop_id))}
        await database.write(lambda tx: tx.execute(text("DROP TABLE event")))
    overspent, left = replayed(events)
    taken = sum(row.what == "taken" for row in events)
    note = f"{workers} x {count:,} intents, {taken:,} taken; {workers * count / took:,.0f}/s"
    return [
        Row("ledger: overspends", overspent, at_most=0, note=note),
        Row("ledger: unsent reservations not returned", len(held - left), at_most=0, note=f"{len(left):,} stand"),
        Row("ledger: reservations lost", len(left - held), at_most=0),
    ]


def replayed(events: Sequence[Any]) -> tuple[int, set[str]]:
    """How often something was taken that may not be (`breaks`), one event after the other; what stands in the end."""
    overspent, stands = 0, dict[str, dict[str, tuple[str, datetime]]]()
    for row in events:
        of_target = stands.setdefault(row.target, {})
        if row.what == "back":
            of_target.pop(row.key, None)
            continue
        at = datetime.fromisoformat(row.moment)
        overspent += breaks(list(of_target.values()), row.target, row.kind, at)
        of_target[row.key] = (row.kind, at)
    return overspent, {key for held in stands.values() for key in held}


def breaks(held: Sequence[tuple[str, datetime]], target: str, kind: str, at: datetime) -> bool:
    """Would one more break a cap, the gap, the quiet hours or a kept place? Counted in plain lists, by no code of the
    ledger's but its table of kinds."""
    zone = ZoneInfo(ZONE)
    local, limits = at.astimezone(zone), CAPS[target.partition(":")[0]]
    others = [(other, when.astimezone(zone)) for other, when in held]
    today = [other for other, when in others if when.date() == local.date()]
    week = [other for other, when in others if when.isocalendar()[:2] == local.isocalendar()[:2]]
    broken = local.hour >= QUIET[0] // 60 or local.hour < QUIET[1] // 60
    broken |= any(abs(when - local) < timedelta(minutes=limits.gap) for _, when in others)
    for cap, used in ((limits.day, today), (limits.week, week)):
        kept = sum(
            max(0, places - used.count(one))
            for one, places in (limits.kept or {}).items()
            if KINDS[one].rank > KINDS[kind].rank
        )
        broken |= cap is not None and len(used) + 1 > cap - kept
    return broken


async def measure(folder: Path, quick: bool, asked: argparse.Namespace) -> list[Row]:
    given, rows = os.environ.get("DATABASE_URL", ""), []
    if asked.only in ("", "two"):
        rows += await two_processes(folder, quick, given or f"sqlite:///{folder}/two.db")
    if asked.only in ("", "kills"):
        rows += await kills(folder / "kills", quick)
    if asked.only in ("", "year"):
        rows += await year(folder, quick)
    if asked.only in ("", "ledger"):
        rows += await spent(folder, quick, given or f"sqlite:///{folder}/ledger.db")
    return rows


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=("two", "kills", "year", "ledger"), default="", help="one part of it")


def summary(rows: Sequence[Row]) -> str:
    doubled = sum(row.value for row in rows if row.name.endswith("doubled"))
    lost = sum(row.value for row in rows if row.name.endswith("lost"))
    return f"{doubled:.0f} doubled, {lost:.0f} lost"


if __name__ == "__main__":
    sys.exit(
        main("schedules", __doc__, measure, summary, takes="about 12 minutes", quick="two minutes", extend=options)
    )
