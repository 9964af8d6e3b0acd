"""How much each signal counts in a community: learnt from what its members took to next, held near what is usual.

The score of a product is the sum over signals of weight x value, each value divided by the member's greatest, so that
a weight says the same for every signal. Weights are never negative. They maximise the likelihood of what members took
to after a cut in time, under a softmax over the products (a conditional logit), with a penalty on the distance from
PRIOR; so few events move them little. What was learnt then has to win against simpler ways on the same events, above
all against what is popular of late, and is set aside where it does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bot.members.signals.base import Events, Floats, History, Ints, Part, Shop, Signal

PRIOR: Mapping[str, tuple[float, float]] = {  # in a community of a handful, in a large one
    "content": (1.5, 0.5),
    "conversation": (1.0, 0.5),
    "ease": (0.3, 1.0),
    "neighbours": (0.5, 1.0),
    "popularity": (0.3, 0.5),
    "repurchase": (0.2, 0.3),
    "sequence": (0.3, 1.0),
}
HALF_WAY = 500  # members at whom the prior is between the two
CHALLENGER = "popularity"
STEEP = 4.0  # of the softmax: what a weight of 1 means in logs
PULL = 4.0  # of the prior, in events
LEARNT_FROM = 600  # members at most
TARGETS = 10  # events of one member at most
NEGATIVES = 1_500  # products that are compared with, where there are more
TOP = 10
FEW = 20  # members with events after the cut below whom nothing is learnt
Fit = Callable[[Shop, float], Signal | None]


@dataclass(frozen=True, slots=True)
class Example:
    """A member's history before the cut, and what they took to after it."""

    history: History
    targets: Ints


@dataclass(frozen=True, slots=True)
class Blend:
    """Signals that are fitted, and their weights. `chosen` says which way won: prior, learnt, or a signal's name."""

    signals: Mapping[str, Signal]
    weights: Mapping[str, float]
    chosen: str = "prior"

    def score(self, history: History, now: float) -> Floats:
        """What speaks for each product."""
        found = None
        for name, weight in self.weights.items():
            values = self.signals[name].score(history, now)
            most = float(values.max(initial=0.0))
            if weight and most > 0:
                part = values * (weight / most)
                found = part if found is None else found + part
        return np.zeros(len(next(iter(self.signals.values())).score(history, now))) if found is None else found

    def parts(self, history: History, now: float, item: int) -> list[tuple[str, Part]]:
        """All that a score is the sum of, the greatest first, each with the signal that it is of."""
        found = []
        for name, weight in self.weights.items():
            most = float(self.signals[name].score(history, now).max(initial=0.0)) if weight else 0.0
            if most > 0:
                parts = self.signals[name].parts(history, now, item)
                found += [(name, Part(one.source, one.value * (weight / most))) for one in parts]
        return sorted(found, key=lambda one: -one[1].value)


def usual(names: Sequence[str], members: int) -> dict[str, float]:
    """The prior for a community of so many members."""
    large = members / (members + HALF_WAY)
    return {name: (1 - large) * PRIOR[name][0] + large * PRIOR[name][1] for name in names}


def fit(shop: Shop, fits: Mapping[str, Fit], now: float, *, share: float = 0.8, again: bool = True) -> Blend:
    """Fit the signals on all events, with weights learnt from what came after the first `share` of them.

    `again`: may a product be put before a member who has it?
    """
    signals = fitted(shop, fits, now)
    active = len(np.unique(shop.events.member))
    prior = usual([*signals], active)
    if not signals or len(shop.events) < FEW:
        return Blend(signals, prior)
    cut = float(np.quantile(shop.events.at, share))
    earlier = Shop(shop.events.before(cut), shop.members, shop.items, shop.words, shop.support)
    examples = cut_at(shop.events, cut, again=again)
    if len(examples) < FEW or not len(earlier.events):
        return Blend(signals, prior)
    before = fitted(earlier, fits, cut)
    learnt = learn(before, prior, examples, cut, again=again)
    chosen, weights = choose(before, {"prior": prior, "learnt": learnt}, examples, cut, again=again)
    return Blend(signals, {name: weights.get(name, 0.0) for name in signals}, chosen)


def fitted(shop: Shop, fits: Mapping[str, Fit], now: float) -> dict[str, Signal]:
    found = {name: one(shop, now) for name, one in fits.items()}
    return {name: signal for name, signal in found.items() if signal is not None}


def cut_at(events: Events, cut: float, *, again: bool) -> list[Example]:
    """An example of each member with events on both sides of the cut; a sample of them where there are many."""
    order = np.argsort(events.member, kind="stable")
    bounds = np.flatnonzero(np.diff(events.member[order])) + 1
    found = []
    for places in np.split(order, bounds):
        early, late = places[events.at[places] < cut], places[events.at[places] >= cut]
        late = late[events.worth[late] > 0]
        targets = events.item[late]
        if not again:
            targets = targets[~np.isin(targets, events.item[early])]
        if len(early) and len(targets):
            history = History(events.item[early], events.at[early], events.worth[early])
            _, first = np.unique(targets, return_index=True)
            found.append(Example(history, targets[np.sort(first)][:TARGETS]))
    chosen = np.random.default_rng(1).permutation(len(found))[:LEARNT_FROM]
    return [found[place] for place in np.sort(chosen)]


def values_of(signals: Mapping[str, Signal], history: History, now: float) -> NDArray[np.float32]:
    """Products x signals, each column with 1 as its greatest."""
    columns = [one.score(history, now) for one in signals.values()]
    return np.stack([one / max(float(one.max(initial=0.0)), 1e-12) for one in columns], axis=1).astype(np.float32)


def learn(
    signals: Mapping[str, Signal], prior: Mapping[str, float], examples: Sequence[Example], now: float, *, again: bool
) -> dict[str, float]:
    """The weights under which what members took to is likeliest, given the prior."""
    rng = np.random.default_rng(2)
    centre = np.array([prior[name] for name in signals])
    held = []
    for one in examples:
        values = values_of(signals, one.history, now)
        others = np.arange(len(values))
        if len(values) > NEGATIVES:
            others = rng.choice(len(values), NEGATIVES, replace=False)
        others = others[~np.isin(others, one.targets if again else np.union1d(one.targets, one.history.item))]
        held.append((values[one.targets], values[others], np.log(max(1, len(values) - len(one.targets)) / len(others))))

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = 0.0, np.zeros(len(weights))
        for right, others, more in held:
            high, low = STEEP * (right @ weights), STEEP * (others @ weights) + more
            top = max(float(high.max()), float(low.max()))
            wrong = np.exp(low - top)
            mass, pulled = wrong.sum(), wrong @ others
            each = np.exp(high - top) + mass
            total -= float((high - top - np.log(each)).mean())
            share = np.exp(high - top)[:, None] * right + pulled
            slope -= STEEP * (right - share / each[:, None]).mean(0)
        apart = weights - centre
        return total + PULL * float(apart @ apart) / 2, slope + PULL * apart

    bounds = [(0.0, None)] * len(centre)
    found = minimize(loss, centre, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 50})
    return dict(zip(signals, found.x.tolist(), strict=True))


def choose(
    signals: Mapping[str, Signal],
    ways: Mapping[str, Mapping[str, float]],
    examples: Sequence[Example],
    now: float,
    *,
    again: bool,
) -> tuple[str, Mapping[str, float]]:
    """The way with the best first ten; the challenger, where none is surely better than it."""
    ways = {**ways, **{name: {name: 1.0} for name in signals}}
    matrix = np.array([[way.get(name, 0.0) for name in signals] for way in ways.values()])
    worth = np.array([_worths(values_of(signals, one.history, now) @ matrix.T, one, again) for one in examples])
    means = worth.mean(0)
    names = [*ways]
    best = int(means.argmax())
    if CHALLENGER in signals:
        behind = worth[:, best] - worth[:, names.index(CHALLENGER)]
        if behind.mean() <= behind.std() / np.sqrt(len(behind)):
            best = names.index(CHALLENGER)
    return names[best], ways[names[best]]


def _worths(scores: NDArray[np.float64], one: Example, again: bool) -> Floats:
    """Of each way: hits among the first ten, with those further up counting more."""
    if not again:
        scores[one.history.item] = -np.inf
    own = scores[one.targets]
    # Ties are no merit: products that score the same are taken to stand before the right one, half of them.
    above = (scores[None] > own[:, None]).sum(1) + ((scores[None] == own[:, None]).sum(1) - 1) / 2
    return np.asarray(np.where(above < TOP, 1.0 / np.log2(above + 2), 0.0).mean(0))
