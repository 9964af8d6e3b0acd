"""The message path without model and encoders: what a message costs, how many it carries, and that none is lost.

The whole bot runs on a SQLite file with its real durability (WAL, synchronous FULL), with the demo shop and a scripted
engine; only the chat network is a double in this process. CPU is that of the whole process, all threads, less what the
same pace costs when the messages go nowhere.
"""

import asyncio
import contextlib
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from benchmarks.parts.bot import ASKED, CHATS, CHATTED, Bench, opened
from benchmarks.parts.process import ROOT, process
from benchmarks.parts.report import Row, main
from benchmarks.parts.writers import Recorder, write_by_driver, write_plainly
from bot.conversation.gate import Gate, Manners
from bot.conversation.recall import recall
from bot.language import language
from bot.messages import Message
from storage import members

STARTER = ROOT / "llm" / "weights" / "starter" / "model.safetensors"
RATE = 20  # messages a second


async def paced(put: Callable[[Message], Coroutine[Any, Any, None]], messages: Sequence[Message]) -> float:
    """Put them at the rate, each on its own; CPU seconds of this process."""
    cpu, start = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number, message in enumerate(messages):
            await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
            tasks.create_task(put(message))
    await asyncio.sleep(max(0.0, start + (len(messages) + RATE) / RATE - time.perf_counter()))
    return time.process_time() - cpu


async def nowhere(message: Message) -> None:
    """The same pace without a bot behind it."""


async def cost(bench: Bench, kind: str, messages: Sequence[Message], most: float) -> list[Row]:
    """CPU per message at the rate, and how long answers took."""
    idle = await paced(nowhere, messages)
    busy = await paced(bench.put, messages)
    await bench.settle(messages)
    each = 1000 * (busy - idle) / len(messages)
    rows = [Row(f"{kind}: CPU per message", each, "ms", at_most=most, note=f"{len(messages)} at {RATE}/s")]
    if delays := bench.delays(messages):
        rows.append(Row(f"{kind}: put to sent, p50", statistics.median(delays), "ms", at_most=45))
        rows.append(Row(f"{kind}: put to sent, p95", delays[int(0.95 * (len(delays) - 1))], "ms", at_most=80))
    return rows


async def planning(bench: Bench, rounds: int) -> list[Row]:
    """The share of understanding and retrieval, and of the gate, called alone."""
    shop, database = bench.app.shop, bench.app.database
    chat = await database.write(lambda tx: members.enter(tx, shop.id, "double", CHATS[0], CHATS[0], False))
    asked = bench.messages(ASKED, rounds * len(ASKED), CHATS[:1], True)
    contexts = [await recall(bench.app.library, chat, 0, one, language(one.text, "en"), shop.name) for one in asked]
    start = time.process_time()
    for one, context in zip(asked, contexts, strict=True):
        await bench.app.router.conversation.planner.plan(one.text, context)
    planned = 1000 * (time.process_time() - start) / len(asked)
    chatted = bench.messages(CHATTED, rounds * len(CHATTED), CHATS[:1], False)
    gate = Gate(bench.app.router.conversation.planner, Manners())
    start = time.process_time()
    for one in chatted:
        gate.certainly_silent(one, "questions", ())
    gated = 1000 * (time.process_time() - start) / len(chatted)
    return [
        Row("of it: planning and retrieval, alone", planned, "ms"),
        Row("unaddressed: the gate, alone", gated, "ms"),
    ]


async def burst(bench: Bench, how_many: int) -> list[Row]:
    """All at once in 20 chats."""
    messages = bench.messages(ASKED, how_many, CHATS, True)
    bench.double.order.clear()
    start = time.perf_counter()
    await bench.put_all(messages)
    await bench.settle(messages)
    seconds = time.perf_counter() - start
    replies, position = bench.double.replies, {one.id: number for number, one in enumerate(messages)}
    late = 0
    for chat in CHATS:
        seen = [position[one] for one in bench.double.order[chat] if one in position]
        late += sum(one < max(seen[:number], default=-1) for number, one in enumerate(seen))
    return [
        Row(f"burst of {how_many} in 20 chats: lost", sum(one.id not in bench.double.sent for one in messages), "", 0),
        Row("burst: answered twice", sum(len(replies[one.id]) > 1 for one in messages), "", 0),
        Row("burst: out of order in a chat", late, "", 0),
        Row("burst: answered per second", how_many / seconds, "/s", note=f"{seconds:.1f} s"),
    ]


async def flood(bench: Bench, how_many: int) -> list[Row]:
    """An addressed message right behind many unaddressed ones, against the same alone."""

    async def delay(chats: Sequence[str], own: str) -> float:
        before = bench.messages(CHATTED, how_many, chats, False) if chats else []
        question = bench.message(ASKED[0], own, True)
        puts = asyncio.gather(*(bench.put(one) for one in (*before, question)))
        await bench.double.answered([question.id], 120)
        found = bench.delays([question])
        await puts
        await bench.app.intake.idle()
        return found[0] if found else float("inf")

    alone = statistics.median([await delay([], "flood") for _ in range(5)])
    return [
        Row("an addressed message alone: put to sent", alone, "ms"),
        Row(f"behind {how_many} unaddressed in other chats", await delay(CHATS, "flood"), "ms"),
        Row(f"behind {how_many} unaddressed in its own chat", await delay(["flood"], "flood"), "ms"),
    ]


async def throughput(bench: Bench, recorder: Recorder, folder: Path, how_many: int) -> list[Row]:
    """Unaddressed messages as fast as they are taken, against writers of the same rows in the same transactions."""
    peers = [folder / "plain.db", folder / "driver.db"]
    for peer in peers:
        with contextlib.closing(sqlite3.connect(folder / "shop.db")) as source, \
             contextlib.closing(sqlite3.connect(peer)) as copy:  # fmt: skip
            source.backup(copy)
    messages = bench.messages(CHATTED, how_many, CHATS, False)
    recorder.start()
    start, cpu = time.perf_counter(), time.process_time()
    await bench.put_all(messages)
    await bench.app.intake.idle()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    written = recorder.transactions
    plainly, by_driver = write_plainly(peers[0], written), await write_by_driver(peers[1], written)
    statements = sum(map(len, written))
    note = f"{statements} statements in {len(written)} transactions"
    each = f"{1000 * cpu / how_many:.2f} ms CPU each"
    return [
        Row("unaddressed, as fast as possible", how_many / seconds, "/s", note=each),
        Row("a plain sqlite3 writer of the same", how_many / plainly, "/s", note=note),
        Row("share of the plain writer", plainly / seconds, "", at_least=0.25),
        Row("the same through SQLAlchemy and aiosqlite", how_many / by_driver, "/s"),
        Row("share of that writer", by_driver / seconds, ""),
    ]


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every row of the table."""
    paced_messages = RATE * (4 if quick else 15)
    rows: list[Row] = []
    one, two, flat = folder / "one", folder / "two", folder / "flat"
    async with opened(one) as bench:
        asked = bench.messages(ASKED, paced_messages, CHATS, True)
        rows += await cost(bench, "addressed", asked, 5)
        chatted = bench.messages(CHATTED, paced_messages, CHATS, False)
        rows += await cost(bench, "unaddressed", chatted, 1)
        answered = sum(message.id in bench.double.sent for message in chatted)
        rows.append(Row("unaddressed: answered unasked", answered, "", 0))
        rows += await planning(bench, 5 if quick else 20)
        rows += await burst(bench, 500)
        rows += await flood(bench, 1000)
    with Recorder() as recorder:
        async with opened(flat) as bench:
            rows += await throughput(bench, recorder, flat, 1000 if quick else 4000)
    async with opened(two, streamed=paced_messages) as bench:
        asked = bench.messages(ASKED, paced_messages, CHATS, True)
        rows += await cost(bench, "addressed, shown in parts", asked, 5)
    rows += await process(folder / "one", "scripted", 240, None)
    if STARTER.exists():
        rows += await process(folder / "two", "local", 1024, 8)
    return rows


def summary(rows: Sequence[Row]) -> str:
    found = {row.name: row.value for row in rows}
    return (
        f"{found['addressed: CPU per message']:.1f} ms CPU per addressed message,"
        f" {found['unaddressed: CPU per message']:.2f} per unaddressed;"
        f" {found['unaddressed, as fast as possible']:.0f}/s unaddressed,"
        f" {found['share of the plain writer']:.2f} of a plain writer"
    )


if __name__ == "__main__":
    sys.exit(
        main(
            "path",
            __doc__,
            measure,
            summary,
            takes="about two minutes",
            quick="fewer messages: a look, not a figure to quote",
        )
    )
