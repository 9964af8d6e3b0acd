"""One writer for everybody: what many tasks write at once, and what one of them may spoil."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage import migrate, settings, shops
from storage.database import Database, Transaction
from storage.tables import Setting


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/folder/shop.db"
    migrate.upgrade(made)
    return made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database(url) as opened:
        await opened.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        yield opened


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
        assert written.wait(10)
        return before, await tx.scalar(count)

    reading = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(begun.wait, 10)
    await database.write(setting("beside"))
    written.set()
    assert await reading == (0, 0)
    assert await names(database) == {"beside"}


async def test_a_job_that_waits_for_something_else_is_refused(database: Database):
    async def waits(tx: Transaction) -> None:
        await setting("half")(tx)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something other than its transaction"):
        await database.write(waits)
    assert await names(database) == set()


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
