"""Drafts of posts: written ahead of time, shown to admins, decided, and put into the outbox once.

A draft is a row (`storage/drafts.py`). Every step is one transaction behind the writing, and every row has a key, so
that a kill between any two of them changes nothing: `prepare` and `publish` go on where they were.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import ModuleType
from typing import Any, Protocol

from bot.clock import Clock
from bot.content import edits, notices
from bot.content.tracking import Post, Tracking
from bot.content.writing import Draft, NothingToPost, Writer
from bot.knowledge import claims
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice
from bot.outbox import outgoing
from bot.pictures import Pictures
from storage import drafts, members, outbox
from storage.database import Database, Transaction
from storage.members import ChatRow

log = logging.getLogger(__name__)
__all__ = ["Draft", "Drafts", "NothingToPost"]
KIND = "post"
LISTED = 10  # open drafts that are shown at once
MISSED, DONE, FAILED = "missed", "done", "failed"
NOBODY = "nobody decided about it"


class Run(Protocol):
    """One due time of a schedule. `approve`: auto, ask. `unanswered`, where nobody decided in time: post, skip, plain
    (the rows in their own words). `about`: the rows that something happened to, where an event began the run."""

    @property
    def id(self) -> int: ...
    @property
    def chat_id(self) -> int: ...
    @property
    def content(self) -> str: ...
    @property
    def due(self) -> datetime: ...
    @property
    def language(self) -> str: ...
    @property
    def approve(self) -> str: ...
    @property
    def unanswered(self) -> str: ...
    @property
    def about(self) -> Sequence[str]: ...


Admins = Callable[[ChatRow], Awaitable[Sequence[notices.Admin]]]


async def nobody(chat: ChatRow) -> Sequence[notices.Admin]:
    return ()


class Drafts:
    """`admins` says who is told of a chat's drafts; `wake` that there are rows to send."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        library: Library,
        voice: Voice,
        clock: Clock,
        types: Sequence[ModuleType],
        admins: Admins = nobody,
        wake: Callable[[], None] = lambda: None,
        pictures: Pictures | None = None,
        tracking: Tracking | None = None,
    ) -> None:
        self._tracking = tracking
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self._admins, self._wake = admins, wake
        self._library, self._voice = library, voice
        self._writer = Writer(database, shop_id, library, voice, clock, types, pictures)

    @property
    def names(self) -> tuple[str, ...]:
        return self._writer.names

    async def write(self, content: str, language: str, chat_id: int, again: int = 0) -> Draft | None:
        """A draft for this chat; None where the shop has nothing for it now. Raises NothingToPost."""
        both = await self._writer.write(content, language, chat_id, again)
        return both[0] if both else None

    async def post(self, content: str, chat: ChatRow, language: str, key: str) -> int:
        """Draft and put it into the outbox under `key`; the row's id, also where the key was posted before.

        Raises NothingToPost.
        """
        before = await self._database.read(lambda tx: outbox.by_key(tx, self._shop_id, key))
        if before:
            return int(before.id)
        both = await self._both(content, language, chat.id)
        values = both[0].values(language)

        post = (chat.id, key, both[0].text, values, content)
        return await self._database.write(lambda tx: self._enter(tx, *post))

    async def _enter(
        self, tx: Transaction, chat_id: int, key: str, text: str, values: Mapping[str, Any], content: str
    ) -> int:
        """The outbox row of a post, the shop's own links in it marked."""
        now = self._clock.now()
        if self._tracking:
            platform = (await members.chat(tx, chat_id)).platform
            text, values = await self._tracking.marked(tx, text, values, Post(key, platform, content), now)
        return await outbox.put(tx, self._shop_id, chat_id, key, KIND, text, now, **values)

    async def _both(
        self, content: str, language: str, chat_id: int, again: int = 0, about: Sequence[str] = ()
    ) -> tuple[Draft, Draft]:
        both = await self._writer.write(content, language, chat_id, again, about)
        if both is None:
            raise NothingToPost(f"the shop has nothing for {content!r} now")
        return both

    # A schedule's run: the ticker calls these two, each as often as it likes.

    async def prepare(self, run: Run) -> None:
        """The run's draft, and with `approve` ask the admins' notice of it; once."""
        key = f"run:{run.id}"
        if await self._database.read(lambda tx: drafts.by_key(tx, self._shop_id, key)):
            return
        try:
            both = await self._both(run.content, run.language, run.chat_id, about=run.about)
        except NothingToPost as error:
            note = str(error)
            lapsed = {"state": drafts.LAPSED, "note": note, "text": "", "data": {}, "plain": {}, "candidates": []}
            await self._add(key, run, lapsed, None)
            return
        state = drafts.OPEN if run.approve == "ask" else drafts.APPROVED
        chat = await self._database.read(lambda tx: members.chat(tx, run.chat_id))
        told = await self._admins(chat) if state == drafts.OPEN else ()
        if state == drafts.OPEN and not told:
            log.warning("no admin of chat %d is known who could look at the draft of run %d", chat.id, run.id)
        await self._add(key, run, {"state": state} | _columns(both, run.language), (chat, told, run.unanswered))

    async def _add(
        self, key: str, run: Run, values: Mapping[str, Any], tell: tuple[ChatRow, Sequence[notices.Admin], str] | None
    ) -> None:
        now = self._clock.now()
        more = {"run_id": run.id, "content": run.content, "language": run.language, "due": run.due, "created": now}

        async def add(tx: Transaction) -> None:
            added = await drafts.add(tx, self._shop_id, run.chat_id, key, **more, **values)
            if added is None or tell is None:
                return
            row = await drafts.get(tx, self._shop_id, added)
            await notices.tell(tx, self._voice.texts, row, *tell, now)

        await self._database.write(add)
        self._wake()

    async def publish(self, run: Run) -> tuple[str, str] | None:
        """Post what was decided, or what the schedule says where nobody did; the run's state and a note."""
        await self.prepare(run)
        row = await self._database.read(lambda tx: drafts.by_key(tx, self._shop_id, f"run:{run.id}"))
        assert row is not None
        if row.state == drafts.POSTED:
            return DONE, row.note
        if row.state == drafts.REJECTED:
            return MISSED, await self._rejected(row)
        ask = run.approve == "ask"
        if row.state == drafts.LAPSED and row.text:
            return MISSED, row.note
        stale = row.state != drafts.LAPSED and not await self._holds(row)
        if row.state == drafts.LAPSED or stale:
            try:  # the rows changed since, or there may be something now
                both = await self._both(run.content, run.language, run.chat_id, about=run.about)
            except NothingToPost as error:
                await self._settle(row, drafts.LAPSED, note=str(error))
                return FAILED, str(error)
            row_text, row_data, plain = both[0].text, both[0].values(run.language), _plain(both, run.language)
        else:
            row_text, row_data, plain = row.text, dict(row.data), dict(row.plain)
        if row.state == drafts.APPROVED and not stale:
            return await self._put(run, row, row_text, row_data, "")
        note = "" if not ask else "the shop's rows changed since it was approved" if stale else NOBODY
        if ask and run.unanswered == "skip":
            await self._settle(row, drafts.LAPSED, note=note)
            return MISSED, note
        if ask and run.unanswered == "plain":
            row_text, row_data = plain["text"], plain["data"]
        return await self._put(run, row, row_text, row_data, note)

    async def _put(self, run: Run, row: Any, text: str, data: Mapping[str, Any], note: str) -> tuple[str, str] | None:
        now = self._clock.now()

        async def put(tx: Transaction) -> bool:
            before = (drafts.OPEN, drafts.APPROVED, drafts.LAPSED)
            if not await drafts.settle(tx, row.id, now, drafts.POSTED, before, note=note, text=text):
                return False
            key = f"post:{run.id}"
            await self._enter(tx, run.chat_id, key, text, _sent(data, row.id), run.content)
            return True

        return (DONE, note) if await self._database.write(put) else None  # an admin was faster: look again

    async def _holds(self, row: Any) -> bool:
        """Do the rows still say what the draft states of them?"""
        held = row.data.get("rests") or {}
        stated = claims.unpack(held.get("claims", ()))
        await self._library.refresh()
        if not stated or claims.as_of(self._library) == row.data.get("checked"):
            return True
        rows = await claims.read(self._library, stated)
        return all(claims.current(one, rows, held["language"]) == one.was for one in stated)

    async def _rejected(self, row: Any) -> str:
        return f"rejected by {await self.decider(row)}"

    # What admins decide.

    async def make(self, content: str, chat: ChatRow, language: str, key: str) -> Any:
        """A draft without a time, its row; once for each key. Raises NothingToPost."""
        before = await self._database.read(lambda tx: drafts.by_key(tx, self._shop_id, key))
        if before:
            return before
        both, now = await self._both(content, language, chat.id), self._clock.now()
        values = {"content": content, "language": language, "created": now, **_columns(both, language)}
        await self._database.write(lambda tx: drafts.add(tx, self._shop_id, chat.id, key, state=drafts.OPEN, **values))
        return await self._database.read(lambda tx: drafts.by_key(tx, self._shop_id, key))

    async def get(self, number: int) -> Any:
        """A draft's row; None where there is none of this number."""
        return await self._database.read(lambda tx: drafts.get(tx, self._shop_id, number))

    async def waiting(self) -> list[Any]:
        return await self._database.read(lambda tx: drafts.waiting(tx, self._shop_id, LISTED))

    async def decider(self, row: Any) -> str:
        """The name of who decided."""
        if row.decided_by is None:
            return "?"
        return str((await self._database.read(lambda tx: members.get(tx, row.decided_by))).name)

    async def approve(self, row: Any, member_id: int) -> bool:
        """Let it be posted when it is due, one without a time now; False where somebody was faster."""
        now = self._clock.now()

        async def approve(tx: Transaction) -> bool:
            state = drafts.POSTED if row.due is None else drafts.APPROVED
            if not await drafts.settle(tx, row.id, now, state, (drafts.OPEN,), decided_by=member_id):
                return False
            if row.due is None:
                key = f"post:draft:{row.id}"
                await self._enter(tx, row.chat_id, key, row.text, _sent(row.data, row.id), row.content)
            return True

        return await self._database.write(approve)

    async def reject(self, row: Any, member_id: int) -> bool:
        """Never post it; False where somebody was faster."""
        return await self._settle(row, drafts.REJECTED, decided_by=member_id)

    async def _settle(self, row: Any, state: str, **values: Any) -> bool:
        now = self._clock.now()
        before = (drafts.OPEN,) if state == drafts.REJECTED else (drafts.OPEN, drafts.APPROVED, drafts.LAPSED)
        return await self._database.write(lambda tx: drafts.settle(tx, row.id, now, state, before, **values))

    async def again(self, row: Any) -> bool:
        """Write it anew; False where it is open no more. Raises NothingToPost."""
        about = row.data.get("extra", {}).get("about", ())
        both = await self._both(row.content, row.language, row.chat_id, row.version, about)
        return await self._reword(row, _columns(both, row.language))

    async def edit(self, row: Any, text: str) -> str:
        """Put an admin's own words in its place; '' or what is wrong with them: `unsafe`, `long`, `gone`."""
        wrong, values = edits.edited(row, text, self._voice.safety)
        if wrong:
            return wrong
        return "" if await self._reword(row, values) else "gone"

    async def _reword(self, row: Any, values: Mapping[str, Any]) -> bool:
        return await self._database.write(lambda tx: drafts.reword(tx, row.id, row.version, **values))

    async def strange(self, row: Any, text: str) -> list[str]:
        """The amounts of money in a text that none of the draft's products costs."""
        ids = claims.ids(row.data.get("sources", ()), "product")
        return edits.strange(text, await self._library.read(ids), row.language)


def preview(row: Any) -> Any:
    """A draft as the chat would see it, its choices as text: it is not voted on yet."""
    return outgoing(notices.Held(row.text, dict(row.data.get("extra", {})), ""))


def _columns(both: tuple[Draft, Draft], language: str) -> dict[str, Any]:
    return {
        "text": both[0].text,
        "data": both[0].values(language),
        "plain": _plain(both, language),
        "candidates": [one.kept() for one in both[0].candidates],
    }


def _plain(both: tuple[Draft, Draft], language: str) -> dict[str, Any]:
    return {"text": both[1].text, "data": both[1].values(language)}


def _sent(data: Mapping[str, Any], draft_id: int) -> dict[str, Any]:
    """The columns of the outbox row that a draft becomes."""
    return {**data, "extra": {**data.get("extra", {}), "draft": draft_id}}
