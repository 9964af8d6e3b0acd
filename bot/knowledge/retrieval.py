"""Finds the rows that a text speaks of: BM25 over stems and Chinese 1-2-grams, fields weighted, synonyms joined.

The index holds tokens and ids, never values: facts are read from SQL when a reply is planned. It is built from one
catalogue version and replaced when that changes.
"""

import math
import re
import tomllib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from bot.language import HAN, normalise, tokens

K1, B = 1.2, 0.4  # Robertson and Zaragoza 2009; a low B, since long product texts are not less about their product
GROUPED = 0.5  # of a word's own weight where its synonym group counts beside it
NUMBER = 0.2  # of a number's weight: `11` in a name is no sign that `11 in the morning` means it
UNSEEN = 0.45  # of a word's weight that stands in no row: chatter more often than a thing that isn't sold
MISSED = 0.35  # of a Chinese pair's weight where a row lacks it: overlapping pairs miss a difference twice
NAME_FIELDS = ("title", "options", "tags", "category", "brand")
ALIAS = 2.0  # the weight of a word that stands in a wording by which members called the row
ALIAS_WORDS = 3  # an alias of fewer words calls its row less surely
WEIGHTS = {"title": 3.0, "tags": 1.5, "options": 1.5, "category": 1.5, "brand": 1.0, "attributes": 1.0, "body": 1.0}


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, str]:
    """Token -> the name of its group, from synonyms.toml."""
    groups = tomllib.loads(Path(__file__).with_name("synonyms.toml").read_text("utf-8"))
    return {token: f"={group}" for group, words in groups.items() for word in words for token in whole_tokens(word)}


def whole_tokens(word: str) -> list[str]:
    """The tokens of a synonym: of a longer Chinese word its pairs only, single characters stand in too many words."""
    found = tokens(word)
    return found if len(word) == 1 else [token for token in found if len(token) > 1 or not HAN.match(token)]


@dataclass(slots=True)
class Document:
    """One row as the index knows it. `names` are the tokens that the row is called by, apart from those it mentions."""

    row: str  # "product:12", "article:4"
    language: str
    weights: dict[str, float]
    names: frozenset[str]
    titles: frozenset[str]
    kinds: frozenset[str]  # those of its category and tags
    length: float
    weight: float = 0.0  # of all of its title's words; set once all rows are in
    learnt: Counter[str] = field(default_factory=Counter)  # of its aliases; these are in `weights` too
    wordings: list[frozenset[str]] = field(default_factory=list)  # the tokens of each


@dataclass(frozen=True, slots=True)
class Hit:
    """A row with its BM25 score; `cover` is the share of the question's weight that the row holds, `named` the share
    that its names hold, `called` how much of its title or of an alias the question says, all 0 to 1; `evidence` is the
    weight of the words that its names hold, 1 for one word that stands in no other row."""

    row: str
    score: float
    cover: float
    named: float
    called: float
    evidence: float
    language: str
    place: int

    @property
    def id(self) -> int:
        return int(self.row.partition(":")[2])


class Word(NamedTuple):
    """A word of a question: what it weighs where a row says it (or its group), calls itself so, or lacks it."""

    token: str
    group: str
    said: float
    named: float
    missed: float


@dataclass(slots=True)
class Index:
    """All rows of one noun (products or articles)."""

    version: int = 0
    documents: list[Document] = field(default_factory=list)
    postings: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))  # place, share
    average: float = 1.0
    places: dict[str, int] = field(default_factory=dict)
    _idf: dict[str, float] = field(default_factory=dict)

    def add(self, row: str, language: str, fields: Mapping[str, str]) -> None:
        weights: Counter[str] = Counter()
        for name, text in fields.items():
            for token in (*expand(tokens(text)), *measured(text)):
                weights[token] += WEIGHTS[name]  # type: ignore[assignment]  # Counter of floats
        names = frozenset(token for name in NAME_FIELDS for token in tokens(fields.get(name, "")))
        titles = frozenset(tokens(fields.get("title", "")))
        kinds = frozenset(token for name in ("category", "tags") for token in tokens(fields.get(name, "")))
        for token in weights:
            self.postings[token].append((len(self.documents), 0.0))
        self.places[row] = len(self.documents)
        self.documents.append(Document(row, language, dict(weights), names, titles, kinds, sum(weights.values())))

    def close(self) -> None:
        """Call once after the last `add`."""
        self.average = sum(document.length for document in self.documents) / max(1, len(self.documents)) or 1.0
        self._idf = {token: self._rarity(token) for token in self.postings} | {"": self._rarity("")}
        for document in self.documents:
            document.weight = sum(self.idf(token) for token in document.titles) or 1.0
        for token, held in self.postings.items():
            held[:] = [(place, self._share(self.documents[place], token)) for place, _ in held]

    def learn(self, row: str, texts: Sequence[str]) -> None:
        """The row is found by these wordings too from now on, and by no others that it had learnt. After `close`."""
        place = self.places[row]
        document = self.documents[place]
        learnt = Counter(token for text in texts for token in (*expand(tokens(text)), *measured(text)))
        touched = learnt.keys() | document.learnt.keys()
        for token in touched:
            more = ALIAS * (learnt[token] - document.learnt[token])
            document.length += more
            document.weights[token] = document.weights.get(token, 0.0) + more
        document.learnt = learnt
        document.wordings = [frozenset(tokens(text)) for text in texts]
        for token in [*document.weights]:
            held = self.postings[token]
            at = bisect_left(held, (place,))
            there = slice(at, at + (at < len(held) and held[at][0] == place))
            if document.weights[token] > 0:
                held[there] = [(place, self._share(document, token))]
            else:
                held[there] = []
                del document.weights[token]
        for token in touched:
            if not self.postings[token]:
                del self.postings[token]
            self._idf[token] = self._rarity(token)

    def _share(self, document: Document, token: str) -> float:
        """BM25's part for how often a word stands in a row of this length."""
        often = document.weights[token]
        return often * (K1 + 1) / (often + K1 * (1 - B + B * document.length / self.average))

    def idf(self, token: str) -> float:
        """How much a word tells rows apart; one that stands in no row as much as one that stands in a single row."""
        known = self._idf.get(token)
        return self._rarity(token) if known is None else known

    def _rarity(self, token: str) -> float:
        count = max(1, len(self.postings.get(token, ())))
        rare = math.log(1 + (len(self.documents) - count + 0.5) / (count + 0.5))
        return rare * (0.35 if len(token) == 1 and HAN.match(token) else 1.0)

    def search(self, words: Iterable[str], count: int = 8) -> list[Hit]:
        """The best rows for these tokens, best first."""
        asked = list(dict.fromkeys(expand(words)))
        idf = {token: self.idf(token) for token in asked}
        worth = {token: idf[token] * (GROUPED if token in synonyms() else 1.0) for token in asked}
        scores: dict[int, float] = defaultdict(float)
        for token in asked:
            for place, share in self.postings.get(token, ()):
                scores[place] += worth[token] * share
        best = nsmallest(count, scores, key=lambda place: (-scores[place], place))
        plain = [self._word(token, idf[token]) for token in asked if not token.startswith("=")]
        return [self._hit(place, scores[place], plain, idf) for place in best]

    def rate(self, row: str, words: Iterable[str]) -> Hit:
        """A row that was found by something else than these tokens, as a hit without a score."""
        idf = {token: self.idf(token) for token in expand(words)}
        plain = [self._word(token, idf[token]) for token in idf if not token.startswith("=")]
        return self._hit(self.places[row], 0.0, plain, idf)

    def _word(self, token: str, weight: float) -> Word:
        group = synonyms().get(token, "")
        if token not in self.postings and group not in self.postings:
            weight *= UNSEEN
        number = token.isdigit() and not token.startswith("0")
        named, missed = NUMBER if number else 1.0, MISSED if HAN.match(token) else 1.0
        return Word(token, group, weight, weight * named, weight * missed)

    def _hit(self, place: int, score: float, plain: list[Word], idf: dict[str, float]) -> Hit:
        document = self.documents[place]
        held = named = missed = 0.0
        for one in plain:
            if one.token in document.weights or one.group in document.weights:
                held += one.said
            else:
                missed += one.missed
            if one.token in document.names:
                named += one.named
        whole = held + missed or 1.0
        called = sum(idf[token] for token in document.titles if token in idf) / document.weight
        if document.wordings:
            called = max(called, *(self._called(wording, idf) for wording in document.wordings))
        evidence = named / self.idf("")
        return Hit(
            document.row,
            score,
            held / whole,
            named / whole,
            called,
            evidence,
            document.language,
            place,
        )

    def _called(self, wording: frozenset[str], asked: Mapping[str, float]) -> float:
        """How much of an alias the question says; a short one calls the row less surely than a title does."""
        whole = sum(self.idf(token) for token in wording) or 1.0
        return min(1.0, len(wording) / ALIAS_WORDS) * sum(asked[token] for token in wording if token in asked) / whole

    def says(self, document: Document, token: str) -> bool:
        """Does the row say this word, or one that means the same?"""
        return token in document.weights or synonyms().get(token) in document.weights

    def document(self, hit: Hit) -> Document:
        return self.documents[hit.place]

    def holds(self, hit: Hit, token: str) -> bool:
        """Does the row say this word, or one that means the same?"""
        return self.says(self.documents[hit.place], token)


UNITS = (
    ("=weight", re.compile(r"\d ?(?:g|kg|lbs?|oz|grams?|kilos?)\b|\d ?(?:克|公斤|千克|斤)")),
    ("=size", re.compile(r"\d ?(?:cm|mm|inch(?:es)?|in|ft|m)\b|\d ?[×x*] ?\d|\d ?(?:厘米|毫米|英寸|寸)")),
    (
        "=duration",
        re.compile(r"\d ?(?:(?:working |business )?days?|weeks?|hours?|months?)\b|\d ?个?(?:工作日|天|周|小时|月)"),
    ),
    ("=capacity", re.compile(r"\d ?(?:ml|cl|l|litres?|liters?)\b|\d ?(?:毫升|升)")),
    ("=age", re.compile(r"\d ?(?:years?|months?|yrs?)\b|\d ?(?:岁|个月|月龄)")),
    ("=noise", re.compile(r"\d ?(?:db|decibels?)\b|\d ?分贝")),
    ("=power", re.compile(r"\d ?(?:w|watts?)\b|\d ?瓦")),
    ("=battery", re.compile(r"\d ?(?:mah|aa+)\b|\d ?号电池|毫安")),
)


def measured(text: str) -> list[str]:
    """The groups that a text answers by a number with a unit: `38 g` is a weight."""
    plain = normalise(text)
    return [group for group, pattern in UNITS if pattern.search(plain)]


def expand(words: Iterable[str]) -> list[str]:
    """The tokens, each followed by its synonym group."""
    table = synonyms()
    found: list[str] = []
    for token in words:
        found.append(token)
        if token in table:
            found.append(table[token])
    return found


def overlap(question: Iterable[str], text: str, index: Index) -> float:
    """How much of the question's weight a sentence holds: picks the sentence of a row that answers."""
    return sum(index.idf(token) for token in _contents(text).intersection(expand(question)))


@lru_cache(maxsize=5_000)
def _contents(text: str) -> frozenset[str]:
    """What a sentence of a row says; the same ones are asked for again and again."""
    return frozenset({*expand(tokens(text)), *measured(text)})
