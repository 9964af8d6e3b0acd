"""A whole bot on the fake Discord, over real sockets, with what members do and see there."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from bot.app import App, Parts, build
from bot.clock import Clock, SystemClock
from bot.config import Settings
from bot.platforms.base import Platform
from bot.platforms.discord import Discord
from bot.tools import edges
from llm.engines.scripted import ScriptedEngine
from storage import inbox
from storage import outbox as rows
from tests.fakes.base import Seen
from tests.fakes.discord import FakeDiscord

PATIENCE = 20.0  # seconds that something may take here; a shared machine is slow at times


def make(fake: FakeDiscord, settings: Settings, parts: Parts, clock: Clock, **more: Any) -> Discord:
    """The platform as the app makes it."""
    told = fake.settings()
    values = {
        "token": told["DISCORD_TOKEN"], "api_url": told["DISCORD_API_URL"], "gateway_url": told["DISCORD_GATEWAY_URL"],
        "commands": edges.helps(parts), "seen": edges.last_seen(parts, "discord"), "said": edges.said(parts, "discord"),
        "clock": clock, "complete": edges.titles(parts),
        "uploads": settings.uploads, **more,
    }  # fmt: skip
    return Discord(**values)


class Ahead(SystemClock):
    """The machine's clock, so much ahead."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


async def until(reached: Callable[[], object]) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not reached():  # noqa: ASYNC110 - members see no event
            await asyncio.sleep(0.01)  # between two looks


class Shop:
    """A bot that serves, and the Discord that it serves on."""

    def __init__(self, fake: FakeDiscord, app: App, platform: Discord) -> None:
        self.fake, self.app, self.platform = fake, app, platform

    async def until(self, reached: Callable[[], object], what: str) -> None:
        """Wait until something is so. Fails after a bounded time, saying what was not."""
        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"not {what}; members see {[(one.chat, one.text) for one in self.fake.log]}") from None

    async def ready(self) -> None:
        await self.until(lambda: self.fake.gateway.served and self.fake.interactions.put, "there")

    async def settled(self) -> None:
        """Until nothing waits, is under way or is to be sent."""
        async with asyncio.timeout(PATIENCE):
            await self.app.intake.idle()
            while await self._busy():  # noqa: ASYNC110 - only the tables say so
                await asyncio.sleep(0.02)  # between two looks

    async def _busy(self) -> bool:
        counts = await self.app.database.read(lambda tx: rows.counts(tx, self.app.shop.id))
        parked = await self.app.database.read(lambda tx: inbox.parked(tx, self.app.shop.id))
        return bool(counts.get("ready", 0) + counts.get("open", 0)) or parked is not None

    async def found(self, look: Callable[[], Awaitable[list[Any]]], count: int) -> list[Any]:
        """What is kept, once it is so many."""
        async with asyncio.timeout(PATIENCE):
            while len(held := await look()) < count:  # noqa: ASYNC110 - only the tables say so
                await asyncio.sleep(0.02)  # between two looks
        return held

    async def ask(self, chat: str, member: str, text: str, **more: Any) -> Seen:
        """Say something and wait for what the bot shows there once it is whole."""
        before = len(self.fake.log)
        await self.fake.say(chat, member, text, **more)
        return await self.told(chat, before)

    async def told(self, chat: str, before: int) -> Seen:
        """What a chat was shown after this place of the log, the last of it, once all is settled."""
        await self.until(lambda: any(one.chat == chat for one in self.fake.log[before:]), f"anything in {chat}")
        await self.settled()
        return [one for one in self.fake.log[before:] if one.chat == chat][-1]

    async def used(self, chat: str, member: str, command: str, **more: Any) -> Seen:
        """The same for a slash command."""
        before = len(self.fake.log)
        await self.fake.use(chat, member, command, **more)
        return await self.told(chat, before)

    async def pressed(self, message: str, member: str, label: str) -> Seen:
        """The same for a button or a choice of a menu."""
        before = len(self.fake.log)
        await self.fake.press(message, member, label)
        return await self.told(next(one.chat for one in self.fake.log if one.id == message), before)


@asynccontextmanager
async def opened(
    fake: FakeDiscord, settings: Settings, clock: Clock | None = None, *, run: bool = True, **more: Any
) -> AsyncIterator[Shop]:
    """A bot with the demo shop that serves on this Discord until it is left."""
    clock, held = clock or SystemClock(), list[Discord]()

    def platforms(parts: Parts) -> list[Platform]:
        held.append(make(fake, settings, parts, clock, **more))
        return list(held)

    async with build(settings, clock, ScriptedEngine(), platforms) as app:
        running = asyncio.create_task(app.run())
        shop = Shop(fake, app, held[0])
        try:
            if run:
                await shop.ready()
            yield shop
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def flat(text: str) -> str:
    """A text without what only keeps Discord from reading it as markup."""
    return re.sub(r"\\([\\*_~|`<\[#>-])", r"\1", text)
