"""Whatever comes in, a parser answers it or refuses it: no crash, and nothing that takes longer than a second.

Importers, what networks send (frames of the page, updates of Telegram, events of Discord), commands and messages,
settings with the files that go with them. Inputs are valid ones that were mutated, and words of the parsers' own
grammars in any order. A crash is any error but the one that a parser says it raises; a hang is a second of the
processor. No database, no network.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from benchmarks.parts.fuzzed import targets
from benchmarks.parts.fuzzing import Found, Target, fuzz
from benchmarks.parts.report import Row, main

INPUTS, QUICK, CHUNK = 1_000_000, 20_000, 5_000


@cache
def held() -> list[tuple[Target, float]]:
    return targets()


def chunk(place: int, seed: int, count: int) -> Found:
    return fuzz(held()[place][0], seed, count)


async def measure(folder: Path, quick: bool, given: argparse.Namespace) -> list[Row]:
    inputs, loop, began = given.inputs or (QUICK if quick else INPUTS), asyncio.get_running_loop(), time.perf_counter()
    found = {target.name: Found() for target, _ in held()}

    async def one(place: int, seed: int, count: int) -> None:
        made = await loop.run_in_executor(pool, chunk, place, given.seed + seed, count)
        name = held()[place][0].name
        for what, text in made.first.items():
            if what not in found[name].first:
                print(f"{name}: {what}\n    {text}", flush=True)
        found[name].add(made)

    with ProcessPoolExecutor(given.processes) as pool:
        sizes = [(place, round(inputs * share)) for place, (_, share) in enumerate(held())]
        parts = [(place, seed, min(CHUNK, size - seed)) for place, size in sizes for seed in range(0, size, CHUNK)]
        await asyncio.gather(*(one(*part) for part in parts))
    seconds = time.perf_counter() - began
    rows = [
        Row(f"crashes and hangs, {name}", one.crashes + one.hangs, "", at_most=0, note=f"{one.inputs:,} inputs")
        for name, one in found.items()
    ]
    whole = sum(one.inputs - one.crashes - one.hangs for one in found.values())
    return [Row("inputs without a crash or a hang", whole, "", at_least=inputs, note=f"{seconds / 60:.0f} min"), *rows]


def summary(rows: Sequence[Row]) -> str:
    return f"{rows[0].value:,.0f} inputs without a crash or a hang"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", type=int, default=0, help=f"instead of {INPUTS:,}")
    parser.add_argument("--seed", type=int, default=0, help="other inputs of the same kinds")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="chunks at the same time")


if __name__ == "__main__":
    sys.exit(
        main(
            "fuzz",
            __doc__,
            measure,
            summary,
            takes="a quarter of an hour",
            quick=f"{QUICK:,} inputs",
            extend=options,
        )
    )
