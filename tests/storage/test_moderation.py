"""What was decided about members of groups, and what is to be done about it, on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

from storage import interactions, members, moderation
from storage.database import Database, Transaction

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def begun(tx: Transaction) -> tuple[int, int, int]:
    """A member and two chats."""
    member = await members.meet(tx, 1, "test", "eve", "Eve", NOW)
    chats = [await members.enter(tx, 1, "test", name, name, False) for name in ("tea", "pots")]
    return member, chats[0].id, chats[1].id


def decided(member: int, chat: int, kind: str, **more: Any) -> dict[str, Any]:
    values = {"kind": kind, "reason": "spam", "state": "stands", "until": None, "at": NOW, "person": "hash"}
    return {"chat_id": chat, "member_id": member} | values | more


async def test_one_cause_decides_once_and_a_ban_holds_in_every_chat_until_it_is_over(database: Database):
    async def check(tx: Transaction) -> None:
        member, tea, pots = await begun(tx)
        ban = await moderation.decide(tx, 1, "m1", **decided(member, tea, "ban", until=NOW + DAY))
        assert ban is not None
        assert await moderation.decide(tx, 1, "m1", **decided(member, tea, "ban")) is None
        mute = await moderation.decide(tx, 1, "m2", **decided(member, tea, "mute", until=NOW + 2 * DAY))
        assert (await moderation.standing(tx, 1, pots, "hash", NOW)).id == ban
        assert await moderation.standing(tx, 1, pots, "another", NOW) is None
        assert await moderation.standing(tx, 1, pots, "hash", NOW + DAY) is None
        assert (await moderation.standing(tx, 1, tea, "hash", NOW + DAY)).id == mute
        assert await moderation.strikes(tx, 1, "hash", NOW - DAY) == 2
        await moderation.lift(tx, [ban, mute])
        assert await moderation.standing(tx, 1, tea, "hash", NOW) is None
        assert await moderation.strikes(tx, 1, "hash", NOW - DAY) == 0

    await database.write(check)


async def test_what_is_to_be_done_waits_for_its_time_and_is_forgotten_but_for_bans_that_hold(database: Database):
    async def check(tx: Transaction) -> None:
        _, tea, _ = await begun(tx)
        for _ in range(2):
            await moderation.intend(tx, 1, tea, "remove:1", "remove", NOW, message_id="1")
        await moderation.intend(tx, 1, tea, "unban", "unban", NOW + DAY, person="eve")
        await moderation.intend(tx, 1, tea, "ban", "ban", NOW, person="eve")
        now = await moderation.due(tx, 1, ("test",), NOW)
        assert [row.what for row in now] == ["remove", "ban"]
        assert await moderation.due(tx, 1, ("other",), NOW) == []
        for row in now:
            await moderation.settle(tx, row.id, state="done", done=NOW)
        assert await moderation.next_due(tx, 1, ("test",)) == NOW + DAY
        await moderation.forget_texts(tx, 1, NOW + 9 * DAY)
        assert [row.what for row in await moderation.doings(tx, 1, tea)] == ["ban", "unban"]

    await database.write(check)


async def test_what_was_removed_is_remembered_for_copies_and_forgotten_as_talk(database: Database):
    async def check(tx: Transaction) -> None:
        member, tea, pots = await begun(tx)
        for chat, text in ((tea, "hello"), (pots, "buy this")):
            await interactions.add(tx, 1, member, chat, "said", NOW, text=text, message_id=text)
        await moderation.forget_messages(tx, pots, ["buy this"])
        await moderation.decide(tx, 1, "m", **decided(member, pots, "delete", message_id="buy this", text="buy this"))
        lately = await moderation.lately(tx, 1, NOW - DAY, member_id=member)
        assert sorted((row.chat_id, row.text) for row in lately) == [(tea, "hello"), (pots, "buy this")]
        assert [row.text for row in await interactions.recent(tx, pots, 5)] == []
        assert await interactions.talk(tx, pots, 5) == []
        assert await moderation.first_heard(tx, member, tea) == (None, NOW, 1)

    await database.write(check)


async def test_a_group_is_watched_from_the_first_change_on(database: Database):
    async def check(tx: Transaction) -> None:
        _, tea, _ = await begun(tx)
        assert await moderation.guards(tx, 1) == []
        await moderation.change(tx, 1, tea, NOW, state="dry")
        await moderation.change(tx, 1, tea, NOW + DAY, state="on", exempt=[5])
        (row,) = await moderation.guards(tx, 1)
        assert (row.state, row.exempt, row.since, row.slow) == ("on", [5], NOW, 0)

    await database.write(check)


async def test_a_group_that_gets_another_id_is_watched_on(database: Database):
    async def check(tx: Transaction) -> None:
        _, tea, pots = await begun(tx)
        await moderation.change(tx, 1, tea, NOW, state="on")
        await members.move_chat(tx, 1, "test", "tea", "pots")
        assert [row.chat_id for row in await moderation.guards(tx, 1)] == [pots]

    await database.write(check)
