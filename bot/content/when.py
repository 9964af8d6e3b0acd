"""When to post, in people's words or as five cron fields, and cron back into words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.language import HAN

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # cron's own numbers: 0 to 6, and 7 is Sunday too
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days
ENGLISH = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
CHINESE = "日一二三四五六"
GROUPS = {"*": range(7), "1-5": range(1, 6), "0,6": (0, 6)}
WORKDAYS, WEEKEND = "1-5", "0,6"

IN_ENGLISH = re.compile(
    r"(?:every |each |on )?(?P<days>[a-z][a-z, ]*?),? (?:at )?"
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))? ?(?P<half>am|pm|o'clock)?"
)
IN_CHINESE = re.compile(
    r"(?P<days>每[天日]|每?个?工作日|每?个?周末|每?个?(?:周|星期|礼拜)[一二三四五六日天](?:[、,，和周]*[一二三四五六日天])*)的?"
    r"(?P<half>早上|上午|中午|下午|晚上)?(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3})(?:点钟?|时|:)(?P<minute>\d{1,2}|半|一刻|三刻)?(?:分|整)?"
)  # fmt: skip
ADVICE = '"{words}" is no time that I know. Right would be "every day at 9", "每周一 10:00" or "30 9 * * 1-5".'
BAD_FIELD = 'The cron field "{field}" is wrong: right are numbers from {low} to {high}, as {low}, {low}-{high}, */2.'


class NotATime(ValueError):
    """`template` with `values` is the message, so that it can be said in another language."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values))
        self.template, self.values = template, values


@dataclass(frozen=True, slots=True)
class Cron:
    """`words` as the admin said it; `cron` is minute, hour, day, month, weekday, with weekdays by number."""

    words: str
    cron: str


def parse(words: str) -> Cron:
    """A time that comes again and again. Raises NotATime, which says what would be right."""
    said = words.strip().strip("\"'“”")
    plain = re.sub(r"\s+", " ", said.lower().replace("：", ":").replace("’", "'"))
    if len(fields := plain.split()) == 5 and not HAN.search(plain) and re.match(r"[\d*]", plain):
        return Cron(said, _cron(fields))
    if found := IN_CHINESE.fullmatch(plain.replace(" ", "")):
        days, hour = _chinese_days(found["days"]), _chinese_hour(found["hour"])
        minute = _chinese_minute(found["minute"])
        if found["half"] in ("下午", "晚上"):
            hour = hour + 12 if hour < 12 else 0 if (found["half"], hour) == ("晚上", 12) else hour
    elif found := IN_ENGLISH.fullmatch(plain):
        days, hour, minute = _english_days(found["days"]), int(found["hour"]), int(found["minute"] or 0)
        if found["half"] in ("am", "pm"):
            hour = hour % 12 + (12 if found["half"] == "pm" else 0) if 1 <= hour <= 12 else 24
    else:
        raise NotATime(ADVICE, words=said[:60])
    if not days or hour > 23 or minute > 59:
        raise NotATime(ADVICE, words=said[:60])
    return Cron(said, f"{minute} {hour} * * {_weekdays(days)}")


def describe(cron: str, language: str) -> str:
    """Five fields as words that `parse` understands; fields that have no plain words stay as they are."""
    minute, hour, day, month, weekday = cron.split()
    if not (minute.isdigit() and hour.isdigit() and day == month == "*"):
        return cron
    time = f"{int(hour)}:{int(minute):02}"
    days = expand(weekday, 0, 7, DAYS)
    if language == "zh":
        named = {"*": "每天", WORKDAYS: "工作日", WEEKEND: "周末"}
        listed = "每" + "、".join(f"周{CHINESE[one]}" for one in _from_monday(days))
        return f"{named.get(_weekdays(days), listed)} {time}"
    named = {"*": "day", WORKDAYS: "weekday", WEEKEND: "weekend"}
    listed = " and ".join(ENGLISH[one] for one in _from_monday(days))
    return f"every {named.get(_weekdays(days), listed)} at {time}"


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
    return f"{minute} {hour} {day} {month} {_weekdays(expand(weekday, 0, 7, DAYS))}"


def _weekdays(days: Sequence[int]) -> str:
    """Weekdays as a cron field, always in the same way."""
    named = (field for field, group in GROUPS.items() if set(group) == set(days))
    return next(named, ",".join(map(str, sorted(set(days)))))


def _from_monday(days: Sequence[int]) -> list[int]:
    return sorted(days, key=lambda one: (one - 1) % 7)


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
    if text.isdecimal():
        return int(text)
    digits = {one: place for place, one in enumerate("零一二三四五六七八九")} | {"两": 2}
    tens, ten, ones = text.rpartition("十")
    if any(one not in digits for one in (tens, ones) if one):
        return 24
    return (digits.get(tens, 1) * 10 if ten else 0) + digits.get(ones, 0)


def _chinese_minute(text: str | None) -> int:
    return {"半": 30, "一刻": 15, "三刻": 45}.get(text or "", 0) if not (text or "").isdecimal() else int(text or 0)
