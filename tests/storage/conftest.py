"""Every test of this folder that takes `url`, `empty_url` or `database` runs on SQLite and, among the long ones, on
PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage import shops
from storage.database import Database
from tests.postgres import Server, served
from tests.tables import make_tables


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def kind(request: pytest.FixtureRequest) -> str:
    """Of database."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with nothing in it."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/folder/shop.db"
    server: Server = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with every table and no row."""
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        return server.new()
    made = f"sqlite:///{tmp_path}/folder/shop.db"
    make_tables(made)
    return made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Open, with one shop in it, whose id is 1."""
    async with Database(url) as opened:
        await opened.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        yield opened
