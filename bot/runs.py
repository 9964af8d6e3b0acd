"""The runs of schedules: begun ahead of their time, drafted, posted once, or reported with a reason.

Words as Temporal has them: a run later than its schedule's catchup window is missed, and so is one whose predecessor is
still to be done (overlap is skipped). Every run that is not posted has its row with a note, and admins are told of it
once. A kill at any point costs nothing: what is begun stands in the tables, and every post has the key of its run.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from bot.attention import RESERVED, Attention, State, after_quiet, is_quiet
from bot.clock import Clock
from bot.content.drafts import NothingToPost
from bot.content.said import why
from bot.content.times import Due, following, is_fixed
from bot.texts import Texts, moment
from storage import members, schedules, watched
from storage.database import Database, Transaction
from storage.members import ChatRow

log = logging.getLogger(__name__)
MOST = 100  # missed runs of one schedule that get a row each after a long time down
LISTED = 20  # missed runs in one message to the admins
AGAIN = timedelta(minutes=1)  # after a draft broke
LATE = 60  # seconds: a post later than this says so
SETTLE = timedelta(minutes=1)  # between two looks at what could not be sent
SETTLED = timedelta(days=2)
KIND = "post"
Tell = Callable[[ChatRow, str, str], Awaitable[None]]  # chat, key, text: to the admins of the chat, once for a key
Over = tuple[str, str]  # the state in which a run ends, and a note


@dataclass(frozen=True, slots=True)
class DueRun:
    """A run as the producer sees it. `due`: the moment to post, with jitter and quiet hours; `approve`: auto or ask;
    `unanswered`: post, skip or plain; `about`: the rows (`product:12`) that an event is of. Its key is `post:ID`."""

    id: int
    schedule_id: int
    chat_id: int
    content: str
    due: datetime
    language: str
    approve: str = "auto"
    unanswered: str = "post"
    about: tuple[str, ...] = ()


class Producer(Protocol):
    """Makes the posts. Both calls may come again after a kill; NothingToPost ends the run as failed."""

    async def prepare(self, run: DueRun) -> None:
        """Make the draft, if there is none: called from when the run is begun until it returned once."""

    async def publish(self, run: DueRun) -> Over | None:
        """Put the post into the outbox under `post:ID`; called from `due` on. (state, note) how the run ends: done,
        missed, failed or skipped. None: it waits for an answer, and is asked again."""


async def to_nobody(chat: ChatRow, key: str, text: str) -> None:
    """Where no admin can be told."""


class Runs:
    """`producer` makes the posts, `tell` tells the admins of a chat."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        clock: Clock,
        producer: Producer,
        attention: Attention,
        texts: Texts,
        default_language: str,
        tell: Tell = to_nobody,
    ) -> None:
        self._database, self._shop_id, self._clock, self._texts = database, shop_id, clock, texts
        self._producer, self._attention, self._language, self._tell = producer, attention, default_language, tell
        self._prepared: dict[int, datetime | None] = {}  # open runs -> None: drafted; else when to try again
        self._settled: datetime | None = None

    async def waiting(self, tx: Transaction) -> bool:
        """Is there anything to begin, or to go on with?"""
        now = self._clock.now()
        return bool(
            await schedules.due(tx, self._shop_id, now)
            or await schedules.open_runs(tx, self._shop_id)
            or await watched.waiting(tx, self._shop_id)
        )

    async def step(self) -> bool:
        """Begin what is due, post it, draft one that comes; was anything done?"""
        begun = await self._watch() | await self._begin()
        return await self._go_on() or begun

    async def _begin(self) -> bool:
        """Give every due time its row and move the schedules on, in one transaction."""
        now = self._clock.now()
        due = await self._database.read(lambda tx: schedules.due(tx, self._shop_id, now))
        if not due:
            return False

        async def begin(tx: Transaction) -> int:
            busy = {run.schedule_id for run in await schedules.open_runs(tx, self._shop_id)}
            return sum([await self._begin_one(tx, row, now, row.id in busy) for row in due])

        return await self._database.write(begin) > 0

    async def _begin_one(self, tx: Transaction, row: Any, now: datetime, busy: bool) -> bool:
        if busy and row.next_due > now:
            return False  # drafts are made one after the other
        runs, then = plan(row, now)
        if not await schedules.advance(tx, row, then):
            return False
        state = await self._attention.state(tx, f"chat:{row.chat_id}", now)
        for due, over, note in runs:
            if not over and busy and due.at <= now:
                over, note = "missed", "the run before it was still to be done"
            at = put_off(row, due.at, state)
            if not over and not is_fixed(row.rule) and is_quiet(state.hours, due.at, state.zone):
                over, note = "skipped", "quiet hours"
            values: dict[str, Any] = {"state": over or "due", "note": note, "local": due.local, "post_at": at}
            await schedules.begin_run(tx, self._shop_id, row.id, due.at, **values)
        return True

    async def _watch(self) -> bool:
        """Begin the runs of what happened to the shop's products since the last look, in the look's transaction."""
        if not await self._database.read(lambda tx: watched.waiting(tx, self._shop_id)):
            return False
        now = self._clock.now()

        async def look(tx: Transaction) -> None:
            version, seen = await watched.version(tx, self._shop_id)
            if version == seen:
                return
            if seen is not None:
                busy = {run.schedule_id for run in await schedules.open_runs(tx, self._shop_id)}
                for row in await schedules.events(tx, self._shop_id):
                    if not row.paused:
                        await self._happened(tx, row, now, row.id in busy)
            await watched.look(tx, self._shop_id, version)

        await self._database.write(look)
        return True

    async def _happened(self, tx: Transaction, row: Any, now: datetime, busy: bool) -> None:
        products = await watched.happened(tx, self._shop_id, row.rule.removeprefix("on "))
        if not products:
            return
        state = await self._attention.state(tx, f"chat:{row.chat_id}", now)
        at = put_off(row, now + timedelta(seconds=row.lead), state)
        values: dict[str, Any] = {"post_at": at, "about": [f"product:{one}" for one in products]}
        if busy:
            values |= {"state": "missed", "note": "the run before it was still to be done"}
        await schedules.begin_run(tx, self._shop_id, row.id, now, **values)

    async def _go_on(self) -> bool:
        """Post the runs whose time has come; then draft one of those that are to come."""
        rows = await self._database.read(lambda tx: schedules.open_runs(tx, self._shop_id))
        now, moved = self._clock.now(), False
        self._prepared = {
            row.id: self._prepared[row.id] for row in rows if row.id in self._prepared
        }  # the others ended
        for row in rows:
            if row.post_at <= now or not row.active or row.paused:
                moved |= await self._post(row)
        for row in rows:
            if row.post_at > now and row.active and not row.paused and self._may_draft(row.id, now):
                return await self._draft(row) or moved
        return moved

    def _may_draft(self, run_id: int, now: datetime) -> bool:
        again = self._prepared.get(run_id, now)
        return again is not None and again <= now

    async def _draft(self, row: Any) -> bool:
        try:
            chat = await self._database.read(lambda tx: members.chat(tx, row.chat_id))
            await self._producer.prepare(self._run(row, chat))
            self._prepared[row.id] = None
        except NothingToPost as error:
            await self._end(row, "failed", str(error))
        except Exception:
            log.exception("the draft of run %d of schedule %d broke", row.id, row.schedule_id)
            self._prepared[row.id] = self._clock.now() + AGAIN
        return True

    async def _post(self, row: Any) -> bool:
        """Post a run, or end it, or leave it open with what it waits for; False where nothing changed."""
        try:
            over = await self._over(row)
        except NothingToPost as error:
            over = "failed", str(error)
        except Exception as error:  # one broken run is reported and keeps no other from its time
            log.exception("run %d of schedule %d broke", row.id, row.schedule_id)
            over = "failed", f"{type(error).__name__}: {error}"
        if over is None:
            return False
        state, note = over
        late = (self._clock.now() - row.post_at).total_seconds()
        if state == "done" and late > LATE and not note:
            note = f"posted {late:.0f} s late" + (f": {row.note}" if row.note else "")
        await self._end(row, state, note)
        return True

    async def _over(self, row: Any) -> Over | None:
        now = self._clock.now()
        late = (now - row.post_at).total_seconds()
        if not row.active:
            return "skipped", "its schedule was removed"
        if row.paused and not row.asked:
            return "skipped", "its schedule is paused"
        if late > row.catchup_window:
            return "missed", _late(late, row.catchup_window) + (f": {row.note}" if row.note else "")
        chat = await self._database.read(lambda tx: members.chat(tx, row.chat_id))
        if chat.muted_until and chat.muted_until > now:
            return "missed", "the chat was muted"
        if not row.asked and (refused := await self._refused(row, now)):
            if refused != row.note:
                await self._database.write(partial(schedules.explain, run_id=row.id, note=refused))
            return None
        run = self._run(row, chat)
        if row.id not in self._prepared:
            await self._producer.prepare(run)
            self._prepared[row.id] = None
        return await self._producer.publish(run)

    async def _refused(self, row: Any, now: datetime) -> str | None:
        """Why the chat may not get it now; None where a place of the chat's is its own from here on."""
        key, target = f"{KIND}:{row.id}", f"chat:{row.chat_id}"
        refused = await self._database.read(lambda tx: self._attention.refusal(tx, target, key, now, KIND))
        if refused is None:
            refused = await self._database.write(lambda tx: self._attention.reserve(tx, target, KIND, key, now))
        return None if refused == RESERVED else refused

    async def _end(self, row: Any, state: str, note: str) -> None:
        """What was reserved for a run that is not posted is given back with its end."""

        async def end(tx: Transaction) -> None:
            await schedules.end_run(tx, row.id, state, note)
            if state != "done":
                await self._attention.give_back(tx, f"{KIND}:{row.id}")

        await self._database.write(end)
        if state not in ("done", "skipped"):
            log.warning("run %d of schedule %d is %s: %s", row.id, row.schedule_id, state, note)

    def _run(self, row: Any, chat: ChatRow) -> DueRun:
        language = chat.language or self._language
        kept = (row.approve, row.unanswered, tuple(row.about))
        return DueRun(row.id, row.schedule_id, row.chat_id, row.content, row.post_at, language, *kept)

    async def settle(self) -> bool:
        """Now and then: give back what was not sent, and tell admins of runs that were not posted."""
        now = self._clock.now()
        if self._settled and now - self._settled < SETTLE:
            return False
        self._settled = now

        async def settle(tx: Transaction) -> None:
            await self._attention.settle(tx, now)
            await schedules.settle(tx, self._shop_id, now - SETTLED)

        await self._database.write(settle)
        return await self.report()

    async def report(self) -> bool:
        """Tell the admins of each chat which runs were not posted, and why; was there one?"""
        rows = await self._database.read(lambda tx: schedules.untold(tx, self._shop_id, MOST))
        for chat_id in dict.fromkeys(row.chat_id for row in rows):
            missed = [row for row in rows if row.chat_id == chat_id]
            chat = await self._database.read(partial(members.chat, chat_id=chat_id))
            await self._tell(chat, f"missed:{missed[0].id}", self._report(chat, missed))
            ids = [row.id for row in missed]
            await self._database.write(partial(schedules.told, run_ids=ids))
        return bool(rows)

    def _report(self, chat: ChatRow, missed: Sequence[Any]) -> str:
        say, spoken = self._texts.say, self._language
        lines = [say(spoken, "Not posted in {chat}:", chat=chat.title or chat.platform_id)]
        for row in missed[:LISTED]:
            lines.append(
                say(
                    spoken,
                    "{number}: {type}, due {time}: {why}",
                    number=row.schedule_id,
                    type=row.content,
                    time=moment(row.due, row.timezone, spoken),
                    why=why(partial(say, spoken), row.note),
                )
            )
        if len(missed) > LISTED:
            lines.append(say(spoken, "And {count} more.", count=len(missed) - LISTED))
        return "\n".join((*lines, say(spoken, "/schedule list shows the schedules of a chat.")))


def plan(row: Any, now: datetime) -> tuple[list[tuple[Due, str, str]], datetime | None]:
    """The runs (due, state in which it is over or '', note) of a schedule up to now, or the one that is begun ahead of
    its time; and when it is due next. Only the last can still be done."""
    found: list[Due] = []
    due = following(row.rule, row.timezone, row.next_due - timedelta(seconds=1))
    while due and due.at <= now:
        found.append(due)
        after = due.at
        if len(found) == MOST:  # down for so long that the rest up to the catchup window shares the last one's note
            after = max(due.at, now - timedelta(seconds=row.catchup_window))
        due = following(row.rule, row.timezone, after)
    if not found and due:
        then = following(row.rule, row.timezone, due.at)
        return [(due, "", "")], then.at if then else None
    runs = []
    for place, one in enumerate(found, 1):
        late = (now - one.at).total_seconds()
        note = _late(late, row.catchup_window) if late > row.catchup_window and place < len(found) else ""
        if not note and place < len(found):
            note = "a later run was due before it was begun"
        if place == MOST and place < len(found):
            note += f"; runs between this and {found[place].at:%Y-%m-%d %H:%M} UTC have no row"
        runs.append((one, "missed" if note else "", note))
    return runs, due.at if due else None


def put_off(row: Any, due: datetime, state: State) -> datetime:
    """When a run that is due then is posted: later by chance, and once the chat's quiet hours are over."""
    drawn = int.from_bytes(hashlib.sha256(f"{row.id}:{due.isoformat()}".encode()).digest()[:8])
    return after_quiet(state.hours, due + timedelta(seconds=drawn % (row.jitter + 1)), state.zone)


def _late(late: float, window: int) -> str:
    return f"{late:.0f} s late, the catchup window is {window} s"
