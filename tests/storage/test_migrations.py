"""The migrations and the tables say the same, both ways."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from storage import members, migrate, outbox, shops
from storage.database import Database, Transaction
from storage.tables import Base


def difference(url: str) -> list[object]:
    """What an automatic migration would still change."""
    options = {"compare_type": True, "compare_server_default": True}
    return migrate.inside(
        url, lambda at: list(compare_metadata(MigrationContext.configure(at, opts=options), Base.metadata))
    )


def tables(url: str) -> set[str]:
    return migrate.inside(url, lambda at: set(inspect(at).get_table_names()) - {"alembic_version"})


def downgrade(url: str) -> None:
    migrate.inside(url, lambda at: command.downgrade(migrate.config(at), "base"))


def test_upgraded_from_nothing_it_is_what_the_tables_say(empty_url: str):
    migrate.upgrade(empty_url)
    assert tables(empty_url) == set(Base.metadata.tables)
    assert difference(empty_url) == []


async def test_upgrading_twice_is_harmless(empty_url: str):
    migrate.upgrade(empty_url)
    async with Database(empty_url) as database:
        await database.write(lambda tx: shops.create(tx, "Kept", "USD", "UTC", "en"))
    migrate.upgrade(empty_url)
    async with Database(empty_url) as database:
        assert (await database.read(shops.get)).name == "Kept"


def test_processes_that_start_together_migrate_once(empty_url: str):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate.upgrade, [empty_url] * 4))
    assert difference(empty_url) == []


def test_down_to_nothing_and_up_again(empty_url: str):
    migrate.upgrade(empty_url)
    downgrade(empty_url)
    assert tables(empty_url) == set()
    migrate.upgrade(empty_url)
    assert difference(empty_url) == []


async def test_a_copy_holds_the_same(url: str, tmp_path: Path):
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Kept", "USD", "UTC", "en"))
    copied = f"sqlite:///{tmp_path}/copy.db"
    assert migrate.copy(url, copied)
    async with Database(copied) as database:
        assert (await database.read(shops.get)).name == "Kept"


async def test_all_is_moved_and_new_rows_come_after_it(empty_url: str, tmp_path: Path):
    async def fill(tx: Transaction) -> None:
        await shops.create(tx, "Kept", "USD", "UTC", "en")
        chat = await members.enter(tx, 1, "test", "a", "a", False)
        now = datetime(2026, 3, 2, tzinfo=UTC)
        for number in range(3):
            await outbox.put(tx, 1, chat.id, f"{number}", "reply", f"好{number}", now, extra={"a": [number]})

    url = f"sqlite:///{tmp_path}/before.db"
    migrate.upgrade(url)
    async with Database(url) as database:
        await database.write(fill)
    assert migrate.move(url, empty_url) == 5
    async with Database(empty_url) as database:
        row = await database.read(lambda tx: outbox.by_key(tx, 1, "2"))
        assert (row.id, row.text, row.extra, row.rests) == (3, "好2", {"a": [2]}, None)
        assert (await database.write(lambda tx: members.enter(tx, 1, "test", "b", "b", False))).id == 2
    with pytest.raises(migrate.NotEmpty, match="shop"):
        migrate.move(url, empty_url)


def test_where_nothing_is_nothing_is_copied(tmp_path: Path):
    assert not migrate.copy(f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/copy.db")
