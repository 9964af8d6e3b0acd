"""`python -m bot replay` and `ask`: conversations through the whole bot, with a frozen clock and no platform.

It uses every bit of the real path; what it prints is what members would have seen.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import track

from bot import app as composition
from bot.app import App
from bot.clock import ManualClock
from bot.config import Settings
from bot.knowledge.importers import BadImport, import_paths
from bot.messages import Capabilities, Chat, Message, Outgoing, Role, Sender
from bot.opening import open_shop
from bot.platforms.base import Action, Platform, Receive
from llm.engine import Engine, ModelNotUsable
from storage import inbox, migrate
from storage import outbox as rows
from storage.database import Database

START = "2026-01-05T10:00:00"


class Recorder(Platform):
    """A platform without a network: what is sent gets its key as id."""

    name = "replay"
    capabilities = Capabilities(
        edits=True, streams=True, buttons=True, cards=True, private_replies=True, idempotent=True, mode="questions"
    )

    def __init__(self) -> None:
        self.admins: set[str] = set()

    async def run(self, receive: Receive) -> None:
        """Nothing comes from outside."""

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """What is shown is read from the outbox."""

    async def act(self, chat: Chat, action: Action) -> None:
        """No one watches."""

    async def ask(self, chat: Chat, member: str) -> bool:
        return member in self.admins


class BadLine(ValueError):
    """A line of the file can't be replayed; the message names file, line and what would be right."""


@dataclass(slots=True)
class Player:
    """Plays conversations, one after the other."""

    app: App
    clock: ManualClock
    lines: int = 0

    async def play(self, line: dict[str, Any]) -> dict[str, Any]:
        """One conversation; a result for each of its turns."""
        self.lines += 1
        shared = line.get("chat")
        chat = f"chat:{shared}" if shared else f"line:{self.lines}"
        results = []
        taken: list[tuple[str, float]] = []
        replies: list[str] = []
        for number, turn in enumerate(line["turns"]):
            at = self._at(turn, number)
            await self._wait_out(at)
            self.clock.set(at)
            message = self._message(turn, number, chat, [key for key, _ in taken], replies)
            began = time.perf_counter()
            await self.app.intake.put(message)
            await self._settle()
            taken.append((message.key, time.perf_counter() - began))
            replies.append(f"reply:{await self._inbox_id(message.key)}")
        await self._wait_out()
        for number, (key, seconds) in enumerate(taken):
            results.append(await self._result(number, key, seconds))
        return {"id": line["id"], "results": results}

    def _at(self, turn: dict[str, Any], number: int) -> datetime:
        """When a turn is said: its own time, a minute after the one before where it has none."""
        at, now = self._moment(turn.get("ts"), number), self.clock.now()
        return now + timedelta(seconds=60) if at is None or (number and at <= now) else at

    def _message(self, turn: dict[str, Any], number: int, chat: str, earlier: list[str], replies: list[str]) -> Message:
        reply_to = str(turn.get("reply_to", ""))
        to_bot = reply_to.startswith("bot:")
        if to_bot:
            reply_to = replies[int(reply_to[4:])]
        elif reply_to:
            reply_to = earlier[int(reply_to)]
        text, direct = turn["text"], bool(turn.get("direct"))
        member = f"{chat}/{turn['member']}"
        role = Role.ADMIN if turn.get("admin") else Role.MEMBER
        sender = Sender(member, turn["member"], role, bool(turn.get("bot")))
        key = f"replay:{chat}:{self.lines}:{number}"
        addressed = bool(turn.get("mentions_bot")) or to_bot or direct or text.startswith("/")
        place = Chat("replay", f"{chat}:direct:{turn['member']}" if direct else chat, "replay", direct)
        return Message(key, key, place, sender, text, self.clock.now(), addressed, reply_to)

    def _moment(self, ts: str | None, number: int) -> datetime | None:
        zone = ZoneInfo(self.app.shop.timezone)
        if ts is None:
            return datetime.fromisoformat(START).replace(tzinfo=zone) if number == 0 and self.lines == 1 else None
        moment = datetime.fromisoformat(ts)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)

    async def _settle(self) -> None:
        """Until nothing is due."""
        busy = True
        while busy:
            await self.app.intake.idle()
            busy = await self.app.scheduler.tick()
            await self.app.outbox.flush()

    async def _wait_out(self, until: datetime | None = None) -> None:
        """Let the clock run until every parked message was decided, or until then."""
        while True:
            due = await self.app.database.read(lambda tx: inbox.parked(tx, self.app.shop.id))
            if due is None or (until and due >= until):
                return
            self.clock.set(max(due, self.clock.now()))
            await self._settle()

    async def _inbox_id(self, key: str) -> int | None:
        return await self.app.database.read(lambda tx: inbox.by_key(tx, self.app.shop.id, key))

    async def _result(self, turn: int, key: str, seconds: float) -> dict[str, Any]:
        reply = f"reply:{await self._inbox_id(key)}"
        row = await self.app.database.read(lambda tx: rows.by_key(tx, self.app.shop.id, reply))
        timed = {"ms": round(seconds * 1000, 1)}
        if row is None or not row.text:
            return {"turn": turn, "action": "silent", "text": "", "facts": [], "sources": [], "language": "", **timed}
        facts = [dict(zip(("slot", "kind", "row", "field", "value"), fact, strict=True)) for fact in row.facts]
        return {
            "turn": turn,
            "action": row.action,
            "text": row.text,
            "by": row.worded_by,
            "facts": facts,
            "sources": row.sources,
            "language": row.extra.get("language", ""),
            "act": row.extra.get("act", ""),
            "why": row.extra.get("why", ""),
            **timed,
        }


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The conversations of a file. Raises BadLine."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadLine(f"{path}:{number}: {error.msg}: one JSON object a line is right") from None
        turns = held.get("turns") if isinstance(held, dict) else None
        if not isinstance(turns, list) or not all(isinstance(t, dict) and "member" in t and "text" in t for t in turns):
            raise BadLine(f'{path}:{number}: turns: a list of {{"member", "text"}} is right')
        if "id" not in held:
            raise BadLine(f"{path}:{number}: id: a name for the conversation is missing")
        yield held


@contextlib.asynccontextmanager
async def opened(settings: Settings, shop: list[Path], engine: Engine | None = None) -> AsyncIterator[Player]:
    """A whole bot on a temporary database: the files' shop, a copy of the configured one, or the demo's."""
    with tempfile.TemporaryDirectory(prefix="shopkeeper-") as folder:
        url = f"sqlite:///{folder}/replay.db"
        if not shop:
            migrate.copy(settings.database_url, url)
        here = settings.model_copy(update={"database_url": url})
        clock = ManualClock(datetime.fromisoformat(START).replace(tzinfo=ZoneInfo("UTC")))
        if shop:
            await import_shop(here, clock, shop)
        chosen = engine or await composition.make_engine(here)
        async with composition.build(here, clock, chosen, lambda parts: [Recorder()], demo=not shop) as app:
            await app.load()
            await app.library.catch_up()
            yield Player(app, clock)


async def import_shop(settings: Settings, clock: ManualClock, paths: list[Path]) -> None:
    """The files as the only shop of a new database."""
    migrate.upgrade(settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, clock, demo=False)
        await import_paths(database, shop.id, paths, clock=clock, currency=settings.shop_currency)


async def main(settings: Settings, file: Path, shop: list[Path], out: Path | None) -> int:
    """Replay a file; a summary of who worded the replies goes to stderr."""
    try:
        lines = list(read_lines(file))
        async with opened(settings, shop) as player:
            console = Console(stderr=True)
            played = [await player.play(line) for line in track(lines, "replaying", console=console, transient=True)]
    except (BadLine, BadImport, ModelNotUsable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in played)
    if out:
        await asyncio.to_thread(out.write_text, text, "utf-8")
    else:
        sys.stdout.write(text)
    sys.stderr.write(summary(played) + "\n")
    return 0


def summary(played: list[dict[str, Any]]) -> str:
    """One line: how many replies of each action, and who worded them."""
    results = [result for line in played for result in line["results"]]
    actions = Counter(result["action"] for result in results)
    by = Counter(result["by"] for result in results if "by" in result and result["action"] != "command")
    whole = sum(by.values()) or 1
    shares = ", ".join(f"{name} {100 * by[name] / whole:.0f} %" for name in ("model", "quote", "code"))
    return f"{len(results)} turns: " + ", ".join(f"{n} {a}" for a, n in actions.most_common()) + f"; worded by {shares}"


async def ask(settings: Settings, question: str, shop: list[Path], as_json: bool) -> int:
    """One direct message and its answer."""
    line = {"id": "ask", "turns": [{"member": "you", "text": question, "direct": True}]}
    try:
        async with opened(settings, shop) as player:
            played = await player.play(line)
    except (BadImport, ModelNotUsable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((json.dumps(played, ensure_ascii=False) if as_json else played["results"][0]["text"]) + "\n")
    return 0
