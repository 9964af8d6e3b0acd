"""Who runs on a database, what each has claimed, and who has the lease: on both databases, by the statements alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage import inbox, lease, members, outbox
from storage.database import Database, Transaction
from storage.tables import Chat, Inbox

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(seconds=10), NOW + timedelta(seconds=20)
TEST = frozenset({"test"})


async def take(database: Database, process: str, now: datetime = NOW, until: datetime = SOON) -> bool:
    return await database.write(lambda tx: lease.take(tx, 1, "ticks", process, now, until))


async def live(database: Database, *names: str, until: datetime = SOON) -> None:
    for name in names:
        await database.write(lambda tx, name=name: lease.renew(tx, 1, name, "", until))


async def bury(database: Database, now: datetime = NOW, *dead: str) -> list[str]:
    return await database.write(lambda tx: lease.bury(tx, 1, now, dead))


async def written(database: Database, *texts: str, chat: str = "a", kind: str = "reply") -> int:
    """The chat's id."""

    async def job(tx: Transaction) -> int:
        place = await members.enter(tx, 1, "test", chat, chat, False)
        for text in texts:
            await outbox.put(tx, 1, place.id, f"{kind}:{text}", kind, text, NOW)
        return place.id

    return await database.write(job)


async def taken(database: Database, chat: int, process: str, now: datetime = NOW) -> list[str]:
    rows = await database.write(lambda tx: outbox.take(tx, chat, TEST, now, process))
    return [row.text for row in rows]


async def test_one_has_the_lease_until_it_is_over(database: Database):
    assert await take(database, "one")
    assert not await take(database, "two")
    assert await take(database, "one", SOON - timedelta(seconds=1), LATER)
    assert not await take(database, "two", SOON)
    assert await take(database, "two", LATER, LATER + timedelta(seconds=10))
    assert not await take(database, "one", LATER)
    assert await database.read(lambda tx: lease.holder(tx, 1, "ticks", LATER)) == "two"
    assert await database.read(lambda tx: lease.holder(tx, 1, "other", LATER)) is None


async def test_who_lost_the_lease_writes_nothing(database: Database):
    await take(database, "one")
    fenced = {name: lease.Fenced(database, _check(name)) for name in ("one", "two")}
    await written(fenced["one"], "first")
    with pytest.raises(lease.LeaseLost):
        await written(fenced["two"], "no")
    assert await take(database, "two", SOON)
    with pytest.raises(lease.LeaseLost):
        await written(fenced["one"], "late")
    await written(fenced["two"], "second")
    found = await fenced["one"].read(lambda tx: tx.scalars(outbox.OUT.select().with_only_columns(outbox.OUT.c.text)))
    assert sorted(found) == ["first", "second"]


def _check(name: str) -> Any:
    return lambda tx: lease.check(tx, 1, "ticks", name)


async def due(database: Database, process: str) -> list[int]:
    found = await database.read(lambda tx: outbox.chats_due(tx, 1, ["test"], NOW, (), process))
    return [row.chat_id for row in found]


async def test_a_chat_is_one_process_s_until_nothing_is_left(database: Database):
    await live(database, "one", "two")
    chat = await written(database, "1", "2")
    assert await taken(database, chat, "one") == ["1", "2"]
    assert await taken(database, chat, "two") == []
    assert (await due(database, "one"), await due(database, "two")) == ([chat], [])
    await written(database, "3")
    for row in (1, 2):
        await database.write(lambda tx, row=row: outbox.sent(tx, row, f"m{row}", NOW))
    going_on = await database.write(lambda tx: outbox.go_on(tx, chat, TEST, NOW, "one"))
    assert [row.text for row in going_on] == ["3"]
    await database.write(lambda tx: outbox.sent(tx, 3, "m3", NOW))
    assert await database.write(lambda tx: outbox.go_on(tx, chat, TEST, NOW, "one")) == []
    await written(database, "4")
    assert await taken(database, chat, "two") == ["4"]
    assert not await database.read(lambda tx: outbox.has(tx, chat, "one"))


async def test_a_chat_of_another_platform_is_left_alone(database: Database):
    chat = await written(database, "1")
    assert await database.write(lambda tx: outbox.take(tx, chat, frozenset({"other"}), NOW, "one")) == []
    assert await taken(database, chat, "two") == ["1"]


async def test_what_is_gone_leaves_its_claims_to_others(database: Database):
    await live(database, "one")
    await live(database, "two", until=LATER)
    await take(database, "one", NOW, LATER)
    chat = await written(database, "1", "2", kind="post")
    await taken(database, chat, "one")
    await database.write(lambda tx: outbox.mark(tx, 1, "sending"))
    cut = lambda: database.write(lambda tx: outbox.resolve_unknown(tx, 1))  # noqa: E731
    assert (await bury(database), list(await cut())) == ([], [])
    assert await bury(database, SOON) == ["one"]
    assert list(await cut()) == [1]
    assert await taken(database, chat, "two") == ["2"]
    assert await take(database, "two", SOON)
    assert await bury(database, SOON, "two", "one") == ["two"]


async def test_a_message_is_worked_on_by_the_process_that_took_it_in(database: Database):
    put = lambda key, chat, process: database.write(  # noqa: E731
        lambda tx: inbox.put(tx, 1, key, chat, {}, NOW, process=process)
    )
    await live(database, "one", "two")
    one, other = await put("1", "test:a", "one"), await put("2", "other:a", "one")
    left = lambda *platforms: database.read(lambda tx: inbox.left(tx, 1, platforms))  # noqa: E731
    assert await left() == []
    assert await database.write(lambda tx: inbox.claim(tx, [one, other], "two")) == set()
    await bury(database, NOW, "one")
    assert [row.id for row in await left("test")] == [one]
    assert [row.id for row in await left()] == [one, other]
    assert await database.write(lambda tx: inbox.claim(tx, [one], "two")) == {one}
    assert await database.write(lambda tx: inbox.claim(tx, [one, other], "three")) == {other}
    await database.write(lambda tx: inbox.park(tx, one, NOW))
    due = lambda process: database.read(lambda tx: inbox.due(tx, 1, NOW, process, ["test"]))  # noqa: E731
    assert ([row.id for row in await due("two")], await due("three")) == ([one], [])
    await database.write(lambda tx: inbox.done(tx, one))
    assert await database.write(lambda tx: inbox.claim(tx, [one], "two")) == set()


async def test_a_process_that_was_held_to_be_gone_hears_of_it(database: Database):
    renew = lambda: database.write(lambda tx: lease.renew(tx, 1, "one", "", SOON))  # noqa: E731
    assert [await renew(), await renew()] == [False, True]
    await bury(database, SOON)
    assert [await renew(), await renew()] == [False, True]


def test_claims_stand_beside_what_is_claimed() -> None:
    assert all("claimed_by" in one.__table__.c for one in (Chat, Inbox))
