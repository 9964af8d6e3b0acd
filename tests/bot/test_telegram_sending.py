"""What Telegram is sent: within its limits, in its lengths, and honestly where it refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Button, Card, Chat, Outgoing, SendError
from bot.platforms.base import React, Typing
from bot.platforms.telegram import Telegram
from bot.platforms.telegram.limits import ALL, GROUP, Pace
from bot.platforms.telegram.outgoing import DATA, TEXT, shown
from storage import members, outbox
from storage.database import Database
from tests.bot.telegram_shop import alone
from tests.conftest import START
from tests.fakes.telegram import FakeTelegram

PNG = b"\x89PNG\r\n\x1a\n"


class Place:
    """The platform alone, on a clock that the test sets."""

    def __init__(self, edge: Telegram, fake: FakeTelegram, clock: ManualClock, database: Database) -> None:
        self.edge, self.fake, self.clock, self.database = edge, fake, clock, database

    def chat(self, name: str) -> Chat:
        chat, thread = self.fake.world.place(name)
        return Chat("telegram", f"{chat.id}/{thread}" if thread else str(chat.id), name, chat.type == "private")

    async def send(self, name: str, text: str = "hello", **more: Any) -> str:
        return await self.edge.send(self.chat(name), Outgoing(text, **more), f"reply:{text[:9]}")

    async def edit(self, name: str, message_id: str, text: str, **more: Any) -> None:
        await self.edge.edit(self.chat(name), message_id, Outgoing(text, **more))

    def later(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))


@asynccontextmanager
async def placed(settings: Settings, clock: ManualClock) -> AsyncIterator[Place]:
    async with FakeTelegram(clock) as fake, alone(settings, fake, clock) as (edge, database):
        yield Place(edge, fake, clock, database)
        await edge.check()  # hangs up


@pytest.fixture
async def place(settings: Settings, clock: ManualClock) -> AsyncIterator[Place]:
    async with placed(settings, clock) as place:
        yield place


async def test_the_limits_of_a_chat_are_kept_without_being_told(place: Place):
    place.fake.faults.limits = True
    for _ in range(GROUP):
        await place.send("shop")
        with pytest.raises(SendError) as early:
            await place.send("shop")
        assert (early.value.retry_after or 0) > 1
        place.later(2)
    with pytest.raises(SendError) as full:
        await place.send("shop")
    wait = full.value.retry_after or 0
    assert wait > 15
    await place.send("other")
    place.later(wait)
    await place.send("shop")
    assert place.fake.refused == 0


async def test_the_limit_of_all_chats_together_is_kept(place: Place):
    place.fake.faults.limits = True
    for number in range(ALL):
        await place.send(f"group{number}")
    with pytest.raises(SendError):
        await place.send("one more")
    place.later(1.1)
    await place.send("one more")
    assert place.fake.refused == 0


async def test_what_telegram_says_to_wait_holds_for_that_chat_alone(place: Place):
    place.fake.faults.refuse_every, place.fake.faults.retry_after = 1, 17
    with pytest.raises(SendError) as told:
        await place.send("shop")
    assert 17 <= (told.value.retry_after or 0) < 18
    place.fake.faults.refuse_every = 0
    place.later(10)
    with pytest.raises(SendError):
        await place.send("shop")
    await place.send("other")
    place.later(7.5)
    await place.send("shop")
    assert place.fake.refused == 1


async def test_a_clock_that_is_set_back_holds_no_message_up(place: Place):
    await place.send("shop")
    place.later(-3600)
    await place.send("shop", "again")
    place.fake.faults.refuse_every = 1
    place.later(2)
    with pytest.raises(SendError):
        await place.send("shop")
    place.fake.faults.refuse_every = 0
    place.later(-3600)
    await place.send("shop", "and again")


async def test_parts_of_a_reply_leave_room_for_replies(place: Place):
    place.fake.faults.limits = True
    first = await place.send("shop", "One.", done=False)
    for number in range(30):
        place.later(1)
        await place.edit("shop", first, f"One. {number}", done=False)
    shown_parts = len(place.fake.log)
    assert 2 < shown_parts <= GROUP // 2
    for number in range(GROUP // 2 - 1):
        place.later(2)
        await place.send("shop", f"another {number}")
    place.later(2)
    await place.edit("shop", first, "One. All of it.")
    assert place.fake.log[-1].text == "One. All of it."
    assert place.fake.refused == 0


async def test_a_reply_is_not_begun_where_there_is_no_room_for_parts(place: Place):
    await place.send("shop", "before")
    place.later(2)
    with pytest.raises(SendError):
        await place.send("shop", "One.", done=False)
    await place.send("shop", "One. Two.")
    assert [one.text for one in place.fake.log] == ["before", "One. Two."]


async def test_typing_is_shown_only_where_there_is_room(place: Place):
    await place.edge.act(place.chat("shop/news"), Typing())
    await place.edge.act(place.chat("shop/news"), Typing())
    assert place.fake.typing == ["shop/news"]


async def test_in_a_direct_chat_parts_are_drafts_and_the_message_comes_whole(place: Place):
    await place.fake.say("direct:ann", "ann", "/start")
    assert await place.send("direct:ann", "One.", done=False) == ""
    place.later(4)
    assert await place.send("direct:ann", "One. Two.", done=False) == ""
    place.later(2)
    await place.send("direct:ann", "One. Two. Three.")
    assert place.fake.drafts == [("direct:ann", "One."), ("direct:ann", "One. Two.")]
    assert [one.text for one in place.fake.log] == ["One. Two. Three."]


async def test_an_edit_that_changes_nothing_is_none(place: Place):
    message = await place.send("shop", "the same")
    await place.edit("shop", message, "the same")
    assert "editMessageText" not in place.fake.calls
    place.later(2)
    place.edge._shown.clear()  # as after a restart
    await place.edit("shop", message, "the same")
    assert place.fake.calls[-1] == "editMessageText"
    assert len(place.fake.log) == 1


async def test_a_message_of_full_length_is_sent(place: Place):
    await place.send("shop", "茶" * TEXT, cards=(Card("Kettle", "£9", "Boils."),))
    await place.send("other", "🫖" * (TEXT // 2))
    assert [len(one.text) for one in place.fake.log] == [TEXT, TEXT // 2]


async def test_a_picture_is_shown_with_its_card(place: Place):
    place.fake.pictures.add("https://shop.example/kettle.png")
    card = Card("Kettle", "£9.00", "Boils in a minute.", "https://shop.example/kettle.png", "https://shop.example/k")
    message = await place.send("shop", "Kettle · £9.00 · in stock", cards=(card,), buttons=(Button("More", "/ask k"),))
    assert place.fake.log[-1].picture
    assert place.fake.log[-1].text == "Kettle · £9.00 · in stock\n\nBoils in a minute."
    assert place.fake.log[-1].buttons == ("More", "Kettle")
    place.later(2)
    await place.edit("shop", message, "Kettle · £8.00 · in stock", cards=())
    assert place.fake.log[-1].text == "Kettle · £8.00 · in stock"


async def test_without_its_picture_the_text_is_there(place: Place):
    card = Card("Kettle", "£9.00", "Boils.", "https://shop.example/gone.png")
    await place.send("shop", "This one:", cards=(card,))
    assert place.fake.log[-1].text == "This one:\n\nKettle · £9.00\nBoils."
    assert not place.fake.log[-1].picture


async def test_a_poll_is_one_of_telegrams_own(place: Place):
    choices = ("Kettle", "Teapot", "x" * 140)
    await place.send("shop", "Which one?", poll=choices, buttons=(Button("More", "/ask k"),))
    seen = place.fake.log[-1]
    assert (seen.text, seen.poll, seen.buttons) == ("Which one?", ("Kettle", "Teapot", "x" * 100), ("More",))


@pytest.mark.parametrize("status", ["left", "kicked", "restricted"])
async def test_where_the_bot_may_not_write_it_does_not_try_again(place: Place, status: str):
    chat, _ = place.fake.world.place("shop")
    chat.bot = status
    with pytest.raises(SendError) as refused:
        await place.send("shop")
    assert refused.value.retry_after is None
    assert refused.value.blocked == (status != "restricted")
    assert str(refused.value)


async def test_who_blocked_the_bot_or_never_spoke_to_it_is_not_written_to(place: Place):
    chat = place.chat("direct:ann")
    with pytest.raises(SendError, match="can't initiate conversation") as never:
        await place.edge.send(chat, Outgoing("hello"), "reply:1")
    await place.fake.say("direct:ann", "ann", "/start")
    place.fake.move("direct:ann", "shop_bot", "kicked")
    place.later(2)
    with pytest.raises(SendError, match="blocked") as blocked:
        await place.edge.send(chat, Outgoing("hello"), "reply:2")
    assert never.value.retry_after is None
    assert blocked.value.retry_after is None


async def test_a_message_that_is_gone_can_still_be_answered(place: Place):
    said = await place.fake.say("shop", "ann", "what?")
    place.fake.world.place("shop")[0].messages[int(said)].deleted = True
    await place.send("shop", "this", reply_to=said)
    assert place.fake.log[-1].reply_to == ""


async def test_what_became_of_a_cut_call_is_unsure_and_of_one_that_never_went_out_is_not(place: Place):
    place.fake.faults.broken = 1.0
    with pytest.raises(SendError) as cut:
        await place.send("shop")
    assert cut.value.unsure
    assert cut.value.retry_after
    await place.fake.__aexit__(None, None, None)
    place.later(2)
    with pytest.raises(SendError) as refused:
        await place.send("shop")
    assert not refused.value.unsure
    assert refused.value.retry_after


async def test_a_group_that_became_a_supergroup_gets_what_was_meant_for_it(place: Place):
    place.fake.world.plain_group("old")
    chat = place.chat("old")

    async def known(tx: Any) -> int:
        row = await members.enter(tx, 1, "telegram", chat.id, "old", False)
        await members.change_chat(tx, row.id, mode="questions")
        return await outbox.put(tx, 1, row.id, "reply:1", "reply", "hello", START)

    row_id = await place.database.write(known)
    await place.fake.upgrade("old", told=False)
    with pytest.raises(SendError) as moved:
        await place.edge.send(chat, Outgoing("hello"), "reply:1")
    assert moved.value.retry_after == 0
    row = await place.database.read(lambda tx: outbox.get(tx, row_id))
    assert row.platform_id == place.chat("old").id != chat.id
    kept = await place.database.read(lambda tx: members.seen(tx, 1, "telegram", row.platform_id))
    assert kept
    assert kept.mode == "questions"


async def test_a_reaction_of_its_own(place: Place):
    said = await place.fake.say("shop", "ann", "thanks!")
    await place.edge.act(place.chat("shop"), React(said, "👍"))
    assert place.fake.reactions == [("shop", said, "👍")]
    with pytest.raises(SendError):
        await place.edge.act(place.chat("shop"), React(said, "🦖"))


@given(st.lists(st.tuples(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=200)), max_size=20))
def test_any_buttons_are_what_telegram_takes(buttons: list[tuple[str, str]]):
    made = shown(Outgoing("x", tuple(Button(label, f"/{command}") for label, command in buttons)), "reply:" + "9" * 18)
    rows = made.keyboard.inline_keyboard if made.keyboard else ()
    found = [button for row in rows for button in row]
    assert len(found) == len(buttons)
    for at, (button, (_, command)) in enumerate(zip(found, buttons, strict=True)):
        assert isinstance(button.callback_data, str)
        assert 0 < len(button.callback_data.encode()) <= DATA
        short = len(f"/{command}".encode()) <= DATA
        assert button.callback_data == (f"/{command}" if short else f"#{at}:reply:{'9' * 18}")


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5), st.booleans()), max_size=300))
def test_whatever_is_asked_the_limits_hold(asked: list[tuple[int, float, bool]]):
    pace, now = Pace(), START
    gone: list[tuple[int, Any]] = []
    for chat, wait, spare in asked:
        now += timedelta(seconds=wait)
        told = pace.wait(-1 - chat, now, spare=spare)
        if told == 0:
            gone.append((chat, now))
        else:
            assert pace.wait(-1 - chat, now + timedelta(seconds=told - 0.01), spare=spare) > 0
    for chat in range(4):
        times = [at for one, at in gone if one == chat]
        assert all((b - a).total_seconds() > 1 for a, b in pairwise(times))
        assert all((b - a).total_seconds() > 60 for a, b in zip(times, times[GROUP:], strict=False))
