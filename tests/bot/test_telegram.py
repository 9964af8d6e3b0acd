"""Telegram as a member sees it: the whole bot behind the real client, over a socket to a strict server."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bot.clock import SystemClock
from bot.config import Settings
from storage import interactions, members, outbox
from storage.database import Transaction
from tests.bot.telegram_shop import Shop, opened, until
from tests.fakes.telegram import FakeTelegram

PRICE = "how much is the moka pot?"


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(SystemClock()) as fake:
        yield fake


@pytest.fixture
async def shop(settings: Settings, fake: FakeTelegram) -> AsyncIterator[Shop]:
    async with opened(settings, fake) as shop:
        yield shop


async def test_a_question_is_answered_in_reply(shop: Shop, fake: FakeTelegram):
    said = await fake.say("shop", "ann", f"@shop_bot {PRICE}")
    reply = (await shop.replies("shop", lambda log: log and "£27.00" in log[-1].text))[-1]
    assert reply.reply_to == said


async def test_what_is_not_meant_for_it_is_heard_and_left_alone(shop: Shop, fake: FakeTelegram):
    fake.privacy = False
    await fake.say("shop", "ann", "lovely weather on the harbour today")
    await fake.say("shop", "bob", "/start@other_bot")
    assert "£27.00" in (await shop.ask("shop", "ann", f"@shop_bot {PRICE}")).text
    assert len(await shop.settled("shop")) == 1


async def test_a_reply_to_the_bot_goes_on_with_it(shop: Shop, fake: FakeTelegram):
    first = await shop.ask("shop", "ann", f"@shop_bot {PRICE}")
    again = await shop.ask("shop", "ann", "and is it in stock?", reply_to=first.id)
    assert "in stock" in again.text.lower()


async def test_a_topic_is_a_chat_of_its_own(shop: Shop, fake: FakeTelegram):
    await shop.ask("shop/coffee", "ann", f"@shop_bot {PRICE}")
    await shop.ask("shop/teapots", "ann", "@shop_bot how much is the small purple zisha teapot?")
    again = await shop.ask("shop/coffee", "ann", "@shop_bot and is it in stock?")
    assert "Moka" in again.text
    assert {one.chat for one in fake.log} == {"shop/teapots", "shop/coffee"}


async def test_a_direct_chat_shows_the_reply_while_it_is_written(shop: Shop, fake: FakeTelegram):
    reply = await shop.ask("direct:ann", "ann", f"{PRICE} And when is delivery free?")
    assert "£27.00" in reply.text
    assert not reply.edit
    assert all(chat == "direct:ann" for chat, _ in fake.drafts)
    assert all(reply.text.startswith(text.split(".")[0]) for _, text in fake.drafts)


async def test_only_admins_run_what_is_for_admins(shop: Shop, fake: FakeTelegram):
    assert "for admins" in (await shop.ask("shop", "ann", "/mode off")).text
    assert "for admins" not in (await shop.ask("shop", "boss", "/mode@shop_bot questions")).text
    fake.privacy = False
    assert "£27.00" in (await shop.ask("shop", "ann", PRICE)).text


async def test_an_admin_who_hides_behind_the_group_is_one(shop: Shop, fake: FakeTelegram):
    await fake.say("shop", "ann", "hello")
    since = len(fake.log)
    await fake.say_hidden("shop", "/mode questions")
    reply = (await shop.replies("shop", bool, since))[-1]
    assert "for admins" not in reply.text


async def test_what_only_a_hidden_admin_may_see_is_not_shown_to_the_group(shop: Shop, fake: FakeTelegram):
    await shop.ask("shop", "ann", f"@shop_bot {PRICE}")
    since = len(fake.log)
    await fake.say_hidden("shop", "/profile Ann")
    reply = (await shop.replies("shop", bool, since))[-1]
    assert "direct chat" in reply.text
    assert "Moka" not in reply.text


async def test_what_only_a_member_may_see_goes_to_a_direct_chat(shop: Shop, fake: FakeTelegram):
    line = await shop.ask("shop", "ann", "/me")
    link = "https://t.me/shop_bot?start=me"
    assert link in line.text
    await fake.say("direct:ann", "ann", "/start me")
    shown = (await shop.replies("direct:ann", bool))[-1]
    assert "direct chat" not in shown.text
    since = len(fake.log)
    await fake.say("shop", "ann", "/me")
    await shop.replies("direct:ann", bool, since)
    assert [one.chat for one in fake.log[since:]] == ["direct:ann"]


async def test_the_bot_introduces_itself_where_it_was_added(shop: Shop, fake: FakeTelegram):
    fake.world.place("shop")[0].bot = "left"
    fake.move("shop", "shop_bot", "member")
    assert "/privacy" in (await shop.replies("shop", bool))[-1].text


async def test_a_channel_that_speaks_in_the_group_is_no_admin(shop: Shop, fake: FakeTelegram):
    channel = {"sender_chat": {"id": -1009, "type": "channel", "title": "News"}}
    await fake.say("shop", "boss", "/mode questions", **channel)
    assert "for admins" in (await shop.replies("shop", bool))[-1].text


async def test_who_becomes_an_admin_is_one_at_once_where_the_bot_sees_it(shop: Shop, fake: FakeTelegram):
    fake.world.place("shop")[0].bot = "administrator"
    assert "for admins" in (await shop.ask("shop", "ann", "/mode questions")).text
    fake.move("shop", "ann", "administrator")
    assert "for admins" not in (await shop.ask("shop", "ann", "/mode questions")).text


async def test_a_pressed_button_does_what_it_says(shop: Shop, fake: FakeTelegram):
    shown = await shop.ask("shop", "ann", "/help")
    since = len(fake.log)
    fake.press("shop", "bob", shown.id, "Privacy")
    reply = (await shop.replies("shop", bool, since))[-1]
    assert reply.reply_to == shown.id
    await until(lambda: fake.answered, bool)
    assert fake.answered == [""]


async def test_a_long_button_still_means_the_same_after_a_restart(settings: Settings, fake: FakeTelegram):
    words = "a very large blue and white kettle with a bamboo handle, for fourteen guests"
    async with opened(settings, fake) as shop:
        shown = await shop.ask("direct:ann", "ann", f"/product {words}")
        assert shown.buttons == ("Ask the shop",)
    async with opened(settings, fake) as shop:
        since = len(fake.log)
        fake.press("direct:ann", "ann", shown.id, "Ask the shop")
        assert await shop.replies("direct:ann", bool, since)
        asked = await shop.app.database.read(lambda tx: interactions.shown(tx, shop.app.shop.id, "telegram", "1000", 9))
        assert f"/ask {words}" in [row.text for row in asked]


async def test_a_button_that_nobody_remembers_says_so(shop: Shop, fake: FakeTelegram):
    shown = await shop.ask("direct:ann", "ann", "/help")
    place, _ = fake.world.place("direct:ann")
    place.messages[int(shown.id)].keyboard = [[{"text": "Old", "callback_data": "#0:reply:999999"}]]
    fake.press("direct:ann", "ann", shown.id, "Old")
    await until(lambda: fake.answered, bool)
    assert "too old" in fake.answered[-1]


async def test_a_reaction_in_a_topic_is_feedback_on_that_answer(shop: Shop, fake: FakeTelegram):
    fake.world.place("shop/coffee")[0].bot = "administrator"
    reply = await shop.ask("shop/coffee", "ann", f"@shop_bot {PRICE}")
    fake.react("shop/coffee", "bob", reply.id, "👍")
    await shop.settled("shop/coffee")
    chats = await shop.app.database.read(lambda tx: members.chats(tx, shop.app.shop.id))
    topic = next(one.platform_id for one in chats if "/" in one.platform_id)
    seen = await shop.app.database.read(lambda tx: interactions.shown(tx, shop.app.shop.id, "telegram", topic, 9))
    reacted = [row.data for row in seen if row.kind == "reacted"]
    assert [(one["emoji"], one["on"]) for one in reacted] == [("👍", reply.id)]


async def test_a_catalogue_that_an_admin_drops_is_imported(shop: Shop, fake: FakeTelegram):
    rows = b"title,price,currency\nBlue Kettle,12.50,GBP\n"
    await fake.say("direct:boss", "boss", "/start")
    await fake.drop_file("shop", "ann", "mine.csv", rows, "/import")
    await fake.drop_file("shop", "boss", "kettles.csv", rows, "/import")
    assert "for admins" in (await shop.replies("shop", bool))[-1].text
    await shop.replies("direct:boss", lambda log: any("Imported kettles.csv" in one.text for one in log))
    assert "£12.50" in (await shop.ask("shop", "ann", "@shop_bot how much is the blue kettle?")).text


async def test_a_file_that_is_too_large_is_said_to_be(shop: Shop, fake: FakeTelegram):
    await fake.drop_file("shop", "boss", "all.csv", b"x" * (21 * 1024 * 1024), "/import")
    reply = (await shop.replies("shop", bool))[-1]
    assert "larger than 20 MB" in reply.text
    assert "python -m bot import" in reply.text


async def test_a_file_that_nobody_gives_to_the_bot_is_left_alone(shop: Shop, fake: FakeTelegram):
    fake.privacy = False
    await fake.drop_file(
        "shop", "boss", "party.csv", b"title,price,currency\nBlue Kettle,12.50,GBP\n", "who comes on Saturday?"
    )
    await shop.settled("shop")
    assert fake.log == []
    assert "getFile" not in fake.calls


async def test_chinese_is_answered_in_chinese(shop: Shop, fake: FakeTelegram):
    assert "包邮" in (await shop.ask("shop", "ann", "@shop_bot 满多少包邮？")).text


async def test_a_post_is_never_seen_twice_and_always_accounted_for(shop: Shop, fake: FakeTelegram):
    chats = [str(fake.world.place(f"group{number}")[0].id) for number in range(12)]

    async def put(tx: Transaction) -> list[int]:
        now, found = shop.app.clock.now(), []
        for chat in chats:
            place = await members.enter(tx, shop.app.shop.id, "telegram", chat, chat, False)
            found.append(await outbox.put(tx, shop.app.shop.id, place.id, f"post:{chat}", "post", "News!", now))
        return found

    fake.faults.broken = 0.7
    rows = await shop.app.database.write(put)
    shop.app.outbox.wake()
    await until(lambda: fake.calls.count("sendMessage"), bool)
    fake.faults.broken = 0.0
    await shop.settled("group0")
    states = [(await shop.app.database.read(lambda tx, row=row: outbox.get(tx, row))).state for row in rows]
    seen = Counter(one.chat for one in fake.log)
    assert set(seen.values()) == {1}
    assert set(states) <= {"sent", "unknown"}
    assert states.count("sent") <= len(seen) <= len(states)
