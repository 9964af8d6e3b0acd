"""Everything the bot says, as rows: from before the first word until after it was sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from storage.database import Transaction
from storage.tables import Chat, Outbox

ROW = (Outbox.__table__, Chat.platform, Chat.platform_id, Chat.title, Chat.direct)


async def put(
    tx: Transaction, shop_id: int, chat_id: int, key: str, kind: str, text: str, now: datetime, **values: Any
) -> int:
    """Add a row, or bring the row with this key up to date if it is not sent yet; returns its id."""
    found = (await tx.execute(select(Outbox.id, Outbox.state).filter_by(shop_id=shop_id, key=key))).first()
    if found:
        if found.state in ("open", "ready"):
            await tx.execute(update(Outbox).where(Outbox.id == found.id).values(text=text, due=now, **values))
        return int(found.id)
    row = {"shop_id": shop_id, "chat_id": chat_id, "key": key, "kind": kind, "text": text, "created": now, "due": now}
    defaults: dict[str, Any] = {"extra": {}, "facts": [], "sources": []}
    return int((await tx.execute(insert(Outbox).values(**defaults | row | values).returning(Outbox.id))).scalar_one())


async def due(tx: Transaction, shop_id: int, now: datetime) -> list[Row[Any]]:
    """Rows to be sent now, in order, with where they go."""
    query = select(*ROW).join(Chat, Chat.id == Outbox.chat_id).where(Outbox.shop_id == shop_id, Outbox.state == "ready")
    return list(await tx.execute(query.where(Outbox.due <= now).order_by(Outbox.id).limit(200)))


async def next_due(tx: Transaction, shop_id: int) -> datetime | None:
    return await tx.scalar(select(func.min(Outbox.due)).filter_by(shop_id=shop_id, state="ready"))


async def get(tx: Transaction, outbox_id: int) -> Row[Any]:
    return (await tx.execute(select(*ROW).join(Chat, Chat.id == Outbox.chat_id).where(Outbox.id == outbox_id))).one()


async def mark(tx: Transaction, outbox_id: int, state: str, **values: Any) -> None:
    await tx.execute(update(Outbox).where(Outbox.id == outbox_id).values(state=state, **values))


async def retry_chat(tx: Transaction, outbox_id: int, chat_id: int, due: datetime, error: str) -> None:
    """Try this row again at `due`, and what waits behind it in its chat not before."""
    values = {"state": "ready", "error": error[:500], "attempts": Outbox.attempts + 1}
    await tx.execute(update(Outbox).where(Outbox.id == outbox_id).values(**values))
    behind = (Outbox.chat_id == chat_id) & (Outbox.state == "ready") & (Outbox.due < due)
    await tx.execute(update(Outbox).where(behind).values(due=due))


async def resolve_unknown(tx: Transaction, shop_id: int) -> Sequence[int]:
    """After a restart: rows that were marked before a send whose answer nobody saw."""
    query = update(Outbox).where(Outbox.shop_id == shop_id, Outbox.state == "sending").values(state="unknown")
    return (await tx.scalars(query.returning(Outbox.id))).all()


async def recent(tx: Transaction, chat_id: int, count: int) -> list[Row[Any]]:
    """The last messages that were sent to the chat, oldest first."""
    columns = (
        Outbox.id, Outbox.text, Outbox.message_id, Outbox.sent, Outbox.key, Outbox.sources,
        Outbox.extra, Outbox.reply_to, Outbox.member_id, Outbox.action,
    )  # fmt: skip
    query = select(*columns).where(Outbox.chat_id == chat_id, Outbox.state == "sent").order_by(Outbox.id.desc())
    return list(await tx.execute(query.limit(count)))[::-1]


async def by_message(tx: Transaction, chat_id: int, message_id: str) -> Row[Any] | None:
    return (await tx.execute(select(Outbox.__table__).filter_by(chat_id=chat_id, message_id=message_id))).first()


async def by_key(tx: Transaction, shop_id: int, key: str) -> Row[Any] | None:
    return (await tx.execute(select(Outbox.__table__).filter_by(shop_id=shop_id, key=key))).first()


async def counts(tx: Transaction, shop_id: int) -> dict[str, int]:
    """How many rows are in each state."""
    rows = await tx.execute(select(Outbox.state, func.count()).where(Outbox.shop_id == shop_id).group_by(Outbox.state))
    return {row[0]: int(row[1]) for row in rows}


async def shown(tx: Transaction, shop_id: int, platform: str, chat: str, count: int) -> list[Row[Any]]:
    """What was sent to a chat, newest first."""
    query = (
        select(Outbox.__table__)
        .join(Chat, Chat.id == Outbox.chat_id)
        .where(Outbox.shop_id == shop_id, Outbox.state == "sent", Chat.platform == platform, Chat.platform_id == chat)
    )
    return list(await tx.execute(query.order_by(Outbox.id.desc()).limit(count)))


async def sources_in(tx: Transaction, chat_id: int, kind: str, count: int) -> list[str]:
    """The rows that the chat's last messages of this kind spoke of, newest first."""
    query = select(Outbox.sources).where(Outbox.chat_id == chat_id, Outbox.kind == kind, Outbox.state != "cancelled")
    return [source for held in await tx.scalars(query.order_by(Outbox.id.desc()).limit(count)) for source in held]


async def sources_for(tx: Transaction, shop_id: int, member_id: int, kind: str, count: int = 200) -> frozenset[str]:
    """The rows that this member's last messages of this kind spoke of."""
    query = select(Outbox.sources).filter_by(shop_id=shop_id, member_id=member_id, kind=kind)
    query = query.where(Outbox.state != "cancelled").order_by(Outbox.id.desc()).limit(count)
    return frozenset(source for held in await tx.scalars(query) for source in held)


async def cancel(tx: Transaction, shop_id: int, member_id: int, kind: str) -> Sequence[str]:
    """Keep what waits for this member from being sent; the keys of it."""
    waiting = update(Outbox).filter_by(shop_id=shop_id, member_id=member_id, kind=kind, state="ready")
    return (await tx.scalars(waiting.values(state="cancelled").returning(Outbox.key))).all()
