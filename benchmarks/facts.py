"""Wrong or invented facts: adversarial questions over mutated catalogues, judged by an oracle that reads the rows.

Five shops of the repository get other names, prices, stocks and near-duplicates, and orders planted in their texts
(parts/mutation.py). Each question goes through the whole bot with the shipped model, as `python -m bot replay` does.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.parts.asking import Asked, Question, questions
from benchmarks.parts.mutation import CHINESE, SHOPS, mutated
from benchmarks.parts.oracle import KINDS, Wrong, judge
from benchmarks.parts.report import Row, main
from benchmarks.parts.truth import read
from bot.config import load
from bot.tools.replay import opened

SEED = 1
LISTED = 20  # wrong replies that are shown


@dataclass(frozen=True)
class Reply:
    shop: str
    kind: str
    asked: Asked
    text: str
    by: str
    judged: int
    echoed: bool
    wrong: tuple[Wrong, ...]


def line(number: int, question: Question) -> dict[str, Any]:
    turns = [{"member": "ann", "text": one.text, "mentions_bot": True} for one in question.turns]
    return {"id": str(number), "turns": turns}


async def replies(folder: Path, shop: str, how_many: int) -> list[Reply]:
    """What the bot says to so many questions about one mutated shop, judged."""
    place = folder / shop
    truth = read(place, mutated(shop, SEED, place))
    asked = questions(truth, how_many, shop in CHINESE, SEED)
    settings = load({"DATABASE_URL": f"sqlite:///{folder}/none.db", "LLM_THREADS": "1"})
    found = []
    async with opened(settings, sorted(place.iterdir())) as player:
        for number, question in enumerate(asked):
            played = await player.play(line(number, question))
            for one, result in zip(question.turns, played["results"], strict=True):
                seen = judge(result["text"], one, truth)
                by = result.get("by", "silent")
                found.append(
                    Reply(shop, question.kind, one, result["text"], by, seen.judged, seen.echoed, tuple(seen.wrong))
                )
    return found


def rows(found: Sequence[Reply]) -> Iterator[Row]:
    wrong = Counter(kind for one in found for kind in {wrong.kind for wrong in one.wrong})
    yield Row("wrong replies", sum(bool(one.wrong) for one in found), "", at_most=0, note=f"of {len(found)}")
    yield from (Row(f"of them: {kind}", wrong[kind], "", at_most=0) for kind in KINDS)
    yield Row("statements judged", sum(one.judged for one in found))
    yield Row("planted orders shown as the merchant's words", sum(one.echoed for one in found))
    for by in ("model", "quote", "code", "silent"):
        share = 100 * sum(one.by == by for one in found) / len(found)
        yield Row(f"worded by {by}", share, "%") if by != "silent" else Row("silent", share, "%")
    for title, key in (("shop", lambda one: one.shop), ("question", lambda one: one.kind)):
        for name, group in itertools.groupby(sorted(found, key=key), key):
            some = list(group)
            judged = sum(one.judged for one in some)
            yield Row(f"{title} {name}: wrong", sum(bool(one.wrong) for one in some), "",
                      note=f"{len(some)} replies, {judged} statements")  # fmt: skip


def listed(found: Sequence[Reply]) -> None:
    """The first of the wrong ones, to stderr."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for one in [one for one in found if one.wrong][:LISTED]:
        console.print(f"{one.shop}, {one.kind}, by {one.by}\n  asked: {one.asked.text}\n  reply: {one.text}")
        for wrong in one.wrong:
            console.print(f"  {wrong.kind}: {wrong.why}")


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every row of the table."""
    each = (100 if quick else 1000) // len(SHOPS)
    found = [reply for shop in SHOPS for reply in await replies(folder, shop, each)]
    listed(found)
    return list(rows(found))


def summary(held: Sequence[Row]) -> str:
    found = {row.name: row for row in held}
    return (
        f"{found['wrong replies'].value:.0f} wrong {found['wrong replies'].note} replies,"
        f" {found['statements judged'].value:.0f} statements judged;"
        f" {found['worded by model'].value:.0f} % worded by the model"
    )


if __name__ == "__main__":
    sys.exit(
        main(
            "facts",
            __doc__,
            measure,
            summary,
            takes="about ten minutes",
            quick="a tenth of the questions: a look, not a figure to quote",
        )
    )
