"""What the bot writes, and the writers that it is held against: the same rows in the same transactions."""

import contextlib
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import create_async_engine

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
Statements = list[tuple[str, Sequence[Any]]]


class Recorder:
    """What the bot writes, transaction by transaction: listens to SQLAlchemy while it is entered."""

    def __init__(self) -> None:
        self.transactions: list[Statements] = []
        self._open: dict[int, Statements] = defaultdict(list)

    def __enter__(self) -> "Recorder":
        event.listen(Engine, "before_cursor_execute", self._executes)
        event.listen(Engine, "commit", self._commits)
        return self

    def __exit__(self, *exc_info: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._executes)
        event.remove(Engine, "commit", self._commits)

    def _executes(self, connection: Connection, _cursor: object, statement: str, values: Sequence[Any],
                  _context: object, many: bool) -> None:  # fmt: skip
        if statement.startswith(("INSERT", "UPDATE", "DELETE", "WITH")):
            self._open[id(connection)] += [(statement, one) for one in (values if many else [values])]

    def _commits(self, connection: Connection) -> None:
        if written := self._open.pop(id(connection), None):
            self.transactions.append(written)


def write_plainly(file: Path, transactions: Sequence[Statements]) -> float:
    """Seconds that a plain writer takes for the same rows in the same transactions."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        start = time.perf_counter()
        for statements in transactions:
            connection.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                connection.execute(statement, values).fetchall()
            connection.execute("COMMIT")
        return time.perf_counter() - start


async def write_by_driver(file: Path, transactions: Sequence[Statements]) -> float:
    """The same through SQLAlchemy and aiosqlite, the usual way in an asyncio program."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    try:
        async with engine.connect() as connection:
            for pragma in PRAGMAS:
                await connection.exec_driver_sql(f"PRAGMA {pragma}")
            await connection.commit()
            start = time.perf_counter()
            for statements in transactions:
                async with connection.begin():
                    for statement, values in statements:
                        await connection.exec_driver_sql(statement, tuple(values))
            return time.perf_counter() - start
    finally:
        await engine.dispose()
