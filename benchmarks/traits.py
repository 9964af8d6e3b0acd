"""What it costs to keep traits: CPU and bytes for each event beyond the event itself, and how a rebuild does.

Members ask about products and talk. The same events are written twice into SQLite files with the bot's own durability,
64 in a transaction: bare, and with what follows from them. The difference is what traits cost; half of the events have
words, which are read by rules. What was kept step by step is then compared with what a rebuild makes of the events.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.parts.report import Row, main
from bot.knowledge.library import Library
from bot.members import signs
from bot.members.traits import NOTICE, OFF, Traits
from storage import members, migrate, shops
from storage import traits as rows
from storage.database import Database, Transaction

BATCH = 64
START = datetime(2026, 1, 5, tzinfo=UTC)
SAID = (
    "how much is it?", "The battery life is great but the screen is rubbish", "any news on the delivery?", "thanks!",
    "续航很好，就是拍照不行", "这个多少钱", "I'm looking for a tent under £150", "see you tomorrow at the club",
    "太贵了，有没有便宜点的", "the zip broke after two weeks, not happy",
)  # fmt: skip
Event = tuple[int, str, datetime, str, int | None]


def events(count: int, people: int, products: int) -> list[Event]:
    """(member's place, kind, at, words, product), as a group's would come in."""
    draw = random.Random(7)
    found: list[Event] = []
    for number in range(count):
        kind = draw.choices(("said", "asked", "commanded", "reacted"), (5, 3, 1, 1))[0]
        about = int(products * draw.random() ** 2) + 1 if kind in ("asked", "commanded") else None
        text = draw.choice(SAID) if kind in ("said", "asked") else ""
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


def understanding(rounds: int) -> float:
    """Microseconds of CPU to read a message's signs."""
    start = time.process_time()
    for _ in range(rounds):
        for text in SAID:
            signs.read(text)
    return (time.process_time() - start) / (rounds * len(SAID)) * 1e6


async def measure(folder: Path, quick: bool) -> list[Row]:
    count, people, products = (6_400, 200, 200) if quick else (64_000, 500, 200)
    drawn, rounds = events(count, people, products), 3
    costs: list[float] = []
    for number in range(rounds):
        files = (folder / f"bare{number}.db", folder / f"full{number}.db")
        bare, _ = await written(files[0], drawn, people, OFF)
        full, kept = await written(files[1], drawn, people, NOTICE)
        costs.append((full - bare) / count * 1e6)
    sizes = await asyncio.to_thread(lambda: [file.stat().st_size for file in files])
    read = understanding(40 if quick else 400)
    worded = sum(1 for one in drawn if one[3]) / count
    extra = statistics.median(costs)
    note = f"{count:,} events, {people} members, {products} products, median of {rounds}"
    return [
        Row("event to traits: extra CPU, reading words and all", extra, "us", at_most=50, note=note),
        Row("of that, reading words", read * worded, "us", note=f"{read:.0f} us a message, {worded:.0%} have words"),
        Row("extra bytes for each event", (sizes[1] - sizes[0]) / count, "B", at_most=200, note="of the database file"),
        Row("kept against rebuilt, greatest difference", kept["difference"] * 1e9, "1e-9", at_most=1),
        Row("rebuild, CPU for each event", kept["seconds"] / count * 1e6, "us", note=f"{kept['rows']:,} traits"),
    ]


def summary(found: Sequence[Row]) -> str:
    return f"{found[0].value:.0f} us and {found[2].value:.0f} bytes an event"


if __name__ == "__main__":
    sys.exit(main("traits", __doc__, measure, summary, takes="half a minute", quick="a tenth of the events"))
