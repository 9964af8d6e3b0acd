"""Database(url): one writer with group commit, reads beside it. What differs between SQLite and PostgreSQL lives here.

Writes are jobs: `await database.write(job)` returns once the job's transaction is committed. The writer drains the
waiting jobs into one transaction (SQLite WAL, synchronous FULL: one fsync for all of them). When a job of a batch
fails, the batch is rolled back and its jobs run again one by one, so that only the failing one fails: a job must touch
nothing but the database.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

T = TypeVar("T")
Transaction = AsyncConnection
Job = Callable[[Transaction], Awaitable[T]]

QUEUE = 10_000  # waiting jobs; beyond it writers wait, which is the back pressure
BATCH = 256


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
        async with contextlib.AsyncExitStack() as stack:
            connection: AsyncConnection | None = None
            while True:
                batch = [await self._jobs.get()]
                while len(batch) < BATCH and not self._jobs.empty():
                    batch.append(self._jobs.get_nowait())
                try:
                    if connection is None or connection.closed:
                        connection = await stack.enter_async_context(self._engine.connect())
                        connection = await connection.execution_options(write=True)
                    await self._commit(connection, batch)
                except Exception as error:  # noqa: BLE001 - the database itself failed: every waiting caller is told
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                finally:
                    for _ in batch:
                        self._jobs.task_done()

    async def _commit(self, connection: AsyncConnection, batch: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        try:
            async with connection.begin():
                results = [await job(connection) for job, _ in batch]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(batch) == 1:
                if not batch[0][1].done():
                    batch[0][1].set_exception(error)
                return
            for entry in batch:
                await self._commit(connection, [entry])
            return
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)


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
