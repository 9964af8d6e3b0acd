"""When schedules are due, found by walking: every minute of a span is looked at, with what the wall clock reads then.

An independent model of `bot/content/times.py`: it knows no calendar arithmetic, only what each minute looks like.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes of a zone: `wall` is what its clock reads, in minutes since 1970; the fields are of each minute."""

    start: datetime
    wall: NDArray[np.int64]
    fields: tuple[NDArray[np.int64], ...]  # minute, hour, day, month, weekday


def walk(zone: str, start: datetime, days: int) -> Span:
    """Every minute from `start` on (a full UTC minute)."""
    clock, rows = ZoneInfo(zone), []
    for number in range(days * 24 * 60):
        local = (start + timedelta(minutes=number)).astimezone(clock)
        wall = int(local.replace(tzinfo=UTC).timestamp()) // 60
        rows.append((wall, local.minute, local.hour, local.day, local.month, local.isoweekday() % 7))
    columns = np.array(rows, dtype=np.int64).T
    return Span(start, columns[0], tuple(columns[1:]))


def listed(field: str, low: int, high: int) -> set[int]:
    """The numbers of a cron field."""
    found: set[int] = set()
    for part in field.split(","):
        reach, _, step = part.partition("/")
        if reach == "*":
            first, last = low, high
        else:
            begin, _, end = reach.partition("-")
            first, last = int(begin), int(end or (high if step else begin))
        found |= set(range(first, last + 1, int(step or 1)))
    return {one % 7 for one in found} if high == 7 and field[0] != "*" else found


def due(rule: str, span: Span) -> set[datetime]:
    """The moments of a rule in the span. An hour at each end of it is not to be relied on."""
    if rule.startswith("every "):
        step = int(rule.split()[1])
        first = int(span.start.timestamp())
        minutes = range(first, first + len(span.wall) * 60, 60)
        return {datetime.fromtimestamp(at, UTC) for at in minutes if at % step == 0}
    parts = rule.split()
    sets = [listed(one, *bounds) for one, bounds in zip(parts, BOUNDS, strict=True)]
    fits = [np.isin(column, sorted(one)) for column, one in zip(span.fields, sets, strict=True)]
    both = "*" in (parts[2][0], parts[4][0])
    days = fits[2] & fits[4] if both else fits[2] | fits[4]
    matches = fits[0] & fits[1] & fits[3] & days
    if parts[0][0] == "*" or parts[1][0] == "*":
        return {span.start + timedelta(minutes=int(at)) for at in np.flatnonzero(matches)}
    first = np.zeros(len(matches), bool)
    first[np.unique(span.wall, return_index=True)[1]] = True  # of a reading that comes twice, the first time
    found = {span.start + timedelta(minutes=int(at)) for at in np.flatnonzero(matches & first)}
    for at in np.flatnonzero(np.diff(span.wall) > 1):  # readings that are left out: as far behind the last as they are
        for missing in range(int(span.wall[at]) + 1, int(span.wall[at + 1])):
            read = datetime.fromtimestamp(missing * 60, UTC)
            values = (read.minute, read.hour, read.day, read.month, read.isoweekday() % 7)
            hit = [value in one for value, one in zip(values, sets, strict=True)]
            on = hit[2] and hit[4] if both else hit[2] or hit[4]
            if hit[0] and hit[1] and hit[3] and on:
                found.add(span.start + timedelta(minutes=int(at) + missing - int(span.wall[at])))
    return found
