"""What a text is about: a topic of a shop's ways (delivery, returns, hours), or something of a product (price, stock).

Naive Bayes over how merchants head their articles and how members ask, from wordings/, and over the questions of the
starter's corpus by act. "do i gotta pay for postage" has no word of "What does delivery cost?"; the topic is the same.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

import llm.corpus
from bot.language import normalise, tokens

TITLE, TITLES = "# ", 4  # marks how merchants head an article on the topic, and how often such a line counts
SMOOTH = 0.3
LEAST = 0.05  # a smaller probability is none
ACTS = ("price", "stock", "options", "detail", "describe", "link", "compare", "recommend", "greet", "thanks",
        "smalltalk", "offtopic", "handoff_complaint", "handoff_request")  # fmt: skip
RELATED = 0.6  # of a topic's probability: one that is often explained with it
# Topics that one article often explains together.
KIN = (
    {"delivery_cost", "free_delivery"},
    {"delivery_time", "dispatch_cutoff", "express"},
    {"delivery_time", "weather_holiday_delays"},
    {"abroad", "remote_areas"},
    {"damaged", "missing_parcel"},
    {"returns", "return_cost", "final_sale", "refund_time"},
    {"returns", "exchange"},
    {"payment", "instalments"},
    {"discount", "newsletter_offer", "loyalty"},
    {"hours", "address", "contact"},
    {"address", "parking_access"},
    {"warranty", "repair"},
    {"wholesale", "custom_made"},
)
PART = re.compile(r"[a-z']+")
PLACE = re.compile(r"\{\w+\}")  # where a product's name stands in a wording of the corpus
NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Model:
    """One language's topics and acts, and the log-probability of each feature in them: [features, topics]."""

    names: tuple[str, ...]
    rows: Mapping[str, int]
    weights: np.ndarray[tuple[int, int], np.dtype[np.float32]]

    def about(self, text: str) -> Mapping[str, float]:
        known = [self.rows[one] for one in features(text) if one in self.rows]
        if not known:
            return NOTHING
        sums = self.weights[known].sum(0)
        chances = np.exp(sums - sums.max())
        chances /= chances.sum()
        return {self.names[at]: float(chances[at]) for at in np.flatnonzero(chances >= LEAST)}


def features(text: str) -> set[str]:
    """Stems and Chinese 1-2-grams, and pairs of English words with all their small words."""
    words = PART.findall(normalise(text))
    return {*tokens(text), *(f"{one} {other}" for one, other in pairwise(words))}


@lru_cache(maxsize=2)
def model(spoken: str) -> Model:
    """Made from the wordings of this language."""
    lists = tomllib.loads((Path(__file__).parent / "wordings" / f"{spoken}.toml").read_text("utf-8"))
    corpus = tomllib.loads((Path(llm.corpus.__file__).parent / f"questions.{spoken}.toml").read_text("utf-8"))
    lists |= {act: [PLACE.sub(" ", text) for text in corpus[act]["texts"]] for act in ACTS}
    counts: list[Counter[str]] = []
    for texts in lists.values():
        counts.append(Counter())
        for text in texts:
            times = TITLES if text.startswith(TITLE) else 1
            counts[-1].update(dict.fromkeys(features(text.removeprefix(TITLE)), times))
    rows = {one: at for at, one in enumerate({one for held in counts for one in held})}
    found = np.full((len(rows), len(lists)), SMOOTH, np.float32)
    for topic, held in enumerate(counts):
        for one, count in held.items():
            found[rows[one], topic] += count
    return Model(tuple(lists), rows, np.log(found / found.sum(0)))


def about(text: str, spoken: str) -> Mapping[str, float]:
    """Topic or act -> probability, of those that matter; nothing where no word is known."""
    return model(spoken).about(text)


def with_kin(found: Mapping[str, float]) -> dict[str, float]:
    """The topics, and with a share of their probability those that are often explained together with them."""
    wider = dict(found)
    for topic, chance in found.items():
        for other in {one for family in KIN if topic in family for one in family}:
            wider[other] = max(wider.get(other, 0.0), RELATED * chance)
    return wider


def agreement(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """How likely two texts are about the same of a shop's ways, 0 to 1."""
    return sum(chance * other.get(topic, 0.0) for topic, chance in one.items() if topic not in ACTS)


def ways(found: Mapping[str, float]) -> float:
    """How likely it is about the shop's ways rather than about a product."""
    return sum(chance for topic, chance in found.items() if topic not in ACTS)
