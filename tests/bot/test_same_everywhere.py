"""The same conversation on the page, Telegram and Discord: members read the same on each."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from bot.app import App, Parts, build
from bot.clock import SystemClock
from bot.config import Settings, load
from bot.platforms.base import Platform
from bot.tools import edges
from bot.tools.serve import page
from llm.engines.scripted import ScriptedEngine
from storage import inbox
from storage import outbox as rows
from tests.bot.discord_shop import Ahead, flat
from tests.fakes.base import Fake
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram
from tests.fakes.web import FakePage
from tests.served_bot import TOKEN

SECONDS = 30.0  # that a step may take
HERE, ALONE = "shop", "direct:maya"
TALK = (  # where, what is said (@: to the bot by a mention), and is there an answer?
    (HERE, "@how much is the moka pot?", True),
    (HERE, "lovely weather on the harbour today", False),
    (HERE, "@and is it in stock?", True),
    (HERE, "@紫砂壶多少钱？", True),
    (HERE, "@which is cheaper, the moka pot or the glass teapot?", True),
    (HERE, "@do you ship to the moon and back?", True),
    (HERE, "/nonsense", True),
    (HERE, "/mode off", True),
    (HERE, "/ask when is delivery free?", True),
    (HERE, "/help product", True),
    (HERE, "/suggest", True),
    (ALONE, "is the gooseneck kettle in stock?", True),
    (ALONE, "/help", True),
    (ALONE, "/start", True),
    (ALONE, "/me", True),
    (ALONE, "/subscribe", True),
    (ALONE, "/me", True),
    (ALONE, "/subscribe off", True),
    (ALONE, "i want to talk to a human", True),
)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not so():  # noqa: ASYNC110 - what members see gives no event
            await asyncio.sleep(0.02)


@pytest.fixture
async def fakes() -> AsyncIterator[list[Fake]]:
    async with AsyncExitStack() as stack:
        hears_all = FakeTelegram(SystemClock())
        hears_all.privacy = False
        some: list[Fake] = [FakePage(), hears_all, FakeDiscord(SystemClock())]
        yield [await stack.enter_async_context(fake) for fake in some]


@pytest.fixture
async def app(settings: Settings, fakes: list[Fake]) -> AsyncIterator[App]:
    told = {name: value for fake in fakes for name, value in fake.settings().items()}
    held = {"DATABASE_URL": settings.database_url, "UPLOADS": str(settings.uploads), "EMBED_MODEL": "off"}
    given = load({**held, **told, "CHAT_MODE": "mention", "LLM_SEED": "1"}, env_file=None)

    def platforms(parts: Parts) -> Sequence[Platform]:
        return [*edges.networks(given, edges.wanted(given), parts), page(given, parts, TOKEN)]

    async with build(given, Ahead(), ScriptedEngine(), platforms) as app:
        running = asyncio.create_task(app.run())
        for fake in fakes:
            if isinstance(fake, FakeDiscord):  # what is said before the bot was ever there is not for it
                await until(lambda there=fake: bool(there.gateway.served))  # type: ignore[misc]
        yield app
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def settled(app: App) -> None:
    async def busy() -> bool:
        counts = await app.database.read(lambda tx: rows.counts(tx, app.shop.id))
        parked = await app.database.read(lambda tx: inbox.parked(tx, app.shop.id))
        return bool(counts.get("ready", 0) + counts.get("open", 0)) or parked is not None

    async with asyncio.timeout(SECONDS):
        await app.intake.idle()
        while await busy():  # noqa: ASYNC110 - only the tables say so
            await asyncio.sleep(0.02)


async def say(fake: Fake, chat: str, line: str, *, answered: bool) -> int:
    """Say it, and wait until there is something of an answer; how many messages of the bot's were there before."""
    before, log = len(fake.shown(chat)), len(fake.log)
    await fake.say(chat, "maya", line.replace("@", fake.mention))
    if answered:
        await until(lambda: any(one.chat == chat for one in fake.log[log:]))
    return before


def plain(text: str) -> str:
    """Without what is a network's own: marks against markup, how names are written there, and when it began."""
    once = re.sub(r"First seen: [^.]+\.", "First seen: then.", flat(text).replace("Maya", "maya"))
    return re.sub(r", last on [^)]+\)", ", last on that day)", once)


async def test_members_read_the_same_on_every_network(app: App, fakes: list[Fake]) -> None:
    for chat, line, answered in TALK:
        app.clock.by += timedelta(seconds=2)  # people take their time, and one network counts messages a second
        before = await asyncio.gather(*(say(fake, chat, line, answered=answered) for fake in fakes))
        await settled(app)
        told = [[plain(text) for text in fake.shown(chat)[at:]] for fake, at in zip(fakes, before, strict=True)]
        assert bool(told[0]) is answered, line
        for fake, theirs in zip(fakes[1:], told[1:], strict=True):
            assert theirs == told[0], f"{line} on {fake.name}"


async def ask(app: App, fake: Fake, chat: str, member: str, line: str) -> str:
    """What the chat shows new of the bot's once everything is settled."""
    app.clock.by += timedelta(seconds=2)
    before, log = len(fake.shown(chat)), len(fake.log)
    await fake.say(chat, member, line)
    await until(lambda: len(fake.log) > log)
    await settled(app)
    return "\n".join(map(flat, fake.shown(chat)[before:]))


async def test_a_member_of_two_networks_becomes_one(app: App, fakes: list[Fake]) -> None:
    _, first, second = fakes
    await ask(app, first, ALONE, "maya", "is the gooseneck kettle in stock?")
    await ask(app, first, ALONE, "maya", "/subscribe")
    await ask(app, second, "direct:may", "may", "/subscribe")
    code = re.search(r"/link (\S+)", await ask(app, first, ALONE, "maya", "/link"))
    assert code
    asked = await ask(app, second, "direct:may", "may", f"/link {code[1]}")
    assert f"on {first.name.capitalize()} too?" in asked
    assert f"on {second.name.capitalize()} too?" in flat(first.shown(ALONE)[-1])
    assert "Now say yes" in await ask(app, second, "direct:may", "may", "/link yes")
    assert "you are one person for me" in await ask(app, first, ALONE, "maya", "/link yes")
    assert "you are one person for me" in flat(second.shown("direct:may")[-1])
    known = await ask(app, second, "direct:may", "may", "/me")
    assert "Gooseneck Electric Kettle" in known
    assert "You get suggestions now and then." in known


async def test_what_is_private_leaves_a_group_on_every_network(app: App, fakes: list[Fake]) -> None:
    page, first, second = fakes
    for fake in fakes:
        await ask(app, fake, HERE, "tom", "/me")
    assert page.log[-1].private_to == "tom"
    (line,) = first.shown(HERE)  # tom never wrote to the bot there
    assert line.startswith("I tell you that in a direct chat only: https://t.me/")
    assert line.endswith("?start=me")
    assert second.shown(HERE) == []
    assert "This is what I know of you from this chat" in flat(second.shown("direct:tom")[0])
    assert "This is what I know of you" in await ask(app, first, "direct:tom", "tom", "/start me")
    assert await ask(app, first, HERE, "tom", "/me") == ""
    assert "from this chat" in flat(first.shown("direct:tom")[-1])
