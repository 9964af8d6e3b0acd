"""Database(url): one writer with group commit, reads beside it. What differs between SQLite and PostgreSQL is in this
file and in `storage/postgres.py`, and nowhere else.

Reads and writes are jobs, functions of an open transaction: `await database.read(job)` returns what the job found in
one consistent view, `await database.write(job)` returns once the job's transaction is committed. A job awaits nothing
but its transaction, and returns values, not open results. The writer drains the waiting jobs into one transaction
(SQLite WAL, synchronous FULL: one fsync for all of them). When a job of a batch fails, the batch is rolled back and its
jobs run again one by one, so that only the failing one fails.

On SQLite a job, or a whole batch of them, runs in a thread over a plain connection behind the same awaitable calls: a
driver that changes threads for every call (aiosqlite) took ten times the CPU per message. On PostgreSQL it runs in the
event loop. On both, all that write take turns, other processes too: what a job reads stays true until it is committed,
and rows become visible in the order of their ids.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, Executable, NullPool, create_engine, event, make_url

from storage.jobs import QUEUE, READERS, Asked, Backend, DatabaseNotUsable, Failed, Job, T, Transaction, tell
from storage.postgres import Postgres

__all__ = ["Database", "DatabaseNotUsable", "Inline", "Job", "Transaction"]
BATCH = 256
BUSY, POLL = 10_000, 4  # milliseconds to wait for a lock that another process holds, and between two looks
CHECKPOINTS = 3  # tries to empty the log, each of which waits as long for who reads an earlier state
# What is deleted is overwritten, not only marked as free.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY}", "foreign_keys=ON", "secure_delete=ON")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inline:
    """A plain connection behind the same awaitable calls. Nothing in it waits, so a job over it runs to its end.

    `driver` is what it stands on, in the same transaction: the statements of every message go straight to it.
    """

    connection: Connection
    driver: sqlite3.Connection

    @property
    def dialect(self) -> Dialect:
        return self.connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.scalar(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.scalars(statement, parameters)


class Sqlite:
    """Jobs run in threads: all that write in one, those that read in a few, each with a connection of its own."""

    def __init__(self, url: URL) -> None:
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, hide_parameters=True)
        event.listen(self._engine, "connect", _prepare_sqlite)
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(QUEUE)
        self._reads: SimpleQueue[Asked | None] = SimpleQueue()  # bounded by the room; None ends a thread
        self._writes: SimpleQueue[Asked | None] = SimpleQueue()
        readers = [Thread(target=self._read, name="reader", daemon=True) for _ in range(READERS)]
        self._threads = [*readers, Thread(target=self._write, name="writer", daemon=True)]
        for thread in self._threads:
            thread.start()

    async def read(self, job: Job[T]) -> T:
        return await self._ask(self._reads, job)

    async def write(self, job: Job[T]) -> T:
        return await self._ask(self._writes, job)

    async def compact(self, *, vacuum: bool) -> None:
        await asyncio.to_thread(self._compact, vacuum)

    def _compact(self, vacuum: bool) -> None:
        with self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if vacuum:
                driver.execute("VACUUM")
            for _ in range(CHECKPOINTS):
                busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
        log.info("somebody reads an earlier state of the database: its log is emptied later")

    async def close(self) -> None:
        """Do what was asked before; then no more."""
        for _ in range(READERS):
            self._reads.put(None)
        self._writes.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._engine.dispose()

    async def _ask(self, queue: "SimpleQueue[Asked | None]", job: Job[T]) -> T:
        async with self._room:
            done: asyncio.Future[T] = self._loop.create_future()
            queue.put((job, done))
            return await done

    def _read(self) -> None:
        held = Held(self._engine)
        while asked := self._reads.get():
            self._loop.call_soon_threadsafe(tell, [asked], held.run([asked[0]]))
        held.close()

    def _write(self) -> None:
        held = Held(self._engine, write=True)
        while asked := self._writes.get():
            batch, more = [asked], True
            while more and len(batch) < BATCH and not self._writes.empty():
                if following := self._writes.get():
                    batch.append(following)
                else:
                    self._writes.put(None)  # the end, once this batch is done
                    more = False
            self._loop.call_soon_threadsafe(tell, batch, held.run([job for job, _ in batch]))
        held.close()


class Held:
    """A thread's connection, opened at its first job. Transactions begin and end on the driver's own connection."""

    def __init__(self, engine: Engine, *, write: bool = False) -> None:
        self._engine, self._write = engine, write
        self._inline: Inline | None = None

    def run(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        """The result of each job, or how it failed."""
        try:
            inline = self._inline or self._open()
            _begin(inline.driver, write=self._write)
            try:
                results = [_finish(job(inline)) for job in jobs]
                inline.driver.commit()
            finally:
                self._end(inline)
            return results
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(jobs) == 1:
                return [Failed(error)]
        return [self.run([job])[0] for job in jobs]

    def _open(self) -> Inline:
        connection = self._engine.connect()
        driver: Any = connection.connection.driver_connection
        if self._write:
            driver.execute(f"PRAGMA busy_timeout={POLL}")
        self._inline = Inline(connection, driver)
        return self._inline

    @staticmethod
    def _end(inline: Inline) -> None:
        """Roll back what was not committed; SQLAlchemy, if a job used it, learns that its transaction is over."""
        inline.driver.rollback()
        if inline.connection.in_transaction():
            inline.connection.rollback()

    def close(self) -> None:
        if self._inline:
            self._inline.connection.close()


class Database:
    """`async with Database(url) as database:` opens it and closes it."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._backend: Backend | None = None

    async def __aenter__(self) -> "Database":
        self._backend = Sqlite(self.url) if self.sqlite else Postgres(self.url)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._open.close()

    async def read(self, job: Job[T]) -> T:
        """What `job` finds in a consistent view; it may write nothing. Raises what the job raised."""
        return await self._open.read(job)

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction and return its result once that is committed. Raises what the job raised."""
        return await self._open.write(job)

    async def compact(self, *, vacuum: bool = False) -> None:
        """Leave nothing of what was deleted in the files; `vacuum` writes them anew, while others write nothing."""
        await self._open.compact(vacuum=vacuum)

    @property
    def _open(self) -> Backend:
        if self._backend is None:
            raise RuntimeError("the database is used before it is opened: `async with database` is right")
        return self._backend


def _finish(running: Awaitable[T]) -> T:
    """The result of a job that awaits nothing but its transaction; RuntimeError if it waits for anything else."""
    assert isinstance(running, Coroutine)
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise RuntimeError("a job awaited something other than its transaction")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    try:
        cursor.execute("SELECT power(0.5, 1.0)")
    except sqlite3.OperationalError:  # a build without mathematics
        connection.create_function("power", 2, pow, deterministic=True)
    cursor.close()


def _begin(driver: sqlite3.Connection, *, write: bool) -> None:
    """A deferred BEGIN that turns into a write fails at once when somebody else writes, whatever the busy timeout.

    SQLite waits for a lock with ever longer sleeps, and an import of another process that takes it again at once is
    never caught between two transactions: a second and more. Asked for every few milliseconds, it is had in the gap.
    """
    if not write:
        driver.execute("BEGIN")
        return
    for left in reversed(range(BUSY // POLL)):
        try:
            driver.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
