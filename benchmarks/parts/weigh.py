"""Makes bot/conversation/weigh.toml: what each piece of evidence weighs for each act.

`python -m benchmarks.parts.weigh` takes about five minutes. For every question of the shops in tests/shops that is
marked `dev`, each plan that may answer it is judged as a reply; a multinomial regression learns to tell those that
pass. Prints how many would be answered well with the weights of the other shops, beside what the rules alone chose.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.parts.labelled import SHOPS, opened
from bot.app import make_encoders
from bot.config import load
from bot.conversation import weigh
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.conversation.understanding import Reading
from bot.knowledge.library import Library
from bot.language import language
from bot.tools.labelled import judge
from llm.protocol import Act, Plan

KEEP = 0.2  # of a weight's square, added to the loss
LEAST = 0.005  # smaller weights are none
REFUSED = {
    Act.UNKNOWN: "refuse",
    Act.OFFTOPIC: "refuse",
    Act.ABUSE: "refuse",
    Act.UNSAFE: "refuse",
    Act.HANDOFF: "handoff",
}
Evidence = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its shop and split; of each plan, the rules' own first, the evidence and whether it would do."""

    shop: str
    split: str
    language: str
    plans: Sequence[tuple[Evidence, bool]]


class Watched(Planner):
    """Keeps what was asked and chosen, as rules have it."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.seen: list[tuple[Reading, Context, Plan]] = []

    async def _second(self, reading: Reading, context: Context, plan: Plan) -> list[Plan]:
        self.seen.append((reading, context, plan))
        return [plan]


def reply(plan: Plan) -> dict[str, Any]:
    """The plan as the reply that its quote would be."""
    text = plan.quote or " ".join(fact.value for fact in plan.facts)
    return {"text": text, "action": REFUSED.get(plan.act, "reply"), "facts": list(plan.facts)}


async def gathered(folder: Path) -> list[Asked]:
    encoders = make_encoders(load({}, env_file=None))
    found: list[Asked] = []
    for shop in sorted(SHOPS.iterdir()):
        questions = [json.loads(line) for line in (shop / "questions.jsonl").read_text("utf-8").splitlines()]
        async with opened(folder, shop, encoders) as library:
            found += [one for question in questions if (one := await _asked(library, shop.name, question))]
        print(f"{shop.name}: {sum(one.shop == shop.name for one in found)} questions")
    await encoders.close()
    return found


async def _asked(library: Library, shop: str, question: dict[str, Any]) -> Asked | None:
    """None where rules settle it, or where the message holds several questions."""
    if not question["addressed"]:
        return None
    planner, said = Watched(library), dict[str, Context]()
    for turn in question["turns"]:
        before = said.get(turn["member"], Context())
        spoken = language(turn["text"], library.language or "en")
        context = Context(spoken, turn["member"], shop, before.rows, before.act, before.asked, earlier=before.earlier)
        planner.seen.clear()
        plans = await planner.plan(turn["text"], context)
        if rows := tuple(dict.fromkeys(row for one in plans for row in one.sources)):
            said[turn["member"]] = Context(rows=rows, act=plans[0].act, asked=turn["text"], earlier=before.rows)
    if len(planner.seen) != 1:
        return None
    reading, _, plan = planner.seen[0]
    if not weigh.is_open(reading, plan):
        return None
    candidates = await planner.weigh.candidates(*planner.seen[0])
    if not candidates:
        return None
    plans_ = [(one.evidence, judge(question, reply(one.plan))) for one in candidates]
    return Asked(shop, question["split"], reading.language, plans_)


def fit(asked: Sequence[Asked]) -> dict[str, float]:
    """The weights that make plans which would do the likeliest, by Newton-like steps."""
    some = [one for one in asked if any(good for _, good in one.plans)]
    names = sorted({name for one in some for evidence, _ in one.plans for name in evidence})
    place = {name: at for at, name in enumerate(names)}
    held = torch.zeros(sum(len(one.plans) for one in some), len(names))
    of = torch.tensor([at for at, one in enumerate(some) for _ in one.plans])
    good = torch.tensor([float(fine) for one in some for _, fine in one.plans])
    for row, evidence in enumerate(evidence for one in some for evidence, _ in one.plans):
        for name, value in evidence.items():
            held[row, place[name]] = value
    weights = torch.zeros(len(names), requires_grad=True)
    steps = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        steps.zero_grad()
        scores = held @ weights
        shares = (scores - scores.max()).exp()
        whole = torch.zeros(len(some)).scatter_add(0, of, shares)
        right = torch.zeros(len(some)).scatter_add(0, of, shares * good)
        lost: torch.Tensor = -(right.clamp_min(1e-12) / whole).log().sum() + KEEP * (weights**2).sum()
        lost.backward()  # type: ignore[no-untyped-call]
        return lost

    steps.step(loss)
    return {name: round(value, 2) for name, value in zip(names, weights.tolist(), strict=True) if abs(value) >= LEAST}


def chosen(weights: Mapping[str, float], one: Asked) -> bool:
    """Would what these weights choose do?"""
    chances = weigh.likely(weights, [evidence for evidence, _ in one.plans])
    return one.plans[chances.index(max(chances))][1]


def report(asked: Sequence[Asked]) -> None:
    """By shop: what the rules chose, and what the weights of the other shops would."""
    right: Counter[tuple[str, str]] = Counter()
    for shop in dict.fromkeys(one.shop for one in asked):
        here = [one for one in asked if one.shop == shop]
        weights = {
            spoken: fit([one for one in asked if one.shop != shop and one.split == "dev" and one.language == spoken])
            for spoken in {one.language for one in here}
        }
        rules = sum(one.plans[0][1] for one in here)
        learnt = sum(chosen(weights[one.language], one) for one in here)
        right["rules", here[0].language] += rules
        right["weights", here[0].language] += learnt
        print(f"{shop:12} {len(here):4} left open by rules: they choose well {rules:4}, weights of others {learnt:4}")
    print(dict(right))


def written(weights: Mapping[str, Mapping[str, float]]) -> str:
    lines = ["# Made by `python -m benchmarks.parts.weigh`: see bot/conversation/weigh.py."]
    for spoken, held in weights.items():
        by_act: dict[str, list[str]] = defaultdict(list)
        for name, value in sorted(held.items()):
            act, _, evidence = name.partition(".")
            by_act[act].append(f"{evidence} = {value:.2f}")
        for act, some in by_act.items():
            lines += ["", f"[{spoken}.{act}]", *some]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts.weigh", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(weigh.__file__).with_suffix(".toml"), help="where they go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = asyncio.run(gathered(Path(folder)))
    report(asked)
    learnt = [one for one in asked if one.split == "dev"]
    languages = sorted({one.language for one in learnt})
    weights = {spoken: fit([one for one in learnt if one.language == spoken]) for spoken in languages}
    options.out.write_text(written(weights), "utf-8")


if __name__ == "__main__":
    main()
