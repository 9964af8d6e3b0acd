"""The true limits of Telegram: thirty messages a second in all, one a second in a chat, twenty a minute in a group."""

import math
from collections import deque
from datetime import datetime, timedelta

ALL, GROUP = 30, 20  # a second, a minute


class Limits:
    """`wait` counts a send or an edit; how many seconds too early it came, 0 if it may go."""

    def __init__(self) -> None:
        self._all: deque[datetime] = deque()
        self._chats: dict[int, deque[datetime]] = {}

    def wait(self, chat: int, now: datetime) -> int:
        mine = self._chats.setdefault(chat, deque())
        _forget(self._all, now - timedelta(seconds=1))
        _forget(mine, now - timedelta(seconds=60))
        free = [now]
        if len(self._all) >= ALL:
            free.append(self._all[0] + timedelta(seconds=1))
        if mine:
            free.append(mine[-1] + timedelta(seconds=1))
        if chat < 0 and len(mine) >= GROUP:
            free.append(mine[0] + timedelta(seconds=60))
        if (seconds := (max(free) - now).total_seconds()) > 0:
            return math.ceil(seconds)
        self._all.append(now)
        mine.append(now)
        return 0


def _forget(times: deque[datetime], before: datetime) -> None:
    while times and times[0] <= before:
        times.popleft()
