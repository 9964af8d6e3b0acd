"""A prepared statement writes and reads what the same statement does by SQLAlchemy's own way."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update

from storage import members
from storage.database import Database, Transaction
from storage.prepared import Prepared
from storage.tables import Outbox, table

OUT = table(Outbox)
AT = datetime(2026, 3, 2, 10, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
ROW = {
    "shop_id": 1, "chat_id": 1, "kind": "reply", "action": "reply", "worded_by": "code", "model": "", "text": "好",
    "extra": {"cards": [["a", None, "é"]]}, "reply_to": "", "facts": [], "sources": ["product:1"], "state": "ready",
    "message_id": "", "attempts": 0, "error": "", "created": AT, "due": AT,
}  # fmt: skip
ADD = Prepared(insert(OUT).returning(OUT.c.id))
ALL = Prepared(select(OUT).where(OUT.c.shop_id == bindparam("shop")).order_by(OUT.c.id))
CHANGE = Prepared(update(OUT).where(OUT.c.id == bindparam("row")))


@pytest.fixture
async def database(database: Database) -> Database:
    await database.write(lambda tx: members.enter(tx, 1, "test", "a", "a", False))
    return database


async def both_ways(tx: Transaction) -> tuple[list[Any], list[Any]]:
    prepared = await ALL.rows(tx, {"shop": 1})
    return [row._asdict() for row in prepared], [dict(row) for row in (await tx.execute(select(OUT))).mappings()]


async def test_rows_are_the_same_both_ways(database: Database):
    async def job(tx: Transaction) -> int:
        await tx.execute(insert(OUT).values(**ROW, key="by SQLAlchemy"))
        return int((await ADD.run(tx, ROW | {"key": "prepared"})).id)

    assert await database.write(job) == 2
    prepared, usual = await database.read(both_ways)
    assert prepared == usual
    same = {"id": 0, "key": "", "member_id": None, "sent": None, "rests": None, "checked": None}
    assert [one | same for one in prepared] == [ROW | same] * 2
    assert all(one["created"].tzinfo is UTC for one in prepared)


async def test_an_update_sets_the_columns_that_are_named(database: Database):
    await database.write(lambda tx: ADD.run(tx, ROW | {"key": "a"}))
    assert await database.write(lambda tx: CHANGE.run(tx, {"row": 1, "state": "sent", "sent": AT})) is None
    await database.write(lambda tx: CHANGE.run(tx, {"row": 1, "extra": {}, "text": "other"}))
    await database.write(lambda tx: CHANGE.run(tx, {"row": 2, "text": "nobody's"}))
    (row,) = await database.read(lambda tx: ALL.rows(tx, {"shop": 1}))
    assert (row.state, row.sent, row.extra, row.text) == ("sent", AT, {}, "other")


async def test_prepared_and_other_statements_of_a_job_are_one_transaction(database: Database):
    async def job(tx: Transaction) -> None:
        await ADD.run(tx, ROW | {"key": "a"})
        assert (await tx.execute(update(OUT).values(text="seen by both"))).rowcount == 1
        (row,) = await ALL.rows(tx, {"shop": 1})
        assert row.text == "seen by both"
        await ADD.run(tx, ROW | {"key": "a"})  # refused: this key is taken

    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(job)
    assert await database.read(lambda tx: ALL.rows(tx, {"shop": 1})) == []
    await database.write(lambda tx: ADD.run(tx, ROW | {"key": "a"}))
    assert len(await database.read(lambda tx: ALL.rows(tx, {"shop": 1}))) == 1
