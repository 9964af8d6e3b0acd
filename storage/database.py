"""Database(url): one writer with group commit, reads beside it. What differs between SQLite and PostgreSQL is here.

Reads and writes are jobs, functions of an open transaction: `await database.read(job)` returns what the job found in
one consistent view, `await database.write(job)` returns once the job's transaction is committed. A job awaits nothing
but its transaction, and returns values, not open results. The writer drains the waiting jobs into one transaction
(SQLite WAL, synchronous FULL: one fsync for all of them). When a job of a batch fails, the batch is rolled back and its
jobs run again one by one, so that only the failing one fails.

On SQLite a job, or a whole batch of them, runs in a thread over a plain connection behind the same awaitable calls: a
driver that changes threads for every call (aiosqlite) took ten times the CPU per message.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Dialect, Executable, NullPool, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")
QUEUE = 10_000  # waiting jobs; beyond it writers wait, which is the back pressure
BATCH = 256
READERS = 4


class Transaction(Protocol):
    """What query functions get: an open transaction of whichever database."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None) -> Any: ...

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any: ...

    async def scalars(self, statement: Executable, parameters: Any = None) -> Any: ...


Job = Callable[[Transaction], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Inline:
    """A plain connection behind the same awaitable calls. Nothing in it waits, so a job over it runs to its end."""

    connection: Connection

    @property
    def dialect(self) -> Dialect:
        return self.connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.scalar(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Any = None) -> Any:
        return self.connection.scalars(statement, parameters)


@dataclass(frozen=True, slots=True)
class Failed:
    """What a job raised."""

    error: Exception


class Backend(Protocol):
    """How jobs reach one kind of database."""

    async def read(self, job: Job[T]) -> T: ...

    async def commit(self, jobs: Sequence[Job[Any]]) -> list[Any]: ...

    async def close(self) -> None: ...


class Sqlite:
    """Jobs run in threads: all that write in one, those that read in a few, each with a connection of its own."""

    def __init__(self, url: URL) -> None:
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(
            url.set(drivername="sqlite"), connect_args={"check_same_thread": False}, poolclass=NullPool
        )
        event.listen(self._engine, "connect", _prepare_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)
        self._readers, self._writer = ThreadPoolExecutor(READERS, "reader"), ThreadPoolExecutor(1, "writer")
        self._idle: list[Connection] = []  # of readers; no more than there are threads
        self._writing: Connection | None = None

    async def read(self, job: Job[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, job)

    async def commit(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, jobs)

    async def close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        for connection in (*self._idle, self._writing):
            if connection:
                connection.close()

    def _read(self, job: Job[T]) -> T:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            with connection.begin():
                return _finish(job(Inline(connection)))
        finally:
            self._idle.append(connection)

    def _commit(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        if self._writing is None:
            self._writing = self._engine.connect().execution_options(write=True)
        try:
            with self._writing.begin():
                return [_finish(job(Inline(self._writing))) for job in jobs]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(jobs) == 1:
                return [Failed(error)]
        return [self._commit([job])[0] for job in jobs]


class Driver:
    """Jobs run in the event loop over an asynchronous driver."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(url)

    async def read(self, job: Job[T]) -> T:
        async with self._engine.connect() as connection:
            return await job(connection)

    async def commit(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        try:
            async with self._engine.begin() as connection:
                return [await job(connection) for job in jobs]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(jobs) == 1:
                return [Failed(error)]
        return [(await self.commit([job]))[0] for job in jobs]

    async def close(self) -> None:
        await self._engine.dispose()


class Database:
    """`async with Database(url) as database:` opens it and closes it."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._backend: Backend = Sqlite(self.url) if self.sqlite else Driver(self.url)
        self._jobs: asyncio.Queue[tuple[Job[Any], asyncio.Future[Any]]] = asyncio.Queue(QUEUE)
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Database":
        self._writer = asyncio.create_task(self._write(), name="database writer")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._jobs.join()
        if self._writer:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._backend.close()

    async def read(self, job: Job[T]) -> T:
        """What `job` finds in a consistent view; it may write nothing. Raises what the job raised."""
        return await self._backend.read(job)

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction and return its result once that is committed. Raises what the job raised."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put((job, done))
        return await done

    async def _write(self) -> None:
        while True:
            batch = [await self._jobs.get()]
            while len(batch) < BATCH and not self._jobs.empty():
                batch.append(self._jobs.get_nowait())
            try:
                outcomes = await self._backend.commit([job for job, _ in batch])
            except Exception as error:  # noqa: BLE001 - the database itself failed: every waiting caller is told
                outcomes = [Failed(error)] * len(batch)
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                _tell(done, outcome)
                self._jobs.task_done()


def _finish(running: Awaitable[T]) -> T:
    """The result of a job that awaits nothing but its transaction; RuntimeError if it waits for anything else."""
    assert isinstance(running, Coroutine)
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise RuntimeError("a job awaited something other than its transaction")


def _tell(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, Failed):
        done.set_exception(outcome.error)
    else:
        done.set_result(outcome)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    """A deferred BEGIN that turns into a write fails at once when somebody else writes, whatever the busy timeout."""
    writes = connection.get_execution_options().get("write")
    connection.connection.driver_connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
