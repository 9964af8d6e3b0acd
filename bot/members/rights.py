"""What members may ask about themselves: to see all that is held of them, to be left alone, to be forgotten.

Being forgotten is work in steps, each a transaction that finds nothing when it is done again: after a kill it goes on
at the next tick. It ends once the member was told what was removed, with the removal of that very message.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bot.clock import Clock
from bot.members.redaction import Redaction
from bot.members.suggestions import Suggestions
from bot.messages import Outgoing
from bot.outbox import extra
from bot.texts import Texts
from llm.engine import EngineError
from storage import forget, links, members, models, outbox, suggestions, tombstones
from storage.database import Database, Transaction
from storage.held import HELD, KEEP, Held

log = logging.getLogger(__name__)
SIZE = 500  # rows that are looked through at once
PATIENCE = timedelta(days=1)  # for telling the member that it is done
ENDS = ("sent", "failed", "blocked", "unknown", "cancelled")
OUTBOX = next(held for held in HELD if held.table == "outbox")
Say = Callable[..., str]


class Rights:
    """`caches` are called to drop what this process remembers of members and prompts; `reload` loads the model that is
    live now; `wake` says that there are rows to send."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        clock: Clock,
        texts: Texts,
        suggestions: Suggestions,
        caches: Sequence[Callable[[], None]] = (),
        reload: Callable[[], Awaitable[object]] | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._shop_id, self._clock, self._texts = database, shop_id, clock, texts
        self._suggestions, self._caches, self._reload, self._wake = suggestions, caches, reload, wake
        self._under_way: set[int] = set()  # what a command of this process is at
        self._newest: tuple[int, int] | None = None  # tombstone and parting that this process knows of

    async def opt_out(self, member_id: int) -> None:
        """No profile, and nothing unasked, until they subscribe; what waits to be sent to them is not sent."""

        async def out(tx: Transaction) -> None:
            await members.change(tx, member_id, opted_out=True, subscribed=False)
            await self._suggestions.traits.rebuild(tx, member_id)  # none may be kept
            await self._withdraw(tx, member_id)
            await suggestions.stop(tx, self._shop_id, member_id, self._clock.now())

        await self._database.write(out)
        self._suggestions.recommender.forget()

    async def _withdraw(self, tx: Transaction, member_id: int) -> None:
        """Everything unasked that waits for them."""
        await self._suggestions.withdraw(tx, member_id)
        for key in await outbox.cancel(tx, self._shop_id, member_id, "post"):
            await self._suggestions.attention.give_back(tx, key)

    async def everything(self, member_id: int) -> dict[str, list[dict[str, Any]]]:
        """Every row that is held of a member, by table."""

        async def look(tx: Transaction) -> dict[str, list[dict[str, Any]]]:
            ids, _, accounts = await forget.accounts(tx, member_id)
            chats = await forget.direct_chats(tx, self._shop_id, ids, self._direct(accounts))
            return await forget.everything(tx, self._shop_id, ids, accounts, chats)

        return await self._database.read(look)

    def _direct(self, accounts: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
        """Their direct chats, as each platform names them."""
        places = [(platform, self._suggestions.direct_chat(platform, one)) for platform, one in accounts]
        return [one for one in places if one[1]]

    # Being forgotten.

    async def forget(
        self, member_id: int, cause: int, sender: tuple[str, str, str], language: str
    ) -> Mapping[str, int]:
        """Remove all that is held of a member; how many rows of each table went. `cause`: the inbox id of their yes;
        `sender`: platform, id and name there."""
        platform, own, name = sender

        async def begin(tx: Transaction) -> int:
            ids, names, accounts = await forget.accounts(tx, member_id)
            accounts = list(dict.fromkeys([(platform, own), *accounts]))
            direct, now = self._direct(accounts), self._clock.now()
            for one in accounts:
                await tombstones.bury(tx, self._shop_id, await tombstones.fingerprint(tx, self._shop_id, *one), now)
            for one_id in ids:
                await self._withdraw(tx, one_id)
            data = {
                "ids": ids,
                "names": sorted({*names, name}),
                "accounts": accounts,
                "direct": direct,
                "chats": await forget.direct_chats(tx, self._shop_id, ids, direct),
                "tell": [platform, self._suggestions.direct_chat(platform, own), language],
            }
            return await forget.begin(tx, self._shop_id, cause, data, now)

        number = await self._database.write(begin)
        self._under_way.add(number)
        self._drop()  # who speaks from here on is somebody new
        try:
            return await self._sweep(number)
        finally:
            self._under_way.discard(number)

    async def _sweep(self, number: int) -> Mapping[str, int]:
        """Every step from the first on: one that was done before finds nothing. How many rows of each table went."""
        row = await self._database.read(lambda tx: forget.get(tx, number))
        ids = row.data["ids"]
        said, asked = await self._database.read(partial(_words, ids=ids))
        redaction = Redaction([*row.data["names"], *(one for _, one in row.data["accounts"])], said, asked)
        await self._unlearn(number, ids, redaction)
        for noun, keep in KEEP.items():
            turn = partial(keep, shop_id=self._shop_id, ids=ids, accounts=row.data["accounts"])
            await self._step(number, noun, turn)
        places = (row.data["accounts"], row.data["direct"], row.at, row.cause)
        # Before their names are taken out of it, by which it is found.
        await self._step(number, "inbox", lambda tx: forget.empty_inbox(tx, self._shop_id, *places))
        for held in HELD:
            if held.quotes:
                await self._redact(number, held, ids, redaction)
        for held in HELD:
            if held.whose:
                await self._step(number, held.table, partial(forget.remove, held=held, ids=ids))
        await self._database.write(lambda tx: forget.settle(tx, number, forget.SWEPT))
        self._drop()
        return dict((await self._database.read(lambda tx: forget.get(tx, number))).counts)

    async def _step(self, number: int, noun: str, job: Callable[[Transaction], Awaitable[int]]) -> None:
        async def step(tx: Transaction) -> None:
            await forget.count(tx, number, noun, await job(tx))

        await self._database.write(step)

    async def _redact(self, number: int, held: Held, ids: Sequence[int], redaction: Redaction) -> None:
        """Their names and words out of rows that are others' or the shop's, some at a time."""

        def change(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
            return redaction.change(table, row, held.quotes)

        after = 0
        while True:
            look = partial(forget.page, shop_id=self._shop_id, held=held, ids=ids, after=after, size=SIZE)
            rows = await self._database.read(look)
            if not rows:
                return
            after = rows[-1].id
            found = await asyncio.to_thread(_changed, rows, partial(change, held.table))
            if found:
                job = partial(forget.redact, held=held, ids=found, change=change)
                await self._step(number, f"{held.table} (words)", job)

    async def _unlearn(self, number: int, ids: Sequence[int], redaction: Redaction) -> None:
        """Files for training are removed where their words are in them; what learnt from one of these is retired."""
        every = await self._database.read(lambda tx: forget.exports(tx, self._shop_id))
        gone = await asyncio.to_thread(_with_words, every, frozenset(ids), redaction)
        for one in gone:
            await asyncio.to_thread(_remove, one)

        async def retire(tx: Transaction) -> bool:
            found = await models.unlearn(tx, self._shop_id, {one.digest for one in gone})
            await forget.count(tx, number, "model", len(found))
            await forget.count(tx, number, "training_export", len(gone))
            await forget.withdraw(tx, [one.id for one in gone])
            return any(one.state == "live" for one in found)

        stale = await self._database.write(retire) if gone else False
        if stale and self._reload:
            try:
                await self._reload()
            except EngineError as error:
                log.error("a model that learnt from a forgotten member words replies until the next start: %s", error)

    def _drop(self) -> None:
        """What is remembered outside the tables."""
        self._suggestions.recommender.forget()
        for drop in self._caches:
            drop()

    async def notice(self) -> None:
        """Drop what is remembered where another process forgot somebody, or made two members of one."""

        async def marks(tx: Transaction) -> tuple[int, int]:
            return await tombstones.newest(tx, self._shop_id), await links.partings(tx, self._shop_id)

        newest = await self._database.read(marks)
        if self._newest is not None and newest != self._newest:
            self._drop()
        self._newest = newest

    # What the ticker does.

    async def step(self, now: datetime) -> bool:
        """Go on with what a kill cut off, and end what the members were told of; was there anything to do?"""
        rows = await self._database.read(lambda tx: forget.unfinished(tx, self._shop_id))
        moved = False
        for row in rows:
            if row.id not in self._under_way:
                moved |= await self._go_on(row, now)
        return moved

    async def _go_on(self, row: Any, now: datetime) -> bool:
        if row.state == forget.OPEN:
            await self._sweep(row.id)
            return True

        async def look(tx: Transaction) -> tuple[list[Any], bool]:
            told = await forget.answers(tx, self._shop_id, row.cause, row.id)
            return told, await forget.handled(tx, row.cause)

        told, handled = await self._database.read(look)
        if any(one.state not in ENDS for one in told) and now - row.at < PATIENCE:
            return False
        if not told and not handled:
            return False  # the command is still to be answered, which tells them
        if not told and await self._tell(row):
            return True
        await self._end(row, [one.id for one in told])
        return True

    async def _tell(self, row: Any) -> bool:
        """Say what was removed in a direct chat, where the command's own answer was lost; False where it was not, or
        there is no such chat."""
        platform, place, language = row.data["tell"]
        text = certificate(partial(self._texts.say, language), row.counts)

        async def tell(tx: Transaction) -> bool:
            if not place:
                return False
            chat = await members.enter(tx, self._shop_id, platform, place, "", True)
            key, values = f"forgotten:{row.id}", {"extra": extra(Outgoing(text), language=language)}
            await outbox.put(tx, self._shop_id, chat.id, key, "notice", text, self._clock.now(), **values)
            return True

        told = await self._database.write(tell)
        if told:
            self._wake()
        return told

    async def _end(self, row: Any, told: Sequence[int]) -> None:
        """The last traces: the message that told them, the one that asked for it, and the chats' names."""

        async def end(tx: Transaction) -> None:
            named = await forget.direct_chats(tx, self._shop_id, row.data["ids"], row.data["direct"])
            chats = {*named, *row.data["chats"]}
            places = (row.data["accounts"], row.data["direct"], row.at)
            await forget.empty_inbox(tx, self._shop_id, *places)
            await forget.empty(tx, row.cause)
            await forget.drop(tx, told)
            await forget.remove(tx, OUTBOX, row.data["ids"])  # an answer that was under way
            await forget.count(tx, row.id, "chat", await forget.leave_chats(tx, chats, max(told, default=0)))
            await forget.settle(tx, row.id, forget.DONE, data={})

        await self._database.write(end)
        self._drop()
        await self._database.compact()

    async def clean(self, before: datetime) -> None:
        """Once a day: the files of the database are written anew where somebody was forgotten since."""
        numbers = await self._database.read(lambda tx: forget.uncleaned(tx, self._shop_id))
        if numbers:
            await self._database.compact(vacuum=True)
            await self._database.write(lambda tx: forget.cleaned(tx, numbers))


async def _words(tx: Transaction, ids: Sequence[int]) -> tuple[list[str], list[str]]:
    return await forget.texts(tx, ids), await forget.answered(tx, ids)


def _changed(rows: Sequence[Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> list[int]:
    """Those of these rows that name or quote them."""
    return [row.id for row in rows if change(row._mapping)]


def _with_words(exports: Sequence[Any], ids: frozenset[int], redaction: Redaction) -> list[Any]:
    """Those of these files that hold their words, by who was in them or by the words themselves."""
    found = []
    for export in exports:
        try:
            text = Path(export.path).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        if not ids.isdisjoint(export.members) or redaction.text(text, named=False) != text:
            found.append(export)
    return found


def _remove(export: Any) -> None:
    """The file, unless it is another one by now."""
    path = Path(export.path)
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == export.digest:
            path.unlink()
    except OSError as error:
        log.warning("%s, with words of a member who was forgotten, could not be removed: %s", path, error.strerror)


def certificate(say: Say, counts: Mapping[str, int]) -> str:
    """What was removed, by kind."""
    nouns = {
        "interaction": say("what you said and did"),
        "trait": say("what followed from it"),
        "purchase": say("lines of your orders"),
        "outbox": say("answers and messages to you"),
        "identity": say("accounts"),
        "inbox": say("messages as they came in"),
        "question": say("questions on the shop's list"),
        "alias": say("wordings learnt from you"),
        "rating": say("thumbs"),
        "handoff": say("calls of a human"),
        "suggestion_log": say("suggestions"),
        "reservation": say("places in the ledger of messages"),
        "link": say("links between accounts"),
        "short_link": say("links of your own"),
        "audit": say("entries of the audit that named you"),
        "lesson (words)": say("drafts with your words"),
        "model": say("models that learnt from you, retired"),
        "training_export": say("files for training with your words"),
        "member": say("your name and choices"),
    }
    others = sum(count for noun, count in counts.items() if noun not in nouns)
    lines = [say("Done. I have forgotten you. This was removed:")]
    told = [(what, counts[noun]) for noun, what in nouns.items() if counts.get(noun)]
    lines += [say("- {what}: {count}", what=what, count=count) for what, count in told]
    if others:
        lines.append(say("- {what}: {count}", what=say("other places that named or quoted you"), count=others))
    lines.append(
        say(
            "What the shop's backups hold is gone when they are. If you write here again, you are somebody new to me; "
            "this message is removed, too."
        )
    )
    return "\n".join(lines)
