"""A whole bot on the fake Discord, over real sockets, with what members do and see there."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.app import App, Parts, build
from bot.clock import Clock, SystemClock
from bot.config import Settings
from bot.messages import Outgoing
from bot.outbox import outgoing
from bot.platforms.base import Platform
from bot.platforms.discord import Discord
from bot.tools import edges
from llm.engines.scripted import ScriptedEngine
from storage import inbox
from storage import outbox as rows
from tests.fakes.discord import FakeDiscord

PATIENCE = 20.0  # seconds that something may take here; a shared machine is slow at times


def make(fake: FakeDiscord, settings: Settings, parts: Parts, clock: Clock, **more: Any) -> Discord:
    """The platform as the app makes it."""
    told = fake.settings()

    async def said(messages: Sequence[str]) -> Mapping[str, Outgoing]:
        found = await parts.database.read(lambda tx: rows.by_messages(tx, parts.shop.id, "discord", messages))
        return {row.message_id: outgoing(row) for row in found}

    values = {
        "token": told["DISCORD_TOKEN"], "api_url": told["DISCORD_API_URL"], "gateway_url": told["DISCORD_GATEWAY_URL"],
        "commands": edges.helps(parts), "seen": edges.last_seen(parts, "discord"), "said": said, "clock": clock,
        "uploads": settings.uploads, **more,
    }  # fmt: skip
    return Discord(**values)


class Shop:
    """A bot that serves, and the Discord that it serves on."""

    def __init__(self, fake: FakeDiscord, app: App, platform: Discord) -> None:
        self.fake, self.app, self.platform = fake, app, platform

    async def until(self, reached: Callable[[], object], what: str) -> None:
        """Wait until something is so. Fails after a bounded time, saying what was not."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not reached():
                    await asyncio.sleep(0.01)  # between two looks
        except TimeoutError:
            raise AssertionError(f"not {what}; members see {[(one.chat, one.text) for one in self.fake.log]}") from None

    async def ready(self) -> None:
        await self.until(lambda: self.fake.gateway.served and self.fake.interactions.put, "there")

    async def settled(self) -> None:
        """Until nothing waits, is under way or is to be sent."""
        async with asyncio.timeout(PATIENCE):
            await self.app.intake.idle()
            while await self._busy():
                await asyncio.sleep(0.02)  # between two looks

    async def _busy(self) -> bool:
        counts = await self.app.database.read(lambda tx: rows.counts(tx, self.app.shop.id))
        parked = await self.app.database.read(lambda tx: inbox.parked(tx, self.app.shop.id))
        return bool(counts.get("ready", 0) + counts.get("open", 0)) or parked is not None

    async def ask(self, chat: str, member: str, text: str, **more: Any) -> str:
        """Say something to the bot and wait for its reply."""
        before = len(self.fake.log)
        asked = await self.fake.say(chat, member, text, **more)
        await self.replied(asked if not chat.startswith("direct:") else "", before)
        return self.fake.shown(chat)[-1]

    async def replied(self, to: str, before: int = 0) -> None:
        await self.until(lambda: any(one.reply_to == to for one in self.fake.log[before:]), f"a reply to {to}")
        await self.settled()


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


def folder_of(settings: Settings) -> Path:
    return settings.uploads
