"""What a message says of its author, by rules over `signs.toml`: kept with the interaction, since the words are not.

Signs are short texts: `+battery` and `-battery` (praised, complained of), `=battery` (spoken of), `+` and `-` (liked or
not, and nothing named), `buy` (about to), `budget:150` (wants to spend at most), `in:zh` (the language).
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bot.knowledge.budget import budget
from bot.language import CJK, HAN, language, normalise, stem
from bot.members import sensitive

PIECE = re.compile(rf"(?P<word>[a-zà-öø-ÿ0-9]+(?:['’-][a-z]+)*)|(?P<han>[{CJK}]+)|(?P<end>[.!?;,。！？；，、\n~…]+)")
LONGEST, PHRASE = 6, 3  # signs of a Chinese word, words of an English one
REACH = 4  # pieces between a negation and what it turns round, at most
READ = 600  # characters of a message that are looked at
SENSITIVE, STOPS = "sensitive", (".", "?")
LIMIT = re.compile(r"\d|预算")  # no budget without one of these


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Word or phrase -> what it is: an aspect, `+`/`-` with the aspect that it implies, and the rest by its list."""

    aspects: Mapping[str, str]
    opinions: Mapping[str, tuple[str, str]]  # polarity, the aspect that is meant where none is named
    others: Mapping[str, str]
    words: frozenset[str]  # all of them
    begins: frozenset[str]  # the first word or sign of each


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    held = tomllib.loads(Path(__file__).with_name("signs.toml").read_text("utf-8"))
    aspects = {_key(word): name for name, listed in held["aspects"].items() for word in listed}
    opinions: dict[str, tuple[str, str]] = {}
    for name, listed in held["opinions"].items():
        for word in listed:
            opinions[_key(word)] = (name[-1], name[:-1] or opinions.get(_key(word), ("", ""))[1])
    others = {_key(word): name for name, listed in held["words"].items() for word in listed}
    others |= dict.fromkeys(map(_key, sensitive.words()), SENSITIVE)
    words = frozenset((*aspects, *opinions, *others))
    begins = frozenset(word[0] if HAN.match(word) else word.partition(" ")[0] for word in words)
    return Lexicon(aspects, opinions, others, words, begins)


def _key(word: str) -> str:
    return word if HAN.search(word) else " ".join(stem(one) for one in word.split())


def read(text: str) -> list[str]:
    """The signs of a message. Nothing of one that touches what a profile never holds but the language that it is in."""
    plain, known = normalise(text[:READ]), lexicon()
    spoken = language(plain, "")
    found = [f"in:{spoken}"] if spoken else []
    signs: dict[str, None] = {}
    clause: list[Term] = []
    for at, word in (*_terms(plain, known), (0, ".")):
        kind = known.others.get(word, "stop" if word in STOPS else "")
        if kind == SENSITIVE:
            return found
        if kind in ("stop", "turns"):
            if clause:
                signs |= dict.fromkeys(_said(clause, known, asked=word == "?"))
                clause = []
        else:
            clause.append(Term(word, at))
    if LIMIT.search(plain) and (limit := budget(plain)):
        signs[f"budget:{limit.normalize():f}"] = None
    return [*found, *signs]


class Term(NamedTuple):
    """What the lexicon knows, and where: the number of the piece, so that near and far can be told."""

    word: str
    at: int


def _terms(plain: str, known: Lexicon) -> Iterator[tuple[int, str]]:
    """Known words with their places; `.` and `?` are stops."""
    place, words = 0, list[str]()
    for found in PIECE.finditer(plain):
        if found["word"]:
            words.append(stem(found["word"]))
            place += 1
            continue
        yield from _phrases(words, place - len(words), known)
        words = []
        if found["end"]:
            place += 1
            yield place, "?" if "?" in found["end"] or "？" in found["end"] else "."
        else:
            yield from _signs(found["han"], place, known)
            place += len(found["han"])
    yield from _phrases(words, place - len(words), known)


def _phrases(words: list[str], place: int, known: Lexicon) -> Iterator[tuple[int, str]]:
    at = 0
    while at < len(words):
        if words[at] in known.begins:
            for length in range(min(PHRASE, len(words) - at), 0, -1):
                if (phrase := " ".join(words[at : at + length])) in known.words:
                    yield place + at, phrase
                    at += length - 1
                    break
        at += 1


def _signs(text: str, place: int, known: Lexicon) -> Iterator[tuple[int, str]]:
    at = 0
    while at < len(text):
        if text[at] in known.begins:
            for length in range(min(LONGEST, len(text) - at), 0, -1):
                if (word := text[at : at + length]) in known.words:
                    yield place + at, word
                    at += length - 1
                    break
        at += 1


def _said(clause: list[Term], known: Lexicon, *, asked: bool) -> Iterator[str]:
    """The signs of one clause: each opinion goes to the nearest aspect, else to the one that it implies. Who asks has
    no opinion."""
    aspects = [(one.at, known.aspects[one.word]) for one in clause if one.word in known.aspects]
    turned = [one.at for one in clause if known.others.get(one.word) == "negations"]
    if any(known.others.get(one.word) == "intents" for one in clause):
        yield "buy"
    asked = asked or any(known.others.get(one.word) == "asks" for one in clause)
    judged: dict[str, str] = {}
    for one in clause if not asked else ():
        if one.word not in known.opinions:
            continue
        polarity, implied = known.opinions[one.word]
        if any(0 < one.at - at <= REACH for at in turned):
            polarity = "-" if polarity == "+" else "+"
        nearest = min(aspects, key=lambda found: abs(found[0] - one.at), default=(0, implied))
        judged[nearest[1] if aspects and not implied else implied] = polarity
    for name, polarity in judged.items():
        yield f"{polarity}{name}"
    yield from (f"={name}" for _, name in aspects if name not in judged)


def opinions(signs: list[str]) -> list[tuple[str, str]]:
    """(aspect, polarity) of signs: polarity is `+`, `-` or `=`; the aspect is empty where none is named."""
    return [(one[1:], one[0]) for one in signs if one[0] in "+-="]
