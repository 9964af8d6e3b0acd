"""The durable inbox: what the platforms gave us, in order, until it is done."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Inbox, table

INBOX = table(Inbox)
PUT = {
    name: Prepared(dialect.insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.id))
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
DONE = Prepared(update(INBOX).where(INBOX.c.id == bindparam("row")).values(state="done", due=None))

TAKEN = (INBOX.c.id, INBOX.c.chat, INBOX.c.message, INBOX.c.attempts, INBOX.c.claimed_by)
PARKED = Prepared(
    select(func.min(INBOX.c.due).label("due")).where(INBOX.c.shop_id == bindparam("shop"), INBOX.c.state == "later")
)


async def put(
    tx: Transaction, shop_id: int, key: str, chat: str, message: dict[str, Any], now: datetime, *, done: bool = False,
    process: str | None = None,
) -> int | None:  # fmt: skip
    """The new row's id, claimed by this process; None if this key was taken in before."""
    values = {"shop_id": shop_id, "key": key, "chat": chat, "message": message, "received": now, "claimed_by": process}
    values["state"] = "done" if done else "new"
    row = await PUT[tx.dialect.name].run(tx, values | {"attempts": 0, "error": ""})
    return None if row is None else int(row.id)


async def waiting(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Rows not handled yet, oldest first: what a restart takes up again."""
    query = select(Inbox.id, Inbox.chat, Inbox.message, Inbox.attempts).filter_by(shop_id=shop_id, state="new")
    return list(await tx.execute(query.order_by(Inbox.id)))


async def behind(tx: Transaction, shop_id: int, chat: str, inbox_id: int, count: int) -> list[dict[str, Any]]:
    """The first messages of a chat that were taken in after this row and are not handled yet."""
    query = select(Inbox.message).filter_by(shop_id=shop_id, chat=chat, state="new").where(Inbox.id > inbox_id)
    return list(await tx.scalars(query.order_by(Inbox.id).limit(count)))


async def due(
    tx: Transaction, shop_id: int, now: datetime, process: str | None = None, platforms: Collection[str] = ()
) -> list[Row[Any]]:
    """Parked rows whose time has come, but for those of other processes or of other platforms (where any are given)."""
    query = select(*TAKEN).where(INBOX.c.shop_id == shop_id, INBOX.c.state == "later", INBOX.c.due <= now)
    mine = or_(INBOX.c.claimed_by.is_(None), INBOX.c.claimed_by == process)
    return list(await tx.execute(query.where(mine, _of(platforms)).order_by(INBOX.c.id)))


async def left(tx: Transaction, shop_id: int, platforms: Collection[str] = ()) -> list[Row[Any]]:
    """Rows of these platforms (of all where none is given) that are to be handled and that no process has, in order."""
    query = select(*TAKEN).where(INBOX.c.shop_id == shop_id, INBOX.c.state == "new", INBOX.c.claimed_by.is_(None))
    return list(await tx.execute(query.where(_of(platforms)).order_by(INBOX.c.id)))


async def claim(tx: Transaction, ids: Sequence[int], process: str | None) -> set[int]:
    """Take these for a process; those that it has now. What another one takes at this moment is passed over."""
    free = or_(INBOX.c.claimed_by.is_(None), INBOX.c.claimed_by == process)
    open_rows = select(INBOX.c.id).where(INBOX.c.id.in_(ids), INBOX.c.state.in_(("new", "later")), free)
    taking = update(INBOX).where(INBOX.c.id.in_(open_rows.with_for_update(skip_locked=True)))
    return set(await tx.scalars(taking.values(claimed_by=process).returning(INBOX.c.id)))


def _of(platforms: Collection[str]) -> ColumnElement[bool]:
    if not platforms:
        return true()
    return or_(*(INBOX.c.chat.startswith(f"{one}:", autoescape=True) for one in platforms))


async def parked(tx: Transaction, shop_id: int) -> datetime | None:
    """When the next parked row is due."""
    due: datetime | None = (await PARKED.run(tx, {"shop": shop_id})).due
    return due


async def by_key(tx: Transaction, shop_id: int, key: str) -> int | None:
    """The id of the row that this key was taken in as."""
    return await tx.scalar(select(Inbox.id).filter_by(shop_id=shop_id, key=key))


async def done(tx: Transaction, inbox_id: int) -> None:
    await DONE.run(tx, {"row": inbox_id})


async def drop(tx: Transaction, inbox_id: int) -> None:
    """It is done with, and nobody is to read it."""
    await tx.execute(update(Inbox).where(Inbox.id == inbox_id).values(state="done", due=None, message={}, chat=""))


async def park(tx: Transaction, inbox_id: int, until: datetime) -> None:
    await tx.execute(update(Inbox).where(Inbox.id == inbox_id).values(state="later", due=until))


async def failed(tx: Transaction, inbox_id: int, error: str, *, final: bool) -> None:
    state = "failed" if final else "new"
    await tx.execute(
        update(Inbox).where(Inbox.id == inbox_id).values(state=state, attempts=Inbox.attempts + 1, error=error[:500])
    )


async def clear(tx: Transaction, shop_id: int, before: datetime, failed: datetime) -> None:
    """Forget handled rows, kept as long as a platform may deliver them again; and those that `failed` before then, kept
    to be looked at as long as words are. The newest stays: SQLite would give its id away again, by which replies
    are known."""
    newest = await tx.scalar(select(func.max(Inbox.id)))
    for state, until in (("done", before), ("failed", failed)):
        old = (Inbox.shop_id == shop_id) & (Inbox.state == state) & (Inbox.received < until)
        await tx.execute(delete(Inbox).where(old, Inbox.id != newest))
