"""Nobody's words reach another: canaries per shop, chat and member in random histories through the whole bot.

Two shops share a database; their members talk in two groups and in direct chats of each, use commands, press thumbs,
call humans, join; admins answer, post and look. Every prompt and every message that is shown is looked through for
words of another shop, chat or member. Then the same histories are played with and without what was private: prompts for
replies in groups have to be the same tokens, and their logits, each in a batch of its own, the same numbers.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch

from benchmarks.parts.canaries import Watch
from benchmarks.parts.histories import prepare, steps_of, two_shops, with_and_without
from benchmarks.parts.report import Row, main
from bot.config import Settings
from llm.engine import Engine, Request
from llm.engines.local import LocalEngine
from llm.engines.local.model import load
from llm.engines.local.network import Piece

MODEL = str(Settings.model_fields["llm_model"].default)
HISTORIES, WITH_MODEL, PAIRS = 10_000, 100, 100
QUICK = 20  # times fewer
BATCH = 100  # histories on a copy of the database
LONGEST = 12  # events of a history
ROOM = 400  # tokens of a prompt


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch came to: histories, events, requests and messages looked through, what crossed, the first of it."""

    histories: int
    events: int
    requests: int
    messages: int
    crossed: int
    first: str


def batch(seed: int, count: int, model: bool) -> Found:
    """So many histories on a new database."""

    async def played() -> Found:
        with tempfile.TemporaryDirectory(prefix="isolation-") as folder:
            watch, random = Watch(), Random(seed)
            prepared = await prepare(Path(folder), watch)
            engine: Engine | None = LocalEngine(MODEL, threads=1) if model else None
            async with two_shops(Path(folder), prepared, watch, engine) as two:
                for _ in range(count):
                    await two.play(steps_of(random, LONGEST))
            crossed = watch.crossed
            return Found(
                count, two.said, watch.looked["requests"], watch.looked["messages"], len(crossed), "".join(crossed[:1])
            )

    return asyncio.run(played())


async def played(count: int, processes: int, first: int, *, model: bool) -> list[Found]:
    sizes = [min(BATCH, count - at) for at in range(0, count, BATCH)]
    loop = asyncio.get_running_loop()
    done: list[Found] = []

    async def one(seed: int, size: int) -> None:
        done.append(await loop.run_in_executor(pool, batch, seed, size, model))
        histories, crossed = sum(one.histories for one in done), sum(one.crossed for one in done)
        print(f"{histories:,} of {count:,} histories: {crossed} crossed", flush=True)

    with ProcessPoolExecutor(processes) as pool:
        await asyncio.gather(*(one(first + seed, size) for seed, size in enumerate(sizes)))
    return done


async def pairs(folder: Path, count: int) -> list[Row]:
    """Replies in groups with and without what was private to members."""
    model = await asyncio.to_thread(load, MODEL)
    watch, random, found = Watch(), Random(1), list[tuple[Request | None, Request | None]]()
    prepared = await prepare(folder, watch)
    for _ in range(count):
        found += await with_and_without(folder, prepared, watch, steps_of(random, LONGEST))

    def logits(ids: Sequence[int]) -> torch.Tensor:
        return model.network.forward([Piece(0, 0, ids, len(ids))]).logits

    tokens = other = numbers = 0
    for one, less in found:
        if one is None or less is None:
            tokens += 1
            continue
        first, second = model.prompts.ids(one, ROOM), model.prompts.ids(less, ROOM)
        tokens += first != second
        other += one != less
        numbers += not torch.equal(logits(first), logits(second))
    note = f"{len(found)} replies in groups of {count} histories"
    return [
        Row("prompts whose tokens differ by what is private", tokens, "", at_most=0, note=note),
        Row("requests that differ in anything else", other, "", at_most=0),
        Row("prompts whose logits differ, in a batch of one", numbers, "", at_most=0),
    ]


def rows_of(found: Sequence[Found], count: int, engine: str) -> Row:
    for one in found:
        if one.crossed:
            print(one.first)
    looked = f"{sum(one.requests for one in found):,} prompts and {sum(one.messages for one in found):,} messages"
    note = f"{count:,} histories, {sum(one.events for one in found):,} events; {looked} looked through"
    return Row(f"canaries that crossed, {engine}", sum(one.crossed for one in found), "", at_most=0, note=note)


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    less, rows = QUICK if quick else 1, list[Row]()
    engines = ((given.histories, HISTORIES, "scripted engine"), (given.with_model, WITH_MODEL, "the shipped model"))
    for count, whole, name in engines:
        if some := whole // less if count is None else count:
            found = await played(some, given.processes, given.seed, model=name != "scripted engine")
            rows.append(rows_of(found, some, name))
    count = PAIRS // less if given.pairs is None else given.pairs
    return [*rows, *(await pairs(folder, count) if count else ())]


def summary(rows: Sequence[Row]) -> str:
    return f"{sum(row.value for row in rows if 'canaries' in row.name):.0f} canaries crossed"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--histories", type=int, help=f"with the scripted engine, instead of {HISTORIES}; 0: none")
    parser.add_argument("--with-model", type=int, help=f"with the shipped model, instead of {WITH_MODEL}; 0: none")
    parser.add_argument("--pairs", type=int, help=f"with and without what is private, instead of {PAIRS}; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="other histories of the same kind")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="batches at the same time")


if __name__ == "__main__":
    sys.exit(
        main(
            "isolation",
            __doc__,
            measure,
            summary,
            takes="about twenty minutes on two cores",
            quick="20 times fewer histories",
            extend=options,
        )
    )
