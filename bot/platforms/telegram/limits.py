"""Telegram's limits, kept from our side: thirty messages a second in all, one a second in a chat, twenty a minute in a
group, edits among them. What can be left out (a part of a reply, typing) goes only where replies have room to spare."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Any

ALL, POSTS, GROUP = 29, 27, 20  # calls in a second, of those at most what nobody waits for; in a group's minute
GAP, SECOND, MINUTE = timedelta(seconds=1.1), timedelta(seconds=1.05), timedelta(seconds=61)
SPARE_GAP = timedelta(seconds=3)
SPARE_ALL, SPARE_GROUP = 14, 10  # of those, what may be used for what can be left out
CHATS = 5_000  # that are remembered


class Pace:
    """`wait` before each call; `told` when the server says to wait."""

    def __init__(self) -> None:
        self._all: deque[datetime] = deque()
        self._chats: OrderedDict[int, deque[datetime]] = OrderedDict()
        self._told: OrderedDict[int, tuple[datetime, datetime]] = OrderedDict()  # from when until when

    def wait(self, chat: int, now: datetime, *, spare: bool = False, post: bool = False) -> float:
        """Seconds until a call may go; 0: it may go now, and is counted. A `post` leaves room to answers."""
        mine = self._chats.setdefault(chat, deque())
        self._chats.move_to_end(chat)
        _bound(self._chats)
        _forget(self._all, now - SECOND, now)
        _forget(mine, now - MINUTE, now)
        since, until = self._told.get(chat, (now, now))
        free = [until if since <= now else now]
        most = SPARE_ALL if spare else POSTS if post else ALL
        if len(self._all) >= most:
            free.append(self._all[-most] + SECOND)
        if mine:
            free.append(mine[-1] + (SPARE_GAP if spare else GAP))
        most = SPARE_GROUP if spare else GROUP
        if chat < 0 and len(mine) >= most:
            free.append(mine[-most] + MINUTE)
        if (seconds := (max(free) - now).total_seconds()) > 0:
            return seconds
        self._all.append(now)
        mine.append(now)
        return 0.0

    def moved(self, chat: int, before: datetime, now: datetime) -> None:
        """What was counted at a moment goes only now."""
        for times in (self._all, self._chats.get(chat, deque())):
            if before in times:
                times.remove(before)
                times.append(now)

    def told(self, chat: int, now: datetime, seconds: float) -> None:
        """Nothing goes to this chat before."""
        self._told[chat] = (now, now + timedelta(seconds=seconds))
        self._told.move_to_end(chat)
        _bound(self._told)


def _forget(times: deque[datetime], before: datetime, now: datetime) -> None:
    """What is too long ago; and what has not been yet, since the clock was set back."""
    while times and times[0] <= before:
        times.popleft()
    while times and times[-1] > now:
        times.pop()


def _bound(held: OrderedDict[int, Any]) -> None:
    while len(held) > CHATS:
        held.popitem(last=False)
