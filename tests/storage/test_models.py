"""Models that were put before a shop: which one is live, and what taking one back does."""

from datetime import UTC, datetime

from storage import members, models, outbox
from storage.database import Database

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def add(database: Database, path: str, state: str = "live", base: str = "base") -> None:
    row = {"path": path, "base": base, "digest": path * 8, "state": state, "scores": {}}
    await database.write(lambda tx: models.add(tx, 1, **row, now=NOW))


async def live(database: Database, base: str = "base") -> str | None:
    row = await database.read(lambda tx: models.live(tx, 1, base))
    return row.path if row else None


async def roll_back(database: Database, cause: str = "") -> str | None:
    row = await database.write(lambda tx: models.roll_back(tx, 1, "base", cause))
    return row.path if row else None


async def states(database: Database) -> list[tuple[str, str]]:
    return [(row.path, row.state) for row in await database.read(lambda tx: models.listed(tx, 1))]


async def test_the_last_one_that_was_no_worse_is_live(database: Database):
    assert await live(database) is None
    await add(database, "a")
    await add(database, "b")
    await add(database, "c", "refused")
    assert await live(database) == "b"
    assert await live(database, "another base") is None
    assert await states(database) == [("c", "refused"), ("b", "live"), ("a", "retired")]


async def test_taken_back_the_one_before_is_live_and_then_none(database: Database):
    await add(database, "a")
    await add(database, "b")
    assert await roll_back(database) == "b"
    assert await live(database) == "a"
    assert await roll_back(database) == "a"
    assert await live(database) is None
    assert await roll_back(database) is None
    assert await states(database) == [("b", "rolled_back"), ("a", "rolled_back")]


async def test_the_same_cause_takes_back_once(database: Database):
    await add(database, "a")
    await add(database, "b")
    assert [await roll_back(database, "inbox:1") for _ in range(2)] == ["b", "b"]
    assert await live(database) == "a"
    assert await roll_back(database, "inbox:2") == "a"


async def test_messages_are_counted_by_the_model_that_worded_them(database: Database):
    chat = await database.write(lambda tx: members.enter(tx, 1, "test", "shop", "shop", False))
    for key, model in (("1", "a-1"), ("2", "b-2"), ("3", "b-2"), ("4", "")):
        await database.write(
            lambda tx, key=key, model=model: outbox.put(tx, 1, chat.id, key, "reply", "hello", NOW, model=model)
        )
    assert await database.read(lambda tx: models.written(tx, 1)) == {"a-1": 1, "b-2": 2}
