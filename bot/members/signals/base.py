"""To add a signal:

1. Write `bot/members/signals/NAME.py`. The folder is the registry.
2. Write `async def score(library: Library, profile: Profile) -> dict[int, Score]`: product id -> how much it speaks for
   that product, 0 to 1, and the true cause. Products that it says nothing of stay out.
3. The cause is shown to the member: add its sentence to `bot/members/suggestions.py` if the kind is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.knowledge.library import Library
from bot.members.profiles import Profile


@dataclass(frozen=True, slots=True)
class Reason:
    """The cause of a score. kind `asked`: the member asked about the product of title `about`."""

    kind: str
    about: str
    row: str  # "product:12"


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    reason: Reason


class Signal(Protocol):
    async def score(self, library: Library, profile: Profile) -> Mapping[int, Score]:
        """Product id -> score."""
