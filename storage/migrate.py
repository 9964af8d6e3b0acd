"""Brings a database to the newest shape: at start for SQLite, by `python -m bot migrate` for PostgreSQL."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(connection: Connection) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.attributes["connection"] = connection
    return settings


def upgrade(url: str) -> None:
    """Apply every migration that the database at `url` lacks. Synchronous: runs before the loop has work."""
    with connect(url) as connection:
        settings = config(connection)
        head = ScriptDirectory.from_config(settings).get_current_head()
        if MigrationContext.configure(connection).get_current_revision() != head:
            command.upgrade(settings, "head")
            connection.commit()


def copy(url: str, to: str) -> bool:
    """Copy a SQLite database as it stands; False where there is none."""
    source = make_url(url)
    if source.get_backend_name() != "sqlite" or not source.database or not Path(source.database).exists():
        return False
    with connect(url) as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (make_url(to).database,))
    return True


def connect(url: str) -> Connection:
    """A plain synchronous connection to the same database."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        if target.database:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(target.set(drivername="sqlite"))
        event.listen(engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA journal_mode=WAL"))
    else:
        engine = create_engine(target.set(drivername="postgresql+psycopg"))
    return engine.connect()
