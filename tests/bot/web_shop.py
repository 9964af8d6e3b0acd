"""A small shop behind the page: an inbox and a history in memory, with the same promises as the real ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import ManualClock
from bot.messages import Chat, Kind, Message, Outgoing
from bot.platforms.base import CommandHelp
from bot.platforms.web import ShopInfo, Shown, Web, bot_said, member_said

TOKEN = "a long random token"
COMMANDS = {
    "en": [
        CommandHelp("help", "", "What the bot can do"),
        CommandHelp("product", "NAME", "Show a product"),
        CommandHelp("privacy", "", "What is kept about you"),
        CommandHelp("mode", "off|mention|questions|lively", "When the bot speaks", admin=True),
    ],
    "zh": [CommandHelp("help", "", "机器人能做什么"), CommandHelp("mode", "off|mention", "何时发言", admin=True)],
}
QUESTIONS = {"en": ("When is delivery free?", "Is the copper kettle in stock?"), "zh": ("满多少包邮?",)}


class SmallShop:
    """Remembers what was said, once per key. `committing` can hold the commit between `arrived` and `received`."""

    def __init__(self, uploads: Path, port: int = 0) -> None:
        self.clock = ManualClock(datetime(2026, 5, 4, 9, 30, tzinfo=UTC))
        self.inbox: dict[str, Message] = {}
        self.arrived: asyncio.Queue[Message] = asyncio.Queue()
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.committing = asyncio.Event()
        self.committing.set()
        self.shown: dict[str, Shown] = {}
        self.web = Web(
            port=port,
            token=TOKEN,
            uploads=uploads,
            clock=self.clock,
            history=self.history,
            commands=lambda language: COMMANDS[language],
            shop=self.info,
            pictures=uploads.with_name("pictures"),
        )

    async def info(self) -> ShopInfo:
        return ShopInfo("Alder & Reed", "en", QUESTIONS)

    async def history(self, chat: Chat) -> list[Shown]:
        return [one for one in self.shown.values() if one.chat == chat.id]

    async def receive(self, message: Message) -> None:
        self.arrived.put_nowait(message)
        await self.committing.wait()
        if message.key in self.inbox:
            return
        self.inbox[message.key] = message
        if message.kind is Kind.REACTION:
            on = self.shown[message.reply_to]
            self.shown[on.id] = replace(on, reactions=(*on.reactions, (message.text, message.sender.id)))
        elif message.kind is not Kind.BUTTON:
            self.shown[message.id] = member_said(message)
        self.received.put_nowait(message)

    async def say(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        """What the outbox does: keep it, then send it."""
        self.shown[key] = bot_said(key, chat.id, outgoing, self.clock.now())
        return await self.web.send(chat, outgoing, key)

    async def edit(self, chat: Chat, key: str, outgoing: Outgoing) -> None:
        self.shown[key] = bot_said(key, chat.id, outgoing, self.shown[key].at)
        await self.web.edit(chat, key, outgoing)


@asynccontextmanager
async def open_shop(uploads: Path, port: int = 0) -> AsyncIterator[SmallShop]:
    """A served shop; leaving it stops the server and waits for its end."""
    shop = SmallShop(uploads, port)
    serving = asyncio.create_task(shop.web.run(shop.receive))
    opened = asyncio.create_task(shop.web.opened())
    await asyncio.wait((serving, opened), return_when=asyncio.FIRST_COMPLETED)
    try:
        if serving.done():
            await serving
        yield shop
    finally:
        opened.cancel()
        serving.cancel()
        await asyncio.gather(serving, opened, return_exceptions=True)
