"""Brings a database to the newest shape: at start, or by `python -m bot migrate`. Processes that start take turns."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, event, func, insert, make_url, select

from storage.postgres import REFUSED, TURN, engine, not_usable
from storage.tables import Base

T = TypeVar("T")
MIGRATIONS = Path(__file__).parent.parent / "migrations"
BUSY = 30.0  # seconds to wait for another process that is migrating
SLICE = 1_000  # rows that are copied at once


class NotEmpty(Exception):
    """Something is to be copied into a database that holds rows already; names the table."""


def config(connection: Connection) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.attributes["connection"] = connection
    return settings


def upgrade(url: str) -> None:
    """Apply every migration that the database at `url` lacks, all or none. Synchronous: runs before the loop has work.

    Raises DatabaseNotUsable.
    """
    inside(url, _upgrade)


def _upgrade(connection: Connection) -> None:
    if MigrationContext.configure(connection).get_current_revision() != head():
        command.upgrade(config(connection), "head")


@lru_cache(maxsize=1)
def head() -> str | None:
    """The newest migration that there is: every one is read to find it."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def copy(url: str, to: str) -> bool:
    """Copy a database as it stands into a new SQLite file; False where there is none, or nothing in it yet."""
    source = make_url(url)
    if source.get_backend_name() == "sqlite":
        if not source.database or not Path(source.database).exists():
            return False
        with create_engine(source.set(drivername="sqlite"), poolclass=NullPool).connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (make_url(to).database,))
        return True
    upgrade(url)
    upgrade(to)
    inside(url, lambda source: inside(to, lambda target: _copy_rows(source, target)))
    return True


def move(url: str, to: str) -> int:
    """Copy every row of a SQLite file into a database that has none yet, all or nothing; how many rows there were.

    Raises NotEmpty and DatabaseNotUsable.
    """
    upgrade(url)
    upgrade(to)
    source = make_url(url)
    # inside out: each connection stays in the thread that opened it, and PostgreSQL's has one of its own
    return inside(to, lambda target: _inside_sqlite(source, lambda source: _move_rows(source, target)))


def _move_rows(source: Connection, target: Connection) -> int:
    for table in Base.metadata.sorted_tables:
        if target.execute(select(table).limit(1)).first():
            raise NotEmpty(table.name)
    return _copy_rows(source, target)


def _copy_rows(source: Connection, target: Connection) -> int:
    count = 0
    for table in Base.metadata.sorted_tables:
        rows = source.execution_options(yield_per=SLICE).execute(select(table))
        for part in rows.mappings().partitions():
            count += len(part)
            target.execute(insert(table), [dict(row) for row in part])
        if target.dialect.name == "postgresql" and "id" in table.c:  # SQLite goes on from the highest number by itself
            number = func.coalesce(func.max(table.c.id), 0) + 1
            target.execute(select(func.setval(func.pg_get_serial_sequence(f'"{table.name}"', "id"), number, False)))
    return count


def inside(url: str, job: Callable[[Connection], T]) -> T:
    """What `job` returns of a plain connection to the same database, in one transaction in which nobody else migrates.

    Raises DatabaseNotUsable.
    """
    target = make_url(url)
    return _inside_sqlite(target, job) if target.get_backend_name() == "sqlite" else _inside_postgres(target, job)


def _inside_sqlite(url: URL, job: Callable[[Connection], T]) -> T:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    made = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, connect_args={"timeout": BUSY})

    @event.listens_for(made, "connect")
    def prepare(driver: Any, _record: object) -> None:
        driver.isolation_level = None  # BEGIN is ours: Python's would leave the making of tables outside
        driver.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with made.begin() as connection:
        return job(connection)


def _inside_postgres(url: URL, job: Callable[[Connection], T]) -> T:
    """By the asynchronous driver, which is the only one there is, in a loop of its own."""

    async def run() -> T:
        made = engine(url, 1)
        try:
            try:
                connection = await made.connect()
            except REFUSED as error:
                raise not_usable(url, error) from error
            async with contextlib.aclosing(connection), connection.begin():
                await connection.execute(TURN)
                return await connection.run_sync(job)
        finally:
            await made.dispose()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
