"""A chat whose id on its platform changes keeps what is known of it, and gets what waits for it."""

from datetime import UTC, datetime
from typing import Any

from storage import members, outbox
from storage.database import Database, Transaction

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STATES = ("open", "ready", "sent")


async def enter(tx: Transaction, chat: str, **values: Any) -> int:
    row = await members.enter(tx, 1, "test", chat, "Tea", False)
    if values:
        await members.change_chat(tx, row.id, **values)
    return row.id


async def test_a_chat_moves_with_all_that_is_known_of_it(database: Database):
    async def move(tx: Transaction) -> tuple[int, Any]:
        old = await enter(tx, "-5", mode="lively", language="zh")
        await members.move_chat(tx, 1, "test", "-5", "-1005")
        await members.move_chat(tx, 1, "test", "-5", "-1005")
        return old, await members.seen(tx, 1, "test", "-1005")

    old, moved = await database.write(move)
    assert (moved.id, moved.mode, moved.language) == (old, "lively", "zh")
    assert await database.read(lambda tx: members.seen(tx, 1, "test", "-5")) is None


async def test_where_the_new_one_is_known_already_what_waits_goes_there(database: Database):
    async def move(tx: Transaction) -> dict[str, Any]:
        old, new = await enter(tx, "-5", mode="lively"), await enter(tx, "-1005", mode="off")
        rows = {state: await outbox.put(tx, 1, old, state, "reply", state, NOW, state=state) for state in STATES}
        await members.move_chat(tx, 1, "test", "-5", "-1005")
        kept = await members.chat(tx, new)
        assert kept.mode == "off"
        return {state: (await outbox.get(tx, row)).platform_id for state, row in rows.items()}

    assert await database.write(move) == {"open": "-1005", "ready": "-1005", "sent": "-5"}


async def test_a_message_is_found_in_its_topic(database: Database):
    async def look(tx: Transaction) -> list[str | None]:
        topic, other = await enter(tx, "-5/7"), await enter(tx, "-55/7")
        for chat, message in ((topic, "12"), (other, "13")):
            row = await outbox.put(tx, 1, chat, f"r{message}", "reply", "x", NOW)
            await outbox.sent(tx, row, message, NOW)
        return [await outbox.topic_of(tx, 1, "test", "-5", message) for message in ("12", "13", "14")]

    assert await database.write(look) == ["-5/7", None, None]
