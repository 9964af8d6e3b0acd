"""Statements of every message, compiled once. On SQLite they go straight to the driver: by SQLAlchemy's own way each
took several times as long as SQLite needs for it."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import Select

from storage.database import Inline, Transaction

Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """SQL, how each place of it is bound (by name, or to a constant), and how each column is read."""

    sql: str
    binds: Sequence[tuple[str, Any, Process]]  # the name, or "" and the bound constant
    reads: Sequence[tuple[int, Callable[[Any], Any]]]  # columns that are not as the driver gives them
    row: Callable[[Sequence[Any]], Any]  # makes a row with named columns
    plain: bool  # its places are the names of the values in their order, each bound as it is

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            process(values[name]) if process else values[name] if name else constant
            for name, constant, process in self.binds
        ]

    def read(self, found: Sequence[Any]) -> Any:
        if not self.reads:
            return self.row(found)
        columns = list(found)
        for place, process in self.reads:
            columns[place] = process(columns[place])
        return self.row(columns)


class Prepared:
    """An INSERT, UPDATE or SELECT to run again and again with other values."""

    def __init__(self, statement: UpdateBase | Select[Any]) -> None:
        self.statement = statement
        self._compiled: dict[tuple[str, ...], Compiled] = {}  # by the names of the values, a handful

    async def rows(self, tx: Transaction, values: Mapping[str, Any]) -> list[Any]:
        """Execute it; every row that it returns, with its columns by name."""
        if not isinstance(tx, Inline):
            result = await tx.execute(self.statement, values)
            return list(result) if result.returns_rows else []
        compiled = self._compiled.get(tuple(values)) or self._compile(tx.dialect, tuple(values))
        return [compiled.read(row) for row in tx.driver.execute(compiled.sql, compiled.bound(values)).fetchall()]

    async def many(self, tx: Transaction, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
        """Execute it for each of these rows, which hold a value for each name; nothing is returned."""
        if not isinstance(tx, Inline):
            await tx.execute(self.statement, [dict(zip(names, row, strict=True)) for row in rows])
            return
        compiled = self._compiled.get(names) or self._compile(tx.dialect, names)
        if not compiled.plain:
            rows = [compiled.bound(dict(zip(names, row, strict=True))) for row in rows]
        tx.driver.executemany(compiled.sql, rows)

    async def run(self, tx: Transaction, values: Mapping[str, Any]) -> Any:
        """Execute it; the first row that it returns, None if it returns none."""
        found = await self.rows(tx, values)
        return found[0] if found else None

    def _compile(self, dialect: Dialect, names: tuple[str, ...]) -> Compiled:
        statement = self.statement
        whole = statement.is_select or getattr(statement, "select", None) is not None  # it says which columns itself
        compiled = statement.compile(dialect=dialect, column_keys=None if whole else list(names))
        binds = []
        for name in compiled.positiontup or ():
            process = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
            constant = None if name in names else compiled.params[name]
            if name in names:
                binds.append((name, None, process))
            else:
                binds.append(("", process(constant) if process else constant, None))
        columns = list(getattr(statement, "exported_columns", ()))
        processes = [one.type.dialect_impl(dialect).result_processor(dialect, None) for one in columns]
        reads = [(place, process) for place, process in enumerate(processes) if process]
        row: Any = namedtuple("row", [one.key for one in columns])  # type: ignore[misc]
        plain = [name for name, _, process in binds if process is None] == list(names)
        self._compiled[names] = Compiled(str(compiled), binds, reads, row._make, plain)
        return self._compiled[names]
