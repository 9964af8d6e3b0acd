"""The settings that admins may change in a chat. What they changed stands in SQL and holds over the environment's.

Whoever goes by one of these asks `in_force` when it matters, so that a change holds at once and in every process.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.config import Settings
from storage import settings as stored
from storage.database import Transaction

HOURS = re.compile(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d", re.ASCII)
MOST_A_DAY = 20
MOST_DAYS = 3650
MOST_POSTS = 1000
MOST_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Changeable:
    """`read` makes the value of what an admin typed, or raises ValueError; `example` is one that is right."""

    read: Callable[[str], object]
    example: str


def _hours(text: str) -> str:
    """Two times of the day; `none` for no quiet hours."""
    if text == "none":
        return ""
    if not HOURS.fullmatch(text):
        raise ValueError("two times such as 21:00-09:00 are right")
    return text


def _switch(text: str) -> str:
    words = {"on": "on", "off": "off", "开": "on", "关": "off"}
    if text.lower() not in words:
        raise ValueError("on or off is right")
    return words[text.lower()]


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a number from {least} to {most} is right")
        return int(text)

    return read


CHANGEABLE: Mapping[str, Changeable] = {
    "quiet_hours": Changeable(_hours, "21:00-09:00"),
    "daily_cap": Changeable(_between(0, MOST_A_DAY), "1"),
    "weekly_cap": Changeable(_between(0, MOST_A_DAY * 7), "5"),
    "chat_daily_cap": Changeable(_between(0, MOST_POSTS), "12"),
    "chat_weekly_cap": Changeable(_between(0, MOST_POSTS * 7), "60"),
    "post_gap": Changeable(_between(0, MOST_MINUTES), "5"),
    "weekly_report": Changeable(_switch, "off"),
    "retention_days": Changeable(_between(1, MOST_DAYS), "30"),
}


async def in_force(tx: Transaction, shop_id: int, settings: Settings) -> Settings:
    """The environment's settings with what admins changed on top."""
    changed = await stored.changed(tx, shop_id)
    return settings.model_copy(update={name: CHANGEABLE[name].read(text) for name, text in changed.items()})
