"""Keeping a group clean on Telegram, Discord and the page: what their own libraries are made to do."""

import asyncio
from datetime import timedelta

import pytest

from bot.app import build
from bot.clock import SystemClock
from bot.config import Settings, load
from bot.messages import Ban, Chat, Free, Mute, Remove, SendError, Slow, Unban
from bot.tools.serve import page
from llm.engines.scripted import ScriptedEngine
from tests.bot import discord_shop, telegram_shop
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_world import BAN, MANAGE_CHANNELS, MANAGE_MESSAGES, MODERATE
from tests.fakes.telegram import FakeTelegram
from tests.fakes.web import FakePage
from tests.served_bot import TOKEN

SPAM = "Earn 300$ a day from home, no experience needed, write me now @job_lena_7"
MORE = "Crypto signals, 97% accuracy, join the vip channel t.me/+AbCd123"
THIRD = "Hot girls near you waiting, free chat, no signup flirt-now.click"
FOURTH = "Казино: 150 фриспинов без депозита, забирай бонус lucky-slot.casino"
RIGHTS = BAN | MANAGE_CHANNELS | MANAGE_MESSAGES | MODERATE


async def test_telegram_removes_mutes_and_bans(settings: Settings):
    clock = SystemClock()
    async with FakeTelegram(clock) as fake:
        fake.hear_all()
        async with telegram_shop.opened(settings, fake, clock=clock) as shop:
            group, _ = fake.world.place("shop")
            fake.move("shop", "shop_bot", "administrator")
            await shop.settled("shop")
            for _ in range(2):
                await shop.ask("shop", "boss", "/moderation on")
            said = [await fake.say("shop", "eve", text) for text in (SPAM, MORE, THIRD)]
            await telegram_shop.until(
                lambda: [group.messages[int(one)].deleted for one in said] + [group.members[eve(fake)]],
                lambda found: found == [True, True, True, "restricted"],
            )
            assert await fake.say("shop", "eve", "hello") == ""
            await shop.replies("shop", lambda seen: "Eve can't write here for an hour" in seen[-1].text)
            await shop.ask("shop", "boss", "/unban Eve")
            await telegram_shop.until(lambda: group.members[eve(fake)], lambda found: found == "member")
            assert await fake.say("shop", "eve", "thank you")
            await shop.ask("shop", "boss", "/ban Eve 3")
            await telegram_shop.until(lambda: group.members[eve(fake)], lambda found: found == "kicked")
            assert group.barred[eve(fake)] - clock.now() > timedelta(days=2)
            origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
            said = await fake.say("shop", "bob", "look https://www.some-blog.org/tea", forward_origin=origin)
            await telegram_shop.until(lambda: group.messages[int(said)].deleted, bool)


def eve(fake: FakeTelegram) -> int:
    return fake.world.user("eve").id


@pytest.mark.long
async def test_telegram_asks_who_joins_to_press_a_button(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        fake.hear_all()
        async with telegram_shop.opened(settings, fake) as shop:
            group, _ = fake.world.place("shop")
            fake.move("shop", "shop_bot", "administrator")
            await shop.settled("shop")
            for command in ("/moderation on", "/moderation on", "/moderation button on"):
                await shop.ask("shop", "boss", command)
            fake.move("shop", "eve", "member")
            asked = await shop.replies("shop", lambda seen: seen and seen[-1].buttons == ("I'm a person",))
            await telegram_shop.until(lambda: group.members[eve(fake)], lambda found: found == "restricted")
            fake.press("shop", "eve", asked[-1].id, "I'm a person")
            await telegram_shop.until(lambda: group.members[eve(fake)], lambda found: found == "member")
            assert await fake.say("shop", "eve", "hello")


async def test_telegram_that_refuses_says_why_and_what_is_gone_is_fine(settings: Settings):
    clock = SystemClock()
    async with FakeTelegram(clock) as fake, telegram_shop.alone(settings, fake, clock) as (edge, _):
        group, _ = fake.world.place("shop")
        fake.move("shop", "shop_bot", "administrator")
        said = await fake.say("shop", "eve", "hello")
        chat, person = Chat("telegram", str(group.id)), str(eve(fake))
        for action in (
            Remove(said),
            Remove(said),
            Mute(person),
            Mute(person),
            Free(person),
            Unban(person),
            Ban(person),
        ):
            await edge.act(chat, action)
        assert group.messages[int(said)].deleted
        assert group.members[eve(fake)] == "kicked"
        group.may_moderate = False
        await edge.act(chat, Remove(str(int(said) + 1)))  # nothing is there any more
        for action, told in ((Mute(person), "ot enough rights"), (Mute("channel:-1001"), "only users can be muted")):
            with pytest.raises(SendError, match=told) as refused:
                await edge.act(chat, action)
            assert refused.value.retry_after is None


async def test_discord_removes_times_out_and_bans(settings: Settings):
    async with FakeDiscord() as fake:
        await fake.empower("shop", RIGHTS)
        async with discord_shop.opened(fake, settings) as shop:
            guild = fake.world.guilds["shop"]
            for _ in range(2):
                await shop.used("shop", "boss", "moderation", words="on")
            who = fake.world.user("eve")["id"]
            said = [await fake.say("shop", "eve", text) for text in (SPAM, MORE, THIRD)]
            await shop.until(lambda: not any(one in fake.world.messages for one in said), "removed")
            await shop.until(lambda: guild.members[who]["communication_disabled_until"], "timed out")
            assert await fake.say("shop", "eve", "hello") == ""
            await shop.used("shop", "boss", "unban", words="Eve")
            await shop.until(lambda: guild.members[who]["communication_disabled_until"] is None, "free")
            await shop.used("shop", "boss", "ban", name="Eve", days="3")
            await shop.until(lambda: who in guild.bans, "banned")
            await shop.used("shop", "boss", "unban", words="Eve")
            await shop.until(lambda: who not in guild.bans, "unbanned")
            await shop.used("shop", "boss", "moderation", words="slow 20")
            await shop.until(lambda: guild.channels["general"]["rate_limit_per_user"] == 20, "slow")


async def test_discord_that_refuses_says_why_and_what_is_gone_is_fine(settings: Settings):
    async with FakeDiscord() as fake, discord_shop.opened(fake, settings) as shop:
        said = await fake.say("shop", "eve", "hello there")
        await shop.settled()
        who, owner = fake.world.user("eve")["id"], fake.world.user("owner")["id"]
        chat = Chat("discord", fake.world.guilds["shop"].channels["general"]["id"])
        for action in (Remove(said), Mute(who), Ban(who), Slow(5)):
            with pytest.raises(SendError, match="50013 Missing Permissions") as refused:
                await shop.platform.act(chat, action)
            assert refused.value.retry_after is None
        await fake.empower("shop", RIGHTS)
        for action in (Remove(said), Remove(said), Mute(who), Free(who), Ban(who), Ban(who), Unban(who), Unban(who)):
            await shop.platform.act(chat, action)
        with pytest.raises(SendError, match="50013"):
            await shop.platform.act(chat, Ban(owner))


async def test_the_page_takes_messages_away_and_they_are_gone_after_a_reload(settings: Settings):
    removed: list[str] = []

    class Watching(FakePage):
        def _hear(self, frame):
            super()._hear(frame)
            removed.extend([frame["message"]] if frame["type"] == "removed" else [])

    fake = Watching()
    held = {"DATABASE_URL": settings.database_url, "UPLOADS": str(settings.uploads), "EMBED_MODEL": "off"}
    given = load({**held, **fake.settings()}, env_file=None)
    async with build(given, SystemClock(), ScriptedEngine(), lambda parts: [page(given, parts, TOKEN)]) as app:
        running = asyncio.create_task(app.run())
        async with fake:
            for told in ("First a dry run", "I keep this group clean"):
                await fake.say("shop", "alex", "/moderation on")
                await telegram_shop.until(lambda t=told: any(one.startswith(t) for one in fake.shown("shop")), bool)
            said = await fake.say("shop", "maya", SPAM)
            kept = await fake.say("shop", "maya", "is the moka pot in stock?")
            await telegram_shop.until(lambda: said in removed, bool)
            await app.intake.idle()
            shown = await app.platforms["web"]._history(Chat("web", "group"))  # type: ignore[attr-defined]
            assert kept in [one.id for one in shown]
            assert said not in [one.id for one in shown]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
