"""A human is called: the admins of the group are rung up by name, and nobody by what a member says."""

from datetime import UTC, datetime

from telegram import Chat, Message

from bot.clock import SystemClock
from bot.config import Settings
from bot.messages import Mention, Outgoing
from bot.platforms.telegram.outgoing import shown
from tests.bot import discord_shop, telegram_shop
from tests.conftest import Group
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

NEEDED = "a human is needed here."
ASKED = "@everyone @here @tom I want to talk to a real person"


async def test_on_discord_the_admin_is_rung_up_and_nobody_else(settings: Settings) -> None:
    async with FakeDiscord(SystemClock()) as fake:
        await fake.place("shop")
        async with discord_shop.opened(fake, settings) as shop:
            tom, boss = (fake.world.user(name)["id"] for name in ("tom", "boss"))
            await shop.ask("shop", "tom", f"{fake.mention}/help")
            await shop.ask("shop", "boss", f"{fake.mention}/mode")
            asked = await fake.say("shop", "ann", f"{fake.mention}<@{tom}> <@&{boss}> {ASKED}")
            await shop.until(lambda: any(NEEDED in one.text for one in fake.log), "called")
            await shop.settled()
            (called,) = [one for one in fake.log if NEEDED in one.text]
            assert (called.chat, called.text, called.reply_to) == ("shop", f"<@{boss}>: {NEEDED}", asked)
            assert fake.rest.pinged == [(called.id, boss)]
            (told,) = fake.shown("direct:boss")
            assert ASKED in discord_shop.flat(told), "the summary has their words, which ring up nobody"


async def test_on_discord_a_slash_command_calls_too(settings: Settings) -> None:
    async with FakeDiscord(SystemClock()) as fake:
        await fake.place("shop")
        async with discord_shop.opened(fake, settings) as shop:
            await shop.ask("shop", "boss", f"{fake.mention}/mode")
            await fake.use("shop", "ann", "ask", question=ASKED)
            await shop.until(lambda: any(NEEDED in one.text for one in fake.log), "called")
            await shop.settled()
            assert [who for _, who in fake.rest.pinged] == [fake.world.user("boss")["id"]]


async def test_on_telegram_the_admin_is_rung_up_and_nobody_else(settings: Settings) -> None:
    async with FakeTelegram(SystemClock()) as fake, telegram_shop.opened(settings, fake) as shop:
        await shop.ask("shop", "tom", "/help")
        await shop.ask("shop", "boss", "/mode")
        await shop.ask("direct:boss", "boss", "/start")
        since = len(fake.log)
        asked = await fake.say("shop", "ann", f"@shop_bot {ASKED}")
        await shop.replies("shop", lambda found: any(NEEDED in one.text for one in found), since)
        (called,) = [one for one in await shop.settled("shop", since) if NEEDED in one.text]
        assert (called.text, called.reply_to) == (f"Boss: {NEEDED}", asked)
        assert fake.pinged == [(called.id, "boss")]
        assert ASKED in fake.shown("direct:boss")[-1]


def test_on_telegram_names_are_marked_as_telegram_measures_them() -> None:
    ready = shown(Outgoing(NEEDED, mentions=(Mention("7", "😀老板"), Mention("chat:-1", "Owner"), Mention("8", "Bo"))))
    assert ready.text == f"😀老板, Owner, Bo: {NEEDED}"
    message = Message(1, datetime.now(UTC), Chat(1, "group"), text=ready.text, entities=ready.named)
    marked = [(one.user and one.user.id, text) for one, text in message.parse_entities().items()]
    assert marked == [(7, "😀老板"), (8, "Bo")]


async def test_in_a_direct_chat_nobody_is_called_by_name(settings: Settings) -> None:
    async with FakeTelegram(SystemClock()) as fake, telegram_shop.opened(settings, fake) as shop:
        await shop.ask("shop", "boss", "/mode")
        await shop.ask("direct:boss", "boss", "/start")
        await fake.say("direct:ann", "ann", ASKED)
        await shop.replies("direct:boss", lambda found: any(ASKED in one.text for one in found))
        await shop.settled("direct:ann")
        assert not any(NEEDED in one.text for one in fake.log)
        assert fake.pinged == []


async def test_where_a_network_can_not_call_by_name_the_admins_chat_is_enough(group: Group) -> None:
    await group.say("boss", "/mode")
    await group.say("ann", "I want to talk to a real person")
    assert not any(NEEDED in text for text in group.texts("shop"))
