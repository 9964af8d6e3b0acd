"""Does the row come first? The bot's retrieval on public questions, beside plain BM25 and TF-IDF of the same run.

R@1 is the share of questions whose first text is one that answers; texts that score the same share it. FAQ entries and
passages are ranked as the bot ranks articles, by words alone and with its encoders; the attributes and sentences of a
product as it picks the sentence that answers.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.parts.floors import Bm25, TfIdf
from benchmarks.parts.report import Row, main
from benchmarks.parts.sets import Question, Set, cmrc2018, dstc11, evidence, stackfaq
from bot.app import make_encoders
from bot.config import load
from bot.knowledge.library import Library
from bot.knowledge.passages import worths
from bot.knowledge.retrieval import Index
from bot.knowledge.rows import Alias, Article
from bot.knowledge.topics import about
from bot.language import tokens
from llm.encoder import Encoders
from storage.database import Database

QUICK = 300  # questions of each set
FILES = {
    "StackFAQ": (stackfaq, "stackfaq/faq.jsonl.gz"),
    "DSTC11 FAQ": (dstc11, "dstc11_t5_faq_reviews/val.jsonl.gz"),
    "CMRC2018": (cmrc2018, "cmrc2018_zh/cmrc2018_dev.jsonl.gz"),
    "semiPQA": (evidence("semiPQA__attribute_ranking__dev.jsonl.gz"), "amazon_product_qa"),
    "hetPQA": (evidence("hetPQA__evidence_ranking__dev.jsonl.gz"), "amazon_product_qa"),
}
Scores = Mapping[int, float]


def first(one: Question, scores: Scores) -> float:
    """1 if a right text comes first, 0 if not; the share of right ones among those that come first together."""
    best = max(scores.get(place, 0.0) for place in one.among)
    top = [place for place in one.among if scores.get(place, 0.0) == best]
    return sum(place in one.right for place in top) / len(top)


def at_one(held: Set, scorer: Callable[[str], Scores]) -> float:
    return sum(first(one, scorer(one.text)) for one in held.questions) / len(held.questions)


def floors(held: Set) -> tuple[float, float]:
    texts = [one.whole for one in held.texts]
    return at_one(held, Bm25(texts).scores), at_one(held, TfIdf(texts).scores)


def places(hits: Iterable[tuple[float, str]]) -> dict[int, float]:
    return {int(row.partition(":")[2]): score for score, row in hits}


async def library(held: Set, among: Sequence[int], encoders: Encoders, language: str, *, taught: bool) -> Library:
    """These texts as the articles of a shop."""
    made = Library(Database("sqlite://"), 1, encoders)
    articles = [Article(at, held.texts[at].title, held.texts[at].body, language) for at in among]
    learnt = [Alias(0, f"article:{at}", text, language) for at in among for text in held.aliases.get(at, ())]
    await made.hold((1, 1), [], articles, learnt if taught else [])
    await made.catch_up()
    return made


async def articles(held: Set, encoders: Encoders, language: str, *, taught: bool = False) -> float:
    """R@1 of the library; questions that choose from the same texts are asked of the same one."""
    shops: dict[tuple[int, ...], list[Question]] = {}
    for one in held.questions:
        shops.setdefault(one.among, []).append(one)
    right = 0.0
    for among, asked in shops.items():
        shop = await library(held, among, encoders, language, taught=taught)
        vectors = await shop.meaning([one.text for one in asked], language)
        for one, vector in zip(asked, vectors, strict=True):
            words, topics = tokens(one.text), about(one.text, language)
            if vector is None:
                hits = shop.find_articles(words, language, topics)
                right += first(one, places((1 / at, hit.row) for at, hit in enumerate(hits, 1)))
            else:
                ranked = shop.rank(words, topics, vector, language).articles
                right += first(one, places((3 + score, hit.row) for score, hit in ranked))
    return right / len(held.questions)


async def sentences(held: Set, encoders: Encoders) -> float:
    """R@1 of what picks the sentence of a product that answers."""
    index = Index(1)
    for at, text in enumerate(held.texts):
        index.add(f"article:{at}", "en", {"attributes": text.whole})
    index.close()
    said = [f"{one.title}: {one.body}" if one.title else one.body for one in held.texts]
    dense = "en" in encoders.languages
    vectors = await encoders.encode(said, "en") if dense else None
    right = 0.0
    for one in held.questions:
        parts = [said[at] for at in one.among]
        near: dict[str, float] = {}
        if vectors is not None:
            [asked] = await encoders.encode([one.text], "en")
            near = dict(zip(parts, (vectors[list(one.among)] @ asked).tolist(), strict=True))
        right += first(one, dict(zip(one.among, worths(tokens(one.text), parts, index, near), strict=True)))
    return right / len(held.questions)


def compared(name: str, held: Set, found: Mapping[str, tuple[float, float | None]]) -> list[Row]:
    """The floors, and each way of ours with how much better than both it has to be."""
    bm25, tfidf = floors(held)
    note = f"{len(held.questions)} questions, {len(held.texts)} texts"
    rows = [Row(f"{name}: BM25", bm25, "R@1", note=note), Row(f"{name}: TF-IDF", tfidf, "R@1")]
    for way, (value, more) in found.items():
        least = None if more is None else round(max(bm25, tfidf) + more, 4)
        told = "" if least is None else f"{value - max(bm25, tfidf):+.3f}, aim {more:+.2f}"
        rows.append(Row(f"{name}: {way}", value, "R@1", at_least=least, note=told))
    return rows


async def of_set(name: str, held: Set, encoders: Encoders) -> list[Row]:
    words = Encoders(())
    found: dict[str, tuple[float, float | None]]
    if name == "StackFAQ":
        found = {
            "cold, words": (await articles(held, words, "en"), 0.03),
            f"{len(held.aliases[0])} aliases, words": (await articles(held, words, "en", taught=True), 0.15),
            "cold, encoder": (await articles(held, encoders, "en"), 0.20),
            f"{len(held.aliases[0])} aliases, encoder": (await articles(held, encoders, "en", taught=True), None),
        }
    elif name == "CMRC2018":
        found = {
            "words": (await articles(held, words, "zh"), 0.0),
            "encoder": (await articles(held, encoders, "zh"), 0.0),
        }
    elif name == "DSTC11 FAQ":
        found = {
            "words": (await articles(held, words, "en"), None),
            "encoder": (await articles(held, encoders, "en"), 0.15),
        }
    else:
        found = {"words": (await sentences(held, words), None), "encoder": (await sentences(held, encoders), 0.08)}
    return compared(name, held, found)


async def measure(folder: Path, quick: bool, data: Path | None) -> list[Row]:
    encoders = make_encoders(load({"DATABASE_URL": f"sqlite:///{folder / 'none.db'}"}, env_file=None))
    rows: list[Row] = []
    try:
        for name, (read, source) in FILES.items():
            if data is None or not (data / source).exists():
                sys.stderr.write(f"{name}: skipped, --data DIR has to hold {source}\n")
                continue
            held = await asyncio.to_thread(read, data, QUICK if quick else None)
            rows += await of_set(name, held, encoders)
    finally:
        await encoders.close()
    return rows


def summary(rows: Sequence[Row]) -> str:
    told = [f"{row.name} {row.value:.2f}" for row in rows if row.met is not None]
    return ", ".join(told) or "nothing measured"


if __name__ == "__main__":
    data = "folder of public sets; without it nothing is measured"
    takes, quick = "about 10 minutes", f"{QUICK} questions of each set"
    sys.exit(main("retrieval", __doc__, measure, summary, takes=takes, quick=quick, data=data))
