"""Did suggesting help? Presses in a town of members with known tastes, and whether the proof of it can be trusted.

The town, its numbers and its seeds stand in `benchmarks/parts/simulator.py`; each policy sends every member one
suggestion a week. The interval is that of `/lift`: purchases of members that get pushes against those of the holdout,
in towns where the true difference is known. Harm is looked for after every push, as the bot does it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.parts.pushing import Logged, Oracle, Ours, Policy, Popularity
from benchmarks.parts.report import Row, main
from benchmarks.parts.simulator import (
    HARM_SEEDS,
    LIFT_SEEDS,
    MORE_SEEDS,
    SEEDS,
    Floats,
    Town,
    World,
    departures,
    purchases,
)
from bot.members.bandit import HOLDOUT, held_out
from bot.members.lift import difference, harm, policy_value

REPLAYED = 2_000  # pushes that the estimates of another policy are made of


def played(make: Callable[[World], Policy], seed: int, town: Town) -> tuple[Policy, Floats]:
    """The policy after all weeks, and how often each member pressed."""
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
    return policy, count


def presses(town: Town, seeds: Sequence[int]) -> tuple[list[Row], Floats, list[Logged]]:
    """How often each policy was pressed; with how often each member may be expected to press ours, and its log."""
    rows, ours, log, ratios = [], [], [], []
    for seed in seeds:
        greedy, oracle = (played(make, seed, town)[1].sum() for make in (Popularity, Oracle))
        policy, count = played(Ours, seed, town)
        assert isinstance(policy, Ours)
        ours.append(count)
        log = log or policy.log
        ratios.append(float(count.sum() / greedy))
        note = f"greedy popularity {greedy:.0f}, oracle {oracle:.0f} ({oracle / greedy:.2f})"
        rows.append(Row(f"town {seed}: presses of ours", float(count.sum()), note=note))
        rows.append(Row(f"town {seed}: presses by greedy popularity's", ratios[-1], at_least=1.5))
    return rows, np.mean(ours, axis=0), log


def coverage(town: Town, pressed: Floats, seeds: Sequence[int]) -> Row:
    """How many of the intervals hold the true difference in purchases."""
    right = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        held = np.array([held_out(seed, member) for member in range(town.members)])
        without, with_pushes, true = purchases(town, pressed, rng)
        found = difference(with_pushes[~held], without[held])
        right += found is not None and found.low <= true <= found.high
    note = f"{len(seeds)} experiments"
    return Row("95 % intervals that hold the true lift", 100 * right / len(seeds), "%", at_least=93.0, note=note)


def pauses(town: Town, seeds: Sequence[int], more: float) -> list[int | None]:
    """After how many pushes each run paused; None: never."""
    found: list[int | None] = []
    for seed in seeds:
        held = np.array([held_out(seed, member) for member in range(town.members)])
        slots = departures(town, held, np.random.default_rng(seed), more)
        at = harm([slot[0] for slot in slots], [slot[1] for slot in slots], HOLDOUT).found_at
        found.append(None if at is None else sum(not slot[0] for slot in slots[: at + 1]))
    return found


def replayed(log: Sequence[Logged]) -> list[Row]:
    """The value of always taking the first candidate, estimated from the log of Thompson sampling."""
    chosen = np.random.default_rng(1).choice(len(log), min(REPLAYED, len(log)), replace=False)
    part = [log[place] for place in chosen]
    first = [np.eye(len(one.candidates))[0] for one in part]
    usual = float(np.mean([one.pressed for one in part]))
    estimates = policy_value(
        np.array([one.pressed for one in part], dtype=np.float64),
        [one.place for one in part],
        [one.chances for one in part],
        first,
        lambda at: usual * part[at].scores / max(float(part[at].scores.mean()), 1e-12),
    )
    true = float(np.mean([one.true[0] for one in part]))
    rows = []
    for name, found in zip(("SNIPS", "doubly robust"), estimates, strict=True):
        if found:
            note = f"true {true:.4f}, interval {found.low:.4f} to {found.high:.4f}"
            rows.append(Row(f"{name}: press rate of another policy", found.value, note=note))
    return rows


async def measure(folder: Path, quick: bool) -> list[Row]:
    town = Town()
    rows, pressed, log = presses(town, SEEDS[:1] if quick else SEEDS)
    rows += [coverage(town, pressed, seeds) for seeds in (LIFT_SEEDS, LIFT_SEEDS[:50] if quick else MORE_SEEDS)]
    rows += replayed(log)
    found = pauses(town, HARM_SEEDS, town.harm)
    within = [one for one in found if one is not None and one <= 500]
    middle = float(np.median([one or np.inf for one in found]))
    note = f"{len(within)} of {len(found)} runs within 500; the latest after {max(one or 10**9 for one in found)}"
    rows.append(Row("pushes until the pause when they harm, median", middle, at_most=500, note=note))
    rows.append(Row("runs that pause within 500 pushes", 100 * len(within) / len(found), "%"))
    false = sum(one is not None for one in pauses(town, LIFT_SEEDS[:50] if quick else LIFT_SEEDS, 0.0))
    rows.append(Row("A/A runs that pause", 100 * false / (50 if quick else len(LIFT_SEEDS)), "%", at_most=5.0))
    return rows


def summary(rows: Sequence[Row]) -> str:
    ratios = [row.value for row in rows if "by greedy" in row.name]
    return f"{np.mean(ratios):.2f} times the presses of greedy popularity"


if __name__ == "__main__":
    sys.exit(main("lift", __doc__, measure, summary, takes="five minutes", quick="one town, 50 A/A runs"))
