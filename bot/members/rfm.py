"""Recency, frequency and money: in which fifth of the shop's members each stands, 5 being the best.

Members with the same value share the lower fifth: where most spent nothing, all of these have a 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.members.traits import OFF, OPTIN
from storage import traits
from storage.database import Transaction

FIFTHS = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """1 to 5 each: how lately they did something, how often, and how much they spent."""

    recency: int = 1
    frequency: int = 1
    money: int = 1


async def standings(tx: Transaction, shop_id: int, policy: str) -> Mapping[int, Standing]:
    """Every member of whom traits may be kept (`policy` is PROFILES) and are, by id."""
    if policy == OFF:
        return {}
    rows = await traits.activity(tx, shop_id, subscribed_only=policy == OPTIN)
    columns = [fifths([getattr(row, name) for row in rows]) for name in ("last", "often", "spent")]
    return {row.member_id: Standing(*each) for row, each in zip(rows, zip(*columns, strict=True), strict=True)}


def fifths(values: Sequence[float]) -> list[int]:
    """The fifth of each: one more for each full fifth of all that is below it."""
    found = np.asarray(values, dtype=np.float64)
    below = np.searchsorted(np.sort(found), found, side="left")
    return [1 + FIFTHS * int(one) // max(1, len(found)) for one in below]
