"""The log of suggestions: what was put before whom with which chance, who was held out, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, func, insert, select, update

from storage.database import Transaction
from storage.tables import Interaction, Outbox, SuggestionLog, table

LOG, DID, OUT = table(SuggestionLog), table(Interaction), table(Outbox)
LOOKED = 300  # last messages to a member that suggestions are looked for among
MOST = 50_000  # slots that are looked at: the newest


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment in which a member could be sent something. `pressed`: they asked about it within the given time;
    `gone`: they left or ended their subscription within it."""

    member_id: int
    holdout: bool
    candidates: Sequence[int]
    propensities: Sequence[float]
    expected: Sequence[float]
    values: Mapping[str, float]
    chosen: int | None
    at: datetime
    past: bool
    pressed: bool
    gone: bool


async def add(
    tx: Transaction,
    shop_id: int,
    member_id: int,
    key: str,
    now: datetime,
    *,
    candidates: Sequence[int] = (),
    propensities: Sequence[float] = (),
    expected: Sequence[float] = (),
    values: Mapping[str, float] | None = None,
    chosen: int | None = None,
) -> bool:
    """Log a slot; without `chosen` it is one of the holdout. False where the key stands there already."""
    if await logged(tx, shop_id, key):
        return False
    row = {
        "shop_id": shop_id,
        "member_id": member_id,
        "key": key,
        "holdout": chosen is None,
        "chosen": chosen,
        "at": now,
    }
    more = {"candidates": list(candidates), "propensities": list(propensities), "expected": list(expected)}
    await tx.execute(insert(SuggestionLog).values(**row, **more, values=dict(values or {}), past=False))
    return True


async def logged(tx: Transaction, shop_id: int, key: str) -> bool:
    """Does a slot of this key stand in the log?"""
    return await tx.scalar(select(LOG.c.id).where(LOG.c.shop_id == shop_id, LOG.c.key == key)) is not None


async def stop(tx: Transaction, shop_id: int, member_id: int, now: datetime) -> None:
    """The member ended their subscription: that is held against the slot before."""
    last = select(func.max(LOG.c.id)).where(LOG.c.shop_id == shop_id, LOG.c.member_id == member_id).scalar_subquery()
    await tx.execute(
        update(SuggestionLog).where(SuggestionLog.id == last, SuggestionLog.stopped.is_(None)).values(stopped=now)
    )


async def resume(tx: Transaction, shop_id: int) -> None:
    """What is logged so far is no evidence of harm any more."""
    await tx.execute(update(SuggestionLog).where(SuggestionLog.shop_id == shop_id).values(past=True))


async def slots(tx: Transaction, shop_id: int, within: timedelta) -> list[Slot]:
    """The log, oldest first, with what followed each slot within that time."""
    query = select(LOG).where(LOG.c.shop_id == shop_id).order_by(LOG.c.id.desc()).limit(MOST)
    rows = list(await tx.execute(query))[::-1]
    if not rows:
        return []
    members = select(LOG.c.member_id).where(LOG.c.shop_id == shop_id).distinct()
    did = select(DID.c.member_id, DID.c.kind, DID.c.product_id, DID.c.at).where(
        DID.c.member_id.in_(members), DID.c.at >= min(row.at for row in rows), DID.c.kind.in_(("asked", "left"))
    )
    after: dict[tuple[int, int | None], list[datetime]] = {}
    for one in await tx.execute(did):
        after.setdefault((one.member_id, None if one.kind == "left" else one.product_id or 0), []).append(one.at)
    return [_slot(row, after, within) for row in rows]


async def told(tx: Transaction, shop_id: int, member_id: int, count: int) -> list[Row[Any]]:
    """The last suggestions that this member saw and whose causes are kept (key, kind, extra, sources, sent), newest
    first, with the candidates and chances of those that came unasked."""
    drawn = (LOG.c.shop_id == OUT.c.shop_id) & (LOG.c.key == OUT.c.key)
    columns = (OUT.c.key, OUT.c.kind, OUT.c.extra, OUT.c.sources, OUT.c.sent, LOG.c.candidates, LOG.c.propensities)
    query = select(*columns, LOG.c.chosen).outerjoin(LOG, drawn)
    query = query.where(OUT.c.shop_id == shop_id, OUT.c.member_id == member_id, OUT.c.state == "sent")
    query = query.where(OUT.c.kind.in_(("suggestion", "command"))).order_by(OUT.c.id.desc()).limit(LOOKED)
    return [row for row in await tx.execute(query) if row.extra.get("why")][:count]


def _slot(row: Row[Any], after: Mapping[tuple[int, int | None], Sequence[datetime]], within: timedelta) -> Slot:
    def followed(what: int | None) -> bool:
        return any(row.at <= at < row.at + within for at in after.get((row.member_id, what), ()))

    stopped = row.stopped is not None and row.stopped < row.at + within
    return Slot(
        row.member_id,
        row.holdout,
        row.candidates,
        row.propensities,
        row.expected,
        row.values,
        row.chosen,
        row.at,
        row.past,
        row.chosen is not None and followed(row.chosen),
        stopped or followed(None),
    )


async def outcomes(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Each member of the log since their first slot: member_id, holdout, how many button presses, questions about
    products, messages, and whether they left or ended their subscription."""
    columns: tuple[Any, ...] = (
        LOG.c.member_id,
        func.min(LOG.c.at).label("first"),
        func.max(case((LOG.c.holdout, 1), else_=0)).label("holdout"),
        func.count(LOG.c.stopped).label("stopped"),
    )
    first = select(*columns).where(LOG.c.shop_id == shop_id).group_by(LOG.c.member_id).subquery()
    columns = (
        first.c.member_id,
        first.c.holdout,
        first.c.stopped,
        func.count().filter(DID.c.kind == "pressed").label("pressed"),
        func.count().filter(DID.c.kind == "asked", DID.c.product_id.is_not(None)).label("asked"),
        func.count().filter(DID.c.kind.in_(("said", "asked", "thanked", "complained"))).label("messages"),
        func.count().filter(DID.c.kind == "left").label("left"),
    )
    joined = first.outerjoin(DID, (DID.c.member_id == first.c.member_id) & (DID.c.at >= first.c.first))
    grouped = select(*columns).select_from(joined).group_by(first.c.member_id, first.c.holdout, first.c.stopped)
    return list(await tx.execute(grouped.order_by(first.c.member_id)))
