"""Makes bot/conversation/sure.toml: what each piece of evidence weighs, and the least chance for each precision.

`python -m benchmarks.parts.calibrate --data DIR` takes about ten minutes. A logistic regression for each language, with
and without an encoder; the thresholds are read off messages that the regression did not learn from, one question to the
shop among ten messages.
"""

import argparse
import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.parts.labelled import DEMO, SHOPS, Labelled, chatter, opened, questions
from bot.app import make_encoders
from bot.config import load
from bot.conversation import sure
from bot.conversation.context import Context
from bot.conversation.gate import answers, aside
from bot.conversation.plan import Planner
from bot.conversation.understanding import read
from bot.language import language
from llm.encoder import Encoders

SHARE = 0.1  # of messages are questions to the shop
PRECISIONS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
UNKNOWN = 0.2  # what an unanswerable question weighs
BESIDE = 3  # shops whose groups the chatter is put into
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Column = np.ndarray[tuple[int], np.dtype[np.float64]]
Rows = list[tuple[Labelled, dict[str, float] | None, bool]]  # with its evidence if rules leave it open, and an answer


async def gathered(folder: Path, data: Path, encoders: Encoders | None, how_many: int) -> dict[str, Rows]:
    """The evidence of every message, by the name of its weights."""
    found: dict[str, Rows] = defaultdict(list)
    places = [*sorted(SHOPS.iterdir()), DEMO]
    talk = chatter(data, how_many, held_out=False)
    for at, shop in enumerate(places):
        async with opened(folder, shop, encoders) as library:
            planner = Planner(library)
            for one in [*questions(shop, at % 2), *(talk if at % (len(places) // BESIDE) == 0 else [])]:
                reading = read(one.text, language(one.text, "en"))
                held, told = None, False
                if not aside(one.text, reading, ()):
                    held = await sure.evidence(reading, library)
                    told = answers(await planner.plan(one.text, Context(reading.language)))
                kind = "meaning" if encoders else "words"
                found[f"{reading.language}_{kind}"].append((one, held, told))
    return found


def fit(features: Matrix, wanted: Column, weights: Column) -> Column:
    """Weights of a logistic regression, the bias last, by Newton's method."""
    held = np.c_[features, np.ones(len(features))]
    found, weights = np.zeros(held.shape[1]), weights / weights.sum()
    for _ in range(50):
        chances = 1 / (1 + np.exp(-held @ found))
        slope = held.T @ (weights * (chances - wanted)) + 1e-3 * np.r_[found[:-1], 0]
        curve = (held * (weights * chances * (1 - chances))[:, None]).T @ held + 1e-3 * np.eye(len(found))
        found -= np.linalg.solve(curve, slope)
    return found


def learnt(rows: Rows, names: list[str]) -> Column:
    some = [(one, held) for one, held, _ in rows if held is not None and not held["bare"]]
    wanted = np.array([float(one.wanted) for one, _ in some])
    unknown = np.array([one.source == "refuse_unknown" for one, _ in some])
    each = np.where(
        unknown, UNKNOWN / max(1, unknown.sum()), np.where(wanted > 0, 1 / wanted.sum(), 1 / (1 - wanted).sum())
    )
    return fit(np.array([[held[name] for name in names] for _, held in some]), wanted, each)


def thresholds(rows: Rows, names: list[str]) -> dict[float, float]:
    """Precision -> the least chance that reached it, and every chance above it, on what was not learnt from."""
    right, wrong, asked, said = [], [], 0, 0
    for half in (0, 1):
        weights = learnt([row for row in rows if row[0].half != half], names)
        for one, held, told in rows:
            if one.half == half and one.source != "refuse_unknown":
                asked, said = asked + one.wanted, said + (not one.wanted)
                if held is not None and not held["bare"] and told:
                    score = sum(weights[at] * held[name] for at, name in enumerate(names)) + weights[-1]
                    (right if one.wanted else wrong).append(1 / (1 + np.exp(-score)))
    found, best = {}, 0.97
    good, bad = np.array(right), np.array(wrong)
    for precision in sorted(PRECISIONS, reverse=True):
        for least in np.arange(best, 0.02, -0.01):
            hits = SHARE * (good >= least).sum() / asked
            misses = (1 - SHARE) * (bad >= least).sum() / said
            if hits < precision * (hits + misses):
                break
            best = float(least)
        found[precision] = best
        print(f"  {precision:.2f}: {best:.2f}, recall {(good >= best).sum() / asked:.2f},"
              f" small talk answered {1000 * (bad >= best).sum() / said:.1f} per 1,000")  # fmt: skip
    return found


async def main(data: Path, how_many: int, out: Path) -> None:
    text = "# Made by `python -m benchmarks.parts.calibrate`: see bot/conversation/sure.py.\n"
    for mode in ("off", "bundled"):
        encoders = make_encoders(load({"EMBED_MODEL": mode}, env_file=None)) if mode != "off" else None
        with tempfile.TemporaryDirectory() as folder:
            found = await gathered(Path(folder), data, encoders, how_many)
        for name, rows in sorted(found.items()):
            features = [one for one in next(held for _, held, _ in rows if held) if one != "bare"]
            print(f"{name}: {len(rows)} messages")
            weights, least = learnt(rows, features), thresholds(rows, features)
            text += f"\n[{name}]\n" + "".join(
                f"{one} = {value:.2f}\n" for one, value in zip([*features, "bias"], weights, strict=True)
            )
            text += f"\n[{name}_precision]\n" + "".join(
                f'"{one:.2f}" = {value:.2f}\n' for one, value in sorted(least.items())
            )
        if encoders:
            await encoders.close()
    await asyncio.to_thread(out.write_text, text, "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts.calibrate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of public text")
    parser.add_argument("--lines", type=int, default=3000, help="lines of small talk from each source (3000)")
    parser.add_argument("--out", type=Path, default=Path(sure.__file__).with_name("sure.toml"))
    given = parser.parse_args()
    asyncio.run(main(given.data, given.lines, given.out))
