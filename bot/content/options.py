"""How a schedule posts besides when: said as `lead=30m approve=ask` in a chat, or as keys of the schedule file."""

import re
from collections.abc import Callable, Mapping
from typing import Any

UNITS = {
    1: ("s", "sec", "second", "seconds", "秒"),
    60: ("m", "min", "minute", "minutes", "分钟", "分"),
    3600: ("h", "hour", "hours", "小时"),
    86400: ("d", "day", "days", "天"),
}
SECONDS = {word: count for count, words in UNITS.items() for word in words}
LENGTH = re.compile(rf"(\d{{1,6}}) ?({'|'.join(sorted(SECONDS, key=len, reverse=True))})?")
LEAD = 1800  # seconds: where drafts are looked at and nothing is said of when
NAMES = {"提前": "lead", "审核": "approve", "无人答复": "unanswered", "浮动": "jitter", "补发": "catchup"}
CHOICES: Mapping[str, Mapping[str, str]] = {
    "approve": {"auto": "auto", "ask": "ask", "自动": "auto", "询问": "ask", "要": "ask"},
    "unanswered": {"post": "post", "skip": "skip", "plain": "plain", "发": "post", "不发": "skip", "原文": "plain"},
}
LONGEST = {"lead": 86_400, "jitter": 6 * 3600, "catchup": 7 * 86_400}
COLUMN = {"catchup": "catchup_window"}
RIGHT: Mapping[str, str] = {
    "approve": "auto or ask",
    "unanswered": "post, skip or plain",
    "lead": "a time up to a day, as 30m",
    "jitter": "a time up to six hours, as 5m",
    "catchup": "a time from 10s to seven days, as 1h",
}


class NotAnOption(ValueError):
    """What stands at `name` is wrong; `right` says what would be right."""

    def __init__(self, name: str, value: object, right: str) -> None:
        super().__init__(f'{name}: "{value}" is wrong, right is {right}')
        self.name, self.value, self.right = name, value, right


def seconds(text: str) -> int | None:
    """`30m`, `2 hours`, `45`, `5分钟` in seconds; None where it is no length of time."""
    found = LENGTH.fullmatch(text.strip().lower())
    return int(found[1]) * SECONDS.get(found[2] or "s", 1) if found else None


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a schedule, all of them. Raises NotAnOption."""
    found: dict[str, Any] = {"approve": "auto", "unanswered": "post", "jitter": 0, "catchup_window": 3600}
    for said, value in given.items():
        name = NAMES.get(said, said)
        if name not in RIGHT:
            raise NotAnOption(said, value, f"one of {', '.join(RIGHT)}")
        read: Callable[[str], Any] = CHOICES[name].get if name in CHOICES else seconds
        right = read(str(value).strip().lower())
        if right is None or (name in LONGEST and right > LONGEST[name]) or (name == "catchup" and right < 10):
            raise NotAnOption(said, value, RIGHT[name])
        found[COLUMN.get(name, name)] = right
    found.setdefault("lead", LEAD if found["approve"] == "ask" else 0)
    return found
