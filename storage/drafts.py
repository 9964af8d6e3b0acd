"""Drafts of posts and what was posted before: every state goes one way, in the transaction that counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Transaction
from storage.tables import Draft, Outbox

OPEN, APPROVED, REJECTED, POSTED, LAPSED = "open", "approved", "rejected", "posted", "lapsed"


async def add(tx: Transaction, shop_id: int, chat_id: int, key: str, **values: Any) -> int | None:
    """A draft's id; None where its key has one already."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = {"shop_id": shop_id, "chat_id": chat_id, "key": key, **values}
    added = dialect.insert(Draft).values(**row).on_conflict_do_nothing().returning(Draft.id)
    found = (await tx.execute(added)).first()
    return None if found is None else int(found.id)


async def get(tx: Transaction, shop_id: int, draft_id: int) -> Row[Any] | None:
    return (await tx.execute(select(Draft.__table__).filter_by(shop_id=shop_id, id=draft_id))).first()


async def by_key(tx: Transaction, shop_id: int, key: str) -> Row[Any] | None:
    return (await tx.execute(select(Draft.__table__).filter_by(shop_id=shop_id, key=key))).first()


async def waiting(tx: Transaction, shop_id: int, count: int) -> list[Row[Any]]:
    """Drafts that an admin may still decide, what is due first in front, those without a time last."""
    query = select(Draft.__table__).filter_by(shop_id=shop_id, state=OPEN)
    return list(await tx.execute(query.order_by(Draft.due.is_(None), Draft.due, Draft.id).limit(count)))


async def settle(
    tx: Transaction, draft_id: int, now: datetime, state: str, before: tuple[str, ...], **values: Any
) -> bool:
    """Bring a draft out of one of these states into another; False where somebody was faster."""
    query = update(Draft).where(Draft.id == draft_id, Draft.state.in_(before))
    return bool((await tx.execute(query.values(state=state, decided=now, **values))).rowcount)


async def reword(tx: Transaction, draft_id: int, version: int, **values: Any) -> bool:
    """Another wording of an open draft in place of this version; False where it is open no more, or has another."""
    query = update(Draft).where(Draft.id == draft_id, Draft.version == version, Draft.state == OPEN)
    return bool((await tx.execute(query.values(version=version + 1, **values))).rowcount)


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Delete drafts from before that moment that are decided; what was posted of them stands in the outbox."""
    over = Draft.state.in_((REJECTED, POSTED, LAPSED))
    await tx.execute(delete(Draft).where(Draft.shop_id == shop_id, Draft.created < before, over))


async def posts(tx: Transaction, chat_id: int, count: int) -> list[Row[Any]]:
    """What was last posted into a chat, or is about to be, newest first."""
    query = select(Outbox.id, Outbox.text, Outbox.sources, Outbox.extra, Outbox.facts, Outbox.created)
    query = query.where(Outbox.chat_id == chat_id, Outbox.kind == "post", Outbox.state != "cancelled")
    return list(await tx.execute(query.order_by(Outbox.id.desc()).limit(count)))
