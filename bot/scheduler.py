"""Asks the tables each second what is due, and gets it done. APScheduler is the ticker; what is true stands in SQL.

A kill at any point costs nothing: what is due stands in the tables, and every post, suggestion and run has a key.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.clock import Clock
from bot.lease import LeaseLost
from bot.members.suggestions import Suggestions
from bot.runs import DueRun, Producer, Runs
from storage import changes, clicks, drafts, inbox, interactions, lessons, links, moderation, questions, retention
from storage import settings as stored
from storage.database import Database, Transaction

__all__ = ["DueRun", "Producer", "Scheduler"]
INBOX_KEPT = timedelta(hours=48)  # a platform may deliver again what it got no answer for
FORGETTING = (
    interactions.forget_texts, questions.forget, lessons.forget, drafts.forget, changes.forget, clicks.forget,
    moderation.forget_texts, retention.forget, retention.forget_log,
)  # fmt: skip


async def _until_stopped(job: Callable[[], Awaitable[object]]) -> None:
    """A job of the ticker. It is cancelled only when the ticker stops, which is no error to report."""
    with contextlib.suppress(asyncio.CancelledError, LeaseLost):  # who lost the lease has nothing to do
        await job()


async def always() -> bool:
    """No other process ticks."""
    return True


async def nothing() -> bool:
    """Nothing to do."""
    return False


class Scheduler:
    """`wake_intake` takes up parked messages whose time has come; `wake_outbox` says that there are rows to send;
    `correct` corrects some of the messages that state what is no longer so, and says whether it looked at any; `steps`
    move campaigns and more on, and say whether there was anything to do; `forget`: what clears what is kept beside the
    tables, of before a moment."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        clock: Clock,
        runs: Runs,
        suggestions: Suggestions,
        retention_days: int,
        wake_intake: Callable[[], Awaitable[None]],
        wake_outbox: Callable[[], None],
        correct: Callable[[], Awaitable[bool]] = nothing,
        leads: Callable[[], Awaitable[bool]] = always,
        steps: Sequence[Callable[[datetime], Awaitable[bool]]] = (),
        forget: Sequence[Callable[[datetime], Awaitable[object]]] = (),
    ) -> None:
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self._runs, self._suggestions = runs, suggestions
        self._retention_days = retention_days
        self._wake_intake, self._wake_outbox = wake_intake, wake_outbox
        self._correct, self._leads, self._steps, self._forget = correct, leads, steps, forget
        self._ticking, self._moving = asyncio.Lock(), asyncio.Lock()
        self._pushed: date | None = None
        self._cleared: date | None = None

    async def tick(self) -> bool:
        """Do everything that is due now; was there anything?"""
        async with self._ticking:
            if not await self._leads():
                return False
            corrected = await self._correct() | await self._campaigns()
            settled = await self._runs.settle()
            if settled:
                self._wake_outbox()
            if not await self._database.read(self._anything):
                return await self._clear() or corrected or settled
            woken = await self._wake_parked()
            if posted := await self._runs.step():
                self._wake_outbox()
            pushed = await self._push()
            cleared = await self._clear()
        return corrected or settled or woken or posted or pushed or cleared

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
        """Whatever else moves on by the clock; one at a time, as a step acts on what it has read."""
        async with self._moving:
            if not await self._leads():
                return False
            now = self._clock.now()
            return any([await step(now) for step in self._steps])

    async def _anything(self, tx: Transaction) -> bool:
        """Is a parked message, a schedule, a run or the day's suggestions due? One look in place of four."""
        now = self._clock.now()
        parked = await inbox.parked(tx, self._shop_id)
        today = await self._suggestions.attention.opening(tx, now)
        return (
            (parked is not None and parked <= now)
            or (today is not None and today != self._pushed)
            or await self._runs.waiting(tx)
        )

    async def _wake_parked(self) -> bool:
        parked = await self._database.read(lambda tx: inbox.parked(tx, self._shop_id))
        if parked is None or parked > self._clock.now():
            return False
        await self._wake_intake()
        return True

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
            for noun in FORGETTING:
                await noun(tx, self._shop_id, now - kept)
            await inbox.clear(tx, self._shop_id, now - INBOX_KEPT, now - kept)
            await links.clear(tx, self._shop_id, now)
            for member in await links.settle(tx, self._shop_id, now - 2 * INBOX_KEPT):
                await self._suggestions.traits.rebuild(tx, member)
            return now - kept

        await self._suggestions.traits.catch_up()
        before = await self._database.write(clear)
        for forget in self._forget:
            await forget(before)
        self._cleared = now.date()
        return True
