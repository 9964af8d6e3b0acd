"""The models that were put before a shop: which one is live, which were refused, what each wrote."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from storage.database import Transaction
from storage.tables import Model, Outbox

FORGOTTEN = "forgotten"  # it learnt from somebody who had themselves forgotten


async def add(
    tx: Transaction,
    shop_id: int,
    *,
    path: str,
    base: str,
    digest: str,
    state: str,
    scores: dict[str, Any],
    now: datetime,
) -> int:
    """A model that was compared; one that is live from now on retires the one before it."""
    if state == "live":
        before = update(Model).filter_by(shop_id=shop_id, base=base, state="live")
        await tx.execute(before.values(state="retired"))
    values = {"path": path, "base": base, "digest": digest, "state": state, "scores": scores, "at": now}
    query = insert(Model).values(shop_id=shop_id, **values).returning(Model.id)
    return int((await tx.execute(query)).scalar_one())


async def live(tx: Transaction, shop_id: int, base: str) -> Row[Any] | None:
    """The model that stands in for this base now."""
    return await _newest(tx, shop_id, base, "live")


async def roll_back(tx: Transaction, shop_id: int, base: str, cause: str = "") -> Row[Any] | None:
    """Take the live model back; the one that it had retired is live again. The row that was live, None if none was.

    The same `cause` twice, as after a kill, takes back once.
    """
    before = await _newest(tx, shop_id, base, "rolled_back")
    if cause and before is not None and before.scores.get("taken_back_by") == cause:
        return before
    last = await _newest(tx, shop_id, base, "live")
    if last is None:
        return None
    scores = {**last.scores, "taken_back_by": cause}
    await tx.execute(update(Model).filter_by(id=last.id).values(state="rolled_back", scores=scores))
    before = await _newest(tx, shop_id, base, "retired")
    if before is not None:
        await tx.execute(update(Model).filter_by(id=before.id).values(state="live"))
    return last


async def unlearn(tx: Transaction, shop_id: int, exports: Collection[str]) -> list[Row[Any]]:
    """Retire for good what was made of these exports (digests), and what was made of that in turn; the rows. Where one
    of them was live, the newest of its base that is not among them is live again, or the base itself."""
    rows = list(await tx.execute(select(Model.__table__).filter_by(shop_id=shop_id).order_by(Model.id)))
    gone: dict[str, Row[Any]] = {}
    for row in rows:  # a model comes after the one that it was made of
        if row.scores.get("export") in exports or row.scores.get("made_of") in gone:
            gone[row.digest] = row
    found = [row for row in rows if row.digest in gone and row.state != FORGOTTEN]
    for row in found:
        await tx.execute(update(Model).filter_by(id=row.id).values(state=FORGOTTEN))
        before = await _newest(tx, shop_id, row.base, "retired") if row.state == "live" else None
        while before is not None and before.digest in gone:
            await tx.execute(update(Model).filter_by(id=before.id).values(state=FORGOTTEN))
            before = await _newest(tx, shop_id, row.base, "retired")
        if before is not None:
            await tx.execute(update(Model).filter_by(id=before.id).values(state="live"))
    return found


async def listed(tx: Transaction, shop_id: int, count: int = 20) -> list[Row[Any]]:
    """The last models, newest first."""
    query = select(Model.__table__).filter_by(shop_id=shop_id).order_by(Model.id.desc()).limit(count)
    return list(await tx.execute(query))


async def written(tx: Transaction, shop_id: int) -> dict[str, int]:
    """How many messages each model worded, by its name."""
    query = select(Outbox.model, func.count()).where(Outbox.shop_id == shop_id, Outbox.model != "")
    return {row[0]: int(row[1]) for row in await tx.execute(query.group_by(Outbox.model))}


async def _newest(tx: Transaction, shop_id: int, base: str, state: str) -> Row[Any] | None:
    query = select(Model.__table__).filter_by(shop_id=shop_id, base=base, state=state)
    found: Row[Any] | None = (await tx.execute(query.order_by(Model.id.desc()).limit(1))).first()
    return found
