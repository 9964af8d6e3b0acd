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
from scipy.linalg.blas import daxpy

from bot.members.signals.base import Events, Floats, History, Ints, Part, Shop, Signal

PRIOR: Mapping[str, tuple[float, float]] = {  # in a community of a handful, in a large one
    "content": (1.0, 0.5),
    "conversation": (0.5, 0.3),
    "ease": (0.1, 1.0),
    "neighbours": (0.1, 1.0),
    "popularity": (0.1, 0.5),
    "repurchase": (0.1, 0.3),
    "sequence": (0.1, 1.0),
}
ACTIVE: Mapping[str, tuple[float, float]] = {
    "content": (0.0, 0.3),
    "conversation": (1.5, 1.0),
    "ease": (0.05, 1.0),
    "neighbours": (0.05, 1.0),
    "popularity": (0.01, 0.3),
    "repurchase": (0.01, 0.1),
    "sequence": (0.15, 1.0),
}
NEW = (0.1, 0.1)  # of a signal that nobody gave a weight
HALF_WAY = 1_000  # members at whom the prior is between the two
CHALLENGER = "popularity"
STEEP = 4.0  # of the softmax: what a weight of 1 means in logs
PULL = 40.0  # of the prior, in events
LEARNT_FROM = 600  # members at most
TARGETS = 10  # products of an example at most
MOMENTS = 2  # of a member that are learnt from
NEXT = 3  # events after such a moment that it is held to lead to
HOURS = 12.0  # since an event in which its member is active
NEGATIVES = 1_500  # products that are compared with, where there are more
SPARED = 0.3  # of what is popular, where nobody asked
TOP = 10
SAMPLED = 20  # one product in so many tells what the best have at least
TINY = 1e-12  # stands for 0 where it would be divided by
FAINT = 1e-3  # weight that the challenger always has: it speaks where nothing else does
FEW = 20  # members with events after the cut below whom nothing is learnt
Fit = Callable[[Shop, float], Signal | None]


@dataclass(frozen=True, slots=True)
class Example:
    """A member's history up to a moment, and what they took to next; `now` is when that was."""

    history: History
    targets: Ints
    now: float


@dataclass(frozen=True, slots=True)
class Blend:
    """Signals that are fitted, and their weights for a member who is active right now and for one who is not.

    `chosen` says which way won for each of the two: prior, learnt, or a signal's name. `unasked`: the weights for what
    a member did not ask for; what all are after they find by themselves.
    """

    signals: Mapping[str, Signal]
    idle: Mapping[str, float]
    active: Mapping[str, float]
    chosen: tuple[str, str] = ("prior", "prior")
    unasked: Mapping[str, float] | None = None

    def weights(self, history: History, now: float) -> Mapping[str, float]:
        """Those that count for this member at this moment."""
        return self.active if is_active(history, now) else self.idle

    def scored(self, history: History, now: float, *, unasked: bool = False) -> "Scored":
        """Every product, for one member at one moment; `unasked`: for a suggestion that they did not ask for."""
        weights = self.unasked if unasked else None
        return Scored(self, history, now, weights)

    def score(self, history: History, now: float) -> Floats:
        """What speaks for each product."""
        return self.scored(history, now).total


class Scored:
    """What speaks for each product, for one member: `total` is the sum of weight x value. A signal's value is 1 for the
    product that it says most of."""

    def __init__(self, blend: Blend, history: History, now: float, weights: Mapping[str, float] | None = None) -> None:
        self._blend, self._history, self._now = blend, history, now
        self.weights = weights or blend.weights(history, now)
        self._raw = {name: signal.score(history, now) for name, signal in blend.signals.items()}
        self._most = {name: max(float(values.max(initial=0.0)), TINY) for name, values in self._raw.items()}
        self.total: Floats = np.zeros(len(next(iter(self._raw.values()))))
        for name, values in self._raw.items():
            weight = self.weights.get(name, 0.0)
            if weight and self._most[name] > TINY:
                daxpy(values, self.total, a=weight / self._most[name])  # in place: half the time of adding a product

    def values(self, items: Ints | slice = slice(None)) -> NDArray[np.float64]:
        """Products x signals, in the blend's order."""
        return np.stack([values[items] / self._most[name] for name, values in self._raw.items()], axis=1)

    def best(self, count: int, without: Ints) -> Ints:
        """The places of the products with most, best first; none of `without`, none of which nothing speaks for."""
        wanted, least = count + len(without), 0.0
        if len(self.total) > SAMPLED * wanted:
            some = self.total[::SAMPLED]
            least = float(np.partition(some, -wanted)[-wanted])  # so many of the sample are above, so of all no fewer
        found = np.flatnonzero(self.total > least) if least <= 0 else np.flatnonzero(self.total >= least)
        found = found[~np.isin(found, without)]
        return found[np.argsort(-self.total[found], kind="stable")][:count]

    def parts(self, item: int) -> list[tuple[str, Part]]:
        """All that a product's score is the sum of, the greatest first, each with the signal that it is of."""
        found = []
        for name, signal in self._blend.signals.items():
            scale = self.weights.get(name, 0.0) / self._most[name]
            if scale and self._most[name] > TINY:  # as in the total: what is left of rounding is no reason
                parts = signal.parts(self._history, self._now, item)
                found += [(name, Part(one.source, one.value * scale)) for one in parts]
        return sorted(found, key=lambda one: -one[1].value)


def usual(prior: Mapping[str, tuple[float, float]], names: Sequence[str], members: int) -> dict[str, float]:
    """The prior for a community of so many members."""
    large = members / (members + HALF_WAY)
    ends = {name: prior.get(name, NEW) for name in names}
    return {name: (1 - large) * small + large * great for name, (small, great) in ends.items()}


def fit(shop: Shop, fits: Mapping[str, Fit], now: float, *, share: float = 0.8, again: bool = True) -> Blend:
    """Fit the signals on all events, with weights learnt from what came after the first `share` of them.

    `again`: may a product be put before a member who has it?
    """
    signals = fitted(shop, fits, now)
    community = len(np.unique(shop.events.member))
    priors = [usual(prior, [*signals], community) for prior in (PRIOR, ACTIVE)]
    if not signals or len(shop.events) < FEW:
        return Blend(signals, priors[0], priors[1])
    cut = float(np.quantile(shop.events.at, share))
    earlier = Shop(shop.events.before(cut), shop.members, shop.items, shop.words, shop.support)
    before = fitted(earlier, fits, cut) if len(earlier.events) else {}
    ways: list[tuple[str, Mapping[str, float]]] = []
    own: Mapping[str, float] = priors[0]
    for find, prior in zip((at_cut, within), priors, strict=True):
        examples = find(shop.events, cut, again=again)
        if len(examples) < FEW or not before:
            ways.append(("prior", prior))
            continue
        learnt = learn(before, prior, examples, again=again)
        own = learnt if find is at_cut else own
        ways.append(choose(before, {"prior": prior, "learnt": learnt}, examples, again=again))
    (first, idle), (second, active) = ways
    unasked = {name: weight * (SPARED if name == CHALLENGER else 1.0) for name, weight in _of(signals, own).items()}
    return Blend(signals, _of(signals, idle), _of(signals, active), (first, second), unasked)


def _of(signals: Mapping[str, Signal], weights: Mapping[str, float]) -> dict[str, float]:
    return {name: max(weights.get(name, 0.0), FAINT if name == CHALLENGER else 0.0) for name in signals}


def is_active(history: History, now: float) -> bool:
    """Did or does the member do something just now?"""
    return history.said is not None or (len(history) > 0 and now - float(history.at[-1]) < HOURS / 24)


def fitted(shop: Shop, fits: Mapping[str, Fit], now: float) -> dict[str, Signal]:
    found = {name: one(shop, now) for name, one in fits.items()}
    return {name: signal for name, signal in found.items() if signal is not None}


def _members(events: Events) -> list[Ints]:
    """The places of each member's events, oldest first."""
    order = np.argsort(events.member, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(events.member[order])) + 1)


def _example(events: Events, early: Ints, late: Ints, *, again: bool) -> Example | None:
    late = late[events.worth[late] > 0]
    if not again:
        late = late[~np.isin(events.item[late], events.item[early])]
    if not len(early) or not len(late):
        return None
    history = History(events.item[early], events.at[early], events.worth[early])
    _, first = np.unique(events.item[late], return_index=True)
    return Example(history, events.item[late[np.sort(first)]][:TARGETS], float(events.at[late[0]]))


def at_cut(events: Events, cut: float, *, again: bool) -> list[Example]:
    """Of each member with events on both sides of the cut: what they came back for."""
    found = []
    for places in _members(events):
        early = places[events.at[places] < cut]
        if one := _example(events, early, places[len(early) :], again=again):
            found.append(one)
    return _sample(found)


def within(events: Events, cut: float, *, again: bool) -> list[Example]:
    """Of each member who did several things within hours after the cut: what they went on with."""
    rng, found = np.random.default_rng(3), []
    for places in _members(events):
        at = events.at[places]
        going_on = np.flatnonzero((at[1:] >= cut) & (np.diff(at) < HOURS / 24)) + 1
        for place in rng.permutation(going_on)[:MOMENTS]:
            same = places[place:][at[place:] < at[place] + HOURS / 24][:NEXT]
            if one := _example(events, places[:place], same, again=again):
                found.append(one)
    return _sample(found)


def _sample(found: list[Example]) -> list[Example]:
    chosen = np.random.default_rng(1).permutation(len(found))[:LEARNT_FROM]
    return [found[place] for place in np.sort(chosen)]


def values_of(signals: Mapping[str, Signal], history: History, now: float) -> NDArray[np.float32]:
    """Products x signals, each column with 1 as its greatest."""
    return Scored(Blend(signals, {}, {}), history, now).values().astype(np.float32)


def learn(
    signals: Mapping[str, Signal], prior: Mapping[str, float], examples: Sequence[Example], *, again: bool
) -> dict[str, float]:
    """The weights under which what members took to is likeliest, given the prior."""
    from scipy.optimize import minimize  # 0.3 s, which no start needs

    rng = np.random.default_rng(2)
    centre = np.array([prior[name] for name in signals])
    held = []
    for one in examples:
        values = values_of(signals, one.history, one.now)
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
    *,
    again: bool,
) -> tuple[str, Mapping[str, float]]:
    """The blend with the best first ten, or the signal that is surely better than it; the challenger, where that is not
    surely beaten. Sure is by one standard error of the difference."""
    blends, ways = len(ways), {**ways, **{name: {CHALLENGER: FAINT, name: 1.0} for name in signals}}
    matrix = np.array([[way.get(name, 0.0) for name in signals] for way in ways.values()])
    worth = np.array([_worths(values_of(signals, one.history, one.now) @ matrix.T, one, again) for one in examples])
    names, means = [*ways], worth.mean(0)

    def surely(one: int, other: int) -> bool:
        apart = worth[:, one] - worth[:, other]
        return bool(apart.mean() > apart.std() / np.sqrt(len(apart)))

    best, single = int(means[:blends].argmax()), blends + int(means[blends:].argmax())
    if surely(single, best):
        best = single
    if CHALLENGER in signals and not surely(best, names.index(CHALLENGER)):
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
