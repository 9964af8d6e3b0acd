"""Which processes run on this database, what those that are gone had claimed, and who has a lease."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Database, Job, Transaction
from storage.jobs import T
from storage.tables import Chat, Inbox, Lease, Process

Check = Callable[[Transaction], Awaitable[None]]


class LeaseLost(Exception):
    """Another process has the lease now: what was to be written is not."""


async def renew(tx: Transaction, shop_id: int, name: str, place: str, until: datetime) -> bool:
    """This process runs until then at least. False: it was not known, or held to be gone and its claims given up."""
    mine = update(Process).where(Process.name == name).values(until=until)
    if (await tx.execute(mine)).rowcount:
        return True
    await tx.execute(insert(Process).values(shop_id=shop_id, name=name, place=place, until=until))
    return False


async def others(tx: Transaction, shop_id: int, name: str) -> list[Row[Any]]:
    """The other processes (name, place, until)."""
    query = select(Process.name, Process.place, Process.until).where(Process.shop_id == shop_id, Process.name != name)
    return list(await tx.execute(query))


async def bury(tx: Transaction, shop_id: int, now: datetime, dead: Sequence[str]) -> list[str]:
    """Free what these processes, and all whose time is over, had claimed; the names of those that were there."""
    gone = or_(Process.until <= now, Process.name.in_(dead))
    names = list(await tx.scalars(select(Process.name).where(Process.shop_id == shop_id, gone)))
    if names:
        await tx.execute(update(Chat).where(Chat.claimed_by.in_(names)).values(claimed_by=None))
        waiting = Inbox.state.in_(("new", "later")) & Inbox.claimed_by.in_(names)
        await tx.execute(update(Inbox).where(waiting).values(claimed_by=None))
        await tx.execute(delete(Lease).where(Lease.process.in_(names)))
        await tx.execute(delete(Process).where(Process.name.in_(names)))
    return names


async def take(tx: Transaction, shop_id: int, name: str, process: str, now: datetime, until: datetime) -> bool:
    """Take or renew a lease, in one statement: it is had by whoever has it, or by the first once its time is over."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(Lease).values(shop_id=shop_id, name=name, process=process, until=until)
    free = or_(Lease.process == process, Lease.until <= now)
    taking = adding.on_conflict_do_update(
        index_elements=["shop_id", "name"], set_={"process": process, "until": until}, where=free
    )
    return (await tx.execute(taking.returning(Lease.id))).first() is not None


async def holder(tx: Transaction, shop_id: int, name: str, now: datetime) -> str | None:
    """The process that has the lease; None where it can be taken."""
    found: str | None = await tx.scalar(
        select(Lease.process).filter_by(shop_id=shop_id, name=name).where(Lease.until > now)
    )
    return found


async def check(tx: Transaction, shop_id: int, name: str, process: str) -> None:
    """Raises LeaseLost where another process took it. Who let it run out, and nobody followed, has it still."""
    if await tx.scalar(select(Lease.process).filter_by(shop_id=shop_id, name=name)) != process:
        raise LeaseLost(name)


class Fenced(Database):
    """The same database for who works under a lease: it writes only while `check` finds that the lease is held."""

    def __init__(self, database: Database, check: Check) -> None:
        super().__init__(database.url.render_as_string(hide_password=False))
        self._database, self._check = database, check

    async def read(self, job: Job[T]) -> T:
        return await self._database.read(job)

    async def write(self, job: Job[T]) -> T:
        async def checked(tx: Transaction) -> T:
            await self._check(tx)
            return await job(tx)

        return await self._database.write(checked)

    async def compact(self, *, vacuum: bool = False) -> None:
        await self._database.compact(vacuum=vacuum)
