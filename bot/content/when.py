"""When to post, in people's words or as five cron fields."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.language import HAN

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # cron's own numbers: 0 to 6, and 7 is Sunday too
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days
ENGLISH = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
CHINESE = "日一二三四五六"
GROUPS = {"*": range(7), "1-5": range(1, 6), "0,6": (0, 6)}
WORKDAYS, WEEKEND = "1-5", "0,6"

TIME = r",? (?:at )?(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))? ?(?P<half>am|pm|o'clock)?"
NTH = r"(?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)?"
MONTH = rf"(?P<month>(?:{'|'.join(MONTHS)})[a-z]*)\.?"
YEAR = r"(?:,? (?P<year>\d{4}))?"
IN_ENGLISH = re.compile(rf"(?:every |each |on )?(?P<days>[a-z][a-z, ]*?){TIME}")
MONTHLY = re.compile(rf"(?:every month|each month|monthly),? (?:on )?{NTH}{TIME}")
OF_MONTH = re.compile(rf"(?:on )?{NTH}(?: day)? of (?:the|each|every) month{TIME}")
DATE = re.compile(rf"(?P<yearly>every (?:year,? )?(?:on )?)?(?:on )?{NTH}(?: of)? {MONTH}{YEAR}{TIME}")
AMERICAN = re.compile(rf"(?P<yearly>every (?:year,? )?(?:on )?)?(?:on )?{MONTH} {NTH}{YEAR}{TIME}")
ISO = re.compile(
    rf"(?:once )?(?:on )?(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}}){TIME.replace(' ', '[ t]', 1)}"
)
NEAR = re.compile(rf"(?P<near>today|tomorrow){TIME}")
STEP = re.compile(r"(?:every|each) ?(?P<count>\d+|[a-z]+)? ?(?P<unit>minutes?|mins?|hours?|hrs?|h|m)|(?P<word>hourly)")
SOON = re.compile(r"in (?P<count>\d+|[a-z]+) (?P<unit>minutes?|mins?|hours?|hrs?)")
CLOCK = (
    r"的?(?P<half>凌晨|早上|上午|中午|下午|晚上)?(?P<hour>\d{1,2}|[零一二两三四五六七八九十]{1,3})(?:点钟?|时|:)"
    r"(?P<minute>\d{1,2}|半|一刻|三刻)?(?:分|整)?"
)
IN_CHINESE = re.compile(
    rf"(?P<days>每[天日]|每?个?工作日|每?个?周末|每?个?(?:周|星期|礼拜)[一二三四五六日天](?:[、,，和周]*[一二三四五六日天])*){CLOCK}"
)
MONTHLY_ZH = re.compile(rf"每个?月的?(?P<day>\d{{1,2}})[号日]{CLOCK}")
DATE_ZH = re.compile(
    rf"(?P<yearly>每年)?(?:(?P<year>\d{{4}})年)?(?P<month>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})月(?P<day>\d{{1,2}})[号日]{CLOCK}"
)
NEAR_ZH = re.compile(rf"(?P<near>今天|明天|后天){CLOCK}")
STEP_ZH = re.compile(r"每隔?(?P<count>\d+|[一二两三四五六七八九十]{1,3}|半)?个?(?P<unit>小时|钟头|分钟)")
SOON_ZH = re.compile(r"(?:过)?(?P<count>\d+|[一二两三四五六七八九十]{1,3}|半)个?(?P<unit>小时|钟头|分钟)[之以]?后")
EVENTS = (
    (
        re.compile(r"(?:on|when|after).*\bnew (?:products?|arrivals?)\b.*|有?新品(?:到货|上架)?[时后]?|上新[时后]?"),
        "on new",
    ),
    (re.compile(r"(?:on|when).*\bstock (?:falls |drops |is |goes )?(?:under|below) (?P<n>\d+)"), "on stock {n}"),
    (re.compile(r"库存(?:少于|低于|不足|不到)(?P<n>\d+)件?[时后]?"), "on stock {n}"),
    (re.compile(r"(?:on|when).*\bprices?\b.*\b(?:drops?|falls?|cuts?|lower)\b.*|(?:有商品)?降价[时后]?"), "on price"),
    (re.compile(r"(?:on|when).*\b(?:restocks?|restocked|back in stock)\b.*|(?:补货|重新有货)[时后]?"), "on restock"),
)
NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NEARLY = {"today": 0, "tomorrow": 1, "今天": 0, "明天": 1, "后天": 2}
LONGEST_STEP = 24 * 60  # minutes
FARTHEST = 366 * 24 * 60  # minutes from now that "in 3 hours" may be
ADVICE = '"{words}" is no time that I know. Right would be "every day at 9", "每周一 10:00" or "30 9 * * 1-5".'
PAST = '"{words}" is over. Right would be a time that comes, such as "tomorrow at 9", "明天9点" or "every day at 9".'
BAD_FIELD = 'The cron field "{field}" is wrong: right are numbers from {low} to {high}, as {low}, {low}-{high}, */2.'


class NotATime(ValueError):
    """`template` with `values` is the message, so that it can be said in another language."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values))
        self.template, self.values = template, values


@dataclass(frozen=True, slots=True)
class When:
    """`words` as the admin said it. `rule`: minute, hour, day, month, weekday with weekdays by number; or `once
    2026-12-24T18:00`, `every SECONDS`, `on EVENT`, where the event is new, restock, price or stock N."""

    words: str
    rule: str


def parse(words: str, now: datetime | None = None) -> When:
    """A time that comes again and again, once, or when something happens; `now` is the moment on the chat's wall clock,
    without which no day is known that comes once. Raises NotATime, which says what would be right."""
    said = words.strip().strip("\"'“”")
    plain = re.sub(r"\s+", " ", said.lower().replace("：", ":").replace("’", "'"))
    if len(plain.split()) == 5 and re.match(r"[\d*]", plain) and not (HAN.search(plain) or " at " in plain):
        return When(said, _cron(plain.split()))
    for event, rule in EVENTS:
        if found := event.fullmatch(plain if not HAN.search(plain) else plain.replace(" ", "")):
            return When(said, rule.format(**found.groupdict()))
    try:
        rule = (_chinese if HAN.search(plain) else _english)(plain, now)
    except ValueError:  # a day or time that no calendar has
        rule = ""
    if not rule:
        raise NotATime(ADVICE, words=said[:60])
    if rule.startswith("once ") and now and datetime.fromisoformat(rule[5:]) <= now.replace(tzinfo=None):
        raise NotATime(PAST, words=said[:60])
    return When(said, rule)


def _english(plain: str, now: datetime | None) -> str:
    """The rule of English words; '' where they are none. Raises ValueError."""
    plain = re.sub(r"\bfirst\b", "1st", plain.replace("at noon", "at 12:00").replace("at midnight", "at 0:00"))
    if found := STEP.fullmatch(plain):
        return _step(1 if found["word"] else _count(found["count"]), (found["unit"] or "h")[0] == "h")
    if now and (found := SOON.fullmatch(plain)):
        return _soon(_count(found["count"]), found["unit"][0] == "h", now)
    if found := MONTHLY.fullmatch(plain) or OF_MONTH.fullmatch(plain):
        return _monthly(int(found["day"]), _clock(*found.group("hour", "minute", "half")))
    if now and (found := NEAR.fullmatch(plain)):
        return _once(now.date() + timedelta(days=NEARLY[found["near"]]), _clock(*found.group("hour", "minute", "half")))
    if found := DATE.fullmatch(plain) or AMERICAN.fullmatch(plain):
        at = _clock(*found.group("hour", "minute", "half"))
        return _dated(found["yearly"], found["year"], MONTHS.index(found["month"][:3]) + 1, int(found["day"]), at, now)
    if found := ISO.fullmatch(plain):
        at = _clock(*found.group("hour", "minute", "half"))
        return _dated(None, found["year"], int(found["month"]), int(found["day"]), at, now)
    if found := IN_ENGLISH.fullmatch(plain):
        return _weekly(_english_days(found["days"]), _clock(*found.group("hour", "minute", "half")))
    return ""


def _chinese(plain: str, now: datetime | None) -> str:
    """The same of Chinese ones."""
    plain = plain.replace(" ", "")
    if found := STEP_ZH.fullmatch(plain):
        return _chinese_step(found, None)
    if now and (found := SOON_ZH.fullmatch(plain)):
        return _chinese_step(found, now)
    if found := MONTHLY_ZH.fullmatch(plain):
        return _monthly(int(found["day"]), _chinese_clock(found))
    if now and (found := NEAR_ZH.fullmatch(plain)):
        return _once(now.date() + timedelta(days=NEARLY[found["near"]]), _chinese_clock(found))
    if found := DATE_ZH.fullmatch(plain):
        month, day = _chinese_hour(found["month"]), int(found["day"])
        return _dated(found["yearly"], found["year"], month, day, _chinese_clock(found), now)
    if found := IN_CHINESE.fullmatch(plain):
        return _weekly(_chinese_days(found["days"]), _chinese_clock(found))
    return ""


def _weekly(days: Sequence[int], at: time) -> str:
    return f"{at.minute} {at.hour} * * {weekdays(days)}" if days else ""


def _monthly(day: int, at: time) -> str:
    return _cron([str(at.minute), str(at.hour), str(day), "*", "*"])


def _once(day: date, at: time) -> str:
    return f"once {datetime.combine(day, at).isoformat(timespec='minutes')}"


def _dated(yearly: str | None, year: str | None, month: int, day: int, at: time, now: datetime | None) -> str:
    """A day of the calendar: each year, of a year, or the next that comes."""
    if yearly and not year:
        return _cron([str(at.minute), str(at.hour), str(day), str(month), "*"])
    if year:
        return _once(date(int(year), month, day), at)
    if now is None:
        return ""
    comes = [one for one in range(now.year, now.year + 9) if day <= calendar.monthrange(one, month)[1]]
    days = (date(one, month, day) for one in comes)
    return _once(next(one for one in days if datetime.combine(one, at) > now.replace(tzinfo=None)), at)


def _step(count: int, hours: bool) -> str:
    """An interval, said as cron fields where an hour is cut into equal parts by it."""
    minutes = count * 60 if hours else count
    if not 0 < minutes <= LONGEST_STEP:
        return ""
    if minutes == 60:
        return "0 * * * *"
    return f"*/{minutes} * * * *" if 60 % minutes == 0 and minutes > 1 else f"every {minutes * 60}"


def _soon(count: int, hours: bool, now: datetime) -> str:
    minutes = count * 60 if hours else count
    if not 0 < minutes <= FARTHEST:
        return ""
    then = now.replace(tzinfo=None) + timedelta(minutes=minutes)
    return f"once {then.isoformat(timespec='minutes')}"


def _chinese_step(found: re.Match[str], now: datetime | None) -> str:
    count, hours = found["count"] or "一", found["unit"] != "分钟"
    if count == "半":
        amount, hours = (30, False) if hours else (0, False)
    else:
        amount = int(count) if count.isdecimal() else _chinese_number(count)
    return _soon(amount, hours, now) if now else _step(amount, hours)


def _count(text: str | None) -> int:
    """`2`, `two`, nothing for one; 0 where it is none."""
    if not text:
        return 1
    return int(text) if text.isdecimal() else NUMBERS.index(text) if text in NUMBERS else 0


def _clock(hour: str, minute: str | None, half: str | None) -> time:
    """A time of the day. Raises ValueError where it is none."""
    number = int(hour)
    if half in ("am", "pm"):
        number = number % 12 + (12 if half == "pm" else 0) if 1 <= number <= 12 else 24
    return time(number, int(minute or 0))


def _chinese_clock(found: re.Match[str]) -> time:
    hour, half = _chinese_hour(found["hour"]), found["half"]
    if half in ("下午", "晚上"):
        hour = hour + 12 if hour < 12 else 0 if (half, hour) == ("晚上", 12) else hour
    return time(hour, _chinese_minute(found["minute"]))


def expand(field: str, low: int, high: int, names: Sequence[str] = ()) -> list[int]:
    """The numbers that a cron field stands for, in order; of weekdays (`high` 7), 7 as 0. Raises NotATime."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if not match:
            raise _bad(field, low, high)
        first, last, step = match.groups()
        start = low if first == "*" else _number(first, field, low, high, names)
        end = high if first == "*" or (step and not last) else _number(last or first, field, low, high, names)
        if start > end or step == "0" or (first == "*" and last):
            raise _bad(field, low, high)
        found.update(range(start, end + 1, int(step or 1)))
    if high == 7:  # after the ranges, so that 5-7 is Friday to Sunday; of `*` alone both 0 and 7 are Sunday
        found = {one % 7 for one in found if not (one == 7 and field.startswith("*"))}
    return sorted(found)


def _number(word: str, field: str, low: int, high: int, names: Sequence[str]) -> int:
    if word in names:
        return names.index(word) + (1 if len(names) == 12 else 0)
    if not word.isdecimal() or not low <= int(word) <= high:
        raise _bad(field, low, high)
    return int(word)


def _bad(field: str, low: int, high: int) -> NotATime:
    return NotATime(BAD_FIELD, field=field[:40], low=low, high=high)


def _cron(fields: list[str]) -> str:
    """The fields, checked, with weekdays and months by number."""
    minute, hour, day, month, weekday = fields
    for field, low, high in ((minute, 0, 59), (hour, 0, 23), (day, 1, 31)):
        expand(field, low, high)
    months = expand(month, 1, 12, MONTHS)
    if weekday == "*" and expand(day, 1, 31)[0] > max(LONGEST[one - 1] for one in months):
        raise NotATime(ADVICE, words=" ".join(fields)[:60])
    month = ",".join(map(str, months)) if re.search("[a-z]", month) else month
    named = weekdays(expand(weekday, 0, 7, DAYS))
    return f"{minute} {hour} {day} {month} {weekday if weekday.startswith('*/') else named}"  # a star restricts no day


def weekdays(days: Sequence[int]) -> str:
    """Weekdays as a cron field, always in the same way."""
    named = (field for field, group in GROUPS.items() if set(group) == set(days))
    return next(named, ",".join(map(str, sorted(set(days)))))


def _english_days(text: str) -> list[int]:
    """Weekdays of `day`, `weekdays`, `monday and thursday`; empty where one is not known."""
    found: set[int] = set()
    for word in re.split(r"(?:,| and |,? every )+ ?", text):
        if word in ("day", "daily"):
            found.update(range(7))
        elif word in ("weekday", "weekdays", "workday", "workdays"):
            found.update(GROUPS[WORKDAYS])
        elif word in ("weekend", "weekends"):
            found.update(GROUPS[WEEKEND])
        else:
            short = word.rstrip("s")
            known = [place for place, name in enumerate(ENGLISH) if len(short) > 2 and name.lower().startswith(short)]
            if not known:
                return []
            found.update(known)
    return sorted(found)


def _chinese_days(text: str) -> list[int]:
    if "工作日" in text:
        return list(GROUPS[WORKDAYS])
    if "周末" in text:
        return list(GROUPS[WEEKEND])
    if text in ("每天", "每日"):
        return list(range(7))
    return sorted({CHINESE.index("日" if one == "天" else one) for one in text if one in CHINESE or one == "天"})


def _chinese_hour(text: str) -> int:
    """`9`, `九`, `十八`; 24 where it is no hour."""
    return int(text) if text.isdecimal() else _chinese_number(text)


def _chinese_number(text: str) -> int:
    digits = {one: place for place, one in enumerate("零一二三四五六七八九")} | {"两": 2}
    tens, ten, ones = text.rpartition("十")
    if any(one not in digits for one in (tens, ones) if one):
        return 24
    return (digits.get(tens, 1) * 10 if ten else 0) + digits.get(ones, 0)


def _chinese_minute(text: str | None) -> int:
    return {"半": 30, "一刻": 15, "三刻": 45}.get(text or "", 0) if not (text or "").isdecimal() else int(text or 0)
