"""When a rule is due next: pure arithmetic over five cron fields, one wall time, or an interval.

Fixed wall times (neither minute nor hour begins with `*`) come once: where the clock is put back, the first time;
where it is put forward over them, later by as much. Everything finer follows elapsed time: each minute at which the
wall clock reads what the fields say, also in an hour that comes twice, and none in one that doesn't come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.content.when import DAYS, expand

SHIFT = timedelta(hours=3)  # more than any zone's clock is put forward or back
FAR = 366 * 9  # days: a 29 February is never further away
QUARTER = 15  # minutes: no zone's clock is changed between two quarters
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Due(NamedTuple):
    """A moment in UTC; `local` is the wall time that a fixed one is of, which it has once."""

    at: datetime
    local: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """Five cron fields as numbers; `either`: day of month and weekday are both restricted, and one of them will do."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    fixed: bool

    def on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


@lru_cache(maxsize=1000)
def fields(rule: str) -> Fields:
    """The five fields of a rule. Raises ValueError where one is wrong."""
    minute, hour, day, month, weekday = rule.split()
    return Fields(
        tuple(expand(minute, 0, 59)),
        tuple(expand(hour, 0, 23)),
        frozenset(expand(day, 1, 31)),
        frozenset(expand(month, 1, 12)),
        frozenset(expand(weekday, 0, 7, DAYS)),
        not day.startswith("*") and not weekday.startswith("*"),
        not minute.startswith("*") and not hour.startswith("*"),
    )


def is_event(rule: str) -> bool:
    """Does it wait for something to happen to the shop's products?"""
    return rule.startswith("on ")


def is_fixed(rule: str) -> bool:
    """Does it name wall times, each of which comes once?"""
    return rule.startswith("once ") or (not rule.startswith(("every ", "on ")) and fields(rule).fixed)


def following(rule: str, timezone: str, after: datetime) -> Due | None:
    """The first time after `after` that the rule is due; None where it isn't again, or waits for an event.

    A rule is five cron fields, `once 2026-12-24T18:00`, `every SECONDS` (counted from 1970 in UTC) or `on EVENT`.
    """
    kind, _, rest = rule.partition(" ")
    if kind == "on":
        return None
    if kind == "every":
        step = timedelta(seconds=int(rest))
        return Due(EPOCH + ((after - EPOCH) // step + 1) * step)
    zone = ZoneInfo(timezone)
    if kind == "once":
        due = _due(datetime.fromisoformat(rest), zone)
        return due if due.at > after else None
    found = fields(rule)
    return _wall(found, zone, after) if found.fixed else _elapsed(found, zone, after)


def next_time(rule: str, timezone: str, after: datetime) -> datetime:
    """The moment of `following`. Raises ValueError where no such moment comes."""
    due = following(rule, timezone, after)
    if due is None:
        raise ValueError(f"{rule!r} names a time that doesn't come; right would be 0 9 * * 1-5")
    return due.at


def upcoming(rule: str, timezone: str, after: datetime, count: int) -> list[Due]:
    """The next times, at most `count`."""
    found: list[Due] = []
    while len(found) < count and (due := following(rule, timezone, found[-1].at if found else after)):
        found.append(due)
    return found


def _due(wall: datetime, zone: ZoneInfo) -> Due:
    """A wall time's moment: the first of two; of one that is missing, the offset before the gap puts it behind it."""
    return Due(wall.replace(tzinfo=zone, fold=0).astimezone(UTC), wall.isoformat(timespec="minutes"))


def _walls(found: Fields, start: datetime) -> Iterator[datetime]:
    """The wall times from `start` on, in order."""
    day = start.date()
    for _ in range(FAR):
        if found.on(day):
            for hour in found.hours:
                for minute in found.minutes:
                    wall = datetime.combine(day, time(hour, minute))
                    if wall >= start:
                        yield wall
        day += DAY


def _wall(found: Fields, zone: ZoneInfo, after: datetime) -> Due | None:
    local = after.astimezone(zone)
    start = local.replace(tzinfo=None, fold=0, second=0, microsecond=0)
    if local.utcoffset() != (after - SHIFT).astimezone(zone).utcoffset():
        start -= SHIFT  # an earlier wall time may be missing, and come after `after`
    best: Due | None = None
    for wall in _walls(found, start):
        due = _due(wall, zone)
        if due.at > after:
            best = min(best or due, due)
            if due.at.astimezone(zone).replace(tzinfo=None) == wall:
                break  # of a wall time that is missing, the next that exists may be the earlier moment
    return best


def _elapsed(found: Fields, zone: ZoneInfo, after: datetime) -> Due | None:
    at = after.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
    minutes, hours, end = frozenset(found.minutes), frozenset(found.hours), at + FAR * DAY
    while at < end:
        local = at.astimezone(zone)
        if not found.on(local.date()):
            left = timedelta(hours=24 - local.hour) - SHIFT  # short of a midnight that a clock change may move
            at += left if left > HOUR else MINUTE * (QUARTER - local.minute % QUARTER)
        elif local.hour not in hours:
            at += MINUTE * (QUARTER - local.minute % QUARTER)
        elif local.minute not in minutes:
            at += MINUTE
        else:
            return Due(at)
    return None
