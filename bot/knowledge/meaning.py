"""What each row says, part by part, as vectors of a sentence encoder: finds rows whose words are not the question's.

A product's parts are its sentences and attributes behind its name, since members call it by that; an article's are its
title, and its sentences with and without it. Each wording by which members called a row is a part of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from bot.knowledge.rows import Alias, Article, Product
from bot.language import language, sentences
from llm.bert import Vectors
from llm.encoder import Encoders, Vector

PARTS = 6_000  # of a catalogue; what is beyond is found by its words alone
SENTENCES = 12  # of a row
TURN = 16  # texts encoded in one go


@dataclass(frozen=True, slots=True)
class Part:
    """`said` is the sentence itself, or '' where the part is only a name; `text` is what was encoded."""

    row: str
    said: str
    text: str


@dataclass(frozen=True, slots=True)
class Meanings:
    """The parts of one catalogue version; `places` are each row's."""

    parts: Sequence[Part] = ()
    vectors: Vectors = field(default_factory=lambda: np.empty((0, 1), np.float32))
    places: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def near(self, asked: Vector) -> dict[str, float]:
        """Row -> how near its nearest part is, -1 to 1."""
        if not self.parts or len(asked) != self.vectors.shape[1]:
            return {}
        scores = self.vectors @ asked
        return {row: float(scores[list(places)].max()) for row, places in self.places.items()}

    def said(self, row: str, asked: Vector) -> dict[str, float]:
        """Each sentence and attribute of a row -> how near it is by itself, without the row's name."""
        if len(asked) != self.vectors.shape[1]:
            return {}
        alone = [place for place in self.places.get(row, ()) if self.parts[place].text == self.parts[place].said]
        return {self.parts[place].said: float(self.vectors[place] @ asked) for place in alone}

    def nearest(self, rows: Iterable[str], asked: Vector, count: int) -> list[tuple[Part, float]]:
        """So many sentences and attributes of these rows, behind their row's name, the nearest first."""
        if len(asked) != self.vectors.shape[1]:
            return []
        places = [at for row in rows for at in self.places.get(row, ()) if self._named(self.parts[at])]
        near = self.vectors[places] @ asked
        return [(self.parts[places[at]], float(near[at])) for at in (-near).argsort(kind="stable")[:count]]

    @staticmethod
    def _named(part: Part) -> bool:
        return bool(part.said) and part.text != part.said

    def halves(self, row: str, asked: Vector) -> tuple[float, float]:
        """How near a row's nearest sentence is, by each of the two encoders that are joined in a vector."""
        alone = [place for place in self.places.get(row, ()) if self.parts[place].text == self.parts[place].said]
        if len(asked) != self.vectors.shape[1] or not alone:
            return 0.0, 0.0
        held, half = self.vectors[alone], len(asked) // 2
        return float((held[:, :half] @ asked[:half]).max()), float((held[:, half:] @ asked[half:]).max())


def parts_of(
    languages: frozenset[str], products: Iterable[Product], articles: Iterable[Article], aliases: Iterable[Alias] = ()
) -> list[Part]:
    """The parts of every row in these languages, articles first."""
    learnt = (Part(one.row, "", one.text) for one in aliases)
    every = chain(_of_articles(articles), learnt, _of_products(products))
    return [part for part in every if language(part.text) in languages][:PARTS]


async def encoded(encoders: Encoders, parts: Iterable[Part], known: Mapping[str, Vector]) -> dict[str, Vector]:
    """Text -> vector of those parts that are not known yet."""
    missing: dict[str, list[str]] = defaultdict(list)
    for text in dict.fromkeys(part.text for part in parts if part.text not in known):
        missing[language(text)].append(text)
    made: dict[str, Vector] = {}
    for spoken, texts in missing.items():
        texts.sort(key=len)  # those of a length go together
        for start in range(0, len(texts), TURN):  # questions are encoded in between
            some = texts[start : start + TURN]
            made |= zip(some, await encoders.encode(some, spoken), strict=True)
    return made


def assembled(parts: Sequence[Part], known: Mapping[str, Vector]) -> Meanings:
    """The parts with their vectors, all of them known."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, part in enumerate(parts):
        places[part.row].append(at)
    return Meanings(parts, np.stack([known[part.text] for part in parts]), dict(places)) if parts else Meanings()


def _of_articles(articles: Iterable[Article]) -> Iterator[Part]:
    for one in articles:
        yield Part(one.row, "", one.title)
        for sentence in sentences(one.body)[:SENTENCES]:
            yield Part(one.row, sentence, sentence)
            yield Part(one.row, sentence, f"{one.title} {sentence}")


def _of_products(products: Iterable[Product]) -> Iterator[Part]:
    for one in products:
        yield Part(one.row, "", one.title)
        kinds = ", ".join(dict.fromkeys([one.category.rpartition(">")[2].strip(), *one.tags]))
        yield Part(one.row, "", f"{one.title} ({kinds}): {one.description}")
        for sentence in sentences(one.description)[:SENTENCES]:
            yield Part(one.row, sentence, f"{one.title}: {sentence}")
            yield Part(one.row, sentence, sentence)
        for label, value in one.attributes.items():
            yield Part(one.row, f"{label}: {value}", f"{one.title}: {label} {value}")
            yield Part(one.row, f"{label}: {value}", f"{label}: {value}")
