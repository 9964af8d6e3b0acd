"""How many questions of labelled shops the whole bot handles as their merchant would want, and who worded the replies.

Each shop is a folder with its export, faq.md and questions.jsonl (see bot/tools/labelled.py); by default those in
tests/shops. Shares by kind of question and by language; the checks on the texts are necessary, not sufficient.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from bot.tools.labelled import as_line, judge

SHOPS = ROOT / "tests" / "shops"
FILES = ("shop.json", "catalog.csv", "feed.xml", "faq.md")
QUICK = 20  # questions of each shop


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every question of every shop through `python -m bot replay`, one shop after the other."""
    kinds: Counter[str] = Counter()
    right: Counter[str] = Counter()
    worded: Counter[str] = Counter()
    for shop in sorted(SHOPS.iterdir()):
        lines = (shop / "questions.jsonl").read_text("utf-8").splitlines()
        asked = [json.loads(line) for line in lines][: QUICK if quick else None]
        results = await replayed(folder, shop, asked)
        for question, result in zip(asked, results, strict=True):
            good = judge(question, result)
            for kind in (question["kind"], f"all, {question['lang'][:2]}", shop.name):
                kinds[kind] += 1
                right[kind] += good
            if good and result["action"] == "reply":
                worded[result["by"]] += 1
    share = worded["model"] / max(1, worded.total())
    rows = [Row(f"{kind} ({count})", 100 * right[kind] / count, "%") for kind, count in sorted(kinds.items())]
    return [*rows, Row("right replies worded by the model", 100 * share, "%", at_least=60)]


async def replayed(folder: Path, shop: Path, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The result of each question's last turn."""
    source, out = folder / "asked.jsonl", folder / "answered.jsonl"
    source.write_text("".join(json.dumps(as_line(one)) + "\n" for one in asked), "utf-8")
    files = [str(shop / name) for name in FILES if (shop / name).exists()]
    command = (sys.executable, "-m", "bot", "replay", str(source), "--json", str(out), "--shop", *files)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    if await process.wait():
        sys.exit(f"{shop.name}: the replay failed")
    return [json.loads(line)["results"][-1] for line in out.read_text("utf-8").splitlines()]


def summary(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.name.split(' (')[0]} {row.value:.0f} %" for row in rows if row.name.startswith("all, "))


if __name__ == "__main__":
    sys.exit(main("answers", __doc__, measure, summary, takes="about 2 minutes", quick="20 questions of each shop"))
