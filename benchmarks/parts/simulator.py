"""Members with known tastes, whose presses answer what they are sent: the ground that suggestions are measured on.

Every number of it stands in `Town`, every seed in `SEEDS`; both were fixed before the recommender was written. What a
policy may see is what a shop sees: what members ask about by themselves, which suggestions were pressed, the texts of
products. What only the simulator knows: tastes, qualities, and so the chance that a suggestion is pressed.

Weeks count from 0; before them lie `before` weeks without any push. A member's chance to press a product is
`floor + reach * match * quality`, times `stale` for each time that this product was put before them already, times
`tired` for each suggestion of the last `memory` weeks that they let pass. Asking is by taste and popularity, and many
members never ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEEDS = (11, 23, 37)  # of the towns that presses are counted in
LIFT_SEEDS = range(1_000, 1_200)  # of the experiments that intervals are counted in, and of the runs of A/A
HARM_SEEDS = range(2_000, 2_050)
MORE_SEEDS = range(3_000, 4_000)  # added later: 200 intervals tell a coverage of 95 % to 1.5 points only

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Town:
    """Parameters. Rates are per member and week."""

    members: int = 2_000
    products: int = 400
    kinds: int = 8  # of products; a taste is a mixture of them
    before: int = 4
    weeks: int = 12
    spread: float = 0.3  # of a Dirichlet: lower makes tastes narrower
    silent: float = 0.3  # share of members who never ask
    asks: float = 0.8  # questions of the others, mean of a gamma of shape 1
    fashion: float = 1.2  # how much more popular products are asked about: exponent of their popularity
    trend: float = 0.15  # how far a product's popularity wanders in a week, in logs
    floor: float = 0.02
    reach: float = 0.35
    stale: float = 0.3
    tired: float = 0.9
    memory: int = 4
    words: int = 6  # of a product's text; a third of them are of no kind
    buys: float = 0.15  # purchases without any push
    converts: float = 0.25  # purchases that follow from a press
    leaves: float = 0.01  # leaves, blocks or opts out in a week without any push
    harm: float = 0.15  # and what a push adds to that where pushes truly harm


class World:
    """One town, from its seed. `push` moves it on by a week."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self._rng = town, np.random.default_rng(seed)
        rng = self._rng
        self.tastes: Floats = rng.dirichlet([town.spread] * town.kinds, town.members)
        mixture = rng.dirichlet([0.15] * town.kinds, town.products)
        self.kinds: Ints = mixture.argmax(1)
        self.quality: Floats = rng.beta(2.0, 2.0, town.products)
        self._popularity: Floats = rng.normal(0.0, 1.0, town.products) + np.log(self.quality)
        self._asks = rng.gamma(1.0, town.asks, town.members) * (rng.random(town.members) >= town.silent)
        self._match: Floats = self.tastes @ mixture.T
        self._put = np.zeros((town.members, town.products), np.int64)  # how often each was put before whom
        self._passed: list[Floats] = []  # suggestions let pass, per week and member
        self.texts = [self._text(kind) for kind in self.kinds]

    def _text(self, kind: int) -> str:
        own = self.town.words - self.town.words // 3
        words = [f"kind{kind}word{self._rng.integers(12)}" for _ in range(own)]
        return " ".join([*words, *(f"word{self._rng.integers(60)}" for _ in range(self.town.words - own))])

    def asked(self) -> tuple[Ints, Ints]:
        """Members and products of a week's questions, in the order in which they were asked."""
        rng, town = self._rng, self.town
        self._popularity += rng.normal(0.0, town.trend, town.products)
        members = np.repeat(np.arange(town.members), rng.poisson(self._asks))
        drawn = np.exp(town.fashion * self._popularity)
        worth = self._match[members] * drawn
        reached = np.cumsum(worth, axis=1)
        chosen = (reached < rng.random((len(members), 1)) * reached[:, -1:]).sum(1)
        order = rng.permutation(len(members))
        return members[order], chosen[order]

    def chances(self) -> Floats:
        """Members x products: the chance of a press, were it put before them this week."""
        town = self.town
        fresh = town.floor + town.reach * self._match * self.quality
        tired = np.sum(self._passed[-town.memory :], axis=0) if self._passed else np.zeros(town.members)
        return fresh * town.stale**self._put * (town.tired**tired)[:, None]

    def push(self, chosen: Ints) -> NDArray[np.bool_]:
        """Put a product before each member (-1: none), a week passes; who pressed."""
        everyone = np.arange(self.town.members)
        sent = chosen >= 0
        chance = np.where(sent, self.chances()[everyone, np.maximum(chosen, 0)], 0.0)
        pressed = self._rng.random(len(chosen)) < chance
        self._put[everyone[sent], chosen[sent]] += 1
        self._passed.append((sent & ~pressed).astype(float))
        return pressed

    def oracle(self) -> Ints:
        """What each member would press most likely; it looks no week ahead."""
        return self.chances().argmax(1)


def purchases(town: Town, pressed: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, float]:
    """What each member would buy in all weeks without pushes and with them, and the true mean difference.

    `pressed`: how many presses a member may be expected to make.
    """
    usual = rng.gamma(0.5, town.buys / 0.5, town.members) * town.weeks
    more = town.converts * pressed
    return (
        rng.poisson(usual).astype(float),
        rng.poisson(usual + more).astype(float),
        float(more.mean()),
    )


def departures(town: Town, held: NDArray[np.bool_], rng: np.random.Generator, harm: float) -> list[tuple[bool, bool]]:
    """A slot for each member and week in random order within it: (no push because of the holdout, left in it).

    Who left has no further slot. `harm`: what a push adds to the chance to leave.
    """
    there = np.ones(town.members, bool)
    slots: list[tuple[bool, bool]] = []
    for _ in range(town.weeks):
        order: Sequence[int] = rng.permutation(np.flatnonzero(there)).tolist()
        gone = rng.random(town.members) < town.leaves + harm * ~held
        slots += [(bool(held[one]), bool(gone[one])) for one in order]
        there &= ~gone
    return slots
