"""Did suggesting help? Presses in a town of members with known tastes, and whether the proof of it can be trusted.

The town, its numbers and its seeds stand in `benchmarks/parts/simulator.py`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.parts.report import Row, main
from benchmarks.parts.simulator import SEEDS, Floats, Ints, Town, World

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

    def pressed(self, chosen: Ints, pressed: np.ndarray) -> None:
        """It learns nothing from them."""


class Oracle:
    """Knows every chance."""

    def __init__(self, world: World) -> None:
        self._world = world

    def saw(self, members: Ints, products: Ints) -> None:
        """It knows already."""

    def choose(self) -> Ints:
        return self._world.oracle()

    def pressed(self, chosen: Ints, pressed: np.ndarray) -> None:
        """It knows already."""


Policy = Popularity | Oracle


def presses(make: Callable[[World], Policy], seed: int, town: Town) -> Floats:
    """How often each member pressed, with one suggestion a week."""
    world = World(town, seed)
    policy = make(world)
    count = np.zeros(town.members)
    for week in range(-town.before, town.weeks):
        policy.saw(*world.asked())
        if week >= 0:
            chosen = policy.choose()
            pressed = world.push(chosen)
            policy.pressed(chosen, pressed)
            count += pressed
    return count


async def measure(folder: Path, quick: bool) -> list[Row]:
    town, rows = Town(), []
    for seed in SEEDS[: 1 if quick else None]:
        greedy, oracle = (presses(make, seed, town).sum() for make in (Popularity, Oracle))
        rows.append(Row(f"town {seed}: presses, greedy popularity", float(greedy)))
        rows.append(Row(f"town {seed}: presses, oracle", float(oracle), note=f"{oracle / greedy:.2f} of popularity's"))
    return rows


def summary(rows: Sequence[Row]) -> str:
    return f"{len(rows)} rows"


if __name__ == "__main__":
    sys.exit(main("lift", __doc__, measure, summary, takes="ten seconds", quick="one town"))
