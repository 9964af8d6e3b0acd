"""The only source of time: now() and sleep(), injected everywhere."""

import asyncio
import contextlib
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """Stands still until it is set: for replay and tests. Sleepers wake in order when it passes their time."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), woken))
        await woken

    def set(self, moment: datetime) -> None:
        """Move to `moment` and wake who slept until then. A replay goes back for its next conversation."""
        self._now = moment.astimezone(UTC)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


class FileClock(ManualClock):
    """A manual clock that another process sets by writing an ISO 8601 moment into a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(self._read(path) or datetime.now(UTC))
        self._path = path

    def now(self) -> datetime:
        if moment := self._read(self._path):
            self.set(moment)
        return super().now()

    async def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        while self.now() < until:  # noqa: ASYNC110 - the file gives no event
            await asyncio.sleep(0.05)

    @staticmethod
    def _read(path: Path) -> datetime | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            moment = datetime.fromisoformat(path.read_text().strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return None
