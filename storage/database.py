"""Database(url): one writer with group commit, reads beside it. What differs between SQLite and PostgreSQL lives here.

Writes are jobs: `await database.write(job)` returns once the job's transaction is committed. The writer drains the
waiting jobs into one transaction (SQLite WAL, synchronous FULL: one fsync for all of them). When a job of a batch
fails, the batch is rolled back and its jobs run again one by one, so that only the failing one fails: a job must await
nothing but its transaction.

On SQLite a whole batch runs in the writer's own thread, over a plain connection behind the same awaitable calls: a
driver that changes threads for every call took several times the CPU per message. Reads go through that driver
(aiosqlite), so that a long one never holds up the event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, Executable, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")
QUEUE = 10_000  # waiting jobs; beyond it writers wait, which is the back pressure
BATCH = 256


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


class Database:
    """`async with Database(url) as database:` opens it and closes it."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = create_async_engine(self.url)
        if self.sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._jobs: asyncio.Queue[tuple[Job[Any], asyncio.Future[Any]]] = asyncio.Queue(QUEUE)
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Database":
        if self.sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._writer = asyncio.create_task(self._write(), name="database writer")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._jobs.join()
        if self._writer:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A consistent view; nothing in it may write."""
        async with self._engine.connect() as connection:
            yield connection

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction and return its result once that is committed. Raises what the job raised."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put((job, done))
        return await done

    async def _write(self) -> None:
        async with self._committer() as commit:
            while True:
                batch = [await self._jobs.get()]
                while len(batch) < BATCH and not self._jobs.empty():
                    batch.append(self._jobs.get_nowait())
                try:
                    outcomes = await commit([job for job, _ in batch])
                except Exception as error:  # noqa: BLE001 - the database itself failed: every waiting caller is told
                    outcomes = [Failed(error)] * len(batch)
                for (_, done), outcome in zip(batch, outcomes, strict=True):
                    _tell(done, outcome)
                    self._jobs.task_done()

    @contextlib.asynccontextmanager
    async def _committer(self) -> AsyncIterator[Callable[[list[Job[Any]]], Awaitable[list[Any]]]]:
        """What commits a batch: in the loop on PostgreSQL, in a thread of its own on SQLite."""
        if not self.sqlite:
            yield self._commit
            return
        engine = create_engine(self.url.set(drivername="sqlite"), connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "database") as thread, engine.connect() as connection:
            writing = connection.execution_options(write=True)
            try:
                yield lambda jobs: loop.run_in_executor(thread, _commit_inline, writing, jobs)
            finally:
                thread.shutdown(wait=True)
        engine.dispose()

    async def _commit(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        try:
            async with self._engine.begin() as connection:
                return [await job(connection) for job in jobs]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(jobs) == 1:
                return [Failed(error)]
        return [(await self._commit([job]))[0] for job in jobs]


def _commit_inline(connection: Connection, jobs: Sequence[Job[Any]]) -> list[Any]:
    try:
        with connection.begin():
            return [_finish(job(Inline(connection))) for job in jobs]
    except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
        if len(jobs) == 1:
            return [Failed(error)]
    return [_commit_inline(connection, [job])[0] for job in jobs]


def _finish(running: Awaitable[T]) -> T:
    """The result of a job that awaits nothing but its transaction; RuntimeError if it waits for anything else."""
    assert isinstance(running, Coroutine)
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise RuntimeError("a write job awaited something other than its transaction")


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
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")
