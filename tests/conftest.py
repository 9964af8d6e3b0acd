"""Fixtures: a group chat that a test can talk in. `await group.say("ann", "/help")` returns what the bot replied."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bot.app import App, build
from bot.clock import ManualClock
from bot.config import Settings, load
from bot.messages import Capabilities, Chat, Kind, Message, Outgoing, Role, Sender
from bot.platforms.base import Action, Platform, Receive
from llm.engine import Engine
from llm.engines.scripted import ScriptedEngine
from storage import inbox
from tests.tables import make_tables

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


# Files that take longest, longest first: `make test` hands whole files out in this order, so that none ends alone.
LONGEST = (
    "test_pipeline.py", "test_three_days.py", "test_replay.py", "test_promotion.py", "test_weigh.py",
    "test_kill_telegram.py",
    "test_kill_discord.py", "test_meaning.py", "test_check.py", "test_serving.py", "test_links.py", "test_families.py",
    "test_heads.py", "test_importers.py", "test_fuzz.py", "test_isolation.py", "test_discord_line.py", "test_init.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))  # stable: those of a file stay in their order


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C; the programs that they start would too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Group(Platform):
    """A platform without a network: it remembers what a member would see."""

    name = "test"
    capabilities = Capabilities(
        edits=True, streams=True, buttons=True, cards=True, private_replies=True, idempotent=True,
        mode="questions", admin_chat="admins",
    )  # fmt: skip

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.seen: dict[str, Outgoing] = {}  # message id -> what it shows now
        self.log: list[tuple[str, str, Outgoing]] = []  # chat, message id, every version shown
        self.numbers = count(1)
        self.app: App

    async def run(self, receive: Receive) -> None:
        await asyncio.Event().wait()

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        self.seen[key] = outgoing
        self.log.append((chat.id, key, outgoing))
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        self.seen[message_id] = outgoing
        self.log.append((chat.id, message_id, outgoing))

    async def act(self, chat: Chat, action: Action) -> None:
        """Nobody watches."""

    async def ask(self, chat: Chat, member: str) -> bool:
        return member == "boss"

    async def say(
        self, name: str, text: str, *, addressed: bool = True, chat: str = "shop", direct: bool = False,
        reply_to: str = "", kind: Kind = Kind.TEXT, role: Role | None = None, client: str = "", **more: object,
    ) -> str:  # fmt: skip
        """Say something as a member (`boss` is the admin) and return what the bot said in that chat after it. `client`:
        the language of theirs."""
        number = next(self.numbers)
        self.clock.set(self.clock.now() + timedelta(seconds=30))
        role = (Role.ADMIN if name == "boss" else Role.MEMBER) if role is None else role
        sender = Sender(name, name, role, language=client)
        message = Message(
            f"{self.name}:{number}", str(number), Chat(self.name, chat, chat, direct), sender, text,
            self.clock.now(), addressed or direct, reply_to, kind, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        before = len(self.log)
        await self.app.intake.put(message)
        await self.settle()
        if message.addressed:
            await self.wait_out()
        shown = {message_id: out.text for place, message_id, out in self.log[before:] if place == chat}
        return "\n".join(shown.values())

    async def wait_out(self) -> None:
        """Let the clock run until nothing is parked: a greeting waits a little for what may follow it."""
        while due := await self.app.database.read(lambda tx: inbox.parked(tx, self.app.shop.id)):
            self.clock.set(max(due, self.clock.now()))
            await self.settle()

    async def settle(self) -> None:
        """Until nothing is due."""
        busy = True
        while busy:
            await self.app.intake.idle()
            busy = await self.app.scheduler.tick()
            await self.app.outbox.flush()

    def texts(self, chat: str) -> list[str]:
        """What the chat shows now, in the order in which it first appeared."""
        ids = dict.fromkeys(message_id for place, message_id, _ in self.log if place == chat)
        return [self.seen[message_id].text for message_id in ids]


Opener = Callable[..., "object"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {"DATABASE_URL": f"sqlite:///{tmp_path}/shop.db", "UPLOADS": str(tmp_path / "up")}
    folders["PICTURES"] = str(tmp_path / "pictures")
    make_tables(folders["DATABASE_URL"])
    return load({**folders, "EMBED_MODEL": "off"}, env_file=None)  # encoding a shop takes a second or two a test


@asynccontextmanager
async def open_group(
    settings: Settings, clock: ManualClock, engine: Engine | None = None, *, demo: bool = True,
    kind: Callable[[ManualClock], Group] = Group,
) -> AsyncIterator[Group]:  # fmt: skip
    """A whole bot on its own database with the demo shop, and the group to talk to it in."""
    group = kind(clock)
    make_tables(settings.database_url)
    async with build(settings, clock, engine or ScriptedEngine(), lambda parts: [group], demo=demo) as app:
        group.app = app
        await app.load()
        yield group


@pytest.fixture
async def group(settings: Settings, clock: ManualClock) -> AsyncIterator[Group]:
    async with open_group(settings, clock) as group:
        yield group
