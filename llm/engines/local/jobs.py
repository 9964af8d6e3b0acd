"""Who is served, and when: a bounded list of requests, without torch and without threads.

A request's rank is the moment that it came, later by `AGING` seconds for each step down in priority. So a reply goes
before a post, but not before one that has waited for long: nobody starves.
"""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from llm.engine import OUTCOMES, Delta, EngineBusy, EngineError, Priority, Request

if TYPE_CHECKING:
    from llm.engines.local.batch import Batch
    from llm.engines.local.work import Work

Clock = Callable[[], float]  # seconds
Said = Delta | EngineError | None  # a piece, why there is no more, the end

AGING = 5.0  # seconds of waiting that make up for one step of priority
CHAT = 8  # requests of one chat at a time
KEPT = 4  # one slot of so many is kept for what members wait for
LATEST = 200  # waits remembered of each priority


class Wish(Enum):
    """What a job is after: a reply, how likely its text is as one, or its text as a vector."""

    REPLY = auto()
    SCORE = auto()
    VECTOR = auto()


@dataclass(eq=False, slots=True)
class Job:
    """A request with what belongs to it. In `pieces`, None ends it.

    `outcome`: one of OUTCOMES once it is over, for whichever reason comes first.
    """

    request: Request
    number: int
    came: float
    pieces: asyncio.Queue[Said]
    wish: Wish = Wish.REPLY
    text: str = ""
    work: "Work | None" = None
    batch: "Batch | None" = None
    started: float = 0.0
    outcome: str = ""

    @property
    def until(self) -> float:
        return self.came + self.request.deadline

    @property
    def rank(self) -> tuple[float, int]:
        return self.came + AGING * self.request.priority, self.number

    @property
    def low(self) -> bool:
        """Whether nobody waits for it in a chat."""
        return self.request.priority >= Priority.POST


@dataclass(slots=True)
class Jobs:
    """Every job that is not over, at most `limit`. Not safe between threads: its owner locks."""

    limit: int
    per_chat: int = CHAT
    under_way: list[Job] = field(default_factory=list)
    waiting: list[Job] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    waits: dict[Priority, deque[float]] = field(default_factory=lambda: {one: deque(maxlen=LATEST) for one in Priority})
    pace: float = 1.0  # seconds a reply takes, smoothed
    slots: int = 1
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __len__(self) -> int:
        return len(self.under_way) + len(self.waiting)

    def add(self, request: Request, now: float, wish: Wish = Wish.REPLY, text: str = "") -> Job:
        """Raises EngineBusy where there are too many, in all or of its chat."""
        mine = [job for job in (*self.under_way, *self.waiting) if request.chat and job.request.chat == request.chat]
        if len(self) >= self.limit or len(mine) >= self.per_chat:
            self.outcomes["refused"] += 1
            before = len(mine) if len(self) < self.limit else len(self)
            raise EngineBusy(max(1.0, before / self.slots * self.pace))
        # A piece for each token, the rest at the end, and the end itself.
        pieces: asyncio.Queue[Said] = asyncio.Queue(max(request.params.max_tokens, 0) + 2)
        job = Job(request, next(self.numbers), now, pieces, wish, text)
        self.waiting.append(job)
        return job

    def end(self, job: Job, outcome: str) -> bool:
        """The job is over, unless it was before."""
        assert outcome in OUTCOMES
        if job.outcome:
            return False
        job.outcome = outcome
        self.outcomes[outcome] += 1
        (self.waiting if job in self.waiting else self.under_way).remove(job)
        return True

    def late(self, now: float) -> list[Job]:
        """Those whose time is over."""
        return [job for job in (*self.under_way, *self.waiting) if job.until <= now]

    def next(self, now: float) -> Job | None:
        """The job that is begun next, now under way; None if nobody waits who may. Call it only if a slot is free."""
        low = sum(job.low for job in self.under_way)
        crowded = low >= self.slots - self.slots // KEPT
        job = min((job for job in self.waiting if not (job.low and crowded)), key=lambda job: job.rank, default=None)
        if job is not None:
            self.waiting.remove(job)
            self.under_way.append(job)
            job.started = now
            self.waits[job.request.priority].append(now - job.came)
        return job

    def took(self, seconds: float) -> None:
        """A reply was done in so many."""
        self.pace += 0.2 * (seconds - self.pace)

    def medians(self) -> dict[Priority, tuple[float, float]]:
        """Median and 95th percentile of the latest waits, of each priority that there was."""
        found = {one: sorted(waits) for one, waits in self.waits.items() if waits}
        return {one: (waits[len(waits) // 2], waits[int(0.95 * (len(waits) - 1))]) for one, waits in found.items()}
