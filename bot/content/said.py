"""A rule back into words, which `when.parse` understands, and why a run was not posted, in the admins' language."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.content.when import CHINESE, DAYS, ENGLISH, WEEKEND, WORKDAYS, expand, weekdays

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
EVENTS = {
    "new": ("when new products arrive", "上新时"),
    "price": ("when a price drops", "降价时"),
    "restock": ("when something is back in stock", "补货时"),
    "stock": ("when stock falls under {n}", "库存少于{n}时"),
}


def describe(rule: str, language: str) -> str:
    """A rule in words; cron fields that have no plain words stay as they are."""
    kind, _, rest = rule.partition(" ")
    zh = language == "zh"
    if kind == "on":
        event, _, number = rest.partition(" ")
        return EVENTS[event][zh].format(n=number)
    if kind == "every":
        return _every(int(rest) // 60, zh)
    if kind == "once":
        at = datetime.fromisoformat(rest)
        day = f"{at.year}年{at.month}月{at.day}日" if zh else f"on {at.day} {MONTH_NAMES[at.month - 1]} {at.year} at"
        return f"{day} {at.hour}:{at.minute:02}"
    return _cron(rule, zh)


def _every(minutes: int, zh: bool) -> str:
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    if zh:
        return f"每{'' if count == 1 else count}{'小时' if unit == 'hour' else '分钟'}"
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def _cron(rule: str, zh: bool) -> str:
    minute, hour, day, month, weekday = rule.split()
    if (
        hour == day == month == weekday == "*"
        and minute[:2] == "*/"
        and minute[2:] in ("2", "3", "4", "5", "6", "10", "12", "15", "20", "30")
    ):
        return _every(int(minute[2:]), zh)
    if rule == "0 * * * *":
        return _every(60, zh)
    if not (minute.isdigit() and hour.isdigit()):
        return rule
    time = f"{int(hour)}:{int(minute):02}"
    if day.isdigit() and weekday == "*" and (month == "*" or month.isdigit()):
        return _dated(int(day), month, time, zh)
    if not (day == month == "*") or weekday.startswith("*/"):
        return rule
    return _weekly(expand(weekday, 0, 7, DAYS), time, zh)


def _dated(day: int, month: str, time: str, zh: bool) -> str:
    if zh:
        return f"{'每月' if month == '*' else f'每年{int(month)}月'}{day}日 {time}"
    return (
        f"every month on the {day}{_suffix(day)} at {time}"
        if month == "*"
        else (f"every year on {day} {MONTH_NAMES[int(month) - 1]} at {time}")
    )


def _suffix(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _weekly(days: Sequence[int], time: str, zh: bool) -> str:
    from_monday = sorted(days, key=lambda one: (one - 1) % 7)
    if zh:
        named = {"*": "每天", WORKDAYS: "工作日", WEEKEND: "周末"}
        listed = "每" + "、".join(f"周{CHINESE[one]}" for one in from_monday)
        return f"{named.get(weekdays(days), listed)} {time}"
    named = {"*": "day", WORKDAYS: "weekday", WEEKEND: "weekend"}
    listed = " and ".join(ENGLISH[one] for one in from_monday)
    return f"every {named.get(weekdays(days), listed)} at {time}"


def why(say: Callable[..., str], note: str) -> str:
    """The note of a run in the language of `say`; what others said, as an error, stays as it is."""
    known = {
        "quiet hours": say("quiet hours"),
        "minimum gap": say("too soon after another post"),
        "daily cap": say("the cap of the day"),
        "weekly cap": say("the cap of the week"),
        "the chat was muted": say("the chat was muted"),
        "its schedule was removed": say("its schedule was removed"),
        "its schedule is paused": say("its schedule is paused"),
        "the run before it was still to be done": say("the run before it was still to be done"),
        "a later run was due before it was begun": say("a later run was due before it was begun"),
        "nobody saw whether it arrived, and it is not sent again": say(
            "nobody saw whether it arrived, and it is not sent again"
        ),
    }
    return ": ".join(known.get(part) or _late(say, part) for part in note.split(": "))


def _late(say: Callable[..., str], part: str) -> str:
    if found := re.fullmatch(r"posted (\d+) s late", part):
        return say("posted {late} s late", late=found[1])
    if found := re.fullmatch(r"(\d+) s late, the catchup window is (\d+) s(.*)", part):
        return say("{late} s late, the catchup window is {window} s", late=found[1], window=found[2]) + found[3]
    return part
