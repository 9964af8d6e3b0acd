"""The migrations and the tables say the same, both ways."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from storage import migrate, shops
from storage.database import Database
from storage.tables import Base


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/folder/shop.db"


def difference(url: str) -> list[object]:
    """What an automatic migration would still change."""
    with migrate.connect(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def tables(url: str) -> set[str]:
    with migrate.connect(url) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def downgrade(url: str) -> None:
    with migrate.connect(url) as connection:
        command.downgrade(migrate.config(connection), "base")
        connection.commit()


def test_upgraded_from_nothing_it_is_what_the_tables_say(url: str):
    migrate.upgrade(url)
    assert tables(url) == set(Base.metadata.tables)
    assert difference(url) == []


async def test_upgrading_twice_is_harmless(url: str):
    migrate.upgrade(url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Kept", "USD", "UTC", "en"))
    migrate.upgrade(url)
    async with Database(url) as database:
        assert (await database.read(shops.get)).name == "Kept"


def test_down_to_nothing_and_up_again(url: str):
    migrate.upgrade(url)
    downgrade(url)
    assert tables(url) == set()
    migrate.upgrade(url)
    assert difference(url) == []


async def test_a_copy_holds_the_same(url: str, tmp_path: Path):
    migrate.upgrade(url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Kept", "USD", "UTC", "en"))
    copied = f"sqlite:///{tmp_path}/copy.db"
    assert migrate.copy(url, copied)
    async with Database(copied) as database:
        assert (await database.read(shops.get)).name == "Kept"


def test_where_nothing_is_nothing_is_copied(url: str, tmp_path: Path):
    assert not migrate.copy(url, f"sqlite:///{tmp_path}/copy.db")
