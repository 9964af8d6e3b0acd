"""Everything the bot says, as rows: from before the first word until after it was sent.

The rows of a chat are sent by one process at a time, in order: it claims the chat with what is due there, and its last
mark gives the chat back unless something came meanwhile. All in the transactions that there are anyway.
"""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, func, insert, or_, select, update

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Chat, Outbox, table

MOST = 200  # rows that are read at once
OUT, PLACE = table(Outbox), table(Chat)
PLACES = (PLACE.c.platform, PLACE.c.platform_id, PLACE.c.title, PLACE.c.direct, PLACE.c.claimed_by)
WHERE_TO = select(OUT, *PLACES).join(PLACE, PLACE.c.id == OUT.c.chat_id)
READY = (
    OUT.c.shop_id == bindparam("shop"),
    OUT.c.state == "ready",
    PLACE.c.platform.in_(bindparam("on", expanding=True)),
)
EARLIER = OUT.alias("earlier")
HELD = select(EARLIER.c.id).where(
    EARLIER.c.chat_id == OUT.c.chat_id, EARLIER.c.id < OUT.c.id, EARLIER.c.state == "ready"
)
HELD = HELD.where(EARLIER.c.due > bindparam("now"))  # a chat that has to wait gets nothing out of order
IS_DUE = (OUT.c.due <= bindparam("now"), ~HELD.exists())
FREE = or_(PLACE.c.claimed_by.is_(None), PLACE.c.claimed_by == bindparam("process"))
ASKED = func.max(case((OUT.c.kind.in_(bindparam("once", expanding=True)), 0), else_=1))
DUE = select(OUT.c.chat_id, ASKED.label("asked")).join(PLACE, PLACE.c.id == OUT.c.chat_id)
DUE = DUE.where(*READY, *IS_DUE, FREE).group_by(OUT.c.chat_id).order_by(ASKED.desc(), func.min(OUT.c.id)).limit(MOST)
DUE_IN = Prepared(
    WHERE_TO.where(OUT.c.chat_id == bindparam("chat"), OUT.c.state == "ready", *IS_DUE).order_by(OUT.c.id).limit(MOST)
)
THIS = PLACE.c.id == bindparam("chat")
UNLOCKED = select(PLACE.c.id).where(THIS, FREE).with_for_update(skip_locked=True)  # which SQLite doesn't have, nor need
TAKING = update(PLACE).where(PLACE.c.id.in_(UNLOCKED)).values(claimed_by=bindparam("process"))
CLAIM = Prepared(TAKING.returning(PLACE.c.id))
MINE = (THIS, PLACE.c.claimed_by == bindparam("process"))
RELEASE = Prepared(update(PLACE).where(*MINE).values(claimed_by=None))
MORE = select(OUT.c.id).where(OUT.c.chat_id == bindparam("chat"), OUT.c.state == "ready", OUT.c.due <= bindparam("now"))
NO_MORE = update(PLACE).where(*MINE, ~MORE.exists()).values(claimed_by=None).returning(PLACE.c.id)
RELEASE_IF_DONE = Prepared(NO_MORE)
WAITING = select(OUT.c.chat_id, func.min(OUT.c.due).label("due")).join(PLACE, PLACE.c.id == OUT.c.chat_id)
WAITING = WAITING.where(*READY).group_by(OUT.c.chat_id)
FIND = Prepared(select(OUT.c.id, OUT.c.state).where(OUT.c.shop_id == bindparam("shop"), OUT.c.key == bindparam("key")))
ADD = Prepared(insert(OUT).returning(OUT.c.id))
CHANGE = Prepared(update(OUT).where(OUT.c.id == bindparam("row")))
GET = Prepared(WHERE_TO.where(OUT.c.id == bindparam("row")))
SHOWN: tuple[Any, ...] = (
    OUT.c.id,
    OUT.c.text,
    OUT.c.message_id,
    OUT.c.sent,
    OUT.c.key,
    OUT.c.sources,
    OUT.c.extra,
    OUT.c.reply_to,
    OUT.c.member_id,
    OUT.c.action,
    OUT.c.kind,
)
# What admins were told, and what one member alone was shown in a group, is no part of the talk.
TO_ALL = (OUT.c.kind != "edit", OUT.c.kind != "notice", OUT.c.extra["private_to"].as_string().is_(None))
RECENT = Prepared(
    select(*SHOWN)
    .where(OUT.c.chat_id == bindparam("chat"), OUT.c.state == "sent", OUT.c.text != "", *TO_ALL)
    .order_by(OUT.c.id.desc())
    .limit(bindparam("count"))
)
DEFAULTS: dict[str, Any] = {
    "extra": {},
    "facts": [],
    "sources": [],
    "state": "ready",
    "action": "reply",
    "worded_by": "code",
    "model": "",
    "reply_to": "",
    "message_id": "",
    "attempts": 0,
    "error": "",
}


async def put(
    tx: Transaction, shop_id: int, chat_id: int, key: str, kind: str, text: str, now: datetime, **values: Any
) -> int:
    """Add a row, or bring the row with this key up to date if it is not sent yet; returns its id."""
    found = await FIND.run(tx, {"shop": shop_id, "key": key})
    if found:
        if found.state in ("open", "ready"):
            await CHANGE.run(tx, {"row": found.id, "text": text, "due": now} | values)
        return int(found.id)
    row = {"shop_id": shop_id, "chat_id": chat_id, "key": key, "kind": kind, "text": text, "created": now, "due": now}
    added = await ADD.run(tx, DEFAULTS | row | values)
    assert added is not None
    return int(added.id)


async def chats_due(
    tx: Transaction, shop_id: int, platforms: Sequence[str], now: datetime, once: Sequence[str],
    process: str | None = None,
) -> list[Row[Any]]:  # fmt: skip
    """Chats (chat_id, asked) of these platforms in which something is to be sent now, but for those that another
    process has. First those in which something `asked` for is among it: of no kind that is sent once."""
    values = {"shop": shop_id, "on": list(platforms), "now": now, "once": list(once), "process": process}
    return list(await tx.execute(DUE, values))


async def take(
    tx: Transaction, chat_id: int, platforms: Container[str], now: datetime, process: str | None = None
) -> list[Row[Any]]:
    """The rows to be sent now in a chat, in order, with where they go; the chat is this process's then. None where
    another process has it, or where its platform is not one of these."""
    rows = await DUE_IN.rows(tx, {"chat": chat_id, "now": now})
    if not rows or rows[0].platform not in platforms:
        return []
    return rows if process is None or await CLAIM.run(tx, {"chat": chat_id, "process": process}) else []


async def go_on(
    tx: Transaction, chat_id: int, platforms: Container[str], now: datetime, process: str | None = None
) -> list[Row[Any]]:
    """What is to be sent next in a chat that this process has; where that is nothing, it gives the chat back."""
    if process is not None and await RELEASE_IF_DONE.run(tx, {"chat": chat_id, "process": process, "now": now}):
        return []
    rows = await take(tx, chat_id, platforms, now, process)
    if not rows and process is not None:
        await RELEASE.run(tx, {"chat": chat_id, "process": process})
    return rows


async def has(tx: Transaction, chat_id: int, process: str | None) -> bool:
    """Is this chat this process's?"""
    return bool(await tx.scalar(select(PLACE.c.id).where(PLACE.c.id == chat_id, PLACE.c.claimed_by == process)))


async def waiting(tx: Transaction, shop_id: int, platforms: Sequence[str]) -> dict[int, datetime]:
    """Chats in which something is to be sent on these platforms, and when the first of it is due."""
    return {row.chat_id: row.due for row in await tx.execute(WAITING, {"shop": shop_id, "on": list(platforms)})}


async def sent(tx: Transaction, outbox_id: int, message_id: str, now: datetime, **values: Any) -> None:
    await CHANGE.run(tx, {"row": outbox_id, "state": "sent", "message_id": message_id, "sent": now} | values)


async def get(tx: Transaction, outbox_id: int) -> Row[Any]:
    return await GET.run(tx, {"row": outbox_id})


async def mark(tx: Transaction, outbox_id: int, state: str, **values: Any) -> None:
    await CHANGE.run(tx, {"row": outbox_id, "state": state} | values)


async def begin(tx: Transaction, outbox_id: int) -> bool:
    """Mark a row before a send that must not repeat; False where it is not to be sent any more."""
    query = update(Outbox).where(Outbox.id == outbox_id, Outbox.state == "ready").values(state="sending")
    return bool((await tx.execute(query)).rowcount)


async def retry_chat(tx: Transaction, outbox_id: int, chat_id: int, due: datetime, error: str) -> None:
    """Try this row again at `due`, and what waits behind it in its chat not before."""
    values = {"state": "ready", "error": error[:500], "attempts": Outbox.attempts + 1}
    await tx.execute(update(Outbox).where(Outbox.id == outbox_id).values(**values))
    behind = (Outbox.chat_id == chat_id) & (Outbox.state == "ready") & (Outbox.due < due)
    await tx.execute(update(Outbox).where(behind).values(due=due))


async def cut_off(tx: Transaction, shop_id: int) -> Sequence[int]:
    """Rows that were marked before a send whose answer nobody saw: no process sends to their chat any more."""
    abandoned = Outbox.chat_id.in_(select(PLACE.c.id).where(PLACE.c.claimed_by.is_(None)))
    query = select(Outbox.id).where(Outbox.shop_id == shop_id, Outbox.state == "sending", abandoned)
    return (await tx.scalars(query)).all()


async def resolve_unknown(tx: Transaction, shop_id: int) -> Sequence[int]:
    """Say of those what is true: that it is unknown whether they were sent."""
    ids = await cut_off(tx, shop_id)
    if ids:
        await tx.execute(update(Outbox).where(Outbox.id.in_(ids)).values(state="unknown"))
    return ids


async def recent(tx: Transaction, chat_id: int, count: int) -> list[Row[Any]]:
    """The last messages that all of a chat were shown, oldest first."""
    return (await RECENT.rows(tx, {"chat": chat_id, "count": count}))[::-1]


async def until(tx: Transaction, chat_id: int, outbox_id: int, count: int) -> list[Row[Any]]:
    """What was sent to a chat before this row, oldest first."""
    query = select(*SHOWN).where(OUT.c.chat_id == chat_id, OUT.c.state == "sent", OUT.c.id < outbox_id)
    query = query.where(OUT.c.kind != "edit", OUT.c.text != "")
    return list(await tx.execute(query.order_by(OUT.c.id.desc()).limit(count)))[::-1]


async def answered(tx: Transaction, chat_id: int, message_id: str) -> Row[Any] | None:
    """The answer that is this message of a chat; its last one where `message_id` is ''."""
    query = select(OUT).where(OUT.c.chat_id == chat_id, OUT.c.kind == "reply", OUT.c.state == "sent")
    if message_id:
        query = query.where(OUT.c.message_id == message_id)
    found = (await tx.execute(query.order_by(OUT.c.id.desc()).limit(1))).first()
    if found and found.extra.get("of"):  # a later part of it
        return await by_key(tx, found.shop_id, found.extra["of"])
    return found


async def said_in(tx: Transaction, chat_id: int) -> list[Row[Any]]:
    """Every reply and post that a whole chat was sent, oldest first."""
    query = select(OUT).where(OUT.c.chat_id == chat_id, OUT.c.state == "sent", OUT.c.kind.in_(("reply", "post")))
    return list(await tx.execute(query.order_by(OUT.c.sent, OUT.c.id)))


async def replies(tx: Transaction, shop_id: int) -> int:
    """How many replies were sent."""
    query = select(func.count()).where(OUT.c.shop_id == shop_id, OUT.c.kind == "reply", OUT.c.state == "sent")
    return int(await tx.scalar(query))


async def by_message(tx: Transaction, chat_id: int, message_id: str) -> Row[Any] | None:
    """The bot's message of this id in the chat."""
    query = select(Outbox.__table__).filter_by(chat_id=chat_id, message_id=message_id).where(Outbox.kind != "edit")
    return (await tx.execute(query)).first()


async def topic_of(tx: Transaction, shop_id: int, platform: str, chat: str, message_id: str) -> str | None:
    """The platform's id of the topic (`chat/…`) in which the bot's message of this id stands."""
    query = select(PLACE.c.platform_id).join(OUT, PLACE.c.id == OUT.c.chat_id)
    query = query.where(PLACE.c.shop_id == shop_id, PLACE.c.platform == platform, OUT.c.message_id == message_id)
    return await tx.scalar(query.where(PLACE.c.platform_id.startswith(f"{chat}/", autoescape=True)))


async def last_reply(tx: Transaction, chat_id: int) -> Row[Any] | None:
    """The last answer that was sent to a chat."""
    query = select(Outbox.__table__).filter_by(chat_id=chat_id, kind="reply", state="sent")
    return (await tx.execute(query.order_by(Outbox.id.desc()).limit(1))).first()


async def last_of(tx: Transaction, chat_id: int, kind: str) -> Row[Any] | None:
    """The last message of this kind that was, or is to be, sent to a chat."""
    query = select(Outbox.__table__).filter_by(chat_id=chat_id, kind=kind)
    return (await tx.execute(query.order_by(Outbox.id.desc()).limit(1))).first()


async def sources_before(tx: Transaction, row: Any, count: int) -> list[str]:
    """The rows that the replies to the same member, in the same chat, rested on just before this one."""
    query = select(Outbox.sources).where(
        Outbox.chat_id == row.chat_id, Outbox.member_id == row.member_id, Outbox.kind == "reply", Outbox.id < row.id
    )
    return [source for held in await tx.scalars(query.order_by(Outbox.id.desc()).limit(count)) for source in held]


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
        .where(Outbox.shop_id == shop_id, Outbox.state == "sent", Outbox.kind != "edit", Outbox.text != "")
        .where(Chat.platform == platform, Chat.platform_id == chat)
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


async def withdraw_unasked(tx: Transaction, chat_id: int, reply_to: str) -> None:
    """Keep an unasked reply to this message from being sent; without one, all that wait in the chat."""
    waiting = select(Outbox.id, Outbox.reply_to, Outbox.extra).filter_by(chat_id=chat_id, state="ready", kind="reply")
    rows = [row for row in await tx.execute(waiting) if row.extra.get("unasked")]
    ids = [row.id for row in rows if not reply_to or row.reply_to == reply_to]
    if ids:
        await tx.execute(update(Outbox).where(Outbox.id.in_(ids)).values(state="cancelled"))


async def by_messages(tx: Transaction, shop_id: int, platform: str, messages: Sequence[str]) -> list[Row[Any]]:
    """The rows that were sent as one of these messages of a platform."""
    query = WHERE_TO.where(OUT.c.shop_id == shop_id, PLACE.c.platform == platform, OUT.c.message_id.in_(messages))
    return list(await tx.execute(query.where(OUT.c.kind != "edit")))
