"""The merchant's numbers of a period: who was there and spoke, what was asked, who answered and how soon, who stayed.

A question is a message of a member's that the bot answered from the shop's rows, had no answer to or called a human
for, or that an admin replied to. A human answered it where an admin replied to it, answered it from the list, or was
the first to speak after the bot had called one, within a day. Admins and other bots are no members here.
"""

import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.knowledge.library import Library
from storage import stats
from storage.database import Transaction

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
LISTED = 5
COHORTS, FOLLOWED = 6, 4  # joining weeks that are told, and weeks after each
BOT, HUMAN, NOBODY = "bot", "human", "nobody"
UNKNOWN = "unknown"  # the act of an answer that says so


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members first seen in the week from this Monday; of each of the weeks after it that is over, how many spoke."""

    week: date
    size: int
    spoke: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """`active_days`: of each member who spoke, on how many days. `waits`: seconds until the bot or a human answered."""

    since: datetime
    until: datetime
    members: int
    new: int
    messages: int
    active_days: tuple[int, ...]
    by_day: tuple[tuple[date, int], ...]
    by_hour: tuple[int, ...]
    answered: Mapping[str, int]
    waits: Mapping[str, tuple[float, ...]]
    products: tuple[tuple[str, int], ...]
    topics: tuple[tuple[str, int], ...]
    cohorts: tuple[Cohort, ...]

    @property
    def questions(self) -> int:
        return sum(self.answered.values())

    def share(self, who: str) -> float:
        """Of the questions, those that were answered by them."""
        return self.answered[who] / self.questions if self.questions else 0.0

    def wait(self, who: str) -> tuple[float, float] | None:
        """Median and 90th percentile of the seconds until they answered."""
        waits = sorted(self.waits[who])
        return (statistics.median(waits), waits[min(len(waits) - 1, int(0.9 * len(waits)))]) if waits else None


async def numbers(library: Library, chat_id: int | None, since: datetime, until: datetime, zone: ZoneInfo) -> Numbers:
    """Of one chat, or of all."""
    shop = library.shop_id
    monday = _monday(until, zone)
    before = datetime.combine(monday - COHORTS * WEEK, datetime.min.time(), zone)

    async def look(tx: Transaction) -> tuple[Any, ...]:
        said = await stats.spoken(tx, shop, chat_id, min(since, before), until)
        first = await stats.came(tx, shop, chat_id, until)
        answers = await stats.answers(tx, shop, chat_id, since, until + DAY)
        settled = await stats.settled(tx, shop, chat_id)
        return said, first, answers, settled, await stats.asked_about(tx, shop, chat_id, since, until, LISTED)

    said, first, answers, settled, asked = await library.database.read(look)
    team = {one.member_id for one in said if one.data.get("admin") or one.data.get("bot")}
    people = [one for one in said if one.member_id not in team]
    first = {member: at for member, at in first.items() if member not in team}
    inside = [one for one in people if one.at >= since]
    answered, waits = _questions([one for one in said if one.at >= since], answers, settled, team)
    titles = {one.id: one.title for one in await library.read([row.product_id for row in asked])}
    return Numbers(
        since=since,
        until=until,
        members=len(first),
        new=sum(at >= since for at in first.values()),
        messages=len(inside),
        active_days=_active_days(inside, zone),
        by_day=_by_day(inside, since, until, zone),
        by_hour=tuple(Counter(one.at.astimezone(zone).hour for one in inside).get(hour, 0) for hour in range(24)),
        answered=answered,
        waits=waits,
        products=tuple((titles[row.product_id], row.count) for row in asked if row.product_id in titles),
        topics=_topics(library, [one for one in answers if one.created < until]),
        cohorts=_cohorts(people, first, monday, zone),
    )


def _monday(at: datetime, zone: ZoneInfo) -> date:
    today = at.astimezone(zone).date()
    return today - timedelta(days=today.weekday())


def _active_days(said: Sequence[Any], zone: ZoneInfo) -> tuple[int, ...]:
    days: dict[int, set[date]] = defaultdict(set)
    for one in said:
        days[one.member_id].add(one.at.astimezone(zone).date())
    return tuple(sorted(map(len, days.values()), reverse=True))


def _by_day(said: Sequence[Any], since: datetime, until: datetime, zone: ZoneInfo) -> tuple[tuple[date, int], ...]:
    """Every day of the period, quiet ones too."""
    counts = Counter(one.at.astimezone(zone).date() for one in said)
    day, last, found = since.astimezone(zone).date(), (until - timedelta(microseconds=1)).astimezone(zone).date(), []
    while day <= last:
        found.append((day, counts[day]))
        day += DAY
    return tuple(found)


Place = tuple[int, str]  # a chat and a message of it


@dataclass(slots=True)
class Attempts:
    """What the bot made of questions: when it answered, when it called a human, and where it said that it can't."""

    answered: dict[Place, datetime] = field(default_factory=dict)
    called: dict[Place, datetime] = field(default_factory=dict)
    unknown: set[Place] = field(default_factory=set)
    passed_on: dict[Place, datetime] = field(default_factory=dict)  # an admin's answer from the list

    def take(self, row: Any) -> None:
        place, at = (row.chat_id, row.extra.get("asked", "")), row.sent or row.created
        if row.key.startswith("answer:"):
            self.passed_on.setdefault(place, at)
        elif row.action == "handoff":
            self.called.setdefault(place, at)
        elif row.extra.get("act") == UNKNOWN:
            self.unknown.add(place)
        elif row.action == "reply" and row.sources:
            self.answered.setdefault(place, at)


def _questions(
    said: Sequence[Any], answers: Sequence[Any], settled: set[Place], team: set[int]
) -> tuple[dict[str, int], dict[str, tuple[float, ...]]]:
    """How many questions were answered by whom, and the seconds that it took."""
    asked = {(one.chat_id, one.message_id): one for one in said if one.message_id and one.member_id not in team}
    tried, by_admins, replied = Attempts(), defaultdict[int, list[Any]](list), dict[Place, datetime]()
    for row in answers:
        tried.take(row)
    for one in said:
        if one.data.get("admin"):
            by_admins[one.chat_id].append(one)
            replied.setdefault((one.chat_id, one.data.get("to", "")), one.at)
    counts, waits = Counter({BOT: 0, HUMAN: 0, NOBODY: 0}), {BOT: list[float](), HUMAN: list[float]()}
    for place, one in asked.items():
        human = replied.get(place) or tried.passed_on.get(place)
        human = human or _after(by_admins[one.chat_id], tried.called.get(place))
        bot = tried.answered.get(place)
        if at := bot or human:
            waits[BOT if bot else HUMAN].append(max(0.0, (at - one.at).total_seconds()))
        if at or place in settled:
            counts[BOT if bot else HUMAN] += 1
        elif place in tried.unknown or place in tried.called:
            counts[NOBODY] += 1
    return dict(counts), {who: tuple(held) for who, held in waits.items()}


def _after(words: Sequence[Any], called: datetime | None) -> datetime | None:
    """When an admin first spoke within a day after a human was called."""
    if called is None:
        return None
    place = bisect_right(words, called, key=lambda one: one.at)
    return words[place].at if place < len(words) and words[place].at <= called + DAY else None


def _topics(library: Library, answers: Sequence[Any]) -> tuple[tuple[str, int], ...]:
    """The articles that answered most often, by their titles: in the shop's words, not in members'."""
    counts = Counter(source for row in answers for source in row.sources[:1] if source.startswith("article:"))
    found = {f"article:{one.id}": one.title for one in library.every_article()}
    return tuple((found[row], count) for row, count in counts.most_common() if row in found)[:LISTED]


def _cohorts(said: Sequence[Any], first: Mapping[int, datetime], monday: date, zone: ZoneInfo) -> tuple[Cohort, ...]:
    """The last joining weeks whose next week is over, oldest first."""
    weeks: dict[int, set[date]] = defaultdict(set)
    for one in said:
        weeks[one.member_id].add(_monday(one.at, zone))
    joined: dict[date, list[int]] = defaultdict(list)
    for member, at in first.items():
        joined[_monday(at, zone)].append(member)
    found = []
    for back in range(COHORTS, 1, -1):
        week = monday - back * WEEK
        if members := joined.get(week):
            over = range(1, min(FOLLOWED, back - 1) + 1)
            spoke = tuple(sum(week + after * WEEK in weeks[one] for one in members) for after in over)
            found.append(Cohort(week, len(members), spoke))
    return tuple(found)
