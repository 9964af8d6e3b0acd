"""Random histories of two shops on one database, in groups and in direct chats, played through the whole bot."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import zip_longest
from pathlib import Path
from random import Random

from benchmarks.parts.canaries import ADMIN, Origin, Place, Watch, Watching
from bot.app import App, build
from bot.clock import ManualClock
from bot.config import Settings, load
from bot.knowledge.importers import import_paths
from bot.messages import Chat, Kind, Message, Role, Sender
from llm.engine import Engine, Priority, Request
from llm.engines.scripted import ScriptedEngine
from storage import inbox, members, migrate, shops
from storage.database import Database

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STEP = timedelta(seconds=40)
SHOPS, GROUPS, MEMBERS = 2, 2, 3
DIRECT = -1  # a step's chat: the member's direct one


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a history: what a member of a shop does in a group of it, or in their direct chat."""

    shop: int
    member: int
    chat: int
    text: str  # {c}: a canary, {p}: a product of the shop, {name}: another member; a command may be seen by nobody else
    kind: Kind = Kind.TEXT
    addressed: bool = True

    @property
    def private(self) -> bool:
        """May it be seen by nobody but its sender?"""
        return self.chat == DIRECT or self.text.startswith("/")

    @property
    def own(self) -> bool:
        """Is it seen by nobody else for certain, answer and all?"""
        return self.chat == DIRECT or self.text in ALONE


SAID = (
    "how much is the {p}? {c}", "is the {p} in stock, asks {c}", "do you ship abroad? {c}", "is it in stock?",
    "what about {c}", "how much is it", "my {c} code is between us", "which one is best for a {c} beginner?",
    "can you recommend something for {c}?", "thanks {c}", "who is {name}?", "what did {name} ask you?",
    "what is {c} in your shop's words?", "can I talk to a human about {c}?",
    "this is a scandal, my {c} order is broken",
    "what did I ask you before?", "满多少包邮？ {c}", "{p} 多少钱", "I like the {p}. {c}",
)  # fmt: skip
TALK = ("lovely weather {c}", "has anybody tried the {p}? {c}", "haha {c}", "is the {p} in stock?", "see you, {name}")
OWN = (
    "/me {c}", "/link {c}", "/subscribe {c}", "/subscribe", "/suggest", "/product {p}", "/source", "/privacy",
    "/help {c}", "/training on", "/training {c}", "/start {c}", "/vote {c}", "/{c}", "/ask how much is the {p}?",
    "/ask do you deliver to {c}?",
)  # fmt: skip
ALONE = ("/me {c}", "/link {c}", "/subscribe", "/training on", "/vote {c}", "/unanswered", "/profile {name}", "/trace")
BOSS = (
    "/unanswered", "/answer 1 we will see", "/answer 2 we do", "/profile {name}", "/trace", "/find {c}", "/aliases",
    "/post now digest", "/post now question", "/post now tip", "/lift", "/drafts", "/resume", "/model", "/engine",
)  # fmt: skip
THUMBS = ("👍", "👎")


@dataclass(slots=True)
class Two:
    """Both shops, running. `play` runs a history of members and chats that are new."""

    apps: Sequence[App]
    places: Sequence[Place]
    engines: Sequence[Watching]
    watch: Watch
    clock: ManualClock
    titles: Sequence[Sequence[str]]
    histories: int = 0
    said: int = 0

    async def play(self, steps: Iterable[Step], only: set[int] | None = None) -> None:
        """`only`: the numbers of the steps that are done; each has its own time, and says the same, all the same."""
        self.histories += 1
        for engine in self.engines:
            engine.requests.clear()
        began = self.clock.now() + STEP
        names = [[self._name(shop, one) for one in range(MEMBERS)] for shop in range(SHOPS)]
        for number, step in enumerate(steps):
            text = self._text(number, step, names)
            if only is None or number in only:
                self.clock.set(max(self.clock.now(), began + number * STEP))
                await self._say(step, text, names[step.shop][step.member])
        for shop in range(SHOPS):
            await self._settle(shop)
            await self._check(shop)

    def member(self, shop: int, member: int) -> str:
        return f"h{self.histories} s{shop} m{member}"

    def chat(self, step: Step) -> str:
        if step.chat == DIRECT:
            return f"direct {self.member(step.shop, step.member)}"
        return f"h{self.histories} s{step.shop} g{step.chat}"

    def _name(self, shop: int, member: int) -> str:
        return f"Ann {self.watch.plant(Origin(shop, '', self.member(shop, member))).capitalize()}"

    def _text(self, number: int, step: Step, names: Sequence[Sequence[str]]) -> str:
        text, titles = step.text, self.titles[step.shop]
        if "{c}" in text:
            who = self.member(step.shop, step.member)
            origin = Origin(step.shop, self.chat(step), who, step.private and not text.startswith("/ask"))
            text = text.replace("{c}", self.watch.plant(origin))
        other = names[step.shop][(step.member + 1) % MEMBERS] if "{name}" in text else ""
        return text.replace("{p}", titles[number % len(titles)]).replace("{name}", other.split()[0] if other else "")

    async def _say(self, step: Step, text: str, name: str) -> None:
        place, app = self.places[step.shop], self.apps[step.shop]
        who, where, direct = self.member(step.shop, step.member), self.chat(step), step.chat == DIRECT
        reply_to = place.last.get(where, "") if step.kind is Kind.REACTION else ""
        if step.kind is Kind.REACTION and not reply_to:
            return
        if text.startswith("/answer"):
            self.watch.published |= {one for one, origin in self.watch.planted.items() if origin.shop == step.shop}
        if (not text.startswith("/") and step.kind is not Kind.REACTION) or text.startswith("/ask"):
            self.watch.spoke.add((who, where))
        self.said += 1
        self.watch.saying = (who, where)
        role = Role.ADMIN if step.member == ADMIN else Role.MEMBER
        key = f"{place.name}:{self.histories}:{self.said}"
        message = Message(
            key, key, Chat(place.name, where, where, direct), Sender(who, name, role), text, self.clock.now(),
            step.addressed or direct, reply_to, step.kind,
        )  # fmt: skip
        await app.intake.put(message)
        await self._settle(step.shop)

    async def _settle(self, shop: int) -> None:
        app = self.apps[shop]
        while True:
            busy = True
            while busy:
                await app.intake.idle()
                busy = await app.scheduler.tick()
                await app.outbox.flush()
            due = await app.database.read(lambda tx: inbox.parked(tx, app.shop.id))
            if due is None:
                return
            self.clock.set(max(due, self.clock.now()))

    async def _check(self, shop: int) -> None:
        """What the engine was shown, against the chat that it was for."""
        engine, app = self.engines[shop], self.apps[shop]
        rows = {row for row, _ in engine.pending if row}
        for row in rows:
            chat = await app.database.read(lambda tx, row=row: members.chat(tx, int(row)))
            to = chat.platform_id.removeprefix("direct ") * chat.direct
            for _, text in (one for one in engine.pending if one[0] == row):
                self.watch.look("prompt", text, shop=shop, chat=chat.platform_id, to=to)
        for _, text in (one for one in engine.pending if not one[0]):
            self.watch.look("prompt of a post", text, shop=shop, chat="")
        engine.pending.clear()


async def group_requests(two: Two, shop: int) -> dict[str, list[Request]]:
    """What the engine was shown for replies in each group of the last history."""
    found: dict[str, list[Request]] = {}
    app = two.apps[shop]
    for request in two.engines[shop].requests:
        if request.chat and request.priority is Priority.REPLY:
            chat = await app.database.read(lambda tx, row=request.chat: members.chat(tx, int(row)))
            if not chat.direct:
                found.setdefault(chat.platform_id, []).append(replace(request, chat=""))
    return found


async def with_and_without(
    folder: Path, prepared: Path, watch: Watch, steps: Sequence[Step]
) -> list[tuple[Request | None, Request | None]]:
    """The same history twice, the second time without what was private to its members: the requests for replies in
    groups, side by side. Admins' answers are left out: they make a private question everybody's."""
    steps = [one for one in steps if not one.text.startswith("/answer")]
    both: list[list[dict[str, list[Request]]]] = []
    for only in (None, {number for number, one in enumerate(steps) if not one.own}):
        async with two_shops(folder, prepared, deepcopy(watch)) as two:
            await two.play(steps, only)
            both.append([await group_requests(two, shop) for shop in range(SHOPS)])
    pairs: list[tuple[Request | None, Request | None]] = []
    for all_of, less in zip(*both, strict=True):
        for chat in all_of | less:
            pairs += zip_longest(all_of.get(chat, ()), less.get(chat, ()))
    return pairs


async def prepare(folder: Path, watch: Watch) -> Path:
    """A database with both shops and their rows, to be copied."""
    path = folder / "two.db"
    await asyncio.to_thread(migrate.upgrade, f"sqlite:///{path}")
    async with Database(f"sqlite:///{path}") as database:
        for shop in range(SHOPS):
            create = partial(shops.create, name=watch.plant(Origin(shop, rows=True)), currency="USD")
            made = await database.write(partial(create, timezone="UTC", language="en"))
            files = _rows(folder, shop, watch)
            await import_paths(database, made, files, clock=ManualClock(START))
    return path


def _rows(folder: Path, shop: int, watch: Watch) -> list[Path]:
    """A catalogue and articles whose every row has a canary; both shops sell the same."""
    kinds = ("teapot", "kettle", "grinder", "cup", "scale", "tray")
    lines = ["id,title,description,price,stock,category"]
    for number, kind in enumerate(kinds):
        own = watch.plant(Origin(shop, rows=True)).capitalize()
        body = f"A {kind} made for {watch.plant(Origin(shop, rows=True))} by hand."
        lines.append(f"p{number},{own} {kind},{body},{10 + number}.50,{number},{kind}s")
    own = [watch.plant(Origin(shop, rows=True)) for _ in range(4)]
    faq = (
        f"## Do you ship abroad?\n\nWe ship to {own[0]} for $12.\n\n## How do I return something?\n\nSend it to "
        f"{own[1]} within 30 days.\n\n## What warranty do I get?\n\nThe {own[2]} warranty holds 2 years.\n\n"
        f"## When is delivery free?\n\nDelivery is free from $40 on with {own[3]}.\n"
    )
    files = [folder / f"catalogue{shop}.csv", folder / f"faq{shop}.md"]
    files[0].write_text("\n".join(lines) + "\n", "utf-8")
    files[1].write_text(faq, "utf-8")
    return files


def _settings(url: str, folder: Path) -> Settings:
    given = {"DATABASE_URL": url, "UPLOADS": str(folder / "up"), "PICTURES": str(folder / "pictures")}
    quiet = {"EMBED_MODEL": "off", "QUIET_HOURS": "", "HOLDOUT": "0", "LLM_TEMPERATURE": "0", "DAILY_CAP": "3"}
    return load({**given, **quiet}, env_file=None)


@asynccontextmanager
async def two_shops(folder: Path, prepared: Path, watch: Watch, engine: Engine | None = None) -> AsyncIterator[Two]:
    """Both shops on a copy of the prepared database, each with an engine that is watched: a scripted one, or this one
    for both."""
    path = folder / "running.db"
    path.unlink(missing_ok=True)
    await asyncio.to_thread(migrate.copy, f"sqlite:///{prepared}", f"sqlite:///{path}")
    settings, clock = _settings(f"sqlite:///{path}", folder), ManualClock(START)
    places = [Place(shop, watch, clock, alone=shop == 0) for shop in range(SHOPS)]
    engines = [Watching(engine or ScriptedEngine(), shop, watch) for shop in range(SHOPS)]
    apps: list[App] = []
    async with AsyncExitStack() as leaving:
        for shop in range(SHOPS):
            edges = partial(_only, places[shop])
            opened = build(settings, clock, engines[shop], edges, demo=False, shop_id=shop + 1)
            apps.append(await leaving.enter_async_context(opened))
            await apps[-1].load()
        titles = [[one.title for one in await app.library.read(_ids(app))] for app in apps]
        yield Two(apps, places, engines, watch, clock, titles)


def _only(place: Place, _parts: object) -> list[Place]:
    return [place]


def _ids(app: App) -> list[int]:
    return [int(row.partition(":")[2]) for row in app.library.products.places]


def steps_of(random: Random, most: int) -> list[Step]:
    """A random history."""
    return [_step(random) for _ in range(random.randint(3, most))]


def _step(random: Random) -> Step:
    member, chat = random.randrange(MEMBERS), random.choice((DIRECT, 0, 0, 1, 1))
    made = Step(random.randrange(SHOPS), member, chat, "")
    kind = random.random()
    if kind < 0.08:
        return replace(made, text=random.choice(THUMBS), kind=Kind.REACTION)
    if kind < 0.12 and chat != DIRECT:
        return replace(made, text="", kind=Kind.JOINED)
    if kind < 0.3:
        return replace(made, text=random.choice(TALK), addressed=False)
    if kind < 0.6:
        return replace(made, text=random.choice(SAID))
    return replace(made, text=random.choice(BOSS if member == ADMIN else OWN))
