"""Which of a few candidates is put before a member: Thompson sampling, with the chance that each had.

How often a product will be pressed is expected to be `quality x (floor + sum of weight x value)` over the signals'
values for this member. The weights are learnt from what was pressed, held near those of the blend; a product's quality
is a gamma distribution around 1, moved by how often it was pressed beside what was expected of those whom it was put
before. One draw of each candidate's quality, the greatest expectation wins; the share of a thousand such rounds that a
candidate wins is its propensity, with a floor for all. The choice is drawn by the propensities themselves, so that what
the log says is exact and other policies can be judged by it.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from bot.members.signals.base import Floats, Ints

CANDIDATES = 10
DRAWS = 1_000
FLOOR = 0.01
USUAL = 0.1  # presses of a suggestion where nothing is known yet
SHAPE = 4.0  # of the gamma distribution of qualities: higher holds them nearer to 1
PULL = 20.0  # of the weights before anything was pressed
BASE = 0.25  # of the usual press rate that is curiosity, whatever is put before somebody
HALF = 0.5  # what signals say of what is put before members, before anything was
ROUNDS = 3  # of weights and qualities in turn
HOLDOUT = 0.1


@dataclass(frozen=True, slots=True)
class Pressed:
    """What was put before members: the product, the signals' values for who got it, and whether they pressed."""

    item: Ints
    values: Floats  # pushes x signals
    pressed: Floats


@dataclass(frozen=True, slots=True)
class Rates:
    """`weights` by signal in their order; of each product `hits`, presses, and `hoped`, presses that were expected."""

    weights: Floats
    floor: float
    hits: Floats
    hoped: Floats

    def expected(self, values: Floats) -> Floats:
        """Of products of usual quality. `values`: products x signals."""
        return np.asarray(np.clip(self.floor + values @ self.weights, 1e-4, 0.95))

    def quality(self) -> Floats:
        """The mean of each product's."""
        return np.asarray((SHAPE + self.hits) / (SHAPE + self.hoped))

    def propensities(self, items: Ints, values: Floats, rng: np.random.Generator) -> Floats:
        """The chance of each of these candidates to be chosen; their sum is 1, none is below FLOOR."""
        drawn = rng.gamma(SHAPE + self.hits[items], 1.0 / (SHAPE + self.hoped[items]), (DRAWS, len(items)))
        wins = np.bincount((drawn * self.expected(values)).argmax(1), minlength=len(items)) / DRAWS
        return floored(wins)


def rates(seen: Pressed, weights: Floats, items: int) -> Rates:
    """What presses teach, beside the `weights` of the blend."""
    typical = seen.values.mean(0) if len(seen.item) else np.full(len(weights), HALF)
    usual = (float(seen.pressed.sum()) + 10 * USUAL) / (len(seen.pressed) + 10)
    scale = usual / max(float(typical @ weights), 1e-9)
    centre = np.append(weights * scale * (1 - BASE), usual * BASE)
    features = np.column_stack([seen.values, np.ones(len(seen.item))])
    found: Floats = centre
    quality: Floats = np.ones(items)
    hits: Floats = np.zeros(items)
    hoped: Floats = np.zeros(items)
    for _ in range(ROUNDS if len(seen.item) else 0):
        found = _weights(features, seen.pressed, quality[seen.item], centre, usual)
        hits = np.bincount(seen.item, seen.pressed, minlength=items).astype(np.float64)
        chances = np.clip(features @ found, 1e-4, 0.95)
        hoped = np.bincount(seen.item, chances, minlength=items).astype(np.float64)
        quality = (SHAPE + hits) / (SHAPE + hoped)
    return Rates(found[:-1], float(found[-1]), hits, hoped)


def _weights(features: Floats, pressed: Floats, quality: Floats, centre: Floats, usual: float) -> Floats:
    """Non-negative weights under which the presses are likeliest (Poisson, identity link), near `centre`."""
    from scipy.optimize import minimize  # 0.3 s, which no start needs

    def loss(weights: Floats) -> tuple[float, Floats]:
        mean = np.maximum(features @ weights, 1e-4) * quality
        slope = features.T @ (quality - pressed * quality / mean)
        apart = (weights - centre) / usual
        total = float((mean - pressed * np.log(mean)).sum()) + PULL * usual * float(apart @ apart) / 2
        return total, slope + PULL * apart

    found = minimize(loss, centre, jac=True, bounds=[(0.0, None)] * len(centre), method="L-BFGS-B")
    return np.asarray(found.x)


def floored(wins: Floats) -> Floats:
    """At least FLOOR each, and in sum 1: what the low ones are given, the others give in proportion."""
    low = wins < FLOOR
    while True:
        scaled = np.where(low, FLOOR, wins * (1 - FLOOR * low.sum()) / max(float(wins[~low].sum()), 1e-12))
        lower = scaled < FLOOR
        if not (lower & ~low).any():
            return scaled
        low |= lower


def draw(chances: Floats, rng: np.random.Generator) -> int:
    """The place of the one chosen."""
    return int(rng.choice(len(chances), p=chances / chances.sum()))


def generator(key: str) -> np.random.Generator:
    """The same numbers for the same push, so that one begun again after a kill chooses the same."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))


def held_out(shop_id: int, member_id: int, share: float = HOLDOUT) -> bool:
    """Does this member get no push, for good? By a keyed hash, so that nobody has to be asked or remembered."""
    digest = hashlib.blake2b(f"{shop_id}:{member_id}".encode(), key=b"shopkeeper holdout", digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64
