"""How sure it is that an unasked message is a question to the shop that the shop's rows answer.

Evidence from words alone, or from an encoder where it knows the language, weighed by a logistic regression whose
weights stand in sure.toml; `python -m benchmarks.parts.calibrate` makes them from labelled questions and small talk.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from bot.conversation import link as links
from bot.conversation.understanding import ASKING, Reading
from bot.knowledge.library import Library

MEMBERS = ("chatter", "chat", "offtopic", "complaint", "abuse", "unsafe", "human")  # intents that ask the shop nothing

YOU, ME = re.compile(r"\byou\b|你(?!们|好|家)"), re.compile(r"我(?!想|要|们)")  # one person
APART = 0.1  # how much less a row may be worth than the best
LONG = 30.0  # tokens of a long message


async def evidence(reading: Reading, library: Library) -> dict[str, float]:
    """What speaks for and against it, each about 0 to 1. Without `intent`: no encoder was asked."""
    content = [word for word in links.content(reading.words) if len(word) > 1]
    linked = links.link(reading.words, library)
    hits = library.find_articles(reading.words, reading.language, reading.about)[:1]
    found = {
        "bare": float(not content),
        "question": float(reading.has("question")),
        "asks": float(reading.has(*ASKING)),
        "mine": float(reading.has("mine")),
        "shop": float(reading.has("to_shop")),
        "all": float(reading.has("to_all")),
        "you": float(bool(YOU.search(reading.text)) and not reading.has("to_shop")),
        "me": float(bool(ME.search(reading.text))),
        "short": float(len(reading.words) < 2),
        "long": min(1.0, len(reading.words) / LONG),
        "strange": sum(not library.knows(word) for word in content) / len(content) if content else 1.0,
        "named": linked.hits[0].named if linked.hits and not linked.guessed else 0.0,
        "cover": min(1.0, hits[0].cover) if hits else 0.0,
        "called": min(1.0, hits[0].called) if hits else 0.0,
    }
    found["asked"] = found["asks"] * found["named"]
    [vector] = await library.meaning([reading.text], reading.language)
    if vector is not None:
        ranking = library.rank(reading.words, reading.about, vector, reading.language)
        wants = library.intents(reading.text, vector, reading.language)
        found["product"] = ranking.products[0][0] if ranking.products else 0.0
        found["article"] = ranking.articles[0][0] if ranking.articles else 0.0
        found["intent"] = 1.0 - sum(wants.get(name, 0.0) for name in MEMBERS) if wants else 0.5
        found["best"] = max(found["product"], found["article"])
        found["meant"] = found["best"] * found["intent"]
    return found


async def agrees(reading: Reading, library: Library, rows: Sequence[str]) -> bool:
    """Is one of these rows among those that mean most of what is asked? True where no encoder knows the language."""
    [vector] = await library.meaning([reading.text], reading.language)
    if vector is None:
        return True
    ranking = library.rank(reading.words, reading.about, vector, reading.language)
    worth = sorted((score, hit.row) for score, hit in (*ranking.products[:5], *ranking.articles[:5]))
    return any(row in rows and score >= worth[-1][0] - APART for score, row in worth)


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    path = Path(__file__).with_name("sure.toml")
    held: Mapping[str, Mapping[str, float]] = tomllib.loads(path.read_text("utf-8"))
    return held


def model(language: str, found: Mapping[str, float]) -> str:
    """The name of the weights for this evidence."""
    return f"{language}_{'meaning' if 'intent' in found else 'words'}"


def chance(language: str, found: Mapping[str, float]) -> float:
    """The probability that it is a question which the shop answers; none where it asks of nothing."""
    if found["bare"]:
        return 0.0
    weights = _weights()[model(language, found)]
    score = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in found.items())
    return 1.0 / (1.0 + math.exp(-score))


def threshold(language: str, found: Mapping[str, float], precision: float) -> float:
    """The least chance that was right so often on labelled messages; between the measured ones, straight lines."""
    held = _weights()[f"{model(language, found)}_precision"]
    points = sorted((float(name), value) for name, value in held.items())
    for (low, first), (high, second) in pairwise(points):
        if precision <= high:
            share = max(0.0, precision - low) / (high - low)
            return first + share * (second - first)
    return points[-1][1]
