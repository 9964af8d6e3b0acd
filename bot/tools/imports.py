"""`python -m bot import`: files in, a table of what became of them out."""

import asyncio
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.clock import Clock, SystemClock
from bot.config import Settings
from bot.knowledge.importers import BadImport, Problem, Report, import_paths
from bot.knowledge.importers.plain import FIELDS
from bot.opening import open_shop
from storage import migrate
from storage.database import Database
from storage.imports import Superseded

BAD = 2


async def main(settings: Settings, paths: Sequence[Path], columns: Path | None, skip_bad: bool) -> int:
    """The verb: import into the configured database; the exit code."""
    clock = SystemClock()
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, clock, demo=False)
        currency = settings.shop_currency
        return await run(database, shop.id, paths, clock=clock, columns=columns, skip_bad=skip_bad, currency=currency)


async def run(
    database: Database,
    shop_id: int,
    paths: Sequence[Path],
    *,
    clock: Clock,
    columns: Path | None = None,
    skip_bad: bool = False,
    currency: str = "",
) -> int:
    """Import `paths` and return the exit code: 0, or 2 when something was wrong and nothing was written.

    The bar goes to stderr, the table and every problem to stdout. columns: a TOML or JSON file, our field -> theirs.
    """
    out, screen = Console(soft_wrap=True, highlight=False), Console(stderr=True)
    parts = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    try:
        mapping = read_columns(columns) if columns else {}
        with Progress(*parts, console=screen, transient=True) as bar:
            report = await import_paths(
                database,
                shop_id,
                paths,
                clock=clock,
                columns=mapping,
                skip_bad=skip_bad,
                currency=currency,
                progress=_Bars(bar),
            )
    except BadImport as error:
        _listed(out, error.problems, error.more)
        out.print(f"Problems: {len(error.problems) + error.more}. Nothing was imported. --skip-bad imports the rest.")
        return BAD
    except Superseded as error:
        out.print(str(error))
        return BAD
    out.print(summary(report))
    if report.skipped:
        out.print("Skipped:")
        _listed(out, report.skipped, report.more)
    return 0


def read_columns(file: Path) -> Mapping[str, str]:
    """The column map of a TOML or JSON file. Raises BadImport."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        value = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        what = f"the column map can't be read ({error})"
        raise BadImport((Problem(str(file), getattr(error, "lineno", 1), "", what, _EXAMPLE),)) from None
    wrong = [
        Problem(
            str(file),
            1,
            str(name),
            "is no field with a column's name",
            f"{_EXAMPLE}; the fields are {', '.join(FIELDS)}",
        )
        for name, column in value.items()
        if name not in FIELDS or not isinstance(column, str)
    ]
    if wrong:
        raise BadImport(tuple(wrong))
    return {str(name): str(column) for name, column in value.items()}


_EXAMPLE = 'lines such as title = "Artikelname" would be right'


def summary(report: Report) -> Table:
    """What was done, one row per noun."""
    table = Table("", "added", "changed", "unchanged", "withdrawn")
    for noun, counts in (("products", report.products), ("articles", report.articles)):
        numbers = (counts.added, counts.changed, counts.unchanged, counts.withdrawn)
        table.add_row(noun, *(f"{number:,}" for number in numbers))
    return table


def _listed(out: Console, problems: Sequence[Problem], more: int) -> None:
    for problem in problems:
        out.print(escape(str(problem)))
    if more:
        out.print(f"and {more:,} more")


class _Bars:
    """One bar per file, as the import reports on it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, file: str, done: int, total: int) -> None:
        if file not in self._tasks:
            self._tasks[file] = self._bar.add_task(escape(Path(file).name), total=total)
        self._bar.update(self._tasks[file], completed=done)
