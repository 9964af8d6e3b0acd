"""The list of what is held of members is complete, and forgetting goes by it on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, String, Table, insert, select

from storage import forget, interactions, members, models, outbox, tombstones
from storage.database import Database, Transaction
from storage.held import HELD, KEEP, NOTHING
from storage.tables import Base, Member

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVERY = {held.table: held for held in HELD}


def may_hold(table: Table) -> set[str]:
    """Columns that could hold a member's id or words: text, JSON, and numbers that refer to a member."""
    found = {one.name for one in table.c if isinstance(one.type, JSON | String)}
    found |= {key.parent.name for key in table.foreign_keys if key.column.table.name == "member"}
    return found | {one.name for one in table.c if one.name in ("member_id", "other_id", "decided_by", "merged_into")}


@pytest.mark.parametrize("name", sorted(Base.metadata.tables))
def test_every_column_that_may_hold_something_of_a_member_is_listed(name: str) -> None:
    table, held = Base.metadata.tables[name], EVERY.get(name)
    listed = {*held.whose, *held.words, *held.quotes} if held else set()
    nothing = set(NOTHING.get(name, "").split())
    missing = may_hold(table) - listed - nothing
    assert not missing, f"storage/held.py says nothing of {name}: {', '.join(sorted(missing))}"
    assert listed | nothing <= set(table.c.keys())
    assert not listed & nothing


def test_what_refers_to_a_member_goes_before_the_member() -> None:
    order = [held.table for held in HELD]
    for name, table in Base.metadata.tables.items():
        if name != "member" and any(key.column.table.name == "member" for key in table.foreign_keys):
            assert EVERY[name].whose, name
            assert order.index(name) < order.index("member")
    assert set(KEEP) <= set(Base.metadata.tables)


async def someone(tx: Transaction) -> tuple[int, int]:
    chat = await members.enter(tx, 1, "test", "group", "Group", False)
    ann = await members.meet(tx, 1, "test", "ann-77", "Ann Quill", NOW)
    bob = await members.meet(tx, 1, "test", "bob", "Bob", NOW)
    for who in (ann, bob):
        await interactions.add(tx, 1, who, chat.id, "said", NOW, text="is the heron teapot back?", message_id="m")
    await outbox.put(tx, 1, chat.id, "handoff:1", "notice", "Ann Quill needs a human", NOW, member_id=bob)
    await outbox.put(tx, 1, chat.id, "reply:1", "reply", "Yes, it is.", NOW, member_id=ann)
    return ann, bob


async def rows(database: Database, table: Any) -> list[Any]:
    return await database.read(lambda tx: every(tx, table))


async def every(tx: Transaction, table: Any) -> list[Any]:
    return list(await tx.execute(select(table.__table__)))


async def test_rows_of_a_member_go_and_those_of_others_stay(database: Database) -> None:
    ann, bob = await database.write(someone)

    async def sweep(tx: Transaction) -> dict[str, int]:
        return {held.table: await forget.remove(tx, held, [ann]) for held in HELD if held.whose}

    counts = await database.write(sweep)
    assert {name: count for name, count in counts.items() if count} == {
        "outbox": 1, "interaction": 1, "identity": 1, "member": 1,
    }  # fmt: skip
    assert [row.id for row in await rows(database, Member)] == [bob]
    assert not any((await database.write(sweep)).values())


async def test_who_is_not_there_any_more_is_not_written_of(database: Database) -> None:
    ann, _ = await database.write(someone)

    async def gone(tx: Transaction) -> int | None:
        for held in HELD:
            if held.whose:
                await forget.remove(tx, held, [ann])
        return await interactions.add(tx, 1, ann, 1, "said", NOW, text="late")

    assert await database.write(gone) is None


async def test_a_tombstone_is_known_by_the_account_alone(database: Database) -> None:
    async def bury(tx: Transaction) -> str:
        mark = await tombstones.fingerprint(tx, 1, "test", "ann-77")
        await tombstones.bury(tx, 1, mark, NOW)
        return mark

    assert await database.read(lambda tx: tombstones.buried(tx, 1, "test", "ann-77")) is None
    mark = await database.write(bury)
    assert "ann" not in mark
    assert await database.write(bury) == mark
    assert await database.read(lambda tx: tombstones.buried(tx, 1, "test", "ann-77")) == NOW
    assert await database.read(lambda tx: tombstones.buried(tx, 1, "other", "ann-77")) is None
    assert await database.read(lambda tx: tombstones.buried(tx, 1, "test", "bob")) is None


async def test_what_learnt_from_an_export_never_comes_back(database: Database) -> None:
    async def promote(tx: Transaction) -> None:
        for at, (digest, scores) in enumerate(
            [("first", {}), ("tuned", {"export": "e1"}), ("again", {"export": "e2", "made_of": "tuned"})]
        ):
            values = {"path": digest, "base": "starter", "digest": digest, "state": "live", "scores": scores}
            await models.add(tx, 1, **values, now=NOW + timedelta(hours=at))  # type: ignore[arg-type]

    await database.write(promote)
    gone = await database.write(lambda tx: models.unlearn(tx, 1, {"e1"}))
    assert [row.digest for row in gone] == ["tuned", "again"]
    live = await database.read(lambda tx: models.live(tx, 1, "starter"))
    assert live is not None
    assert live.digest == "first"
    assert await database.write(lambda tx: models.unlearn(tx, 1, {"e1"})) == []


async def test_files_are_written_anew(database: Database) -> None:
    await database.write(someone)
    await database.compact(vacuum=True)
    assert len(await rows(database, Member)) == 2
    await database.write(lambda tx: tx.execute(insert(Member).values(shop_id=1, name="Cy", first_seen=NOW)))
    assert len(await rows(database, Member)) == 3
