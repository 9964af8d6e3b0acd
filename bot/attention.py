"""The one ledger of what each member and chat may still be sent unasked.

Whoever wants to send something reserves it here, in a transaction that counts all that is reserved for the same target:
several processes at once can't overspend. What is not sent in the end is given back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.changeable import CHANGEABLE
from bot.config import Settings, quiet
from storage import attention
from storage import settings as stored
from storage.database import Transaction

Hours = tuple[int, int] | None  # from and to, in minutes of the day
MORNING = 9 * 60  # where no quiet hours are set, the day's suggestions go out from here, in minutes of the day
MINUTES = 24 * 60  # of a day
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
TICK = timedelta(microseconds=1)
SETTLED = timedelta(days=15)  # reservations older than this count in no day and week, wherever it begins
QUIET, RESERVED, DAILY, WEEKLY, GAP, HOURLY = (
    "quiet hours", "already reserved", "daily cap", "weekly cap", "minimum gap", "hourly cap",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """`rank`: a kind may not use up what is kept for those of a higher one. `capped` by day and week, with a gap to the
    others that are; else by the hour alone, at any time of the day."""

    rank: int = 0
    capped: bool = True


UNASKED = "unasked"
KINDS: Mapping[str, Kind] = {
    "reminder": Kind(3),
    "campaign": Kind(2),
    "post": Kind(1),
    "suggestion": Kind(1),
    UNASKED: Kind(0, capped=False),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one target: places of a day, of a week from Monday, minutes between two, replies of an hour; and for which
    kinds how many places of each day and week are kept. None: no such cap."""

    day: int | None = None
    week: int | None = None
    gap: int = 0
    hour: int | None = None
    kept: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How things stand for a target: its limits, its quiet hours and zone, and what is taken, by kind."""

    limits: Limits
    hours: Hours
    zone: ZoneInfo
    taken: Sequence[Any]

    def refusal(self, kind: str, now: datetime) -> str | None:
        """Why nothing of this kind may be sent now; None where it may."""
        if not KINDS[kind].capped:
            hourly = sum(one.hour for one in self.taken if one.kind == kind)
            return HOURLY if self.limits.hour is not None and hourly >= self.limits.hour else None
        if is_quiet(self.hours, now, self.zone):
            return QUIET
        counted = [one for one in self.taken if KINDS[one.kind].capped]
        if self._spent(kind, self.limits.day, {one.kind: one.day for one in counted}):
            return DAILY
        if self._spent(kind, self.limits.week, {one.kind: one.week for one in counted}):
            return WEEKLY
        near = [abs(at - now) for one in counted for at in (one.before, one.behind) if at is not None]
        return GAP if near and min(near) < timedelta(minutes=self.limits.gap) else None

    def _spent(self, kind: str, cap: int | None, used: Mapping[str, int]) -> bool:
        """Is nothing left for this kind, of what the cap leaves and is not kept for higher ones?"""
        if cap is None:
            return False
        rank = KINDS[kind].rank
        kept = {one: count for one, count in (self.limits.kept or {}).items() if KINDS[one].rank > rank}
        waiting = sum(max(0, count - used.get(one, 0)) for one, count in kept.items())
        return cap - sum(used.values()) - min(waiting, max(0, cap - 1)) <= 0


class Attention:
    """`daily_cap` and `weekly_cap` are each member's, `chats` each chat's; what admins changed holds over all of them.
    Days, weeks and quiet hours are those of the chat's zone, or of the member's direct chat's; else of the shop's.

    A reservation belongs into the transaction that puts what it is for into the outbox: both stand, or neither.
    """

    def __init__(
        self,
        shop_id: int,
        timezone: str,
        daily_cap: int,
        quiet_hours: Hours,
        *,
        weekly_cap: int | None = None,
        chats: Limits | None = None,
    ) -> None:
        self._shop_id, self._zone = shop_id, ZoneInfo(timezone)
        self._members, self._chats, self._quiet = Limits(daily_cap, weekly_cap), chats or Limits(), quiet_hours

    @classmethod
    def of(cls, settings: Settings, shop_id: int, timezone: str) -> "Attention":
        """As the settings say."""
        chats = Limits(
            settings.chat_daily_cap,
            settings.chat_weekly_cap,
            settings.post_gap,
            kept={"campaign": settings.kept_places},
        )
        caps = (settings.daily_cap, quiet(settings.quiet_hours))
        return cls(shop_id, timezone, *caps, weekly_cap=settings.weekly_cap, chats=chats)

    async def refusal(
        self, tx: Transaction, target: str, key: str, now: datetime, kind: str = "suggestion", hourly: int | None = None
    ) -> str | None:
        """Why `target` may not be sent this now; None where it may. `hourly`: the cap of a kind that has no other."""
        if await attention.held(tx, self._shop_id, key):
            return RESERVED
        state = await self.state(tx, target, now, hourly)
        return state.refusal(kind, now)

    async def reserve(
        self, tx: Transaction, target: str, kind: str, key: str, now: datetime, hourly: int | None = None
    ) -> str | None:
        """Take one of the target's (`member:ID`, `chat:ID`) places. None: taken; else why not."""
        await attention.lock(tx, self._shop_id)
        refused = await self.refusal(tx, target, key, now, kind, hourly)
        if refused is None:
            await attention.add(tx, self._shop_id, key, target, kind, now, {})
        return refused

    async def unasked(self, tx: Transaction, chat_id: int, key: str, hourly: int, now: datetime) -> bool:
        """Take a place for a reply that nobody asked for, once for its key; False: those of the hour are used up."""
        return await self.reserve(tx, f"chat:{chat_id}", UNASKED, key, now, hourly) in (None, RESERVED)

    async def give_back(self, tx: Transaction, key: str) -> None:
        """What was reserved and is not sent counts no more."""
        await attention.give_back(tx, self._shop_id, key)

    async def settle(self, tx: Transaction, now: datetime) -> int:
        """Give back what the outbox could not send, or was told not to; how many those are."""
        await attention.clear(tx, self._shop_id, now - SETTLED)
        return await attention.settle(tx, self._shop_id, now - SETTLED)

    async def state(self, tx: Transaction, target: str, now: datetime, hourly: int | None = None) -> State:
        """How things stand for a target at `now`."""
        limits, hours = await self._limits(tx, target)
        timezone, own = await attention.manners(tx, target)
        zone = ZoneInfo(timezone) if timezone else self._zone
        hours = read_hours(own) if own else hours
        today = now.astimezone(zone).date()
        monday = today - timedelta(days=today.weekday())
        day, tomorrow, week, following = (
            datetime.combine(one, time(), zone)
            for one in (today, today + timedelta(days=1), monday, monday + WEEK)
        )  # fmt: skip
        reach = max(timedelta(minutes=limits.gap), HOUR)
        taken = await attention.taken(
            tx, self._shop_id, target, now=now, hour=now - HOUR + TICK, from_now=now + TICK, day=day,
            tomorrow=tomorrow, week=week, next_week=following, since=min(week, now - reach),
            until=max(following, now + reach),
        )  # fmt: skip
        limits = limits if hourly is None else Limits(limits.day, limits.week, limits.gap, hourly, limits.kept)
        return State(limits, hours, zone, taken)

    async def opens(self, tx: Transaction, target: str, at: datetime) -> datetime:
        """`at`, or the end of the quiet hours that it falls into."""
        state = await self.state(tx, target, at)
        return after_quiet(state.hours, at, state.zone)

    async def opening(self, tx: Transaction, now: datetime) -> date | None:
        """The shop's date while `now` is in the first hour after the quiet hours; None at any other time."""
        _, hours = await self._limits(tx, "")
        local = now.astimezone(self._zone)
        start = hours[1] if hours else MORNING
        return local.date() if (local.hour * 60 + local.minute - start) % MINUTES < 60 else None

    async def _limits(self, tx: Transaction, target: str) -> tuple[Limits, Hours]:
        """The caps and the quiet hours that are in force."""
        changed = await stored.changed(tx, self._shop_id)

        def held(name: str, default: int | None) -> int | None:
            return int(changed[name]) if name in changed else default

        hours = changed.get("quiet_hours")
        in_force = self._quiet if hours is None else read_hours(hours)
        if not target.startswith("chat:"):
            members = self._members
            return Limits(held("daily_cap", members.day), held("weekly_cap", members.week), members.gap), in_force
        chats = self._chats
        day, week = held("chat_daily_cap", chats.day), held("chat_weekly_cap", chats.week)
        return Limits(day, week, held("post_gap", chats.gap) or 0, chats.hour, chats.kept), in_force


def read_hours(text: str) -> Hours:
    """`22:00-08:00` or `none`, as an admin typed it. Raises ValueError."""
    return quiet(str(CHANGEABLE["quiet_hours"].read(text)))


def is_quiet(hours: Hours, at: datetime, zone: ZoneInfo) -> bool:
    if hours is None:
        return False
    first, last = hours
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return first <= minute < last if first <= last else minute >= first or minute < last


def after_quiet(hours: Hours, at: datetime, zone: ZoneInfo) -> datetime:
    """`at`, or the first full minute after it that is not quiet."""
    while is_quiet(hours, at, zone):
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return at
