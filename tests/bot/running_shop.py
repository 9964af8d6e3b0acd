"""A shop on a real SQLite file, with what members, posts and the ticker need, and a scripted engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bot.content.types
import bot.members.signals
from bot.attention import Attention, Hours, Limits
from bot.clock import ManualClock
from bot.content.drafts import Drafts
from bot.content.times import following
from bot.conversation.handoff import Admin
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from bot.knowledge.rows import read_products
from bot.knowledge.wording import Voice
from bot.members.suggestions import Suggestions
from bot.pictures import Pictures
from bot.registry import load
from bot.runs import Producer, Runs
from bot.safety.rules.base import Terms
from bot.safety.verdict import Safety
from bot.scheduler import Scheduler
from bot.texts import Texts
from llm.engines.scripted import Answer, ScriptedEngine
from storage import inbox, members, outbox, schedules, shops
from storage.database import Database, Transaction
from storage.members import ChatRow
from tests.tables import make_tables

SHOPS = Path(__file__).parent.parent / "shops"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
QUIET = (21 * 60, 9 * 60)


@dataclass
class RunningShop:
    database: Database
    shop_id: int
    clock: ManualClock
    engine: ScriptedEngine
    library: Library
    suggestions: Suggestions
    drafts: Drafts
    scheduler: Scheduler
    group: ChatRow
    woken: list[str]
    sending: asyncio.Event  # set once the outbox was woken
    told: list[str]  # to the admins

    async def member(self, name: str) -> int:
        now = self.clock.now()
        return await self.database.write(lambda tx: members.meet(tx, self.shop_id, "web", name.lower(), name, now))

    async def chat(self, chat_id: str, *, direct: bool) -> ChatRow:
        return await self.database.write(lambda tx: members.enter(tx, self.shop_id, "web", chat_id, chat_id, direct))

    async def product(self, words: str) -> int:
        """The id of the product whose title has these words."""
        await self.library.refresh()
        products = await self.database.read(lambda tx: read_products(tx, self.shop_id))
        return next(one.id for one in products if words in one.title)

    async def ask(
        self,
        member_id: int,
        about: str = "",
        *,
        kind: str = "asked",
        text: str = "how much is it?",
        chat: ChatRow | None = None,
        ago: timedelta = timedelta(),
    ) -> None:
        """What the router records of a question."""
        product_id = await self.product(about) if about else None
        at, place = self.clock.now() - ago, (chat or self.group).id
        await self.database.write(
            lambda tx: self.suggestions.traits.record(
                tx, member_id, place, kind, at, text=text, message_id="m", product_id=product_id
            )
        )

    async def rows(self, kind: str) -> list[Any]:
        """Everything in the outbox of one kind, oldest first."""
        far = self.clock.now() + timedelta(days=999)

        async def due(tx: Transaction) -> list[Any]:
            chats = await outbox.chats_due(tx, self.shop_id, ("web",), far, ())
            return [row for chat in chats for row in await outbox.take(tx, chat.chat_id, ("web",), far)]

        return sorted((row for row in await self.database.read(due) if row.kind == kind), key=lambda row: row.id)

    async def schedule(
        self, rule: str, timezone: str = "UTC", *, window: int = 3600, content: str = "tip", **more: Any
    ) -> int:
        due = following(rule, timezone, self.clock.now())
        return await self.database.write(
            lambda tx: schedules.add(
                tx, self.shop_id, self.group.id, content=content, words=rule, rule=rule, timezone=timezone,
                catchup_window=window, next_due=due and due.at, **more,
            )
        )  # fmt: skip

    async def move(self, schedule_id: int, next_due: datetime) -> None:
        """The schedule moved on, as when a run was begun."""
        await self.database.write(lambda tx: schedules.change(tx, schedule_id, next_due=next_due, lead=0))

    async def runs(self, schedule_id: int) -> list[tuple[datetime, str, str]]:
        """(due, state, note), oldest first."""
        runs = await self.database.read(lambda tx: schedules.runs(tx, schedule_id))
        return [(run.due, run.state, run.note) for run in reversed(runs)]

    async def tick_until_idle(self) -> None:
        while await self.scheduler.tick():
            pass


@asynccontextmanager
async def running_shop(
    folder: Path,
    shop: str = "cycling",
    *,
    profiles: str = "notice",
    cap: int = 1,
    timezone: str = "UTC",
    now: datetime = NOON,
    answers: Iterable[Answer] = (),
    gate: asyncio.Event | None = None,
    producer: Producer | None = None,
    chats: Limits | None = None,
    quiet: Hours = QUIET,
    admins: Sequence[Admin] = (),
    steps: Sequence[Callable[[datetime], Awaitable[bool]]] = (),
) -> AsyncIterator[RunningShop]:
    """Open it on a file in `folder`; opened again on the same folder, it goes on with what stands there.

    `shop` is one of tests/shops, or empty; `answers` and `gate` are the scripted engine's, `admins` are told
    of drafts.
    """
    url = f"sqlite:///{folder / 'shop.db'}"
    make_tables(url)
    clock, engine, texts = ManualClock(now), ScriptedEngine(answers, gate=gate), Texts()
    async with Database(url) as database:
        row = await database.read(shops.get)
        if row:
            shop_id = row.id
        else:
            shop_id = await database.write(lambda tx: shops.create(tx, shop, "USD", timezone, "en"))
            if shop:
                await import_paths(database, shop_id, [SHOPS / shop], clock=clock)
        library = Library(database, shop_id)
        safety = Safety.of(Terms())
        voice = Voice(engine, safety, texts)
        suggestions = Suggestions(
            database=database, shop_id=shop_id, timezone=timezone, library=library, voice=voice, clock=clock,
            texts=texts, attention=Attention(shop_id, timezone, cap, quiet, chats=chats),
            signals=load(bot.members.signals), profiles=profiles,
            direct_chat=lambda platform, member: f"direct:{member}",
        )  # fmt: skip

        async def told(chat: ChatRow) -> Sequence[Admin]:
            return admins

        drafts = Drafts(
            database=database, shop_id=shop_id, library=library, voice=voice, clock=clock,
            types=load(bot.content.types), admins=told, pictures=Pictures(folder / "pictures"),
        )  # fmt: skip
        woken: list[str] = []
        sending = asyncio.Event()

        async def wake_intake() -> None:
            """Handles what was parked, as the intake does."""
            woken.append("intake")
            due = await database.read(lambda tx: inbox.due(tx, shop_id, clock.now()))
            for one in due:
                await database.write(lambda tx, one=one: inbox.done(tx, one.id))  # type: ignore[misc]

        def wake_outbox() -> None:
            woken.append("outbox")
            sending.set()

        told: list[str] = []

        async def tell(chat: ChatRow, key: str, text: str) -> None:
            told.append(text)

        runs = Runs(
            database=database, shop_id=shop_id, clock=clock, producer=producer or drafts,
            attention=suggestions.attention, texts=texts, default_language="en", tell=tell,
        )  # fmt: skip
        scheduler = Scheduler(
            database=database, shop_id=shop_id, clock=clock, runs=runs, suggestions=suggestions, retention_days=30,
            wake_intake=wake_intake, wake_outbox=wake_outbox, steps=steps,
        )  # fmt: skip
        group = await database.write(lambda tx: members.enter(tx, shop_id, "web", "group", "Group", False))
        yield RunningShop(
            database, shop_id, clock, engine, library, suggestions, drafts, scheduler, group, woken, sending, told
        )
        await engine.close()
