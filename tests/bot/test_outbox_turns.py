"""A post is marked when its turn has come and not before, so that a kill makes few of them unknown."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Outgoing, SendError
from bot.platforms.telegram.limits import POSTS
from storage import outbox
from tests.bot.test_outbox import Edge, opened
from tests.bot.test_telegram_sending import placed
from tests.tables import make_tables


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/shop.db"
    make_tables(made)
    return made


async def test_a_post_that_the_platform_has_no_room_for_yet_is_never_marked_before_its_turn(url: str):
    async with opened(url, Edge(full=9.0)) as place:
        row_id = await place.put("tip", kind="post")
        await place.outbox.flush()
        row = await place.row(row_id)
        assert row.state == "ready"
        assert timedelta(seconds=8) < row.due - place.clock.now() < timedelta(seconds=9)
        place.edge.full = 0.0
        place.clock.set(row.due)
        await place.outbox.flush()
        assert place.edge.texts() == ["tip"]


async def test_a_post_that_was_called_back_just_before_its_turn_is_not_sent(url: str):
    async with opened(url, Edge(closed={"a": asyncio.Event()})) as place:
        await place.put("first", kind="reply")
        row_id = await place.put("tip", kind="post")
        sending = asyncio.ensure_future(place.outbox.flush())
        await asyncio.sleep(0.05)  # both were read, and the first is on its way
        await place.database.write(lambda tx: outbox.mark(tx, row_id, "cancelled"))
        place.edge.closed["a"].set()
        await sending
        assert place.edge.texts() == ["first"]
        assert (await place.row(row_id)).state == "cancelled"


async def test_a_turn_that_was_taken_is_what_the_message_goes_with(settings: Settings, clock: ManualClock):
    async with placed(settings, clock) as place:
        chats = [place.chat(f"group{number}") for number in range(POSTS + 1)]
        assert [place.edge.take(one) for one in chats[:POSTS]] == [0.0] * POSTS
        assert 0 < place.edge.take(chats[POSTS]) < 2
        for one in chats[:POSTS]:
            await place.edge.send(one, Outgoing("news"), f"post:{one.id}")
        assert len(place.fake.log) == POSTS
        await place.edge.send(chats[POSTS], Outgoing("an answer"), "reply:1")  # there is room left for it
        with pytest.raises(SendError):
            await place.edge.send(chats[0], Outgoing("more"), "reply:2")
