"""Schedules and their runs: the truth about what is due, of which the ticker only asks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage import watched
from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Outbox, Run, Schedule, table

POST = "post"  # kind of the outbox, and what its keys begin with: `post:RUN`
UNDONE = ("missed", "failed", "unknown")
PLANS, RUNS = table(Schedule), table(Run)
DUE = Prepared(
    select(PLANS)
    .where(PLANS.c.shop_id == bindparam("shop"), PLANS.c.active, ~PLANS.c.paused, PLANS.c.begins <= bindparam("now"))
    .order_by(PLANS.c.next_due, PLANS.c.id)
)
OF_PLAN = (
    PLANS.c.content, PLANS.c.chat_id, PLANS.c.catchup_window, PLANS.c.active, PLANS.c.approve, PLANS.c.unanswered,
    PLANS.c.paused,
)  # fmt: skip
OF_RUN = (RUNS.c.id, RUNS.c.due, RUNS.c.post_at, RUNS.c.about, RUNS.c.schedule_id, RUNS.c.note, RUNS.c.asked)
OPEN = Prepared(
    select(*OF_RUN, *OF_PLAN)
    .join(PLANS, PLANS.c.id == RUNS.c.schedule_id)
    .where(RUNS.c.shop_id == bindparam("shop"), RUNS.c.state == "due")
    .order_by(RUNS.c.id)
)


def begins(next_due: datetime | None, lead: int) -> datetime | None:
    """When a run is begun that is due then."""
    return None if next_due is None else next_due - timedelta(seconds=lead)


async def add(tx: Transaction, shop_id: int, chat_id: int, **values: Any) -> int:
    """Its number."""
    await watched.expect(tx, shop_id, values["rule"])
    values["begins"] = begins(values.get("next_due"), values.get("lead", 0))
    query = insert(Schedule).values(shop_id=shop_id, chat_id=chat_id, **values).returning(Schedule.id)
    return int((await tx.execute(query)).scalar_one())


async def of_chat(tx: Transaction, chat_id: int) -> list[Row[Any]]:
    """The chat's schedules that were not removed, by number."""
    return list(
        await tx.execute(select(Schedule.__table__).filter_by(chat_id=chat_id, active=True).order_by(Schedule.id))
    )


async def get(tx: Transaction, chat_id: int, schedule_id: int) -> Row[Any] | None:
    """A schedule of this chat's by its number."""
    query = select(Schedule.__table__).filter_by(id=schedule_id, chat_id=chat_id, active=True)
    return (await tx.execute(query)).first()


async def remove(tx: Transaction, chat_id: int, schedule_id: int) -> bool:
    query = update(Schedule).filter_by(id=schedule_id, chat_id=chat_id, active=True).values(active=False)
    return bool((await tx.execute(query)).rowcount)


async def change(tx: Transaction, schedule_id: int, **values: Any) -> None:
    """Set columns; of `next_due` and `lead` both, or neither."""
    if "next_due" in values:
        values["begins"] = begins(values["next_due"], values["lead"])
    await tx.execute(update(Schedule).where(Schedule.id == schedule_id).values(**values))


async def of_file(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """What the schedule file put there and nobody removed."""
    query = select(Schedule.__table__).filter_by(shop_id=shop_id, active=True).where(Schedule.name != "")
    return list(await tx.execute(query.order_by(Schedule.id)))


async def due(tx: Transaction, shop_id: int, now: datetime) -> list[Row[Any]]:
    """Those of which a run is to be begun."""
    return await DUE.rows(tx, {"shop": shop_id, "now": now})


async def events(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Schedules that wait for something to happen to the shop's products."""
    query = select(Schedule.__table__).filter_by(shop_id=shop_id, active=True).where(Schedule.rule.startswith("on "))
    return list(await tx.execute(query.order_by(Schedule.id)))


async def next_due(tx: Transaction, shop_id: int) -> datetime | None:
    return await tx.scalar(
        select(func.min(Schedule.next_due)).where(Schedule.shop_id == shop_id, Schedule.active, ~Schedule.paused)
    )


async def begin_run(
    tx: Transaction,
    shop_id: int,
    schedule_id: int,
    due: datetime,
    state: str = "due",
    note: str = "",
    *,
    local: str | None = None,
    post_at: datetime | None = None,
    about: Sequence[str] = (),
    asked: bool = False,
) -> int | None:
    """The new run's id; None if this due time, or this wall time, has its run already."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    values = {
        "shop_id": shop_id, "schedule_id": schedule_id, "due": due, "state": state, "note": note[:500], "local": local,
        "post_at": post_at or due, "about": list(about), "asked": asked,
        "told": False,
    }  # fmt: skip
    row = (await tx.execute(dialect.insert(Run).values(**values).on_conflict_do_nothing().returning(Run.id))).first()
    return None if row is None else int(row.id)


async def advance(tx: Transaction, row: Any, next_due: datetime | None) -> bool:
    """Move a schedule on from where it was read. False: another process, or an admin, moved it meanwhile."""
    query = update(Schedule).where(Schedule.id == row.id, Schedule.next_due == row.next_due)
    moved = await tx.execute(query.values(next_due=next_due, begins=begins(next_due, row.lead)))
    return bool(moved.rowcount)


async def open_runs(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Runs that are begun and not done, with what their schedule says: also those a kill left behind."""
    return await OPEN.rows(tx, {"shop": shop_id})


async def explain(tx: Transaction, run_id: int, note: str) -> None:
    """Say what an open run waits for."""
    await tx.execute(update(Run).where(Run.id == run_id, Run.state == "due").values(note=note[:500]))


async def end_run(tx: Transaction, run_id: int, state: str, note: str = "") -> None:
    await tx.execute(update(Run).where(Run.id == run_id, Run.state == "due").values(state=state, note=note[:500]))


async def runs(tx: Transaction, schedule_id: int, count: int = 100) -> list[Row[Any]]:
    """The schedule's last runs, newest first."""
    query = select(Run.__table__).filter_by(schedule_id=schedule_id).order_by(Run.due.desc())
    return list(await tx.execute(query.limit(count)))


async def untold(tx: Transaction, shop_id: int, count: int) -> list[Row[Any]]:
    """Runs that were not done and that no admin knows of, with their schedule, oldest first."""
    columns = (Run.id, Run.due, Run.state, Run.note, Run.schedule_id, Schedule.content, Schedule.chat_id)
    query = select(*columns, Schedule.timezone).join(Schedule, Schedule.id == Run.schedule_id)
    query = query.where(Run.shop_id == shop_id, ~Run.told, Run.state.in_(UNDONE))
    return list(await tx.execute(query.order_by(Run.id).limit(count)))


async def told(tx: Transaction, run_ids: Sequence[int]) -> None:
    await tx.execute(update(Run).where(Run.id.in_(run_ids)).values(told=True))


async def settle(tx: Transaction, shop_id: int, since: datetime) -> None:
    """Runs whose post was put out since then, but not sent, or nobody knows whether it was: neither is done."""
    query = select(Outbox.key, Outbox.state, Outbox.error).where(
        Outbox.shop_id == shop_id, Outbox.kind == POST, Outbox.created >= since, Outbox.state.in_(("failed", "unknown"))
    )
    for row in list(await tx.execute(query)):
        kind, _, number = row.key.partition(":")
        if kind == POST and number.isdecimal():
            done = update(Run).where(Run.id == int(number), Run.state == "done")
            note = row.error or "nobody saw whether it arrived, and it is not sent again"
            await tx.execute(done.values(state=row.state, note=note[:500]))


async def last_runs(tx: Transaction, chat_id: int) -> dict[int, Row[Any]]:
    """Of each of the chat's schedules the last run that is over, or waits for something."""
    newest = select(func.max(Run.id)).join(Schedule, Schedule.id == Run.schedule_id)
    newest = newest.where(Schedule.chat_id == chat_id, Schedule.active, or_(Run.state != "due", Run.note != ""))
    rows = await tx.execute(select(Run.__table__).where(Run.id.in_(newest.group_by(Run.schedule_id))))
    return {row.schedule_id: row for row in rows}
