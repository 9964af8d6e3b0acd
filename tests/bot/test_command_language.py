"""Members are answered in their own language when they use a command: their client's, else what they wrote in last."""

import asyncio
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

import bot.commands
from bot.clock import SystemClock
from bot.commands.base import command
from bot.config import Settings
from bot.language import HAN, wanted
from bot.messages import Kind, Role
from bot.registry import load
from tests.bot import discord_shop, telegram_shop
from tests.bot.web_shop import open_shop
from tests.conftest import Group
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

FOUND = [command(module) for module in load(bot.commands)]
MEMBERS = sorted(one.name for one in FOUND if one.role is Role.MEMBER)


@pytest.mark.parametrize(
    ("codes", "language"),
    [
        ("zh", "zh"), ("zh-CN", "zh"), ("zh-Hant-TW", "zh"), ("ZH_hans", "zh"), ("en-GB", "en"), ("de", ""), ("", ""),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de-DE,de;q=0.9,en;q=0.8", "en"), ("en;q=0.4,zh;q=0.7", "zh"),
        ("de, zh; q=0.5", "zh"), ("zh;q=0", ""), ("*", ""), ("en;q=nan,zh", "en"), (",;q=,=", ""),
    ],
)  # fmt: skip
def test_the_language_that_a_client_asks_for(codes: str, language: str) -> None:
    assert wanted(codes) == language


@pytest.mark.parametrize("direct", [False, True])
async def test_every_command_of_members_is_answered_in_the_language_of_the_client(group: Group, direct: bool) -> None:
    for name in MEMBERS:
        here = {"chat": "with-ann" if direct else "shop", "direct": direct}
        english = await group.say("ann", f"/{name}", client="en", **here)
        chinese = await group.say("ann", f"/{name}", client="zh", **here)
        assert english, name
        assert not HAN.search(english), name
        assert HAN.search(chinese), name


async def test_buttons_are_answered_in_it_too(group: Group) -> None:
    assert HAN.search(await group.say("ann", "/privacy", kind=Kind.BUTTON, client="zh"))


async def test_without_a_word_of_the_client_it_is_what_the_member_wrote_last(group: Group) -> None:
    assert not HAN.search(await group.say("ann", "/help")), "the shop's, for nobody wrote anything"
    await group.say("ann", "手冲壶多少钱？")
    await group.say("ann", "👍 12", addressed=False)
    assert HAN.search(await group.say("ann", "/help"))
    assert HAN.search(await group.say("ann", "/me", chat="another"))
    assert not HAN.search(await group.say("tom", "/help")), "others have their own"
    await group.say("ann", "how much is the gooseneck kettle?")
    assert not HAN.search(await group.say("ann", "/help"))
    assert HAN.search(await group.say("ann", "/help", client="zh")), "the client's word comes first"


async def test_words_behind_a_command_say_more_than_the_client(group: Group) -> None:
    assert HAN.search(await group.say("ann", "/ask 满多少包邮？", client="en"))
    assert not HAN.search(await group.say("ann", "/ask when is delivery free?", client="zh"))
    assert HAN.search(await group.say("ann", "/帮助", client="en"))


async def test_commands_of_admins_keep_the_language_of_the_shop(group: Group) -> None:
    assert not HAN.search(await group.say("boss", "/mode", client="zh"))
    assert HAN.search(await group.say("boss", "/help", client="zh"))
    await group.say("boss", "/settings language zh")
    assert HAN.search(await group.say("boss", "/mode", client="en"))
    assert not HAN.search(await group.say("boss", "/privacy", client="en"))
    assert HAN.search(await group.say("tom", "/privacy")), "who says nothing of theirs has the chat's"


async def test_telegram_says_the_language_of_the_client(settings: Settings) -> None:
    async with FakeTelegram(SystemClock()) as fake, telegram_shop.opened(settings, fake) as shop:
        fake.world.user("ann").language, fake.world.user("tom").language = "zh-hans", "de"
        assert HAN.search((await shop.ask("shop", "ann", "/help")).text)
        answer = await shop.ask("direct:ann", "ann", "/help")
        since = len(fake.log)
        fake.press("direct:ann", "ann", answer.id, answer.buttons[0])
        assert HAN.search((await shop.replies("direct:ann", bool, since))[0].text)
        assert not HAN.search((await shop.ask("direct:tom", "tom", "/help")).text)


async def test_discord_says_the_language_of_the_client(settings: Settings) -> None:
    async with FakeDiscord(SystemClock()) as fake:
        await fake.place("shop")
        async with discord_shop.opened(fake, settings) as shop:
            fake.world.locales["ann"] = "zh-TW"
            answer = await shop.used("shop", "ann", "help")
            assert HAN.search(answer.text)
            assert HAN.search((await shop.pressed(answer.id, "ann", answer.buttons[0])).text)
            assert not HAN.search((await shop.used("shop", "tom", "help")).text)


@pytest.mark.parametrize(
    ("header", "frame", "language"),
    [("zh-CN,en;q=0.5", {}, "zh"), ("zh-CN", {"language": "en"}, "en"), ("", {"language": "zh"}, "zh"), ("fr", {}, "")],
)
async def test_the_page_says_its_language_or_else_the_browser(
    tmp_path: Path, header: str, frame: dict[str, str], language: str
) -> None:
    headers = {"Accept-Language": header} if header else {}
    async with (
        open_shop(tmp_path / "uploads") as shop, aiohttp.ClientSession() as client,
        client.ws_connect(f"{shop.web.url}/ws", headers=headers) as page,
    ):  # fmt: skip
        said = {"type": "say", "id": str(uuid4()), "chat": "group", "seat": "maya", "text": "/help", **frame}
        await page.send_json(said)
        async with asyncio.timeout(10):
            message = await shop.received.get()
    assert message.sender.language == language
