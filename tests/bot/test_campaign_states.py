"""Whatever happens to a campaign – stops, kills at any point, blocks, full days – each chat sees it at most once, and
in the end everything is accounted for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.attention import Attention
from bot.clock import ManualClock
from bot.content.campaigns import Campaigns
from bot.content.drafts import Drafts
from bot.content.tracking import Tracking
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice
from bot.members.suggestions import Suggestions
from bot.messages import Capabilities, Chat, Outgoing, SendError
from bot.outbox import Outbox
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engines.scripted import ScriptedEngine
from storage import attention, campaigns, members, migrate, shops
from storage.database import Database
from tests.conftest import START
from tests.tables import make_tables

CHATS = 6
OPS = (
    "step",
    "book",
    "queue",
    "send",
    "kill before",
    "kill after",
    "stop",
    "resume",
    "block",
    "refuse",
    "wait",
    "hour",
)


class Edge:
    """A platform that doesn't know our keys; `dies` cuts the next send off, before or after it is seen."""

    capabilities = Capabilities()

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.shut: dict[str, SendError] = {}
        self.dies = ""

    def take(self, chat: Chat) -> float:
        return 0.0

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if self.dies == "before":
            raise asyncio.CancelledError
        if chat.id in self.shut:
            raise self.shut[chat.id]
        self.seen[chat.id] += key.startswith("campaign:1:") and not key.endswith(":end")
        if self.dies == "after":
            raise asyncio.CancelledError
        return f"m{sum(self.seen.values())}"

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        raise NotImplementedError


class Town:
    """A shop with some chats, a campaign to all of them, and an outbox that can be killed."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock, self.edge = database, ManualClock(START), Edge()
        texts, library = Texts(), Library(database, 1)
        voice = Voice(ScriptedEngine(), Safety({}), texts)
        suggestions = Suggestions(
            database=database, shop_id=1, timezone="UTC", library=library, voice=voice, clock=self.clock, texts=texts,
            attention=Attention(1, "UTC", 1, None), signals=[],
        )  # fmt: skip
        drafts = Drafts(database=database, shop_id=1, library=library, voice=voice, clock=self.clock, types=[])
        self.campaigns = Campaigns(
            database=database, shop_id=1, language="en", clock=self.clock, texts=texts, library=library, drafts=drafts,
            suggestions=suggestions, tracking=Tracking(1), wake=lambda: None,
        )  # fmt: skip
        self.outbox = self._outbox()

    def _outbox(self) -> Outbox:
        return Outbox(self.database, 1, self.clock, {"test": self.edge})

    async def begin(self) -> None:
        await self.database.write(lambda tx: shops.create(tx, "Shop", "GBP", "UTC", "en"))

        async def enter(tx: Any) -> Any:
            return [await members.enter(tx, 1, "test", f"c{one}", f"c{one}", False) for one in range(CHATS)]

        here = (await self.database.write(enter))[0]
        await self.campaigns.prepare(here, 1, "all", text="news")
        await self.campaigns.start(1)

    async def do(self, what: str, chat: str) -> None:
        troubles = {
            "block": SendError("gone", blocked=True), "refuse": SendError("no rights"),
            "wait": SendError("too fast", 60.0),
        }  # fmt: skip
        if what in troubles:
            self.edge.shut[chat] = troubles[what]
        elif what == "hour":
            self.clock.set(self.clock.now() + timedelta(hours=1))
        elif what.startswith("kill"):
            await self.kill(what.removeprefix("kill "))
        else:
            await self.deed(what)

    async def deed(self, what: str) -> None:
        """`book` and `queue` are a step that was killed between two of its transactions."""
        now, step = self.clock.now(), self.campaigns
        deeds: dict[str, Callable[[], Awaitable[object]]] = {
            "step": lambda: step.step(now),
            "book": lambda: self.database.write(lambda tx: step._book(tx, 1)),
            "queue": lambda: self.database.write(lambda tx: step._queue(tx, 1, now)),
            "send": self.outbox.flush,
            "stop": lambda: step.stop(1),
            "resume": lambda: step.start(1),
        }
        await deeds[what]()

    async def kill(self, when: str) -> None:
        self.edge.dies = when
        try:
            await self.outbox.flush()
        except asyncio.CancelledError:
            await asyncio.gather(*self.outbox._busy.values(), return_exceptions=True)
        self.edge.dies = ""
        self.outbox = self._outbox()
        await self.outbox.recover()

    async def finish(self) -> None:
        """It goes on in peace until it is done."""
        self.edge.shut = {chat: error for chat, error in self.edge.shut.items() if error.retry_after is None}
        for _ in range(80):
            await self.campaigns.start(1)
            await self.campaigns.step(self.clock.now())
            await self.outbox.flush()
            row = await self.database.read(lambda tx: campaigns.get(tx, 1, 1))
            assert row
            if row.state == "done":
                return
            self.clock.set(self.clock.now() + timedelta(hours=1))
        raise AssertionError(f"it never ends: {await self.database.read(lambda tx: campaigns.counts(tx, 1))}")


async def play(path: Path, ops: list[tuple[str, int]]) -> None:
    async with Database(f"sqlite:///{path}") as database:
        town = Town(database)
        await town.begin()
        for what, number in ops:
            await town.do(what, f"c{number}")
            assert max(town.edge.seen.values(), default=0) <= 1
        await town.finish()
        places = await database.read(lambda tx: campaigns.places(tx, 1))
        chats = await database.read(lambda tx: members.chats(tx, 1))
        assert max(town.edge.seen.values(), default=0) <= 1
        assert {row.state for row in places} <= {"sent", "failed", "blocked", "unknown"}
        for row, chat in zip(places, chats, strict=True):
            seen, key = town.edge.seen[row.platform_id], f"campaign:1:{chat.id}"
            held = await database.read(lambda tx, key=key: attention.held(tx, 1, key))  # type: ignore[misc]
            assert row.state == "unknown" or seen == (row.state == "sent"), row
            assert held == (row.state in ("sent", "unknown")), row


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, to be copied: making one takes a second."""
    path = tmp_path_factory.mktemp("empty") / "shop.db"
    make_tables(f"sqlite:///{path}")
    return path


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, CHATS - 1)), max_size=14))
def test_each_chat_sees_it_once_and_all_is_accounted_for(empty: Path, ops: list[tuple[str, int]]):
    path = empty.with_name("played.db")
    for old in path.parent.glob("played.db*"):
        old.unlink()
    assert migrate.copy(f"sqlite:///{empty}", f"sqlite:///{path}")
    asyncio.run(play(path, ops))
