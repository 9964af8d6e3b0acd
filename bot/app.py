"""The composition root: builds everything from Settings, runs it, stops it in order. Names the concrete classes."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bot import commands as command_folder
from bot import weights
from bot.arrivals import Arrivals
from bot.attention import Attention
from bot.clock import Clock
from bot.commands.base import Command, Shop, Tools, command
from bot.config import Settings, SettingsError, listed
from bot.content import types as content_types
from bot.content.campaigns import Campaigns
from bot.content.drafts import Drafts
from bot.content.tracking import tracking_of
from bot.conversation.answer import Conversation
from bot.conversation.corrections import Corrections
from bot.conversation.handoff import Handoffs
from bot.conversation.plan import Planner
from bot.intake import Intake
from bot.knowledge.library import Library
from bot.knowledge.tone import Tone
from bot.knowledge.wording import Voice, make_strategy
from bot.lease import Process
from bot.listener import Listener
from bot.members import signals as signal_folder
from bot.members.rights import Rights
from bot.members.suggestions import Suggestions
from bot.members.triggers import Triggers
from bot.messages import Chat
from bot.moderation.acting import Keeper
from bot.opening import import_dropped, open_shop
from bot.outbox import Outbox
from bot.patience import Patience, budgets_of
from bot.people import People
from bot.pictures import Pictures
from bot.platforms.base import Platform
from bot.privately import Privately
from bot.registry import load
from bot.router import Router
from bot.runs import Runs
from bot.safety.judge import make_judge
from bot.safety.verdict import make_safety
from bot.scheduler import Scheduler
from bot.texts import Texts
from bot.weekly import Weekly
from llm import bundled
from llm.encoder import Encoders, folder
from llm.engine import Engine
from llm.engines.local import LocalEngine
from storage import migrate
from storage.database import Database

log = logging.getLogger(__name__)


@dataclass(slots=True)
class App:
    """Everything that runs, in the order in which it was built."""

    settings: Settings
    clock: Clock
    database: Database
    shop: Shop
    library: Library
    engine: Engine
    texts: Texts
    commands: Sequence[Command]
    platforms: dict[str, Platform]
    outbox: Outbox
    router: Router
    intake: Intake
    scheduler: Scheduler
    process: Process
    serving: list[str]
    keeper: Keeper
    listener: Listener | None = None

    async def load(self) -> None:
        """Load the model, and read the shop; messages taken in meanwhile are worked on from then on.

        Raises ModelNotUsable.
        """
        await asyncio.gather(self.engine.start(), self.library.refresh())
        gc.freeze()  # all of this stays: looking through it again and again was two fifths of a recorded message's cost
        self.intake.begin()

    async def run(self) -> None:
        """Serve until cancelled. Stopping: platforms first, then the messages under way, then what is to be sent.

        Raises an ExceptionGroup of what failed: ModelNotUsable, or OSError of a port that is taken.
        """
        await self.outbox.recover()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.load())
            tasks.create_task(self.process.run())
            tasks.create_task(self.library.run())
            tasks.create_task(self.outbox.run())
            tasks.create_task(self.scheduler.run())
            tasks.create_task(self.keeper.run())
            if self.listener:
                tasks.create_task(self.listener.run())
            for platform in self.platforms.values():
                tasks.create_task(self._serve(platform))

    async def _serve(self, platform: Platform) -> None:
        """One platform; refused, as by a token that is not right, it leaves the others running where there are any."""
        try:
            await platform.run(self.intake.put)
        except* SettingsError as refused:
            if self.serving == [platform.name]:
                raise
            log.error("%s; the others go on", "; ".join(map(str, leaves(refused))))
        self.serving.remove(platform.name)
        if not self.serving:
            raise SettingsError(f"{platform.name.capitalize()} was all that was to be served, and it ended")


async def local_engine(settings: Settings) -> LocalEngine:
    """The live model of the configured database, not loaded yet."""
    return LocalEngine(await weights.configured(settings), threads=settings.llm_threads)


def make_encoders(settings: Settings) -> Encoders:
    """What finds rows by their meaning, loaded at its first use."""
    if settings.embed_model == "off":
        return Encoders(())
    if settings.embed_model != "bundled":
        spoken = frozenset(listed(settings.embed_languages))
        return Encoders([folder(Path(settings.embed_model), spoken)])
    return bundled.encoders()


async def make_engine(settings: Settings) -> Engine:
    """The server of LLM_URL with the live model behind it, or that model alone; neither is loaded yet."""
    local = await local_engine(settings)
    if not settings.llm_url:
        return local
    from llm.engines.openai import OpenAIEngine

    key, model = settings.llm_key.get_secret_value(), settings.llm_url_model
    return OpenAIEngine(settings.llm_url, model=model, key=key, fallback=local)


def make_handoffs(settings: Settings, shop: Shop, clock: Clock, texts: Texts, library: Library) -> Handoffs:
    """Calling a human as the merchant wants it."""
    mute, words = timedelta(minutes=settings.handoff_mute), listed(settings.handoff_words)
    return Handoffs(shop.id, shop.language, clock, texts, library, mute, words)


def make_suggestions(
    settings: Settings,
    database: Database,
    clock: Clock,
    shop: Shop,
    library: Library,
    voice: Voice,
    texts: Texts,
    edges: Mapping[str, Platform],
) -> Suggestions:
    """Suggestions behind the attention ledger, to direct chats as each platform names them."""
    return Suggestions(
        database=database,
        shop_id=shop.id,
        timezone=shop.timezone,
        library=library,
        voice=voice,
        attention=Attention.of(settings, shop.id, shop.timezone),
        clock=clock,
        texts=texts,
        signals=load(signal_folder),
        profiles=consent(settings, edges.values()),
        default_language=shop.language,
        holdout=settings.holdout,
        direct_chat=lambda platform, member: (
            edges[platform].capabilities.direct_chat.format(member=member) if platform in edges else ""
        ),
    )


@contextlib.asynccontextmanager
async def build(
    settings: Settings,
    clock: Clock,
    engine: Engine,
    platforms: Callable[["Parts"], Sequence[Platform]],
    *,
    demo: bool = True,
    shop_id: int | None = None,
) -> AsyncIterator[App]:
    """The whole bot on an open database, for one shop of it: the first, where `shop_id` is not given. `platforms` makes
    the edges from what they may ask of the inside.

    Call the app's `load` or `run`: until the model is loaded, messages are only taken in.
    """
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database, contextlib.AsyncExitStack() as leaving:
        shop = await open_shop(database, settings, clock, demo=demo, shop_id=shop_id)
        texts = Texts()
        safety = make_safety(settings)
        encoders = make_encoders(settings)
        library = Library(database, shop.id, encoders, safety.passed)
        voice = Voice(
            engine, safety, texts, make_strategy(settings), settings.llm_deadline, tone=Tone(settings.shop_tone),
            judge=make_judge(settings, encoders),
        )  # fmt: skip
        found = [command(module) for module in load(command_folder)]
        edges = {one.name: one for one in platforms(Parts(database, shop, texts, found, clock))}
        process = await leaving.enter_async_context(Process(database, shop.id, clock))
        outbox = Outbox(database, shop.id, clock, edges, process)
        suggestions = make_suggestions(settings, database, clock, shop, library, voice, texts, edges)
        abilities = {name: edge.capabilities for name, edge in edges.items()}

        def direct_link(platform: str, word: str) -> str:
            return edges[platform].direct_link(word)

        async def is_admin(chat: Chat, member: str) -> bool:
            return await edges[chat.platform].ask(chat, member)

        privately = Privately(database, abilities, direct_link, is_admin)
        tracking = tracking_of(settings, shop.id)
        drafts = Drafts(
            database=database, shop_id=shop.id, library=library, voice=voice, clock=clock, types=load(content_types),
            admins=partial(privately.admins, shop.id), wake=outbox.wake, pictures=Pictures(settings.pictures),
            tracking=tracking,
        )  # fmt: skip

        campaigns = Campaigns(
            database=database, shop_id=shop.id, language=shop.language, clock=clock, texts=texts, library=library,
            drafts=drafts, suggestions=suggestions, tracking=tracking, wake=outbox.wake,
        )  # fmt: skip

        reached = (texts, edges, partial(privately.admins, shop.id), outbox.wake, suggestions.traits)
        keeper = Keeper.of(database, (shop.id, shop.language), clock, *reached)

        async def ask(call: Any, text: str) -> Any:
            return await router.ask(call, text)

        def forget_people() -> None:
            router.forget_people()
            patience.people.forget_members()

        import_files = partial(import_dropped, database, shop.id, settings, clock)
        load_live = partial(_load_live, engine, database, shop.id, settings)

        rights = Rights(
            database=database, shop_id=shop.id, clock=clock, texts=texts, suggestions=suggestions, wake=outbox.wake,
            caches=(forget_people, engine.forget), reload=load_live,
        )  # fmt: skip
        tools = Tools(
            database,
            clock,
            texts,
            settings,
            library,
            suggestions,
            drafts,
            ask,
            import_files,
            load_live,
            engine.report,
            forget_people,
            campaigns,
            safety,
            rights,
            keeper.moderation,
        )
        conversation = Conversation(Planner(library), voice, texts, clock, settings.safety_help)
        handoffs = make_handoffs(settings, shop, clock, texts, library)
        inner = (database, shop, tools, conversation, safety, outbox, found, abilities, handoffs)
        patience = Patience(
            database, shop, clock, texts, budgets_of(settings), People(database, shop.id), suggestions.traits,
            lambda *one: router.handle(*one), lambda *one: router.at_once(*one), outbox.wake,
        )  # fmt: skip
        arrived, policy = Arrivals(shop, tools, safety), consent(settings, edges.values())
        router = Router(*inner, privately, arrived, policy, patience.spent, keeper.moderation)
        try:
            intake = Intake(
                database, shop.id, clock, patience.handle, patience.at_once, process=process, platforms=[*edges]
            )
            async with intake:
                process.heirs += [outbox.inherit, intake.inherit, rights.notice]
                corrections = Corrections(
                    database=database, shop_id=shop.id, clock=clock, texts=texts, abilities=abilities,
                    within=timedelta(hours=settings.correct_within), wake_outbox=outbox.wake,
                )  # fmt: skip
                runs = Runs(
                    database=process.fenced(), shop_id=shop.id, clock=clock, producer=drafts,
                    attention=suggestions.attention, texts=texts, default_language=shop.language,
                    tell=lambda *told: privately.tell(shop.id, clock.now(), *told),
                )  # fmt: skip
                weekly = Weekly(process.fenced(), shop, settings, texts, library, suggestions.attention, privately)
                both = (intake, outbox, corrections, campaigns, rights, weekly)
                scheduler = make_scheduler(settings, process, clock, shop, runs, suggestions, *both)
                told = (database, shop, library, engine, texts, found, edges, outbox, router, intake, scheduler)
                public = Listener(database, clock, settings.public_listen) if settings.public_url else None
                yield App(settings, clock, *told, process, [*edges], keeper, public)
            await outbox.flush()
        finally:
            await engine.close()
            await encoders.close()
            gc.unfreeze()


def make_scheduler(
    settings: Settings,
    process: Process,
    clock: Clock,
    shop: Shop,
    runs: Runs,
    suggestions: Suggestions,
    intake: Intake,
    outbox: Outbox,
    corrections: Corrections,
    campaigns: Campaigns,
    rights: Rights,
    weekly: Weekly,
) -> Scheduler:
    return Scheduler(
        database=process.fenced(),
        shop_id=shop.id,
        clock=clock,
        runs=runs,
        suggestions=suggestions,
        retention_days=settings.retention_days,
        wake_intake=intake.wake,
        wake_outbox=outbox.wake,
        correct=corrections.correct,
        leads=process.leads,
        steps=(campaigns.step, rights.step, weekly.step, Triggers(suggestions, outbox.wake).step),
        forget=(Pictures(settings.pictures).clear, rights.clean),
    )


async def _load_live(engine: Engine, database: Database, shop_id: int, settings: Settings) -> str:
    """Load what is live now, where weights are of this process; the engine's name. Raises EngineError."""
    local = getattr(engine, "fallback", engine)
    if isinstance(local, LocalEngine):
        await local.swap(await weights.live(database, shop_id, settings.llm_model))
    return engine.name


def consent(settings: Settings, edges: Iterable[Platform]) -> str:
    """PROFILES; where it is not set, the strictest that a platform's policy asks for: a member may be on several."""
    strict = any(edge.capabilities.profiles == "optin" for edge in edges)
    return settings.profiles or ("optin" if strict else "notice")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a platform may ask of the inside."""

    database: Database
    shop: Shop
    texts: Texts
    commands: Sequence[Command]
    clock: Clock


def leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    """The errors of a group, however deep they stand in it."""
    inner = [leaves(one) if isinstance(one, BaseExceptionGroup) else [one] for one in group.exceptions]
    return [one for found in inner for one in found]


async def supervise(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGINT or SIGTERM, then cancel and let it stop in order."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
