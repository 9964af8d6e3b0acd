"""`python -m bot model`: put another model in the live one's place if it is no worse, take it back, list them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot import weights
from bot.clock import SystemClock
from bot.config import Settings
from bot.opening import open_shop
from bot.tools.promotion import Row, Scores, Sizes, as_json, compare, measure, steps
from llm.data import RecipeError
from llm.digest import digest, name_of
from llm.engine import ModelNotUsable
from llm.engines.local import LocalEngine
from llm.finetune import NOTES
from storage import migrate, models
from storage.database import Database

WORSE, BAD = 1, 2
FROM_WHEN = "a running bot takes it at its next start, or when an admin says /model reload"


async def main(settings: Settings, verb: str, folder: Path | None) -> int:
    """The verb; the exit code: 1 where the model was refused or nothing is there to take back, 2 for bad input."""
    if verb == "promote" and folder is not None:
        return await promote(settings, folder)
    return await (rollback if verb == "rollback" else listing)(settings)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, int]]:
    """The configured database and the shop's id."""
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, SystemClock(), demo=False)
        yield database, shop.id


async def promote(settings: Settings, folder: Path, sizes: Sizes | None = None) -> int:
    """Compare the model in `folder` with the live one; it goes live only if it is no worse."""
    try:
        await _loads(settings, folder)
        found = await asyncio.to_thread(digest, folder)
    except (ModelNotUsable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return BAD
    async with _opened(settings) as (database, shop_id):
        live = await weights.live(database, shop_id, settings.llm_model)
        try:
            ours, theirs = await _both(settings, (live, str(folder)), sizes or Sizes())
        except (ModelNotUsable, RecipeError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return BAD
        rows = compare(ours, theirs)
        fine = all(row.passed for row in rows)
        path = await asyncio.to_thread(weights.keep, folder, settings.models, found) if fine else folder
        row = {"path": str(path), "base": settings.llm_model, "digest": found, "state": "live" if fine else "refused"}
        scores, now = as_json(live, ours, theirs, rows) | learnt_from(folder), SystemClock().now()
        await database.write(lambda tx: models.add(tx, shop_id, **row, scores=scores, now=now))
    name = name_of(str(path), found)
    _console().print(_compared(rows))
    _console().print(f"{name} is live: {FROM_WHEN}." if fine else f"{name} was refused: worse than the live model.")
    return 0 if fine else WORSE


def learnt_from(folder: Path) -> dict[str, str]:
    """The digests of the export and of the model that this one was made of, where it was fine-tuned here: so that it
    can be retired when somebody whose words it saw has themselves forgotten."""
    try:
        notes = json.loads((folder / NOTES).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {"export": str(notes.get("export_sha256", "")), "made_of": str(notes.get("base_sha256", ""))}


async def _loads(settings: Settings, folder: Path) -> None:
    """Raises ModelNotUsable for a folder that holds no model; no hub is asked for it."""
    named = str(folder) if folder.is_absolute() else f"./{folder}"
    engine = LocalEngine(named, threads=settings.llm_threads)
    await engine.start()
    await engine.close()


async def _both(settings: Settings, which: tuple[str, str], sizes: Sizes) -> tuple[Scores, Scores]:
    """Measure the live model and the candidate, one after the other."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        found = []
        for title, model in zip(("the live model", "the candidate"), which, strict=True):
            task = bar.add_task(title, total=steps(sizes))
            found.append(await measure(settings, model, sizes, lambda task=task: bar.advance(task)))  # type: ignore[misc]
    return found[0], found[1]


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _table(*titles: str) -> Table:
    """Without lines between, so that it fits 80 columns; a column is cut only where it has to be."""
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=True)
    return table


def _compared(rows: Sequence[Row]) -> Table:
    table = _table("", "live", "candidate", "limit", "verdict")
    for row in rows:
        table.add_row(row.name, row.live, row.candidate, row.limit, "fine" if row.passed else "worse")
    return table


async def rollback(settings: Settings) -> int:
    """Take the live model back; the one before it, or the configured one, is live again."""
    async with _opened(settings) as (database, shop_id):
        last = await database.write(lambda tx: models.roll_back(tx, shop_id, settings.llm_model))
        if last is None:
            sys.stderr.write(f"nothing to take back: no model was promoted over {settings.llm_model}\n")
            return WORSE
        live = await weights.live(database, shop_id, settings.llm_model)
    _console().print(f"Took back {name_of(last.path, last.digest)}. {live} is live again: {FROM_WHEN}.")
    return 0


async def listing(settings: Settings) -> int:
    """Every model that was compared, newest first, and how many messages each wrote."""
    async with _opened(settings) as (database, shop_id):
        rows = await database.read(lambda tx: models.listed(tx, shop_id))
        written = await database.read(lambda tx: models.written(tx, shop_id))
    table = _table("model", "state", "compared", "golden", "bits/byte", "refused", "messages")
    for row in rows:
        name = name_of(row.path, row.digest)
        table.add_row(name, row.state, f"{row.at:%Y-%m-%d}", *_figures(row.scores), str(written.pop(name, 0)))
    for name, count in sorted(written.items()):
        table.add_row(name, "", "", "", "", "", str(count))
    _console().print(table)
    return 0


def _figures(scores: dict[str, Any]) -> list[str]:
    held = scores.get("candidate", {})
    bits = [f"{value:.2f}" if (value := held.get(f"bits_{one}")) is not None else "–" for one in ("en", "zh")]
    return [f"{held.get('golden', 0)}/{held.get('golden_of', 0)}", " ".join(bits), f"{held.get('refused', 0):.1%}"]
