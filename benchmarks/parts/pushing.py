"""Who chooses what members of the simulated town are sent: greedy popularity, an oracle, and the bot's own way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.parts.simulator import Floats, Ints, World
from bot.language import tokens
from bot.members import signals as folder
from bot.members.bandit import CANDIDATES, Pressed, Rates, draw, rates
from bot.members.blend import Blend, Scored, fit
from bot.members.signals.base import WORTH, Events, History, Shop
from bot.members.vectors import words_of
from bot.registry import load

FADE = 0.8  # what a question of the week before counts for popularity


class Popularity:
    """Greedy: the most asked about of late that this member was not sent before."""

    def __init__(self, world: World) -> None:
        self._counts: Floats = np.zeros(world.town.products)
        self._put = np.zeros((world.town.members, world.town.products), bool)

    def saw(self, members: Ints, products: Ints) -> None:
        self._counts = FADE * self._counts + np.bincount(products, minlength=len(self._counts))

    def choose(self) -> Ints:
        chosen = np.where(self._put, -1.0, self._counts).argmax(1)
        self._put[np.arange(len(chosen)), chosen] = True
        return chosen

    def pressed(self, chosen: Ints, pressed: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> None:
        """It learns nothing from them."""


class Oracle:
    """Knows every chance."""

    def __init__(self, world: World) -> None:
        self._world = world

    def saw(self, members: Ints, products: Ints) -> None:
        """It knows already."""

    def choose(self) -> Ints:
        return self._world.oracle()

    def pressed(self, chosen: Ints, pressed: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> None:
        """It knows already."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One push as the log has it, with the signals' values of what was chosen, and what only the town knows: `true`,
    each candidate's chance to be pressed."""

    candidates: Ints
    scores: Floats
    chances: Floats
    place: int
    true: Floats
    values: Mapping[str, float]
    pressed: bool = False


class Ours:
    """The blend, refitted each week, and Thompson sampling over its first ten. `log`: its pushes."""

    def __init__(self, world: World) -> None:
        town = world.town
        self._world, self._rng = world, np.random.default_rng(7)
        self._words = words_of([dict.fromkeys(tokens(text), 1.0) for text in world.texts]).matrix
        self._fits = {one.__name__.rpartition(".")[2]: one.fit for one in load(folder)}
        self._rows: list[tuple[Ints, Ints, Floats, Floats]] = []
        self._week = 0
        self._put = np.zeros((town.members, town.products), bool)
        self._names: list[str] = []
        self._before: list[Logged] = []
        self.log: list[Logged] = []

    def saw(self, members: Ints, products: Ints) -> None:
        at = 7.0 * self._week + 6.0 * np.linspace(0.0, 1.0, len(members))
        self._rows.append((members, products, at, np.full(len(members), WORTH["asked"])))
        self._week += 1

    def choose(self) -> Ints:
        town, now = self._world.town, 7.0 * self._week - 0.5
        events = Events(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
        blend = fit(Shop(events, town.members, town.products, self._words), self._fits, now, again=False)
        order = np.argsort(events.member, kind="stable")
        ends = np.searchsorted(events.member[order], np.arange(town.members + 1))
        places = [order[ends[member] : ends[member + 1]] for member in range(town.members)]
        histories = [History(events.item[mine], events.at[mine], events.worth[mine]) for mine in places]
        learnt = self._rates(blend)
        chances = self._world.chances()
        self._before = [
            self._one(learnt, blend.scored(one, now, unasked=True), one, member, chances[member])
            for member, one in enumerate(histories)
        ]
        chosen = np.array([one.candidates[one.place] for one in self._before])
        self._put[np.arange(town.members), chosen] = True
        return chosen

    def _rates(self, blend: Blend) -> Rates:
        self._names = [*blend.signals]
        rows = [[one.values.get(name, 0.0) for name in self._names] for one in self.log]
        seen = Pressed(
            np.array([one.candidates[one.place] for one in self.log], dtype=np.int64),
            np.array(rows, dtype=np.float64).reshape(len(rows), len(self._names)),
            np.array([one.pressed for one in self.log], dtype=np.float64),
        )
        return rates(
            seen, np.array([(blend.unasked or blend.idle)[name] for name in self._names]), self._world.town.products
        )

    def _one(self, learnt: Rates, scored: Scored, history: History, member: int, true: Floats) -> Logged:
        total = scored.total.copy()
        total[self._put[member]] = -1.0
        total[history.item] = -1.0
        best = np.argsort(-total, kind="stable")[:CANDIDATES]
        values = scored.values(best)
        chances = learnt.propensities(best, values, self._rng)
        place = draw(chances, self._rng)
        told = dict(zip(self._names, values[place].tolist(), strict=True))
        expected = learnt.expected(values) * learnt.quality()[best]
        return Logged(best, expected, chances, place, true[best], told)

    def pressed(self, chosen: Ints, pressed: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> None:
        members = np.flatnonzero(pressed)
        at = np.full(len(members), 7.0 * self._week - 0.4)
        self._rows.append((members, chosen[members], at, np.full(len(members), WORTH["pressed"])))
        self.log += [replace(one, pressed=bool(did)) for one, did in zip(self._before, pressed, strict=True)]


Policy = Popularity | Oracle | Ours
