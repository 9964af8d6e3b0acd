"""Real people's wordings through the whole bot: how many of their questions get the row that answers them.

Two public sets become test shops: StackFAQ (an FAQ and how ten people would ask each entry) and semiPQA (questions
about one attribute of a product with a dozen). Nothing of either is trained on. What the bot leaves to the team is
counted apart from what it gets wrong.
"""

import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.parts.report import Row, main
from bot.config import load
from bot.knowledge.importers.plain import FIELDS
from bot.tools.replay import opened

FAQ, PRODUCTS = "stackfaq/faq.jsonl.gz", "amazon_product_qa/semiPQA__attribute_ranking__dev.jsonl.gz"
ASKED, QUICK, SEED = 250, 50, 1  # questions of each set
ANSWER = 300  # characters of an answer that become the article
VALUE = re.compile(r"value:\s*\"?([^\"{}\[\];]+)\"?")
SENTENCE = re.compile(r"(?<=[.!?])\s+")
COLUMNS = {name for names in FIELDS.values() for name in names}  # an attribute that is called so needs another name
TITLES = ("Aster", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Heath", "Iris", "Juniper")
NOUNS = ("Set", "Kit", "Pack", "Box", "Pair")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    answers: tuple[str, ...]  # a right reply holds one of them


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def faq(source: Path, folder: Path, count: int) -> list[Question]:
    """Writes faq.md; questions in the words of those who rephrased them."""
    random_ = random.Random(SEED)
    asked, articles = [], []
    for entry in lines(source):
        said = " ".join(entry["answers"][0].split())
        kept = SENTENCE.split(said[:ANSWER].rpartition(". ")[0] + "." if len(said) > ANSWER else said)
        if not any(len(one) > 20 for one in kept):  # a bare link
            continue
        articles.append(f"## {entry['question']}\n\n{' '.join(kept)}\n")
        asked += [Question(text, tuple(one for one in kept if len(one) > 20)) for text in entry["rephrasings"]]
    (folder / "faq.md").write_text("\n".join(articles), "utf-8")
    return random_.sample(asked, min(count, len(asked)))


def products(source: Path, folder: Path, count: int) -> list[Question]:
    """Writes catalog.json: a product for each question, with the attributes that it was asked over."""
    held: dict[str, dict[str, list[str]]] = {}
    wanted: dict[str, set[str]] = {}
    for line in lines(source):
        name, _, data = line["candidate"].partition(":")
        values = [{"true": "yes", "false": "no"}.get(one.strip(), one.strip()) for one in VALUE.findall(data)]
        if not values or len(" ".join(values)) > 60:
            continue
        name = f"{name} kind" if name.replace("_", "").lower() in COLUMNS else name
        held.setdefault(line["question"], {})[name.replace("_", " ")] = values
        if line["label"] == "1":
            wanted.setdefault(line["question"], set()).add(", ".join(values))
    chosen = random.Random(SEED).sample(sorted(wanted), min(count, len(wanted)))
    rows, asked = [], []
    for number, question in enumerate(chosen):
        title = f"{TITLES[number % len(TITLES)]} {NOUNS[number // len(TITLES) % len(NOUNS)]} {100 + number}"
        rows.append(
            {"id": str(number), "title": title, "price": "10.00", "stock": 5}
            | {name: ", ".join(values) for name, values in held[question].items()}
        )
        asked.append(Question(f"{title}: {question}", tuple(wanted[question])))
    (folder / "catalog.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), "utf-8")
    return asked


async def judged(files: Sequence[Path], asked: Sequence[Question]) -> Counter[str]:
    """How many were answered right, left to the team (or unanswered), and answered wrong."""
    settings = load({"DATABASE_URL": f"sqlite:///{files[0].with_name('none.db')}", "LLM_THREADS": "1"})
    found: Counter[str] = Counter()
    async with opened(settings, files) as player:
        for number, question in enumerate(asked):
            turn = {"member": "ann", "text": question.text, "mentions_bot": True}
            played = await player.play({"id": str(number), "turns": [turn]})
            result = played["results"][0]
            if result["action"] != "reply":
                found["left to the team"] += 1
            else:
                right = any(
                    re.search(rf"(?<!\w){re.escape(one)}(?!\w)", result["text"], re.I) for one in question.answers
                )
                found["right" if right else "wrong"] += 1
    return found


async def measure(folder: Path, quick: bool, data: Path | None) -> list[Row]:
    rows: list[Row] = []
    for name, make, source in (("FAQ", faq, FAQ), ("attributes", products, PRODUCTS)):
        if data is None or not (data / source).exists():
            sys.stderr.write(f"{name}: skipped, --data DIR has to hold {source}\n")
            continue
        place = folder / name
        place.mkdir()
        (place / "shop.json").write_text('{"name": "Alder", "currency": "USD", "default_language": "en"}', "utf-8")
        asked = make(data / source, place, QUICK if quick else ASKED)
        found = await judged(sorted(place.iterdir()), asked)
        for kind in ("right", "left to the team", "wrong"):
            rows.append(Row(f"{name}: {kind}", 100 * found[kind] / found.total(), "%", note=f"of {found.total()}"))
    return rows


def summary(rows: Sequence[Row]) -> str:
    return (
        ", ".join(f"{row.name} {row.value:.0f} %" for row in rows if row.name.endswith("right")) or "nothing measured"
    )


if __name__ == "__main__":
    data = "folder of public sets, see llm/recipes; without it nothing is measured"
    takes, quick = "about 2 minutes", f"{QUICK} questions of each set"
    sys.exit(main("people", __doc__, measure, summary, takes=takes, quick=quick, data=data))
