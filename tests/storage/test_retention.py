"""What was said is emptied after its time, and what it led to stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from storage import members, outbox, retention, suggestions
from storage import settings as stored
from storage.database import Database, Transaction
from storage.tables import Audit, Outbox

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=31)


async def test_words_go_and_what_happened_stays(database: Database) -> None:
    async def fill(tx: Transaction) -> None:
        chat = await members.enter(tx, 1, "test", "group", "Group", False)
        ann = await members.meet(tx, 1, "test", "ann", "Ann", OLD)
        for key, kind, at in (("a", "notice", OLD), ("b", "greeting", OLD), ("c", "post", OLD), ("d", "reply", NOW)):
            extra = {"greeted": 7, "buttons": [["Profile", "/profile Ann"]]}
            await outbox.put(tx, 1, chat.id, key, kind, "Ann needs help", at, extra=extra, state="sent")
        await outbox.put(tx, 1, chat.id, "e", "notice", "Ann waits", OLD)
        for at in (OLD, NOW):
            await stored.audit(tx, 1, "/mute", at, member_id=ann, data={"args": "10 Ann", "of": 3})
        for at in (NOW - timedelta(days=500), OLD):
            await suggestions.add(tx, 1, ann, f"s{at}", at)

    await database.write(fill)
    for noun in (retention.forget, retention.forget_log):
        await database.write(lambda tx, noun=noun: noun(tx, 1, NOW - timedelta(days=30)))

    async def look(tx: Transaction) -> Any:
        out = list(await tx.execute(select(Outbox.key, Outbox.text, Outbox.extra).order_by(Outbox.key)))
        return (
            out,
            list(await tx.scalars(select(Audit.data).order_by(Audit.id))),
            await suggestions.slots(tx, 1, timedelta(days=1)),
        )

    out, audit, log = await database.read(look)
    said = "Ann needs help"
    assert [(row.key, row.text) for row in out] == [("a", ""), ("b", ""), ("c", said), ("d", said), ("e", "Ann waits")]
    assert out[1].extra == {"greeted": 7}
    assert audit == [{"args": "", "of": 3}, {"args": "10 Ann", "of": 3}]
    assert [slot.at for slot in log] == [OLD]
