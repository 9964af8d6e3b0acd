"""How much of the bot's time a member, a chat and all chats together may take: answers, tokens, seconds.

Each has a bucket that fills with what was spent and runs empty evenly within `WINDOW`; a full one is over its budget
until there is room for one answer. Kept in this process: a restart forgets it, and each process counts its own.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

WINDOW = timedelta(minutes=10)
CHAT, ALL = 10, 100  # times a member's budget
HEARD = 0.1  # of an answer: what a message that none answers costs
KNOWN = 10_000  # members and chats whose buckets are kept, of those who spent last
Scope = Literal["member", "chat", "all"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer took: tokens that a model wrote, and seconds until it had."""

    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Over:
    """Whose budget is spent, for how long, and whether they have heard of it."""

    scope: Scope
    wait: timedelta
    told: bool


@dataclass(slots=True)
class Bucket:
    """Shares of each budget, 1 where it is full."""

    at: datetime
    shares: tuple[float, float, float] = (0.0, 0.0, 0.0)
    told: bool = False

    def level(self, now: datetime) -> float:
        """The fullest share as of now."""
        gone = max(0.0, (now - self.at) / WINDOW)
        self.shares = tuple(max(0.0, share - gone) for share in self.shares)  # type: ignore[assignment]
        self.at = now
        return max(self.shares)


@dataclass(slots=True)
class Budgets:
    """`answers` of a member within the window (0: no budgets), each of `tokens` and `seconds` at most on average."""

    answers: int
    tokens: int
    seconds: float
    _held: OrderedDict[tuple[Scope, str], Bucket] = field(default_factory=OrderedDict)

    def over(self, keys: Sequence[tuple[Scope, str]], now: datetime) -> Over | None:
        """The first of these that has no room for an answer."""
        for scope, name in keys if self.answers else ():
            bucket = self._held.get((scope, name))
            one = 1 / (self.answers * _times(scope))
            if bucket and (level := bucket.level(now)) > 1 - one:
                return Over(scope, WINDOW * (level - 1 + one), bucket.told)
            if bucket and bucket.told:
                bucket.told = False
        return None

    def tell(self, keys: Sequence[tuple[Scope, str]], scope: Scope) -> None:
        """They hear of it now."""
        for key in keys:
            if key[0] == scope and key in self._held:
                self._held[key].told = True

    def spend(self, keys: Sequence[tuple[Scope, str]], now: datetime, cost: Cost, answers: float) -> None:
        for key in keys if self.answers else ():
            bucket = self._held.pop(key, None) or Bucket(now)
            bucket.level(now)
            many = self.answers * _times(key[0])
            more = (answers / many, cost.tokens / (many * self.tokens), cost.seconds / (many * self.seconds))
            bucket.shares = tuple(a + b for a, b in zip(bucket.shares, more, strict=True))  # type: ignore[assignment]
            self._held[key] = bucket
            if len(self._held) > KNOWN:
                self._held.popitem(last=False)


def _times(scope: Scope) -> int:
    return {"member": 1, "chat": CHAT, "all": ALL}[scope]
