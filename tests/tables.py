"""The tables of a shop's SQLite file as the migrations make them, made once a process and copied from then on: making
them takes longer than most tests. The migrations themselves are tested in tests/storage/test_migrations.py."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from storage import migrate


def make_tables(url: str) -> None:
    """What `migrate.upgrade` does, at once where there is no file yet."""
    target = make_url(url)
    if target.get_backend_name() != "sqlite" or not target.database or Path(target.database).exists():
        migrate.upgrade(url)
        return
    file = Path(target.database)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_tables())


@lru_cache(maxsize=1)
def _tables() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "shop.db"
        migrate.upgrade(f"sqlite:///{file}")
        return file.read_bytes()
