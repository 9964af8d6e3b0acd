"""Telegram's set-up: what is registered, and what `python -m bot check` finds wrong."""

from bot.clock import SystemClock
from bot.config import Settings
from bot.platforms.base import Finding
from storage import members
from tests.bot.telegram_shop import alone, hearing, opened, until
from tests.fakes.telegram import FakeTelegram


async def test_commands_are_registered_for_members_and_admins_in_both_languages(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake, opened(settings, fake) as shop:
        await until(lambda: fake.commands, lambda held: len(held) == 4)
        for code in ("", "zh"):
            of_members = {one["command"] for one in fake.commands["default", code]}
            of_admins = {one["command"] for one in fake.commands["all_chat_administrators", code]}
            assert of_members < of_admins
            assert of_admins == {one.name for one in shop.app.commands}
            assert "mode" in of_admins - of_members
        helps = {one["command"]: one["description"] for one in fake.commands["default", "zh"]}
        assert not helps["help"].isascii()


async def found(settings: Settings, fake: FakeTelegram, **more: str) -> dict[str, Finding]:
    """What the check says, by what it is about, of a bot that knows two groups."""
    async with alone(settings, fake, **more) as (edge, database):
        for name in ("shop", "other"):
            chat, _ = fake.world.place(name)
            place = ("telegram", str(chat.id), name, False)
            await database.write(lambda tx, place=place: members.enter(tx, 1, *place))
        return {one.what: one for one in await edge.check()}


async def test_what_is_off_is_named_with_what_to_click(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        fake.world.place("other")[0].bot = "administrator"
        told = await found(settings, fake)
    assert told["the token, of @shop_bot"].right
    assert told["fetching updates"].right
    assert told["group “other”: the bot as an admin"].right
    wrong = [one for one in told.values() if not one.right]
    assert {one.what for one in wrong} == {
        "privacy mode", "being added to groups", "group “shop”: the bot as an admin",
    }  # fmt: skip
    assert all(one.off and one.fix for one in wrong)


async def test_all_is_well(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        fake.privacy = fake.joinable = False
        for name in ("shop", "other"):
            fake.world.place(name)[0].bot = "administrator"
        assert all(one.right for one in (await found(settings, fake)).values())


async def test_a_group_that_it_left_or_may_not_write_in(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        shop, other = fake.world.place("shop")[0], fake.world.place("other")[0]
        shop.bot, other.bot = "kicked", "restricted"
        told = await found(settings, fake)
    assert "not in it any more" in told[f"group {shop.id}"].off
    assert "may not write" in told["group “other”"].off


async def test_a_refused_token_and_a_dead_network_are_all_there_is_to_see(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        (token,) = (await found(settings, fake, token="123456:another-one")).values()
    (network,) = (await found(settings, fake)).values()
    assert (token.what, token.right, network.what, network.right) == ("the token", False, "the network", False)
    assert "BotFather" in token.fix


async def test_a_webhook_that_is_another_programs_or_not_reached(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake:
        fake.updates.set_webhook({"url": "https://other.example/hook"})
        assert "another program" in (await found(settings, fake))["the webhook"].off
        assert not (await found(settings, fake, webhook_url="https://shop.example/t"))["the webhook"].right
        fake.updates.set_webhook({"url": "https://shop.example/t"})
        assert (await found(settings, fake, webhook_url="https://shop.example/t"))["the webhook"].right
        fake.updates.error = "Connection timed out"
        assert "timed out" in (await found(settings, fake, webhook_url="https://shop.example/t"))["the webhook"].off


async def test_a_link_opens_a_direct_chat_with_a_word(settings: Settings):
    async with FakeTelegram(SystemClock()) as fake, hearing(settings, fake) as heard:
        await until(lambda: fake.updates.polls, bool)
        assert heard.edge.direct_link("shop-12") == "https://t.me/shop_bot?start=shop-12"
        assert heard.edge.direct_link("not a word") == ""
