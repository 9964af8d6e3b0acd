"""To add a signal:

1. Write `bot/members/signals/NAME.py`. The folder is the registry.
2. Write `def fit(shop: Shop, now: float) -> Signal | None`: what the signal learns from everybody's events, kept in
   memory only. None where there is nothing to learn from. `Table` below is all of it for a signal that says how near
   products are to each other.
3. A signal scores every product for one member, 0 where it says nothing, and splits each score exactly into what of
   the member's history it comes from: the sum of all parts is what ranks, so a shown reason is the true one.
4. Give it a weight for small and for large communities in `PRIOR` of `bot/members/blend.py`, and a sentence in
   `bot/members/suggestions.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Sparse = Any  # scipy's csr_array, which comes without types

WORTH = {"bought": 5.0, "praised": 2.0, "clicked": 1.5, "pressed": 1.5, "asked": 1.0, "dismissed": -1.5}
KEPT = 200  # neighbours of a product
COMMON = 1_000  # products that a word may stand in to tell which are alike


@dataclass(frozen=True, slots=True)
class Events:
    """What members did with products, oldest first. Members and products are places from 0; `at` is in days.

    `worth` is what the event says of liking, WORTH by its kind; below 0 it speaks against the product.
    """

    member: Ints
    item: Ints
    at: Floats
    worth: Floats

    def before(self, moment: float) -> "Events":
        return self.among(self.at < moment)

    def among(self, which: NDArray[np.bool_]) -> "Events":
        return Events(self.member[which], self.item[which], self.at[which], self.worth[which])

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, slots=True)
class History:
    """One member's events, oldest first. `said`: words of what they say right now, as a row over the shop's words."""

    item: Ints
    at: Floats
    worth: Floats
    said: Sparse | None = None

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Shop:
    """What signals are fitted on. `words`: products x words, rows of length 1, None where products have no texts.

    `support`: so many members have to stand behind what is learnt of products that are no text.
    """

    events: Events
    members: int
    items: int
    words: Sparse | None = None
    support: int = 1

    @cached_property
    def taken(self) -> Sparse:
        """Members x products: 1 where somebody took to it."""
        liked = self.events.among(self.events.worth > 0)
        ones = np.ones(len(liked), np.float64)
        found = sparse.csr_array((ones, (liked.member, liked.item)), shape=(self.members, self.items))
        found.sum_duplicates()
        found.data[:] = 1.0
        return found

    @cached_property
    def liked_by(self) -> Floats:
        """How many members took to each product."""
        return np.asarray(self.taken.sum(axis=0), dtype=np.float64).ravel()


@dataclass(frozen=True, slots=True)
class Part:
    """What one thing adds to a score. `source`: place in the history, SAID or COMMUNITY."""

    source: int
    value: float


SAID, COMMUNITY = -1, -2


class Signal(Protocol):
    def score(self, history: History, now: float) -> Floats:
        """What speaks for each product."""

    def parts(self, history: History, now: float, item: int) -> Sequence[Part]:
        """The parts of a product's score; their sum is it, up to rounding."""


class Table:
    """A product's score is the sum over the history of weight x nearness: `near` holds a row per product.

    `half_life` in days: an event of that age before the member's last one counts half; `last`: only so many of the
    newest products are looked at, each counting `fade` beside the one after it. A product counts once, by its newest
    event.
    """

    def __init__(self, near: Sparse | Floats, *, half_life: float, last: int = 500, fade: float = 1.0) -> None:
        self.near, self._half_life, self._last, self._fade = near, half_life, last, fade

    def weights(self, history: History) -> tuple[Ints, Floats]:
        """Places in the history that count, and how much."""
        places = newest(history)[-self._last :]
        if not len(places):
            return places, np.zeros(0)
        age = history.at[places[-1]] - history.at[places]
        faded = self._fade ** np.arange(len(places), dtype=np.float64)[::-1]
        return places, np.sign(history.worth[places]) * faded * 0.5 ** (age / self._half_life)

    def score(self, history: History, now: float) -> Floats:
        places, weights = self.weights(history)
        found = combined(self.near, history.item[places], weights)
        return np.maximum(found, 0.0, out=found)

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        places, weights = self.weights(history)
        found = [
            Part(int(place), float(weight * self.near[history.item[place], item]))
            for place, weight in zip(places, weights, strict=True)
        ]
        return [part for part in found if part.value] if sum(part.value for part in found) > 0 else []


def newest(history: History) -> Ints:
    """The place of each product's newest event, oldest first."""
    if not len(history):
        return np.zeros(0, np.int64)
    _, back = np.unique(history.item[::-1], return_index=True)
    return np.sort(len(history) - 1 - back)


def combined(near: Sparse | Floats, rows: Ints, weights: Floats) -> Floats:
    """The weighted sum of rows of a matrix."""
    if isinstance(near, np.ndarray):
        return np.asarray(weights @ near[rows], dtype=np.float64)
    starts, ends = near.indptr[rows], near.indptr[rows + 1]
    spans = [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if not spans:
        return np.zeros(near.shape[1])
    columns = np.concatenate([near.indices[span] for span in spans])
    values = np.concatenate([near.data[span] for span in spans]) * np.repeat(weights, ends - starts)
    return np.asarray(np.bincount(columns, values, minlength=near.shape[1]), dtype=np.float64)


def nearest(rows: Sparse, kept: int = KEPT, *, first: int = 0) -> Sparse:
    """The greatest positive values of each row, without the product itself; row 0 is that of product `first`."""
    rows = sparse.csr_array(rows)
    columns, values, counts = [], [], []
    for place, (start, end) in enumerate(zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)):
        held, found = rows.indices[start:end], rows.data[start:end]
        counted = (held != place + first) & (found > 0)
        held, found = held[counted], found[counted]
        if len(found) > kept:
            best = np.argpartition(-found, kept)[:kept]
            held, found = held[best], found[best]
        columns.append(held)
        values.append(found)
        counts.append(len(held))
    pointers = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    joined = (np.concatenate(values), np.concatenate(columns), pointers) if columns else ([], [], pointers)
    return sparse.csr_array(joined, shape=rows.shape)


def rare(words: Sparse, share: float = 1.0) -> Sparse:
    """Without the words that more than this share of the products say, or more than COMMON of them."""
    often = np.bincount(words.indices, minlength=words.shape[1])
    kept = sparse.csr_array(words @ sparse.diags_array((often <= min(max(2.0, share * words.shape[0]), COMMON)) * 1.0))
    kept.eliminate_zeros()
    return kept


def supported(pairs: Sparse, taken: Sparse, support: int) -> Sparse:
    """Pairs of products that at least `support` members took both of: fewer would tell of single people."""
    if support < 2:
        return pairs
    both = sparse.csr_array(taken.T @ taken)
    both.data = (both.data >= support).astype(np.float64)
    return sparse.csr_array(pairs.multiply(both))


def span(events: Events) -> float:
    """Days from the first event to the last, at least one."""
    return max(1.0, float(events.at[-1] - events.at[0])) if len(events) else 1.0
