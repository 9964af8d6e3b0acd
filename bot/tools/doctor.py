"""`python -m bot doctor`: what the model runs on here, how fast it is, and what would be better."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bot import app as composition
from bot.config import Settings
from llm.engine import Engine, EngineError, ModelNotUsable, Report, Request, SamplingParams, Turn
from llm.protocol import Act, Fact, Plan

AT_ONCE = 16
SLOW = 40.0  # characters a second of one reply below which a member waits longer than for a human
FACTS = (Fact("name1", "Kettle", "product:1", "title"), Fact("price1", "$58.00", "product:1", "price"))
PLAN = Plan(Act.PRICE, facts=FACTS)
BAD = 2


async def main(settings: Settings) -> int:
    """Loads the configured model, measures it and says what was found; 2 if it can't be used."""
    engine = await composition.make_engine(settings)
    start = time.perf_counter()
    try:
        await engine.start()
        loaded = time.perf_counter() - start
        first, alone, together = await measured(engine)
        report = engine.report()
    except EngineError as error:
        setting = "LLM_MODEL" if isinstance(error, ModelNotUsable) and not settings.llm_url else "LLM_URL"
        sys.stderr.write(f"{setting}: {error}\n")
        return BAD
    finally:
        await engine.close()
    lines = [*found(settings, report, loaded, first, alone, together), "", *advice(settings, report, alone)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


async def measured(engine: Engine) -> tuple[float, float, float]:
    """Seconds to the first piece, and characters a second: of one reply after the other, and of many at once."""

    async def say(seed: int) -> tuple[float, int]:
        start, first, length = time.perf_counter(), 0.0, 0
        request = Request((Turn("user", "how much is it", "Ada"),), PLAN, SamplingParams(seed=seed), deadline=120)
        async with contextlib.aclosing(engine.stream(request)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                first = first or time.perf_counter() - start
                length += len(piece)
        return first, length

    first, _ = await say(0)
    start = time.perf_counter()
    length = sum([(await say(seed))[1] for seed in range(3)])
    alone = length / (time.perf_counter() - start)
    start = time.perf_counter()
    many = sum(one for _, one in await asyncio.gather(*(say(seed) for seed in range(AT_ONCE))))
    return first, alone, many / (time.perf_counter() - start)


def found(
    settings: Settings, report: Report, loaded: float, first: float, alone: float, together: float
) -> Iterator[str]:
    """What there is, a line each."""
    yield f"model          {report.name}"
    yield f"runs on        {report.device}"
    yield f"cores          {os.cpu_count()}, threads of the model: {settings.llm_threads or 'as torch chooses'}"
    if memory := free_memory():
        yield f"memory free    {memory / 2**30:.1f} GB"
    yield f"at a time      {report.slots} replies"
    yield f"loaded in      {loaded:.1f} s"
    yield f"first piece    {1000 * first:.0f} ms"
    yield f"one reply      {alone:.0f} characters a second"
    yield f"{AT_ONCE} at once     {together:.0f} characters a second, {together / alone:.1f} times as many"


def advice(settings: Settings, report: Report, alone: float) -> Iterator[str]:
    """What would be better, a line each."""
    if "cuda" not in report.device and not settings.llm_url:
        yield "There is no GPU: a larger model, which words more freely, is better served by LLM_URL."
    if alone < SLOW:
        yield "Replies are slow here: a smaller model in LLM_MODEL, or a server by LLM_URL, would be faster."
    if settings.llm_threads > (os.cpu_count() or 1):
        yield f"LLM_THREADS is above the number of cores: {os.cpu_count()} or less is faster."
    if report.note:
        yield report.note
    yield "Nothing stands in the way of `python -m bot run`."


def free_memory() -> int:
    """Bytes; 0 where the system doesn't say."""
    info = Path("/proc/meminfo")
    if not info.exists():
        return 0
    lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    return int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024
