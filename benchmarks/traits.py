"""What it costs to keep traits: CPU and bytes for each event beyond the event itself, and how a rebuild does.

Members ask about products and talk. The same events are written twice into SQLite files with the bot's own durability,
64 in a transaction: bare, and with what follows from them. The difference is what traits cost. Four events in five have
words, those of a group's three days in the tests, which are read by rules; once more it is measured without any words.
What was kept step by step is then compared with what a rebuild makes of the events.
"""

import asyncio
import json
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from bot.knowledge.library import Library
from bot.members import signs
from bot.members.traits import NOTICE, OFF, Traits
from storage import members, migrate, shops
from storage import traits as rows
from storage.database import Database, Transaction

BATCH = 64
START = datetime(2026, 1, 5, tzinfo=UTC)
Event = tuple[int, str, datetime, str, int | None]


def talk() -> list[str]:
    lines = (ROOT / "tests" / "data" / "three_days.jsonl").read_text("utf-8").splitlines()
    return [turn["text"] for line in lines for turn in json.loads(line).get("turns", [json.loads(line)])]


def events(count: int, people: int, products: int, said: Sequence[str]) -> list[Event]:
    """(member's place, kind, at, words, product), as a group's would come in."""
    draw = random.Random(7)
    found: list[Event] = []
    for number in range(count):
        kind = draw.choices(("said", "asked", "commanded", "reacted"), (5, 3, 1, 1))[0]
        about = int(products * draw.random() ** 2) + 1 if kind in ("asked", "commanded") else None
        text = draw.choice(said) if said and kind in ("said", "asked") else ""
        who = int(people * draw.random() ** 2)
        found.append((who, kind, START + timedelta(seconds=40 * number), text, about))
    return found


async def written(file: Path, drawn: Sequence[Event], people: int, policy: str) -> tuple[float, dict[str, Any]]:
    """CPU seconds for writing all events, and how traits compare with rebuilt ones."""
    url = f"sqlite:///{file}"
    migrate.upgrade(url)
    async with Database(url) as database:
        shop_id = await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        traits = Traits(Library(database, shop_id), policy)

        async def enter(tx: Transaction) -> tuple[list[int], int]:
            ids = [await members.meet(tx, shop_id, "bench", f"m{number}", "M", START) for number in range(people)]
            return ids, (await members.enter(tx, shop_id, "bench", "group", "Group", False)).id

        ids, chat = await database.write(enter)

        async def some(tx: Transaction, part: Sequence[Event]) -> None:
            for who, kind, at, text, product in part:
                await traits.record(tx, ids[who], chat, kind, at, text=text, message_id="m", product_id=product)

        before = time.process_time()
        for start in range(0, len(drawn), BATCH):
            part = drawn[start : start + BATCH]
            await database.write(lambda tx, part=part: some(tx, part))  # type: ignore[misc]
        spent = time.process_time() - before
        kept = await compared(database, traits, ids) if policy != OFF else {}
    return spent, kept


async def compared(database: Database, traits: Traits, ids: Sequence[int]) -> dict[str, Any]:
    """The greatest relative difference between the traits and those of a rebuild, and how long that took."""

    async def held() -> dict[tuple[int, str], float]:
        found = await database.read(lambda tx: rows.of_shop(tx, traits.shop_id, subscribed_only=False))
        return {(row.member_id, row.name): row.score for row in found}

    before = await held()
    start = time.process_time()
    await traits.rebuild_all(ids)
    spent, after = time.process_time() - start, await held()
    if before.keys() != after.keys():
        return {"rows": len(before), "difference": 1.0, "seconds": spent}
    apart = max(abs(before[one] - after[one]) / max(1.0, abs(after[one])) for one in before)
    return {"rows": len(before), "difference": apart, "seconds": spent}


def by_hand(file: Path, drawn: Sequence[Event]) -> float:
    """CPU microseconds of each event where plain statements do the least that there is to do: no words, no consent,
    three rows for each event, one of which fades. For scale: the same machine at the same time."""
    held = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        held.execute(f"PRAGMA {pragma}")
    held.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, member, product, kind, at)")
    held.execute("CREATE TABLE trait (member, name, score, at, PRIMARY KEY (member, name)) WITHOUT ROWID")
    put = "INSERT OR REPLACE INTO trait VALUES (?, ?, ?, ?)"
    began = time.process_time()
    for start in range(0, len(drawn), BATCH):
        held.execute("BEGIN IMMEDIATE")
        for who, kind, at, _, product in drawn[start : start + BATCH]:
            now = at.timestamp()
            held.execute("INSERT INTO event (member, product, kind, at) VALUES (?, ?, ?, ?)", (who, product, kind, now))
            for name in (kind, f"hour:{at.hour}", f"product:{product}"):
                row = held.execute("SELECT score, at FROM trait WHERE member = ? AND name = ?", (who, name)).fetchone()
                score = 1.0 if row is None else row[0] * 0.5 ** ((now - row[1]) / 2_592_000) + 1.0
                held.execute(put, (who, name, score, now))
        held.execute("COMMIT")
    spent = time.process_time() - began
    held.close()
    return spent / len(drawn) * 1e6


def understanding(said: Sequence[str], rounds: int) -> float:
    """Microseconds of CPU to read a message's signs."""
    start = time.process_time()
    for _ in range(rounds):
        for text in said:
            signs.read(text)
    return (time.process_time() - start) / (rounds * len(said)) * 1e6


async def extra(folder: Path, drawn: Sequence[Event], people: int, rounds: int) -> tuple[float, list[Path], Any]:
    """Microseconds of CPU that traits cost an event, the files of the last round, and how they compare when rebuilt."""
    costs: list[float] = []
    for number in range(rounds):
        files = [folder / f"{name}{len(drawn)}-{number}.db" for name in ("bare", "full")]
        bare, _ = await written(files[0], drawn, people, OFF)
        full, kept = await written(files[1], drawn, people, NOTICE)
        costs.append((full - bare) / len(drawn) * 1e6)
    return statistics.median(costs), files, kept


async def measure(folder: Path, quick: bool) -> list[Row]:
    count, people, products, rounds = (6_400, 100, 200, 3) if quick else (64_000, 500, 200, 3)
    said = talk()
    drawn = events(count, people, products, said)
    whole, files, kept = await extra(folder, drawn, people, rounds)
    await asyncio.to_thread(lambda: (folder / "mute").mkdir())
    mute, _, _ = await extra(folder / "mute", events(count, people, products, ()), people, rounds)
    sizes = await asyncio.to_thread(lambda: [file.stat().st_size for file in files])
    plain = await asyncio.to_thread(by_hand, folder / "by_hand.db", drawn)
    read = understanding(said, 3 if quick else 30)
    note = f"{count:,} events, {people} members, {products} products, median of {rounds}"
    return [
        Row("event to traits: extra CPU", whole, "us", at_most=50, note=note),
        Row("the same without words", mute, "us", at_most=50),
        Row("reading the words of a message", read, "us", note=f"{len(said)} messages"),
        Row(
            "for scale: plain statements, event and all", plain, "us", note="no words, no consent, three rows an event"
        ),
        Row("extra bytes for each event", (sizes[1] - sizes[0]) / count, "B", at_most=200, note="of the database file"),
        Row("kept against rebuilt, greatest difference", kept["difference"] * 1e9, "1e-9", at_most=1),
        Row("rebuild, CPU for each event", kept["seconds"] / count * 1e6, "us", note=f"{kept['rows']:,} traits"),
    ]


def summary(found: Sequence[Row]) -> str:
    return f"{found[0].value:.0f} us and {found[4].value:.0f} bytes an event"


if __name__ == "__main__":
    sys.exit(main("traits", __doc__, measure, summary, takes="half a minute", quick="a tenth of the events"))
