"""PostgreSQL behind `Database`: reads each in a snapshot of its own, one writer with group commit.

A job looks before it writes (is this key taken, how much attention is left?), so those that write take turns, as on
SQLite: every writing transaction begins with one advisory lock, which its end gives back, a kill included. Jobs that
wait meanwhile go together into the next one. READ COMMITTED is enough under the lock and needs no second try; a
snapshot would be taken while waiting for the lock, and be old once it is had. Reads take no lock.

A server that goes away, as at its own restart, is waited for; what was not committed runs again.
"""

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import URL, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.jobs import QUEUE, READERS, Asked, DatabaseNotUsable, Failed, Job, T, tell

log = logging.getLogger(__name__)
BATCH = 64  # jobs of one transaction: each is some statements, and other processes wait meanwhile
TURN = text("SELECT pg_advisory_xact_lock(1936224107)")  # the number is ours: "shpk"
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
WAITS = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between tries while the server is away
LATER = (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, OSError)  # TimeoutError is an OSError
REFUSED = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, DBAPIError)
SESSION = {
    "application_name": "shopkeeper",
    "timezone": "UTC",
    "jit": "off",  # statements of milliseconds are not worth compiling
    "lock_timeout": "30s",  # as SQLite gives up when it stays busy
    "idle_in_transaction_session_timeout": "60s",  # a process that hangs must not keep the others from their turn
}
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def engine(url: URL, connections: int) -> AsyncEngine:
    """At most so many connections; whoever needs one more waits."""
    made = create_async_engine(
        url.set(drivername="postgresql+asyncpg"), pool_size=connections, max_overflow=0, pool_timeout=600,
        json_serializer=_json, hide_parameters=True, connect_args={"timeout": 10, "server_settings": SESSION},
    )  # fmt: skip
    event.listen(made.sync_engine, "before_cursor_execute", _without_nul, retval=True)
    return made


def not_usable(url: URL, error: BaseException) -> DatabaseNotUsable:
    """What is wrong with a connection that was not had, and what would be right."""
    error = getattr(error, "orig", None) or error
    error = error.__cause__ if isinstance(error.__cause__, asyncpg.PostgresError) else error
    host = str(url.host or url.query.get("host") or "the local socket").rpartition("@")[2]  # before it, of a password
    where = f"{host}{f':{url.port}' if url.port else ''}"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return DatabaseNotUsable(f"PostgreSQL at {where} has no database {url.database!r}; `createdb` makes one")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):  # a wrong password is one, too
        said = f"PostgreSQL at {where} does not let {url.username!r} in"
        return DatabaseNotUsable(f"{said}; the user, or the password, is another (in the address, % is written %25)")
    reason = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, LATER):
        return DatabaseNotUsable(f"no PostgreSQL answers at {where} ({reason}); is it started, is the address right?")
    return DatabaseNotUsable(f"PostgreSQL at {where} can't be used ({reason})")


class Postgres:
    """Jobs run in the event loop: those that read on a few connections, those that write on one, in turn."""

    def __init__(self, url: URL) -> None:
        self._url, self._writing = url, engine(url, 1)
        self._reads = engine(url, READERS)
        self._reading = self._reads.execution_options(**SNAPSHOT)
        self._room = asyncio.Semaphore(QUEUE)
        self._writes: asyncio.Queue[Asked | None] = asyncio.Queue()  # bounded by the room; None ends the writer
        self._writer = asyncio.create_task(self._write(), name="writer")

    async def read(self, job: Job[T]) -> T:
        async with self._room:
            (found,) = await self._run(self._reading, [job])
            return found

    async def write(self, job: Job[T]) -> T:
        async with self._room:
            done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            self._writes.put_nowait((job, done))
            return await done

    async def compact(self, *, vacuum: bool) -> None:
        """Rows that nobody can see any more are taken out of the tables by VACUUM; the log is the server's own."""
        if vacuum:
            async with self._reads.connect() as connection:
                alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await alone.execute(text("VACUUM"))

    async def close(self) -> None:
        """Do what was asked before; then no more."""
        self._writes.put_nowait(None)
        await self._writer
        await self._writing.dispose()
        await self._reads.dispose()

    async def _write(self) -> None:
        while asked := await self._writes.get():
            batch = [asked]
            while len(batch) < BATCH and not self._writes.empty():
                following = self._writes.get_nowait()
                if following is None:
                    self._writes.put_nowait(None)  # the end, once this batch is done
                    break
                batch.append(following)
            tell(batch, await self._outcomes([job for job, _ in batch]))

    async def _outcomes(self, jobs: Sequence[Job[Any]]) -> list[Any]:
        """The result of each job, or how it failed."""
        try:
            return await self._run(self._writing, jobs)
        except DatabaseNotUsable as error:  # none of them will fare better alone
            return [Failed(error) for _ in jobs]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose job it was
            if len(jobs) == 1:
                return [Failed(error)]
        return [(await self._outcomes([job]))[0] for job in jobs]

    async def _run(self, engine: AsyncEngine, jobs: Sequence[Job[Any]]) -> list[Any]:
        """All of them in one transaction, again while the server is away. Raises DatabaseNotUsable if it stays so."""
        away: BaseException | None = None
        for seconds in (*WAITS, 0):
            try:
                connection = await engine.connect()
            except REFUSED as error:
                away = error
                if not isinstance(error, LATER) and not _lost(error):
                    break
            else:
                try:
                    return await self._in(connection, jobs, write=engine is self._writing)
                except DBAPIError as error:
                    if not _lost(error):
                        raise
                    away = error
                finally:
                    await connection.close()
            log.warning("the database is away: %s", not_usable(self._url, away))
            await asyncio.sleep(seconds)
        assert away is not None
        raise not_usable(self._url, away) from away

    async def _in(self, connection: AsyncConnection, jobs: Sequence[Job[Any]], *, write: bool) -> list[Any]:
        transaction = await connection.begin()
        if write:
            await connection.execute(TURN)
        results = [await job(connection) for job in jobs]
        try:
            await transaction.commit()
        except DBAPIError as error:
            if not _lost(error):
                raise
            # Nobody knows whether it is committed, and again it might be done twice. A restart asks the tables.
            raise not_usable(self._url, error) from error
        return results


def _lost(error: BaseException) -> bool:
    """Did the server, or the way to it, go away?"""
    if not isinstance(error, DBAPIError):
        return isinstance(error, LATER)
    code = str(getattr(error.orig, "sqlstate", "") or "")
    return error.connection_invalidated or code.startswith(("08", "57P")) or isinstance(error.orig, LATER)


def _json(value: Any) -> str:
    """JSON without the one character that PostgreSQL keeps in no text."""
    return NUL.sub(r"\1\\ufffd", json.dumps(value))


def _without_nul(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
) -> tuple[str, Any]:
    """The same for texts: what a member types may hold it, and SQLite takes it."""
    return statement, [_clean(one) for one in parameters] if many else _clean(parameters)


def _clean(values: Any) -> Any:
    if not any(isinstance(one, str) and "\0" in one for one in values):
        return values
    return tuple(one.replace("\0", "�") if isinstance(one, str) else one for one in values)
