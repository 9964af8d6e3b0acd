"""What comes in from Telegram, as the bot is handed it: polled or pushed, confirmed only once it is durable."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from bot.clock import ManualClock, SystemClock
from bot.config import Settings, SettingsError
from bot.messages import Kind, Message, Role
from bot.platforms.telegram.serving import STALLED, chats_of
from storage.tables import Inbox
from tests.bot.telegram_shop import Heard, alone, hearing, until
from tests.conftest import START
from tests.fakes.telegram import BOT_ID, FakeTelegram


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(SystemClock()) as fake:
        yield fake


@pytest.fixture
async def heard(settings: Settings, fake: FakeTelegram) -> AsyncIterator[Heard]:
    async with hearing(settings, fake) as heard:
        await until(lambda: fake.updates.polls, bool)
        yield heard


async def test_an_update_is_confirmed_once_it_is_kept(heard: Heard, fake: FakeTelegram):
    broken, kept = asyncio.Event(), asyncio.Event()

    async def hold(message: Message) -> None:
        broken.set()
        await kept.wait()

    heard.hold = hold
    await fake.say("direct:ann", "ann", "one")
    await broken.wait()
    polls = fake.updates.polls
    await fake.say("direct:ann", "ann", "two")
    assert (len(fake.updates.waiting), fake.updates.polls) == (2, polls)
    kept.set()
    await until(lambda: fake.updates.waiting, lambda waiting: not waiting)
    assert [one.text for one in heard.messages] == ["one", "two"]


async def test_what_could_not_be_kept_comes_again(settings: Settings, fake: FakeTelegram):
    clock = ManualClock(START)
    async with hearing(settings, fake, clock) as heard:

        async def fails(message: Message) -> None:
            heard.hold = None
            raise OSError("no space left on device")

        heard.hold = fails
        await fake.say("direct:ann", "ann", "one")
        await fake.say("direct:ann", "ann", "two")
        await until(lambda: heard.hold is None, bool)
        await heard.some_by(clock, 2)
        assert [one.text for one in heard.messages] == ["one", "two"]


async def test_one_update_that_nobody_can_read_is_kept_apart(heard: Heard, fake: FakeTelegram):
    await fake.say("direct:ann", "ann", "before")
    number = fake.garble()
    await fake.say("direct:ann", "ann", "behind")
    assert [one.text for one in await heard.some(2)] == ["before", "behind"]
    assert heard.edge.unreadable == 1
    rows = await heard.database.read(lambda tx: tx.execute(Inbox.__table__.select()))
    (row,) = rows.all()
    assert (row.state, row.key) == ("failed", f"telegram:unreadable:{number}")
    assert "yesterday" in row.message["unreadable"]
    assert row.error


async def test_keys_are_of_the_bot_and_the_update(heard: Heard, fake: FakeTelegram):
    await fake.say("direct:ann", "ann", "one")
    await fake.say("shop", "ann", "@shop_bot two")
    one, two = await heard.some(2)
    assert one.id == two.id, "message ids repeat between chats"
    assert one.key != two.key
    assert one.key.startswith(f"telegram:{BOT_ID}:")


async def test_who_comes_and_goes(heard: Heard, fake: FakeTelegram):
    fake.move("shop", "ann", "member")
    fake.move("shop", "ann", "left")
    fake.world.place("other")[0].bot = "administrator"
    fake.move("other", "bob", "member")
    fake.move("other", "bob", "administrator")
    found = await heard.some(3)
    await until(lambda: fake.updates.waiting, lambda waiting: not waiting)
    told = [(one.kind, one.sender.name, one.chat.title) for one in found]
    assert told == [(Kind.JOINED, "Ann", "shop"), (Kind.LEFT, "Ann", "shop"), (Kind.JOINED, "Bob", "other")]


async def test_being_added_is_by_somebodys_hand(heard: Heard, fake: FakeTelegram):
    fake.world.place("shop")[0].bot = "left"
    fake.move("shop", "shop_bot", "member")
    fake.move("shop", "shop_bot", "administrator")
    fake.move("shop", "shop_bot", "kicked")
    await fake.say("direct:ann", "ann", "/start shop-12")
    added, start = await heard.some(2)
    assert (added.kind, added.sender.name, added.chat.direct) == (Kind.ADDED, "Boss", False)
    assert (start.text, start.chat.direct, start.addressed) == ("/start shop-12", True, True)


async def test_a_member_who_blocks_the_bot_goes(heard: Heard, fake: FakeTelegram):
    await fake.say("direct:ann", "ann", "hello")
    fake.move("direct:ann", "shop_bot", "kicked")
    fake.move("direct:ann", "shop_bot", "member")
    await fake.say("direct:ann", "ann", "I am back")
    hello, gone, back = await heard.some(3)
    assert (gone.kind, gone.sender.id, gone.chat.id) == (Kind.LEFT, hello.sender.id, hello.chat.id)
    assert (back.kind, back.text) == (Kind.TEXT, "I am back")


async def test_a_reaction_that_is_taken_away_says_nothing(heard: Heard, fake: FakeTelegram):
    said = await fake.say("direct:ann", "ann", "hello")
    fake.react("direct:ann", "ann", said, "👍")
    fake.react("direct:ann", "ann", said, "👎", before="👍")
    fake.react("direct:ann", "ann", said, "", before="👎")
    await fake.say("direct:ann", "ann", "bye")
    found = await heard.some(4)
    assert [one.text for one in found] == ["hello", "👍", "👎", "bye"]
    assert found[1].reply_to == said


async def test_roles_and_whom_it_is_meant_for(heard: Heard, fake: FakeTelegram):
    fake.privacy = False
    await fake.say("shop/news", "boss", "hello @SHOP_bot!")
    await fake.say("shop/news", "ann", "hello @shop_bots")
    await fake.say("shop/news", "ann", "hello all")
    admin, other, plain = await heard.some(3)
    assert (admin.sender.role, admin.addressed) == (Role.ADMIN, True)
    assert (other.sender.role, other.addressed, plain.addressed) == (Role.MEMBER, False, False)
    assert admin.chat.id.endswith(f"/{fake.world.place('shop/news')[1]}")


async def test_a_group_that_becomes_a_supergroup_is_the_same_chat(heard: Heard, fake: FakeTelegram):
    fake.world.plain_group("old")
    await fake.say("old", "ann", "@shop_bot before")
    await fake.upgrade("old")
    await fake.say("old", "ann", "@shop_bot behind")
    before, behind = await heard.some(2)
    assert before.chat.id != behind.chat.id == str(fake.world.place("old")[0].id)


async def test_a_poll_that_hangs_is_begun_anew(settings: Settings, fake: FakeTelegram, caplog: Any):
    clock = ManualClock(START)
    async with hearing(settings, fake, clock) as heard:
        await until(lambda: fake.updates.polls, bool)
        fake.clock = fake.updates._clock = ManualClock(START)
        fake.faults.slow = 1.0  # on a clock that stands still: nothing is answered any more
        await fake.say("direct:ann", "ann", "one")
        await heard.some(1)
        await until(lambda: fake.slowed, lambda slowed: "getUpdates" in slowed)  # the next poll is under way, and hangs
        fake.faults.slow = 0.0
        await fake.say("direct:ann", "ann", "two")
        await heard.some_by(clock, 2)
        assert f"hung for {STALLED:.0f} s" in caplog.text


async def test_a_dead_network_is_said_and_tried_again(settings: Settings, fake: FakeTelegram, caplog: Any):
    fake.faults.broken = 1.0
    async with hearing(settings, fake) as heard:
        await until(lambda: caplog.text, lambda text: "trying again in" in text)
        fake.faults.broken = 0.0
        await fake.say("direct:ann", "ann", "one")
        await heard.some(1)
    assert fake.token not in caplog.text


async def test_cut_connections_lose_nothing(heard: Heard, fake: FakeTelegram):
    for number in range(3):
        await fake.drop()
        await fake.say("direct:ann", "ann", str(number))
    assert [one.text for one in await heard.some(3)] == ["0", "1", "2"]


async def test_a_second_program_with_the_token_is_named(heard: Heard, fake: FakeTelegram, caplog: Any):
    async with aiohttp.ClientSession() as other, other.get(f"{fake.url}/bot{fake.token}/getUpdates?timeout=1"):
        await until(lambda: caplog.text, lambda text: "another program fetches this bot's updates too" in text)
    await fake.say("direct:ann", "ann", "one")
    await heard.some(1)


async def test_a_wrong_token_is_said_at_once(settings: Settings, fake: FakeTelegram, caplog: Any):
    caplog.set_level(logging.DEBUG)
    async with alone(settings, fake, token=f"{BOT_ID}:a-wrong-one") as (edge, _):

        async def receive(message: Message) -> None:
            raise AssertionError

        with pytest.raises(SettingsError, match="BotFather") as told:
            await edge.run(receive)
    assert "a-wrong-one" not in str(told.value) + caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("chat", "id", "message", "update_id", "text")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given_settings(suppress_health_check=[HealthCheck.too_slow])  # a machine that does much else is slow at the first one
@given(st.lists(st.dictionaries(st.sampled_from(("update_id", "message", "callback_query")), JSON, max_size=3)))
def test_the_groups_of_any_updates_are_read(updates: list[dict[str, Any]]):
    assert all(one < 0 for one in chats_of(updates))


async def test_no_update_stops_those_behind_it(heard: Heard, fake: FakeTelegram):
    wrong: list[Any] = [
        None,
        7,
        "x",
        [],
        {},
        {"message_id": 1},
        {"chat": {"id": -1}},
        {"from": {"id": "?"}, "date": 1e99},
    ]
    kinds = ("message", "callback_query", "message_reaction", "my_chat_member", "chat_member", "something_new")
    for kind in kinds:
        for payload in wrong:
            fake.updates.add(kind, payload)
    await fake.say("direct:ann", "ann", "behind")
    assert [one.text for one in await heard.some(1)] == ["behind"]
    assert heard.edge.unreadable >= len(wrong)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_webhook_takes_what_is_pushed_with_its_secret(settings: Settings, fake: FakeTelegram):
    port = free_port()
    url = f"http://127.0.0.1:{port}/telegram"
    async with hearing(settings, fake, webhook_url=url, listen=f"127.0.0.1:{port}") as heard:
        await until(lambda: fake.updates.url, bool)
        fake.garble()
        for text in ("one", "two", "three"):
            await fake.say("direct:ann", "ann", text)
        assert [one.text for one in await heard.some(3)] == ["one", "two", "three"]
        async with aiohttp.ClientSession() as stranger:
            forged = {"update_id": 1, "message": {}}
            async with stranger.post(url, json=forged) as answer:
                assert answer.status == 403
            headers = {"X-Telegram-Bot-Api-Secret-Token": "é" * 9}
            async with stranger.post(url, data="not json", headers=headers) as answer:
                assert answer.status == 403
            async with stranger.post(f"{url}/other", json=forged) as answer:
                assert answer.status == 404
        assert heard.edge.unreadable == 1
    await fake.say("direct:ann", "ann", "while down")
    async with hearing(settings, fake) as heard:  # without the setting, the webhook is taken away
        assert (await heard.some(1))[0].text == "while down"
        assert fake.updates.url == ""
