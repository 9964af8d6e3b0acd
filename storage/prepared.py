"""Statements of every message, compiled once. SQLAlchemy's own way of executing one took as long as SQLite did."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect, Row
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import Select

from storage.database import Inline, Transaction

Compiled = tuple[str, list[tuple[str, Any, Any]]]  # SQL; per place the name, the value if not given, the binding


class Prepared:
    """An INSERT, UPDATE or SELECT to run again and again with other values. The first row that it returns is as the
    driver gives it: ask it for numbers and texts only."""

    def __init__(self, statement: UpdateBase | Select[Any]) -> None:
        self.statement = statement
        self._compiled: dict[tuple[str, ...], Compiled] = {}  # by the names of the values, a handful

    async def run(self, tx: Transaction, values: Mapping[str, Any]) -> Row[Any] | None:
        """Execute it; the first row that it returns, if any."""
        if isinstance(tx, Inline):
            sql, binds = self._compiled.get(tuple(values)) or self._compile(tx.dialect, tuple(values))
            given = [(values.get(name, default), process) for name, default, process in binds]
            result = tx.connection.exec_driver_sql(
                sql, tuple(process(one) if process else one for one, process in given)
            )
        else:
            result = await tx.execute(self.statement, values)
        return result.first() if result.returns_rows else None

    def _compile(self, dialect: Dialect, names: tuple[str, ...]) -> Compiled:
        is_insert = getattr(self.statement, "is_insert", False)
        compiled = self.statement.compile(dialect=dialect, column_keys=list(names) if is_insert else None)
        binds = [
            (name, compiled.params[name], compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        self._compiled[names] = str(compiled), binds
        return self._compiled[names]
