"""How a benchmark is called, and how it says what it found: a table, one line, and JSON for machines."""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One measured value. `at_most` and `at_least` are what it is held against."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return "" if self.at_least is None else f">= {self.at_least:g}"


def report(benchmark: str, rows: Sequence[Row], summary: str, *, quick: bool, out: Path | None) -> None:
    """Print the table and the summary; write the rows to `out` as well."""
    table = Table("what", "value", "unit", "target", "", "note")
    for row in rows:
        mark = {True: "met", False: "[bold]missed[/bold]", None: ""}[row.met]
        table.add_row(row.name, f"{row.value:.2f}".rstrip("0").rstrip("."), row.unit, row.target, mark, row.note)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    if out:
        held = {"benchmark": benchmark, "quick": quick, "cores": os.cpu_count(), "python": platform.python_version()}
        out.write_text(json.dumps(held | {"rows": [asdict(row) | {"met": row.met} for row in rows]}, indent=2) + "\n")
    held_to = [row.met for row in rows if row.met is not None]
    print(f"{benchmark}: {summary}; {held_to.count(True)} of {len(held_to)} targets met")


def main(
    name: str,
    about: str | None,
    measure: Callable[..., Awaitable[list[Row]]],
    summary: Callable[[Sequence[Row]], str],
    *,
    takes: str,
    quick: str,
    data: str = "",
    extend: Callable[[argparse.ArgumentParser], None] | None = None,
) -> int:
    """The command line of a benchmark. `measure` gets a folder that is deleted afterwards, and whether to be quick.

    `data` is the help for --data DIR where the benchmark reads public text: the folder, or None, is its third argument.
    `extend` adds options of its own: then all that was given is the third argument.
    """
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"Run it on a quiet machine: `python -m benchmarks.{name}` ({takes}).",
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    if data:
        parser.add_argument("--data", type=Path, metavar="DIR", help=data)
    if extend:
        extend(parser)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))

    async def measured() -> list[Row]:
        more = [given] if extend else [given.data] if data else []
        return await measure(folder, given.quick, *more)

    try:
        rows = asyncio.run(measured())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(name, rows, summary(rows), quick=given.quick, out=given.json)
    return 0
