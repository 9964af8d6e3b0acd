"""`python -m bot export-training`: what fine-tuning may use, as JSON lines, and a table of what was left out and why.

A reply is taken with the turns that its prompt had, and only where every member in them may be used: everybody on a
platform that is the merchant's own, those who said /training on elsewhere, nobody where the platform's policy forbids
it. Commands and their replies are never taken: they show a member their own data.
"""

import asyncio
import hashlib
import os
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot.clock import SystemClock
from bot.config import Settings
from bot.conversation.recall import bounded
from bot.language import language, normalise
from bot.messages import Capabilities
from bot.opening import open_shop
from bot.tools import edges
from bot.tools.disguise import Disguise
from llm.chats import Article, Reply, written
from llm.engine import Turn
from llm.protocol import Act, Fact, Plan, State
from storage import articles, forget, interactions, members, migrate, outbox
from storage.database import Database, Transaction
from storage.members import ChatRow

BAD = 2
TURNS = 4
DISLIKE = "👎"


@dataclass(slots=True)
class Export:
    """Lines to write, and why replies were left out."""

    articles: list[Article] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    known: set[tuple[str, str]] = field(default_factory=set)  # questions with templates
    members: set[int] = field(default_factory=set)  # whose words are in it

    def take(self, one: Reply, members: Collection[int]) -> None:
        """Each question with each template once."""
        self.members |= set(members)
        key = (" ".join(normalise(one.turns[-1][1]).split()), one.reply)
        if key in self.known:
            self.left_out["said before in the same words"] += 1
            return
        self.known.add(key)
        self.replies.append(one)


@dataclass(frozen=True, slots=True)
class Talk:
    """A chat as it stands in the tables, oldest first."""

    chat: ChatRow
    heard: list[Any]
    said: list[Any]
    disliked: set[str]


async def main(settings: Settings, file: Path, force: bool) -> int:
    """The verb: from the configured database into a file; the exit code."""
    if not force and await asyncio.to_thread(file.exists):
        sys.stderr.write(f"{file}: is there already; another name or --force would do\n")
        return BAD
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with Database(settings.database_url) as database:
        shop = await open_shop(database, settings, SystemClock(), demo=False)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading chats")
            report = partial(bar.update, task)
            found = await collect(database, shop.id, edges.abilities(), report)
        try:
            await keep(database, shop.id, found, file)
        except OSError as error:
            sys.stderr.write(f"{file}: {error.strerror}\n")
            return BAD
    Console(soft_wrap=True, highlight=False).print(summary(found))
    return 0


async def keep(database: Database, shop_id: int, found: Export, file: Path) -> None:
    """Write it, and note whose words are in it: they may want to be forgotten later. Raises OSError."""

    def put() -> tuple[str, str]:
        write(found, file)
        return str(file.resolve()), hashlib.sha256(file.read_bytes()).hexdigest()

    (path, digest), now = await asyncio.to_thread(put), SystemClock().now()
    await database.write(lambda tx: forget.exported(tx, shop_id, path, digest, found.members, now))


async def collect(
    database: Database,
    shop_id: int,
    platforms: Mapping[str, Capabilities],
    progress: Callable[..., None] = lambda **_: None,
) -> Export:
    """Everything that may be used. `progress` is told `total` and `completed` replies."""
    found = Export()
    rows = await database.read(lambda tx: articles.current(tx, shop_id))
    found.articles = [
        Article(row.title, row.body, language(row.body, row.language or "en")) for row in rows if row.body
    ]
    chats = await database.read(lambda tx: members.chats(tx, shop_id))
    people = {one.id: one for one in await database.read(lambda tx: members.everyone(tx, shop_id))}
    progress(total=await database.read(lambda tx: outbox.replies(tx, shop_id)))
    done = 0
    for chat in chats:
        # A platform that this program no longer knows can't be asked what it allows.
        rule = platforms[chat.platform].may_train if chat.platform in platforms else "never"
        talk = await database.read(partial(_read, chat=chat))
        chooser = Chooser(talk, people, rule)
        for row in talk.said:
            if row.kind == "reply":
                await asyncio.sleep(0)  # Ctrl-C comes through here
                chooser.choose(row, found)
                done += 1
                progress(completed=done)
    return found


async def _read(tx: Transaction, chat: ChatRow) -> Talk:
    reacted = await interactions.reactions(tx, chat.id)
    disliked = {str(one.get("on", "")) for one in reacted if str(one.get("emoji", "")).startswith(DISLIKE)}
    return Talk(chat, await interactions.spoken(tx, chat.id), await outbox.said_in(tx, chat.id), disliked)


class Chooser:
    """Decides about the replies of one chat. `rule` is its platform's `may_train`."""

    def __init__(self, talk: Talk, people: Mapping[int, Any], rule: str) -> None:
        self._talk, self._people, self._rule = talk, people, rule
        self._places = {row.message_id: at for at, row in enumerate(talk.heard)}
        self._sent = [row.sent for row in talk.said]
        speaking = {row.member_id for row in talk.heard}
        self._disguise = Disguise(
            {one: people[one].name for one in speaking}, frozenset(one.name for one in people.values())
        )

    def choose(self, row: Any, found: Export) -> None:
        """Take a reply, or count why not."""
        worded = row.extra.get("worded", [])
        question = self._question(row)
        window = [] if question is None else self._window(row, question)
        why = self._against(row, question, window)
        if why:
            found.left_out[why] += len(worded) or 1
            return
        said = [
            Turn("user", one.text, str(one.member_id)) if _heard(one) else Turn("assistant", one.text) for one in window
        ]
        turns = tuple(self._turn(turn) for turn in bounded(said))
        for one in worded:
            facts = tuple(Fact(slot, "", "", "") for slot in one["slots"])
            plan = Plan(Act(one["act"]), one["language"], facts, tuple(map(State, one["states"])))
            found.take(
                Reply(turns, plan, self._disguise.text(one["template"])),
                [one.member_id for one in window if _heard(one)],
            )

    def _turn(self, turn: Turn) -> tuple[str, str]:
        return self._disguise.name(int(turn.name)) if turn.name else "", self._disguise.text(turn.content)

    def _question(self, row: Any) -> int | None:
        """Where the message that a reply answers stands in what was heard; in a direct chat replies don't name it."""
        if row.reply_to:
            return self._places.get(row.reply_to)
        last = bisect_right(self._talk.heard, row.created, key=lambda one: one.at)
        return next((at for at in reversed(range(last)) if self._talk.heard[at].member_id == row.member_id), None)

    def _window(self, row: Any, question: int) -> list[Any]:
        """The rows that the prompt was made of, oldest first, the question last."""
        heard = self._talk.heard[max(0, question - TURNS) : question]
        until = bisect_right(self._sent, row.created)
        said = [one for one in self._talk.said[max(0, until - TURNS) : until] if one.id < row.id]
        shown = [one for one in said if not one.extra.get("private_to")]
        earlier = sorted(
            [*filter(lambda one: one.text, heard), *shown], key=lambda one: one.at if _heard(one) else one.sent
        )
        return [*earlier[-TURNS + 1 :], self._talk.heard[question]]

    def _against(self, row: Any, question: int | None, window: Sequence[Any]) -> str:
        """What speaks against using a reply, or ''."""
        if not row.extra.get("worded"):
            return "not worded by the model" if row.worded_by != "model" else "sent before plans were kept"
        if self._rule == "never":
            return "the platform allows no training"
        if row.message_id in self._talk.disliked:
            return f"a member did not like it ({DISLIKE})"
        if question is None or not self._talk.heard[question].text:
            return "the question is erased"
        return next(filter(None, map(self._refused, {one.member_id for one in window if _heard(one)})), "")

    def _refused(self, member_id: int) -> str:
        person = self._people[member_id]
        if person.opted_out:
            return "a member opted out"
        if self._rule != "yes" and not person.trains:
            return "a member has not said /training on"
        return ""


def _heard(row: Any) -> bool:
    """Whether a row is a member's message, not the bot's."""
    return not hasattr(row, "sent")


def write(found: Export, file: Path) -> None:
    """Whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f"{file.name}.part")
    try:
        with half.open("w", encoding="utf-8") as out:
            out.writelines(_lines(found))
        os.replace(half, file)
    finally:
        half.unlink(missing_ok=True)


def _lines(found: Export) -> Iterator[str]:
    yield from map(written, found.articles)
    yield from map(written, found.replies)


def summary(found: Export) -> Table:
    """What was taken, and what was left out and why."""
    table = Table("", "what", "count")
    table.add_row("taken", "articles of the shop", f"{len(found.articles):,}")
    table.add_row("", "replies with their turns", f"{len(found.replies):,}")
    for at, (why, count) in enumerate(found.left_out.most_common()):
        table.add_row("" if at else "left out", why, f"{count:,}")
    return table
