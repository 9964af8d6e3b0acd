"""What could not be handled is kept to be looked at, and no longer than members' words are."""

from datetime import UTC, datetime, timedelta

from storage import inbox
from storage.database import Database, Transaction
from storage.tables import Inbox

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def test_what_failed_is_forgotten_later_than_what_was_done(database: Database):
    async def put(tx: Transaction, key: str, days: int, *, done: bool) -> None:
        row = await inbox.put(tx, 1, f"{key} {days}", "a", {}, NOW - timedelta(days=days), done=done)
        if row and not done:
            await inbox.failed(tx, row, "no such thing", final=True)

    async def clear(tx: Transaction) -> set[str]:
        for days in (40, 5, 1):
            await put(tx, "done", days, done=True)
            await put(tx, "failed", days, done=False)
        await inbox.clear(tx, 1, NOW - timedelta(days=2), NOW - timedelta(days=30))
        return {row.key for row in await tx.execute(Inbox.__table__.select())}

    assert await database.write(clear) == {"done 1", "failed 1", "failed 5"}


async def test_no_message_gets_the_number_of_one_that_was_forgotten(database: Database):
    async def number(tx: Transaction, key: str) -> int | None:
        return await inbox.put(tx, 1, key, "a", {}, NOW)

    async def quiet_days(tx: Transaction) -> tuple[int | None, int | None]:
        first = await number(tx, "first")
        assert first is not None
        await inbox.done(tx, first)
        await inbox.clear(tx, 1, NOW + timedelta(days=2), NOW)
        return first, await number(tx, "second")

    first, second = await database.write(quiet_days)
    assert (first, second) == (1, 2)
