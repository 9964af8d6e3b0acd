"""Schedules and their runs: the truth about what is due, of which the ticker only asks."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Run, Schedule, table

PLANS, RUNS = table(Schedule), table(Run)
DUE = Prepared(
    select(PLANS)
    .where(PLANS.c.shop_id == bindparam("shop"), PLANS.c.active, PLANS.c.next_due <= bindparam("now"))
    .order_by(PLANS.c.next_due)
)
OF_PLAN = (PLANS.c.content, PLANS.c.chat_id, PLANS.c.catchup_window, PLANS.c.active)
OPEN = Prepared(
    select(RUNS.c.id, RUNS.c.due, RUNS.c.schedule_id, *OF_PLAN)
    .join(PLANS, PLANS.c.id == RUNS.c.schedule_id)
    .where(RUNS.c.shop_id == bindparam("shop"), RUNS.c.state == "due")
    .order_by(RUNS.c.id)
)


async def add(tx: Transaction, shop_id: int, chat_id: int, **values: Any) -> int:
    query = insert(Schedule).values(shop_id=shop_id, chat_id=chat_id, **values).returning(Schedule.id)
    return int((await tx.execute(query)).scalar_one())


async def of_chat(tx: Transaction, chat_id: int) -> list[Row[Any]]:
    return list(
        await tx.execute(select(Schedule.__table__).filter_by(chat_id=chat_id, active=True).order_by(Schedule.id))
    )


async def remove(tx: Transaction, chat_id: int, schedule_id: int) -> bool:
    query = update(Schedule).filter_by(id=schedule_id, chat_id=chat_id, active=True).values(active=False)
    return bool((await tx.execute(query)).rowcount)


async def due(tx: Transaction, shop_id: int, now: datetime) -> list[Row[Any]]:
    return await DUE.rows(tx, {"shop": shop_id, "now": now})


async def next_due(tx: Transaction, shop_id: int) -> datetime | None:
    return await tx.scalar(select(func.min(Schedule.next_due)).where(Schedule.shop_id == shop_id, Schedule.active))


async def begin_run(
    tx: Transaction, shop_id: int, schedule_id: int, due: datetime, state: str, note: str = ""
) -> int | None:
    """The new run's id; None if this due time has its run already."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    values = {"shop_id": shop_id, "schedule_id": schedule_id, "due": due, "state": state, "note": note}
    row = (await tx.execute(dialect.insert(Run).values(**values).on_conflict_do_nothing().returning(Run.id))).first()
    return None if row is None else int(row.id)


async def advance(tx: Transaction, schedule_id: int, next_due: datetime) -> None:
    await tx.execute(update(Schedule).where(Schedule.id == schedule_id).values(next_due=next_due))


async def open_runs(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Runs that are due and not done, with what their schedule says: also those a kill left behind."""
    return await OPEN.rows(tx, {"shop": shop_id})


async def end_run(tx: Transaction, run_id: int, state: str, note: str = "") -> None:
    await tx.execute(update(Run).where(Run.id == run_id).values(state=state, note=note[:500]))


async def runs(tx: Transaction, schedule_id: int, count: int = 100) -> list[Row[Any]]:
    """The schedule's last runs, newest first."""
    query = select(Run.__table__).filter_by(schedule_id=schedule_id).order_by(Run.due.desc())
    return list(await tx.execute(query.limit(count)))
