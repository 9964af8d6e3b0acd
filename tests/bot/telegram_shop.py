"""The whole bot with the demo shop, a scripted engine, and Telegram over a real socket to the fake server; or Telegram
alone, with what it hears."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.app import App, Parts, build
from bot.clock import Clock, ManualClock, SystemClock
from bot.config import Settings
from bot.messages import Message
from bot.platforms.base import Platform
from bot.platforms.telegram import Telegram
from bot.platforms.telegram.serving import STALLED
from bot.texts import Texts
from bot.tools.edges import helps
from llm.engine import Engine
from llm.engines.scripted import ScriptedEngine
from storage import shops
from storage.database import Database
from tests.fakes.base import Seen
from tests.fakes.telegram import FakeTelegram
from tests.tables import make_tables

SECONDS = 20.0  # that something may take that is sure to come


def telegram(parts: Parts, fake: FakeTelegram, uploads: Path, **more: Any) -> Telegram:
    values = {
        "token": fake.token, "api_url": fake.url, "database": parts.database, "shop_id": parts.shop.id,
        "texts": parts.texts, "uploads": uploads, "clock": parts.clock, "commands": helps(parts),
    }  # fmt: skip
    return Telegram(**values | more)


class Shop:
    """A running bot, and the members' side of it."""

    def __init__(self, app: App, fake: FakeTelegram) -> None:
        self.app, self.fake = app, fake

    async def replies(self, chat: str, reached: Callable[[list[Seen]], Any], since: int = 0) -> list[Seen]:
        """What the bot showed in a chat since the log had this length, once it is enough; fails after a while."""
        return await until(lambda: [one for one in self.fake.log[since:] if one.chat == chat], reached)

    async def ask(self, chat: str, member: str, text: str, **more: Any) -> Seen:
        """Say something and wait for the whole reply to it: what the chat shows once nothing is under way."""
        since = len(self.fake.log)
        await self.fake.say(chat, member, text, **more)
        await self.replies(chat, bool, since)
        return (await self.settled(chat, since))[-1]

    async def settled(self, chat: str, since: int = 0) -> list[Seen]:
        """The same once everything that was said is worked on and sent."""
        await until(lambda: self.fake.updates.waiting, lambda waiting: not waiting)
        await self.app.intake.idle()
        await self.app.outbox.flush()
        return [one for one in self.fake.log[since:] if one.chat == chat]

    @property
    def platform(self) -> Telegram:
        found = self.app.platforms["telegram"]
        assert isinstance(found, Telegram)
        return found


async def until(look: Callable[[], Any], reached: Callable[[Any], Any]) -> Any:
    async with asyncio.timeout(SECONDS):
        while not reached(found := look()):  # noqa: ASYNC110 - what is looked at gives no event
            await asyncio.sleep(0.01)
    return found


@asynccontextmanager
async def opened(
    settings: Settings, fake: FakeTelegram, *, engine: Engine | None = None, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Shop]:
    """The app runs until it is left."""
    uploads = settings.uploads

    def platforms(parts: Parts) -> Sequence[Platform]:
        return [telegram(parts, fake, uploads, **more)]

    async with build(settings, clock or SystemClock(), engine or ScriptedEngine(), platforms) as app:
        running = asyncio.create_task(app.run())
        try:
            await until(lambda: running.done() or fake.updates.polls or fake.updates.url, bool)
            if running.done():
                await running
            yield Shop(app, fake)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def alone(
    settings: Settings, fake: FakeTelegram, clock: Clock | None = None, **more: Any
) -> AsyncIterator[tuple[Telegram, Database]]:
    """The platform without a bot behind it, on a database with a shop."""
    await asyncio.to_thread(make_tables, settings.database_url)
    async with Database(settings.database_url) as database:
        if await database.read(shops.get) is None:
            await database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))
        values = {
            "token": fake.token, "api_url": fake.url, "database": database, "shop_id": 1, "texts": Texts(),
            "clock": clock or SystemClock(), "uploads": settings.uploads, "commands": lambda language: [],
        }  # fmt: skip
        yield Telegram(**values | more), database


class Heard:
    """What the bot was handed. `hold` is awaited before a message counts as kept."""

    def __init__(self, edge: Telegram, database: Database) -> None:
        self.edge, self.database = edge, database
        self.messages: list[Message] = []
        self.hold: Callable[[Message], Awaitable[None]] | None = None

    async def receive(self, message: Message) -> None:
        if self.hold:
            await self.hold(message)
        self.messages.append(message)

    async def some(self, count: int = 1) -> list[Message]:
        await until(lambda: self.messages, lambda found: len(found) >= count)
        return self.messages

    async def some_by(self, clock: ManualClock, count: int) -> None:
        """The same while a minute passes every now and then."""
        async with asyncio.timeout(60):
            while len(self.messages) < count:
                clock.set(clock.now() + timedelta(seconds=STALLED + 1))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self.some(count)


@asynccontextmanager
async def hearing(settings: Settings, fake: FakeTelegram, clock: Any = None, **more: Any) -> AsyncIterator[Heard]:
    async with alone(settings, fake, clock, **more) as (edge, database):
        heard = Heard(edge, database)
        running = asyncio.create_task(heard.edge.run(heard.receive))
        try:
            yield heard
        finally:
            running.cancel()
            ended = await asyncio.gather(running, return_exceptions=True)
            assert not isinstance(ended[0], Exception), ended
