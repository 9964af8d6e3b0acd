"""Asks the tables each second what is due, and gets it done. APScheduler is the ticker; what is true stands in SQL.

Words as Temporal has them: a run later than its schedule's catchup window is missed, and so is one whose predecessor is
still to be done (overlap is skipped). Every missed run has its row with a note. A kill at any point costs nothing: the
runs that are due stand in the tables, and every post, suggestion and run has a key.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.clock import Clock
from bot.content import when
from bot.content.drafts import Drafts, NothingToPost
from bot.members.suggestions import Suggestions
from storage import clicks, inbox, interactions, lessons, links, members, questions, schedules
from storage import settings as stored
from storage.database import Database, Transaction

log = logging.getLogger(__name__)
SHIFT = timedelta(hours=2)  # the most that a zone's clock is put forward
FAR = timedelta(days=366 * 9)  # a 29 February is never further away
MOST = 100  # missed runs of one schedule that get a row each after a long time down
INBOX_KEPT = timedelta(hours=48)  # a platform may deliver again what it got no answer for


async def _until_stopped(job: Callable[[], Awaitable[object]]) -> None:
    """A job of the ticker. It is cancelled only when the ticker stops, which is no error to report."""
    with contextlib.suppress(asyncio.CancelledError):
        await job()


async def nothing() -> bool:
    """Nothing to do."""
    return False


async def no_step(now: datetime) -> bool:
    """The same at a moment."""
    return False


def next_time(cron: str, timezone: str, after: datetime) -> datetime:
    """The first moment (UTC) after `after` at which the wall clock of the zone is what the five fields say.

    A wall time that happens twice in autumn counts once, the first time; one that is missing in spring is shifted by
    the gap. Day and weekday both given mean either, as in cron. Raises ValueError where no such moment comes.
    """
    zone = ZoneInfo(timezone)
    local = after.astimezone(zone)
    # Walked on the wall clock, where no hour is missing or twice; UTC stands in for "no zone".
    wall = local.replace(tzinfo=UTC, fold=0)
    if local.utcoffset() != (after - SHIFT).astimezone(zone).utcoffset():
        wall -= SHIFT  # an earlier wall time may have been missing, and be shifted to after `after`
    triggers = _triggers(cron, wall + FAR)
    best: datetime | None = None
    while due := [moment for one in triggers if (moment := one.get_next_fire_time(None, wall))]:
        wall = min(due)
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            best = min(best or moment, moment)
            if moment.astimezone(zone).replace(tzinfo=UTC) == wall:
                break  # of a wall time that is missing, the next that exists may be the earlier moment
        wall += timedelta(minutes=1)
    if best is None:
        raise ValueError(f"{cron!r} names a day that doesn't come; right would be 0 9 * * 1-5")
    return best


def _triggers(cron: str, last: datetime) -> list[CronTrigger]:
    minute, hour, day, month, weekday = cron.split()
    # By name, since APScheduler counts weekdays from Monday and cron from Sunday.
    names = "*" if weekday == "*" else ",".join(when.DAYS[one] for one in when.expand(weekday, 0, 7, when.DAYS))
    either = [(day, "*"), ("*", names)] if day != "*" and names != "*" else [(day, names)]
    return [
        CronTrigger(
            minute=minute, hour=hour, day=days, month=month, day_of_week=weekdays, second=0, timezone=UTC, end_date=last
        )
        for days, weekdays in either
    ]


class Scheduler:
    """`wake_intake` takes up parked messages whose time has come; `wake_outbox` says that there are rows to send;
    `correct` corrects some of the messages that state what is no longer so, and says whether it looked at any; `step`
    moves campaigns on, and says whether there was anything to do; `forget` clears what is kept beside the tables."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        clock: Clock,
        drafts: Drafts,
        suggestions: Suggestions,
        default_language: str,
        retention_days: int,
        wake_intake: Callable[[], Awaitable[None]],
        wake_outbox: Callable[[], None],
        correct: Callable[[], Awaitable[bool]] = nothing,
        step: Callable[[datetime], Awaitable[bool]] = no_step,
        forget: Callable[[datetime], Awaitable[object]] = no_step,
    ) -> None:
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self._drafts, self._suggestions, self._language = drafts, suggestions, default_language
        self._retention_days = retention_days
        self._wake_intake, self._wake_outbox = wake_intake, wake_outbox
        self._correct, self._step, self._forget = correct, step, forget
        self._ticking = asyncio.Lock()
        self._pushed: date | None = None
        self._cleared: date | None = None

    async def tick(self) -> bool:
        """Do everything that is due now; was there anything?"""
        async with self._ticking:
            corrected = await self._correct() | await self._campaigns()
            if not await self._database.read(self._anything):
                return await self._clear() or corrected
            woken = await self._wake_parked()
            posted = await self._begin_runs() | await self._post_runs()
            pushed = await self._push()
            cleared = await self._clear()
        return corrected or woken or posted or pushed or cleared

    async def run(self) -> None:
        """Tick each second until cancelled; a tick under way is cancelled with it and ends before this returns."""
        ticker = AsyncIOScheduler(timezone=UTC)
        # Parked messages, corrections and campaigns have their own jobs: wording a post must hold up none of them.
        for job in (self._wake_parked, self._correct, self._campaigns, self._tick_if_idle):
            ticker.add_job(
                _until_stopped,
                "interval",
                args=[job],
                id=job.__name__,
                seconds=1,
                max_instances=2,
                coalesce=True,
                misfire_grace_time=None,
            )
        ticker.start()
        try:
            await asyncio.Event().wait()
        finally:
            ticker.shutdown(wait=False)
            await asyncio.sleep(0)  # it shuts down in the loop's next turn
            async with self._ticking:
                pass

    async def _tick_if_idle(self) -> None:
        if not self._ticking.locked():
            await self.tick()

    async def _campaigns(self) -> bool:
        return await self._step(self._clock.now())

    async def _anything(self, tx: Transaction) -> bool:
        """Is a parked message, a schedule, a run or the day's suggestions due? One look in place of four."""
        now = self._clock.now()
        parked = await inbox.parked(tx, self._shop_id)
        today = await self._suggestions.attention.opening(tx, now)
        return (
            (parked is not None and parked <= now)
            or (today is not None and today != self._pushed)
            or bool(await schedules.due(tx, self._shop_id, now) or await schedules.open_runs(tx, self._shop_id))
        )

    async def _wake_parked(self) -> bool:
        parked = await self._database.read(lambda tx: inbox.parked(tx, self._shop_id))
        if parked is None or parked > self._clock.now():
            return False
        await self._wake_intake()
        return True

    async def _begin_runs(self) -> bool:
        """Give every due time its row and move the schedules on, in one transaction."""
        now = self._clock.now()
        due = await self._database.read(lambda tx: schedules.due(tx, self._shop_id, now))
        plans = [(row.id, *_runs(row, now)) for row in due]
        if not plans:
            return False

        async def begin(tx: Transaction) -> None:
            busy = {run.schedule_id for run in await schedules.open_runs(tx, self._shop_id)}
            for schedule_id, runs, following in plans:
                for moment, state, note in runs:
                    if state == "due" and schedule_id in busy:
                        state, note = "missed", "the run before it was still to be done"
                    await schedules.begin_run(tx, self._shop_id, schedule_id, moment, state, note)
                await schedules.advance(tx, schedule_id, following)

        await self._database.write(begin)
        return True

    async def _post_runs(self) -> bool:
        runs = await self._database.read(lambda tx: schedules.open_runs(tx, self._shop_id))
        for run in runs:
            state, note = await self._post(run)
            await self._database.write(partial(schedules.end_run, run_id=run.id, state=state, note=note))
            if state != "done":
                log.warning("run %d of schedule %d is %s: %s", run.id, run.schedule_id, state, note)
        if runs:
            self._wake_outbox()
        return bool(runs)

    async def _post(self, run: Any) -> tuple[str, str]:
        """The state in which a run ends, and a note."""
        late = (self._clock.now() - run.due).total_seconds()
        if not run.active:
            return "missed", "its schedule was removed"
        if late > run.catchup_window:
            return "missed", _late(late, run.catchup_window)
        try:
            chat = await self._database.read(lambda tx: members.chat(tx, run.chat_id))
            if chat.muted_until and chat.muted_until > self._clock.now():
                return "missed", "the chat was muted"
            await self._drafts.post(run.content, chat, chat.language or self._language, f"post:{run.id}")
        except NothingToPost as error:
            return "failed", str(error)
        except Exception as error:  # one broken run is reported and keeps no other from its time
            log.exception("run %d of schedule %d broke", run.id, run.schedule_id)
            return "failed", f"{type(error).__name__}: {error}"
        return "done", ""

    async def _push(self) -> bool:
        """The subscribers' suggestions of the day, in the hour in which their quiet hours are over."""
        now = self._clock.now()
        today = await self._database.read(lambda tx: self._suggestions.attention.opening(tx, now))
        if today is None or today == self._pushed:
            return False
        count = await self._suggestions.push(now)
        self._pushed = today
        if count:
            self._wake_outbox()
        return count > 0

    async def _clear(self) -> bool:
        """Once a day: members' words and handled messages that are kept no longer."""
        now = self._clock.now()
        if self._cleared == now.date():
            return False

        async def clear(tx: Transaction) -> datetime:
            changed = await stored.changed(tx, self._shop_id)
            kept = timedelta(days=int(changed.get("retention_days", self._retention_days)))
            for noun in (interactions.forget_texts, questions.forget, lessons.forget):
                await noun(tx, self._shop_id, now - kept)
            await clicks.forget(tx, self._shop_id, now - kept)
            await inbox.clear(tx, self._shop_id, now - INBOX_KEPT, now - kept)
            await links.clear(tx, self._shop_id, now)
            await links.settle(tx, self._shop_id, now - 2 * INBOX_KEPT)
            return now - kept

        await self._forget(await self._database.write(clear))
        self._cleared = now.date()
        return True


def _runs(row: Any, now: datetime) -> tuple[list[tuple[datetime, str, str]], datetime]:
    """The runs (due, state, note) of a schedule up to now, and when it is due next. Only the last can still be done."""
    moments: list[datetime] = []
    moment = row.next_due
    while moment <= now:
        moments.append(moment)
        after = moment
        if len(moments) == MOST:  # down for so long that the rest up to the catchup window shares the last one's note
            after = max(moment, now - timedelta(seconds=row.catchup_window))
        moment = next_time(row.cron, row.timezone, after)
    runs = []
    for place, due in enumerate(moments, 1):
        late = (now - due).total_seconds()
        note = _late(late, row.catchup_window) if late > row.catchup_window else ""
        if not note and place < len(moments):
            note = "a later run was due before it was begun"
        if place == MOST and place < len(moments):
            note += f"; runs between this and {moments[place]:%Y-%m-%d %H:%M} UTC have no row"
        runs.append((due, "missed" if note else "due", note))
    return runs, moment


def _late(late: float, window: int) -> str:
    return f"{late:.0f} s late, the catchup window is {window} s"
