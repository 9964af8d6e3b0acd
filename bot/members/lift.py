"""Did pushing help, and does it harm? Members who get none by chance are what it is compared with.

- `difference`: means of the two groups with an interval (Welch, corrected for skewness after Hall 1992). One look at a
  time that was set before.
- `snips`, `doubly_robust`: what another policy would have got, from the log of chances (Swaminathan and Joachims 2015;
  Dudík, Langford and Li 2011).
- `harm`: a test that may be looked at after every push. It is an e-process for two streams of yes and no (Turner, Ly
  and Grünwald, *Generic E-variables for exact sequential k-sample tests that allow for optional stopping*, 2024): under
  the hypothesis that a push drives nobody away, it ever reaches 1/alpha with a chance of alpha at most (Ville).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bot.members.signals.base import Floats, Ints

ALPHA = 0.05
# Rates of leaving without a push, and what a push may add, that the evidence is spread over.
USUALLY = (0.003, 0.01, 0.03, 0.1)
MORE = (0.03, 0.07, 0.15, 0.3)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def difference(pushed: Floats, held: Floats) -> Estimate | None:
    """How much more the mean of `pushed` is than that of `held`; None where a group is too small to say."""
    if min(len(pushed), len(held)) < 2:
        return None
    value = float(pushed.mean() - held.mean())
    parts = np.array([pushed.var(ddof=1) / len(pushed), held.var(ddof=1) / len(held)])
    error = float(np.sqrt(parts.sum()))
    if not error:
        return Estimate(value, value, value)
    freedom = parts.sum() ** 2 / (parts**2 / np.array([len(pushed) - 1, len(held) - 1])).sum()
    reach = float(stdtrit(freedom, 0.975))
    skew = (_third(pushed) - _third(held)) / error**3
    low, high = (_unskewed(end, skew) for end in (reach, -reach))
    return Estimate(value, value - low * error, value - high * error)


def _third(values: Floats) -> float:
    """The third cumulant of the mean."""
    return float(((values - values.mean()) ** 3).mean()) / len(values) ** 2


def _unskewed(end: float, skew: float) -> float:
    """An end of the t interval, corrected for skewed values: most members do nothing, a few do much."""
    if abs(skew) < 1e-6:
        return end
    return float(3 / skew * (np.cbrt(1 + skew * (end - skew / 6)) - 1))


def snips(rewards: Floats, logged: Floats, wanted: Floats) -> Estimate | None:
    """The mean reward of a policy that would have taken what was taken with the chances `wanted`, where the log's own
    were `logged`; None where it would have taken none of it."""
    weights = wanted / logged
    if len(rewards) < 2 or not weights.sum():
        return None
    value = float((weights * rewards).sum() / weights.sum())
    error = float(np.sqrt((weights**2 * (rewards - value) ** 2).sum()) / weights.sum())
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def doubly_robust(rewards: Floats, logged: Floats, wanted: Floats, said: Floats, expected: Floats) -> Estimate | None:
    """The same with a model of the rewards: `said` is what it expects of what was taken, `expected` of what the other
    policy would take. Right where either the model or the logged chances are."""
    if len(rewards) < 2:
        return None
    each = expected + wanted / logged * (rewards - said)
    reach = 1.96 * float(each.std(ddof=1) / np.sqrt(len(each)))
    return Estimate(float(each.mean()), float(each.mean()) - reach, float(each.mean()) + reach)


def policy_value(
    rewards: Floats,
    chosen: Sequence[int],
    chances: Sequence[Floats],
    wanted: Sequence[Floats],
    model: Callable[[int], Floats],
) -> tuple[Estimate | None, Estimate | None]:
    """SNIPS and doubly robust value of a policy. Per push: the place of what was taken among the candidates, the
    chances of all, those that the policy would give them, and what `model` of the push expects of each."""
    taken = np.array(chosen, dtype=np.int64)
    logged = np.array([one[place] for one, place in zip(chances, taken, strict=True)])
    other = np.array([one[place] for one, place in zip(wanted, taken, strict=True)])
    models = [model(at) for at in range(len(taken))]
    said = np.array([one[place] for one, place in zip(models, taken, strict=True)])
    expected = np.array([one @ want for one, want in zip(models, wanted, strict=True)])
    return snips(rewards, logged, other), doubly_robust(rewards, logged, other, said, expected)


@dataclass(frozen=True, slots=True)
class Harm:
    """Evidence that pushes drive members away, after each block of slots: 1 is none. `at`: the slot that a block was
    complete with."""

    evidence: Floats
    at: Ints

    @property
    def most(self) -> float:
        """That the evidence ever was: what was significant once stays so."""
        return float(self.evidence.max(initial=1.0))

    @property
    def significant(self) -> bool:
        return self.most >= 1 / ALPHA

    @property
    def found_at(self) -> int | None:
        """The slot with which it became significant."""
        past = np.flatnonzero(self.evidence >= 1 / ALPHA)
        return int(self.at[past[0]]) if len(past) else None


def harm(held: Sequence[bool], gone: Sequence[bool], share: float) -> Harm:
    """The evidence of slots in the order in which they came: was it held out, and did the member leave, block or opt
    out after it? `share` of the slots are held out by chance.

    Slots are taken in blocks of one held out and so many pushed as belong to it; what has no full block yet waits.
    Every pair of rates is a fair bet against the null hypothesis, the evidence is the mean of what they won.
    """
    groups, bad = np.array(held, dtype=bool), np.array(gone, dtype=np.int64)
    per = max(1, round((1 - share) / share)) if share > 0 else len(groups) + 1
    pushes, holds = np.flatnonzero(~groups), np.flatnonzero(groups)
    blocks = min(len(pushes) // per, len(holds))
    if not blocks:
        return Harm(np.zeros(0), np.zeros(0, np.int64))
    holds, by_block = holds[:blocks], pushes[: blocks * per].reshape(blocks, per)
    usual = np.repeat(USUALLY, len(MORE))
    pushed = usual + np.tile(MORE, len(USUALLY))
    both = (per * pushed + usual) / (per + 1)
    lost, missed = bad[by_block].sum(1)[:, None], bad[holds][:, None]
    won = lost * np.log(pushed / both) + (per - lost) * np.log((1 - pushed) / (1 - both))
    won += missed * np.log(usual / both) + (1 - missed) * np.log((1 - usual) / (1 - both))
    return Harm(np.exp(won.cumsum(0)).mean(1), np.maximum(by_block[:, -1], holds))
