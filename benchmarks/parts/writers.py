"""What the bot writes, and the writers that it is held against: the same rows in the same transactions."""

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import create_async_engine

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
Statements = list[tuple[str, Sequence[Any]]]


class Recorder:
    """What the bot writes, transaction by transaction, of every database opened while it is entered: `start` it first.

    It stands in the way of each statement of the bot, so it costs the bot a little and the other writers nothing.
    """

    def __init__(self) -> None:
        self.transactions: list[Statements] = []
        self.on = False

    def __enter__(self) -> "Recorder":
        event.listen(Engine, "do_connect", self._connects)
        return self

    def __exit__(self, *exc_info: object) -> None:
        event.remove(Engine, "do_connect", self._connects)

    def start(self) -> None:
        self.transactions.clear()
        self.on = True

    def _connects(self, _dialect: object, _record: object, _arguments: object, named: dict[str, Any]) -> None:
        named["factory"] = partial(Recorded, self)


class Recorded(sqlite3.Connection):
    """A connection that tells a recorder what was written through it."""

    def __init__(self, recorder: Recorder, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._recorder, self._written = recorder, list[Any]()

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        if self._recorder.on and statement.startswith(("INSERT", "UPDATE", "DELETE", "WITH")):
            self._written.append((statement, values))
        return super().execute(statement, values)

    def commit(self) -> None:
        super().commit()
        if self._written:
            self._recorder.transactions.append(self._written)
            self._written = []

    def rollback(self) -> None:
        super().rollback()
        self._written.clear()


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
