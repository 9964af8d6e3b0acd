"""Campaigns and their targets: every step of one is a small transaction, and its state stands here alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Transaction
from storage.tables import Campaign, Chat, Outbox, Target, table

DRAFT, RUNNING, STOPPED, DONE, DROPPED = "draft", "running", "stopped", "done", "dropped"
WAITING, QUEUED, SKIPPED = "waiting", "queued", "skipped"
ENDS = ("sent", "failed", "unknown", "blocked", "cancelled")  # of an outbox row
ONE, AIM, OUT, PLACE = table(Campaign), table(Target), table(Outbox), table(Chat)
STARTED = ONE.c.state.in_((RUNNING, STOPPED))


async def add(tx: Transaction, shop_id: int, chat_id: int, cause: int, now: datetime, **values: Any) -> int:
    """The draft's id; that of the one before where this cause has one already."""
    found = await tx.scalar(select(ONE.c.id).where(ONE.c.shop_id == shop_id, ONE.c.cause == cause))
    if found is None:
        row = {"shop_id": shop_id, "chat_id": chat_id, "cause": cause, "created": now, "state": DRAFT, **values}
        found = await tx.scalar(ONE.insert().values(**row).returning(ONE.c.id))
    return int(found)


async def add_targets(
    tx: Transaction, campaign_id: int, places: Sequence[tuple[int, int | None]], now: datetime
) -> None:
    """Where it goes: chats, and the member whose direct chat it is. Those that are there already are left alone."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    rows = [
        {"campaign_id": campaign_id, "chat_id": chat, "member_id": member, "state": WAITING, "note": "", "due": now}
        for chat, member in places
    ]
    await tx.execute(dialect.insert(AIM).on_conflict_do_nothing(), rows)


async def get(tx: Transaction, shop_id: int, campaign_id: int) -> Row[Any] | None:
    return (await tx.execute(select(ONE).where(ONE.c.shop_id == shop_id, ONE.c.id == campaign_id))).first()


async def latest(tx: Transaction, shop_id: int, count: int) -> list[Row[Any]]:
    """The last ones, newest first."""
    query = select(ONE).where(ONE.c.shop_id == shop_id, ONE.c.state != DROPPED)
    return list(await tx.execute(query.order_by(ONE.c.id.desc()).limit(count)))


async def move(tx: Transaction, campaign_id: int, before: Sequence[str], after: str, **values: Any) -> bool:
    """Bring one out of these states into another; False where it is in none of them."""
    query = update(ONE).where(ONE.c.id == campaign_id, ONE.c.state.in_(before)).values(state=after, **values)
    return bool((await tx.execute(query)).rowcount)


async def under_way(tx: Transaction, shop_id: int) -> list[int]:
    """Those that are running, and those that were stopped while something of them was on its way."""
    left = exists().where(AIM.c.campaign_id == ONE.c.id, AIM.c.state == QUEUED)
    query = select(ONE.c.id).where(ONE.c.shop_id == shop_id, STARTED, or_(ONE.c.state == RUNNING, left))
    return [int(one) for one in await tx.scalars(query.order_by(ONE.c.id))]


async def ended(tx: Transaction, campaign_id: int, count: int) -> list[Row[Any]]:
    """Queued targets whose outbox row came to an end: id, key, state, error."""
    query = select(AIM.c.id, OUT.c.key, OUT.c.state, OUT.c.error).join(OUT, OUT.c.id == AIM.c.outbox_id)
    query = query.where(AIM.c.campaign_id == campaign_id, AIM.c.state == QUEUED, OUT.c.state.in_(ENDS))
    return list(await tx.execute(query.limit(count)))


async def queued(tx: Transaction, shop_id: int) -> dict[str, int]:
    """How many targets of all campaigns are on their way, by platform."""
    query = select(PLACE.c.platform, func.count()).join(AIM, AIM.c.chat_id == PLACE.c.id)
    query = query.join(ONE, ONE.c.id == AIM.c.campaign_id).where(ONE.c.shop_id == shop_id, STARTED)
    found = await tx.execute(query.where(AIM.c.state == QUEUED).group_by(PLACE.c.platform))
    return {row[0]: int(row[1]) for row in found}


async def platforms(tx: Transaction, campaign_id: int, now: datetime) -> list[str]:
    """Those on which something is to be sent now."""
    query = select(PLACE.c.platform).distinct().join(AIM, AIM.c.chat_id == PLACE.c.id)
    return list(await tx.scalars(query.where(*_waiting(campaign_id, now)).order_by(PLACE.c.platform)))


async def waiting(tx: Transaction, campaign_id: int, platform: str, now: datetime, count: int) -> list[Row[Any]]:
    """The next targets on a platform, with their chat's row."""
    columns = (PLACE.c.platform, PLACE.c.language, PLACE.c.muted_until, PLACE.c.direct)
    query = select(AIM, *columns).join(PLACE, PLACE.c.id == AIM.c.chat_id).where(*_waiting(campaign_id, now))
    query = query.where(PLACE.c.platform == platform).order_by(AIM.c.due, AIM.c.id)
    return list(await tx.execute(query.limit(count)))


def _waiting(campaign_id: int, now: datetime) -> tuple[Any, ...]:
    return (AIM.c.campaign_id == campaign_id, AIM.c.state == WAITING, AIM.c.due <= now)


async def change_target(tx: Transaction, target_id: int, state: str, **values: Any) -> None:
    await tx.execute(update(AIM).where(AIM.c.id == target_id).values(state=state, **values))


async def call_back(tx: Transaction, campaign_id: int) -> list[str]:
    """Take what is not being sent yet out of the outbox; its targets wait again. The keys."""
    mine = select(AIM.c.outbox_id).where(AIM.c.campaign_id == campaign_id, AIM.c.state == QUEUED)
    query = update(OUT).where(OUT.c.id.in_(mine), OUT.c.state == "ready").values(state="cancelled")
    rows = list(await tx.execute(query.returning(OUT.c.id, OUT.c.key)))
    taken = and_(AIM.c.campaign_id == campaign_id, AIM.c.outbox_id.in_([row.id for row in rows]))
    await tx.execute(update(AIM).where(taken).values(state=WAITING))
    return [row.key for row in rows]


async def counts(tx: Transaction, campaign_id: int) -> dict[str, int]:
    """How many targets are in each state."""
    query = select(AIM.c.state, func.count()).where(AIM.c.campaign_id == campaign_id).group_by(AIM.c.state)
    return {row[0]: int(row[1]) for row in await tx.execute(query)}


async def notes(tx: Transaction, campaign_id: int, count: int) -> list[Row[Any]]:
    """The most frequent reasons (state, note, count) of what was not sent, or not yet."""
    query = select(AIM.c.state, AIM.c.note, func.count().label("count"))
    query = query.where(AIM.c.campaign_id == campaign_id, AIM.c.note != "", AIM.c.state != "sent")
    query = query.group_by(AIM.c.state, AIM.c.note).order_by(func.count().desc(), AIM.c.note).limit(count)
    return list(await tx.execute(query))


async def titles(tx: Transaction, campaign_id: int, count: int) -> list[str]:
    """What the first places that it goes to are called."""
    query = select(PLACE.c.title, PLACE.c.platform_id).join(AIM, AIM.c.chat_id == PLACE.c.id)
    rows = await tx.execute(query.where(AIM.c.campaign_id == campaign_id).order_by(AIM.c.id).limit(count))
    return [row.title or row.platform_id for row in rows]


async def places(tx: Transaction, campaign_id: int) -> list[Row[Any]]:
    """Everywhere that it goes (title, platform_id, state, note), in order."""
    query = select(PLACE.c.title, PLACE.c.platform_id, AIM.c.state, AIM.c.note).join(AIM, AIM.c.chat_id == PLACE.c.id)
    return list(await tx.execute(query.where(AIM.c.campaign_id == campaign_id).order_by(AIM.c.id)))
