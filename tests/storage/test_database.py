"""One writer for everybody: what many tasks write at once, and what one of them may spoil."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage import settings, shops
from storage.database import Database, Transaction
from storage.tables import Setting
from tests.shop_file import new_shop

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def setting(name: str, value: str = "1"):
    async def job(tx: Transaction) -> str:
        await settings.change(tx, 1, name, value)
        return name

    return job


async def broken(tx: Transaction) -> None:
    """Writes, and then fails."""
    await setting("half")(tx)
    raise LookupError("after half of it")


async def names(database: Database) -> set[str]:
    return set(await database.read(lambda tx: settings.changed(tx, 1)))


async def test_many_writers_all_get_their_own_result(database: Database):
    wanted = [f"s{number}" for number in range(600)]
    assert await asyncio.gather(*(database.write(setting(name)) for name in wanted)) == wanted
    assert await names(database) == set(wanted)


async def test_writes_stand_in_the_order_in_which_they_were_given(database: Database):
    await asyncio.gather(*(database.write(setting("s", str(number))) for number in range(50)))
    assert (await database.read(lambda tx: settings.changed(tx, 1)))["s"] == "49"


async def test_a_failing_job_fails_alone_and_leaves_nothing(database: Database):
    jobs = [broken if number % 7 == 3 else setting(f"s{number}") for number in range(40)]
    results = await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
    for number, result in enumerate(results):
        assert isinstance(result, LookupError) if number % 7 == 3 else result == f"s{number}"
    assert await names(database) == {f"s{number}" for number in range(40) if number % 7 != 3}


async def test_a_job_that_the_database_refuses_fails_alone(database: Database):
    async def twice(tx: Transaction) -> None:
        for _ in range(2):
            await tx.execute(Setting.__table__.insert().values(shop_id=1, name="same", value=""))

    refused, kept = await asyncio.gather(
        database.write(twice), database.write(setting("other")), return_exceptions=True
    )
    assert isinstance(refused, IntegrityError)
    assert kept == "other"
    assert await names(database) == {"other"}


async def test_who_no_longer_waits_does_not_disturb_the_others(database: Database):
    gone = asyncio.create_task(database.write(setting("gone")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await database.write(setting("stays")) == "stays"
    assert "stays" in await names(database)


async def test_a_read_sees_one_moment_while_others_write(database: Database):
    count = select(func.count()).select_from(Setting)
    begun, written = threading.Event(), threading.Event()

    async def look_twice(tx: Transaction) -> tuple[int, int]:
        before = await tx.scalar(count)
        begun.set()
        if database.sqlite:  # there a job has a thread of its own, and may await nothing else
            assert written.wait(10)
        while not written.is_set():
            await tx.scalar(select(func.pg_sleep(0.01)))
        return before, await tx.scalar(count)

    reading = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(begun.wait, 10)
    await database.write(setting("beside"))
    written.set()
    assert await reading == (0, 0)
    assert await names(database) == {"beside"}


async def test_a_job_that_waits_for_something_else_is_refused(tmp_path: Path):
    """On SQLite, where it would hold a thread up."""

    async def waits(tx: Transaction) -> None:
        await setting("half")(tx)
        await asyncio.sleep(0)

    async with new_shop(tmp_path) as database:
        with pytest.raises(RuntimeError, match="something other than its transaction"):
            await database.write(waits)
        assert await names(database) == set()


async def test_what_is_looked_up_before_it_is_written_stays_true(url: str):
    """Of two processes that count first and then write, none counts what the other is about to change."""
    count = select(func.count()).select_from(Setting)

    async def one_more(tx: Transaction) -> None:
        held = await tx.scalar(count)
        if held < 10:
            await tx.execute(Setting.__table__.insert().values(shop_id=1, name=f"n{held}", value=""))

    async with Database(url) as one, Database(url) as other:
        await one.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        await asyncio.gather(*(each.write(one_more) for _ in range(20) for each in (one, other)))
        assert await names(one) == {f"n{number}" for number in range(10)}


async def test_any_text_is_taken(database: Database):
    await database.write(setting("a\0b", "好\0 \\u0000"))
    changed = await database.read(lambda tx: settings.changed(tx, 1))
    assert [value.replace("\0", "�") for value in changed.values()] == ["好� \\u0000"]
    await database.write(lambda tx: settings.audit(tx, 1, "x", NOW, data={"said": ["a\0b", "\\u0000", "\\\0"]}))
    (row,) = await database.read(lambda tx: settings.audited(tx, 1))
    assert [one.replace("\0", "�") for one in row.data["said"]] == ["a�b", "\\u0000", "\\�"]


async def test_what_was_written_stands_after_a_restart(url: str):
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        await database.write(setting("kept"))
    async with Database(url) as database:
        assert await names(database) == {"kept"}


async def test_closing_waits_for_what_was_given_to_it(url: str):
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        tasks = [asyncio.create_task(database.write(setting(f"s{number}"))) for number in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    async with Database(url) as database:
        assert len(await names(database)) == 20
