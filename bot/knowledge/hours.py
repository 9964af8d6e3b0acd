"""The week's opening hours, read out of an article: what it says of each day, and whether it says more than was read.

`Tuesday to Saturday from 10:00 to 18:00 and Sunday from 11:00 to 16:00; Monday we are closed`, `周二至周日10:00–20:30营业，周一店休`.
What isn't understood (a holiday, a number more) makes the week unsure; a day that isn't spoken of is unknown.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from bot.language import normalise, sentences

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HAN_DAYS = "一二三四五六日"
EVERY, WEEKEND = frozenset(range(7)), frozenset({5, 6})
_NOUN = r"(?:noon|midday|midnight|\d{1,2}(?:[:.：]\d\d)? ?(?:am|pm)?|(?:上午|早上|早|下午|晚上|晚|中午)?\d{1,2}(?:[:：]\d\d|点半|点)?)"
_TO = r"(?:to|until|till?|-|–|—|~|～|至|到)"
_NO_TIME = r"(?!\d|[:.]\d| ?(?:working|business|days?|hours?|weeks?|min|%|个|天|小时|分|元))"
TOKEN = re.compile(
    rf"(?P<range>(?:12 )?{_NOUN} ?{_TO} ?(?:12 )?{_NOUN}{_NO_TIME})"
    r"|(?P<day>\b(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:days?)?\b|(?:周|星期|礼拜)[一二三四五六日天](?!末))"
    r"|(?P<every>\bdaily\b|\b(?:every|each) day\b|\b(?:7|seven) days a week\b|每天|每日|天天)"
    r"|(?P<work>\bweek ?days\b|工作日)|(?P<weekend>\b(?:at )?weekends?\b|周末|双休日)"
    rf"|(?P<until>(?:\buntil|\btill?|至|到) ?{_NOUN}{_NO_TIME})"
    r"|(?P<closed>\bclosed\b|\bshut\b|休息|闭店|店休|不营业|打烊|公休)"
    rf"|(?P<to>{_TO})|(?P<and>\band\b|&|,|、|，|和|及|/)"
    r"|(?P<more>\d+|\bexcept|\bholiday|\bchristmas|\bthanksgiving|\beaster|\bappointment|\bsummer|\bwinter|节|假|初|除|夏|冬|预约)"
    r"|(?P<word>\w)"
)
NEVER_CLOSED = re.compile(r"(?:全年|节假日)?(?:无|不)休(?:息)?|\bopen all year( round)?\b")
# Sentences with hours of something else than the shop's door.
ELSEWHERE = re.compile(
    r"\bcall\b|\bphone|\bring\b|\bemail|\border|\bdispatch|\bcourier|\bclass|\broast on|客服|电话|发货|付款|仓库|课|下单|配送"
)
SHOP = re.compile(r"\bopen(ing)?\b|\bhours\b|营业|开门|关门|几点")

Range = tuple[int, int]  # minutes of the day, from and to; to may be 24 * 60


@dataclass(slots=True)
class Week:
    """Ranges by weekday (Monday is 0), empty where it is closed; a day that is missing is unknown."""

    days: dict[int, list[Range]] = field(default_factory=dict)
    sure: bool = True  # all that the text says of days and times was understood
    twelve: bool = False  # it writes 9 am rather than 9:00
    said: str = ""  # its sentences that speak of hours

    def at(self, moment: datetime) -> bool | None:
        """Is it open at this moment of the shop's own time? None where the text doesn't tell."""
        ranges = self.days.get(moment.weekday())
        minute = moment.hour * 60 + moment.minute
        return None if ranges is None else any(start <= minute < end for start, end in ranges)

    def next_open(self, moment: datetime) -> tuple[int, list[Range]] | None:
        """Days from now, and that day's ranges, of the next opening; None where a day before it is unknown."""
        minute = moment.hour * 60 + moment.minute
        for ahead in range(8):
            ranges = self.days.get((moment.weekday() + ahead) % 7)
            if ranges is None:
                return None
            if any(ahead or start > minute for start, _ in ranges):
                return ahead, ranges
        return None


def read_week(title: str, body: str) -> Week | None:
    """The week that an article tells; None where it tells none."""
    if not SHOP.search(normalise(title)):
        return None
    week, said = Week(), []
    for sentence in sentences(body.replace("a.m.", "am").replace("p.m.", "pm")):
        plain = NEVER_CLOSED.sub(" ", normalise(sentence))
        found = {match.lastgroup for match in TOKEN.finditer(plain)}
        if not found & {"range", "closed"} or ELSEWHERE.search(plain):
            continue
        said.append(sentence)
        week.twelve |= bool(re.search(r"\d ?[ap]m\b", plain))
        _Reader(week).read(plain)
    week.said = (" " if said and said[0][-1:].isascii() else "").join(said)
    return week if any(week.days.values()) else None


class _Reader:
    """Reads a sentence token by token: a spec of days, then its hours or that it is closed; or closed, then its days."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.days: set[int] = set()
        self.open = False  # days were named of which nothing is said yet
        self.closing = False  # `closed on` was read, its days come
        self.closing_days = False  # the days just named are closed
        self.last = self.before = ""
        self.first = 0

    def read(self, plain: str) -> None:
        for match in TOKEN.finditer(plain):
            kind, text = str(match.lastgroup), match.group()
            if kind in ("day", "every", "work", "weekend"):
                self._named(_days(kind, text), kind)
            elif kind in ("range", "until"):
                self._hours(kind, text)
            elif kind == "closed":
                self._closed()
            elif kind == "more" and (self.days or self.closing or not text.isdigit()):
                self.week.sure = False
            if kind != "word" or self.last in ("", "word"):
                self.before, self.last = self.last, kind
        if self.open or self.closing:
            self.week.sure = False

    def _named(self, days: list[int], kind: str) -> None:
        if self.last == "to" and self.before == "day" and kind == "day" and (self.open or self.closing_days):
            step = (days[0] - self.first) % 7
            more = {(self.first + one) % 7 for one in range(step + 1)}
            self.days |= more
        elif self.open and self.last in ("and", "day"):
            self.days |= set(days)
        else:
            if self.open:
                self.week.sure = False
            self.days = set(days)
        self.first = days[0]
        if self.closing or (self.closing_days and self.last in ("and", "to")):
            self._give([])
            self.closing, self.closing_days, self.open = False, True, False
        else:
            self.closing_days, self.open = False, True

    def _hours(self, kind: str, text: str) -> None:
        times = [one.group() for one in re.finditer(_NOUN, text)]
        ends = _range(times) if kind == "range" else None
        if kind == "until":
            end = _minute(times[-1])
            for day in self.days:
                if end is None or not self.week.days.get(day):
                    self.week.sure = False
                else:
                    start = self.week.days[day][-1][0]
                    self.week.days[day] = [*self.week.days[day][:-1], (start, end)]
        elif ends is None or not self.days or self.closing_days:
            self.week.sure = False
        elif self.open:
            self._give([ends])
        else:  # `9 to 12 and 14 to 18`
            for day in self.days:
                self.week.days[day] = [*self.week.days.get(day, []), ends]
        self.open = False

    def _closed(self) -> None:
        if self.open:
            self._give([])
            self.open = False
        else:
            self.closing = True

    def _give(self, ranges: list[Range]) -> None:
        for day in self.days:
            self.week.days[day] = list(ranges)


def _days(kind: str, text: str) -> list[int]:
    if kind == "day":
        sign = text[-1].replace("天", "日")
        return [HAN_DAYS.index(sign) if sign in HAN_DAYS else DAYS.index(text[:3])]
    return sorted(EVERY if kind == "every" else WEEKEND if kind == "weekend" else EVERY - WEEKEND)


def _range(times: list[str]) -> Range | None:
    start, end = _minute(times[0]), _minute(times[-1])
    if (
        len(times) == 2
        and re.fullmatch(r"\d{1,2}(?:[:.]\d\d)? ?", times[0])
        and times[1].endswith("pm")
        and start is not None
    ):
        return None  # `9 to 5pm`: which 9 is plain, `1 to 5pm` is not
    if times[-1] in ("midnight", "0:00", "00:00", "24:00"):
        end = 24 * 60
    return (start, end) if start is not None and end is not None and start < end else None


def _minute(text: str) -> int | None:
    """Minutes since midnight."""
    if text.strip() in ("noon", "midday"):
        return 12 * 60
    if text.strip() == "midnight":
        return 0
    numbers = re.findall(r"\d+", text)
    hour, minute = int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 30 if text.endswith("半") else 0
    if re.search(r"[ap]m", text):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if "pm" in text else 0)
    elif re.match("下午|晚", text) and hour < 12:
        hour += 12
    return hour * 60 + minute if hour <= 24 and minute < 60 and hour * 60 + minute <= 24 * 60 else None


def shown(ranges: list[Range], language: str, *, twelve: bool = False) -> str:
    """`10:00 to 18:00`, `9 am to 6:30 pm`, `10:00–18:00`."""
    to, between = ("–", "、") if language == "zh" else (" to ", " and ")
    twelve = twelve and language != "zh"
    return between.join(f"{_clock(start, twelve=twelve)}{to}{_clock(end, twelve=twelve)}" for start, end in ranges)


def _clock(minute: int, *, twelve: bool) -> str:
    hour, rest = divmod(minute, 60)
    if not twelve:
        return f"{hour}:{rest:02}"
    if minute in (0, 24 * 60):
        return "midnight"
    if minute == 12 * 60:
        return "noon"
    return f"{hour % 12 or 12}{f':{rest:02}' if rest else ''} {'am' if hour < 12 else 'pm'}"
