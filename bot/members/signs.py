"""What a message says of its author, by rules over `signs.toml`: kept with the interaction, since the words are not.

Signs are short texts: `+battery` and `-battery` (praised, complained of), `=battery` (spoken of), `+` and `-` (liked or
not, and nothing named), `buy` (about to), `budget:150` (wants to spend at most), `in:zh` (the language).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.knowledge.budget import budget
from bot.language import CJK, HAN, language, normalise, stem
from bot.members import sensitive

PIECE = re.compile(rf"(?P<word>[a-zà-öø-ÿ0-9]+(?:['’-][a-z]+)*)|(?P<han>[{CJK}]+)|(?P<end>[.!?;,。！？；，、\n~…]+)")
WORDS = re.compile("[a-z0-9]+(?:['-][a-z]+)*")  # of ASCII text
STOPS = frozenset(".!?;,\n~")
ENDS = re.compile("([.!?;,\n~]+)")
LONGEST, PHRASE = 6, 3  # signs of a Chinese word, words of an English one
REACH = 4  # pieces between a negation and what it turns round, at most
READ = 600  # characters of a message that are looked at
SENSITIVE, BREAKS = "sensitive", ("stop", "pause", "turns")
Term = tuple[int, str]  # where in the text, in words and signs, and a word of the lexicon
PAUSES = ",、;"
LIMIT = re.compile(r"\d|预算")  # no budget without one of these, and one of those
BOUND = re.compile(
    "under|below|less|max|most|more than|up to|within|cheaper|budget|spend|around|about|tops|limit|内|以下|左右|上下"
    "|出头|预算|低于|少于|小于|不到|不超过|最多"
)


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
    others |= dict.fromkeys(map(_key, sensitive.words()), SENSITIVE) | {".": "stop", ",": "pause", "?": "stop"}
    words = frozenset((*aspects, *opinions, *others))
    begins = frozenset(word[0] if HAN.match(word) else word.partition(" ")[0] for word in words)
    return Lexicon(aspects, opinions, others, words, begins)


def called(aspect: str, language: str) -> str:
    """An aspect's name in a language: the first word of that language in its list."""
    held = tomllib.loads(Path(__file__).with_name("signs.toml").read_text("utf-8"))["aspects"].get(aspect, ())
    return next((word for word in held if bool(HAN.search(word)) is (language == "zh")), aspect)


def _key(word: str) -> str:
    return word if HAN.search(word) else " ".join(stem(one) for one in word.split())


def read(text: str) -> list[str]:
    """The signs of a message. Nothing of one that touches what a profile never holds but the language that it is in."""
    plain, known = normalise(text[:READ]), lexicon()
    spoken = language(plain, "")
    found = [f"in:{spoken}"] if spoken else []
    limited = LIMIT.search(plain) is not None and BOUND.search(plain) is not None
    terms = _terms(plain, known)
    if not limited and not any(known.others.get(word) not in BREAKS for _, word in terms):
        return found  # as most messages
    signs: dict[str, None] = {}
    start, open_ = 0, list[str]()  # aspects of the clauses just before that nothing was said of yet
    for place, (_, word) in enumerate(terms):
        kind = known.others.get(word)
        if kind == SENSITIVE:
            return found
        if kind not in BREAKS:
            continue
        clause = terms[start:place]
        start = place + 1
        said = _said(clause, known, open_, asked=word == "?") if clause else []
        signs |= dict.fromkeys(said)
        if kind == "pause" and clause:
            open_ = [one[1:] for one in said if one[0] == "="]
        elif kind != "pause":
            open_ = []
    if limited and (limit := budget(plain)):
        signs[f"budget:{limit.normalize():f}"] = None
    judged = {one[1:] for one in signs if one[0] in "+-"}
    return [*found, *(one for one in signs if one[0] != "=" or one[1:] not in judged)]


def _terms(plain: str, known: Lexicon) -> list[Term]:
    """What the lexicon knows of a text, with its stops `.` and `?` and pauses `,`; a stop at its end."""
    found: list[Term] = []
    place = 0
    if plain.isascii():  # the stops part it into words
        for part in ENDS.split(plain):
            if part[:1] in STOPS:
                found.append((place, "?" if "?" in part else "," if part.strip(PAUSES) == "" else "."))
                place += 1
            else:
                place = _phrases([*map(stem, WORDS.findall(part))], place, known, found)
        found.append((place, "."))
        return found
    words = list[str]()
    for word, han, end in PIECE.findall(plain):
        if word:
            words.append(stem(word))
            continue
        if words:
            place = _phrases(words, place, known, found)
            words = []
        if han:
            place = _signs(han, place, known, found)
        else:
            found.append((place, "?" if "?" in end else "," if end.strip(PAUSES) == "" else "."))
            place += 1
    _phrases(words, place, known, found)
    found.append((place + len(words), "."))
    return found


def _phrases(words: list[str], place: int, known: Lexicon, found: list[Term]) -> int:
    """Add the known phrases of some words; the place behind them."""
    at, count = 0, len(words)
    if known.begins.isdisjoint(words):
        return count + place
    while at < count:
        if words[at] in known.begins:
            for length in range(min(PHRASE, count - at), 0, -1):
                if (phrase := " ".join(words[at : at + length])) in known.words:
                    found.append((place + at, phrase))
                    at += length - 1
                    break
        at += 1
    return place + count


def _signs(text: str, place: int, known: Lexicon, found: list[Term]) -> int:
    """The same of Chinese text."""
    at, count = 0, len(text)
    while at < count:
        if text[at] in known.begins:
            for length in range(min(LONGEST, count - at), 0, -1):
                if (word := text[at : at + length]) in known.words:
                    found.append((place + at, word))
                    at += length - 1
                    break
        at += 1
    return place + count


def _said(clause: list[Term], known: Lexicon, before: list[str], *, asked: bool) -> list[str]:
    """The signs of one clause: each opinion goes to the nearest aspect, else to the one that it implies, else to those
    of `before`. Who asks has no opinion."""
    aspects = [(at, known.aspects[word]) for at, word in clause if word in known.aspects]
    kinds = {known.others[word] for _, word in clause if word in known.others}
    judged: dict[str, str] = {}
    if not asked and "asks" not in kinds:
        turned = [at for at, word in clause if known.others.get(word) == "negations"]
        for at, word in clause:
            if word in known.opinions:
                polarity, implied = known.opinions[word]
                if any(0 < at - one <= REACH for one in turned):
                    polarity = "-" if polarity == "+" else "+"
                nearest = min(aspects, key=lambda one: abs(one[0] - at))[1] if aspects else ""
                name = implied or nearest
                judged[name] = polarity
                if before and (not name or "alls" in kinds):
                    judged |= dict.fromkeys(before, polarity)
        if "" in judged and before:
            del judged[""]
    intents = ["buy"] if "intents" in kinds else []
    return [
        *intents,
        *(f"{polarity}{name}" for name, polarity in judged.items()),
        *(f"={name}" for _, name in aspects if name not in judged),
    ]


def opinions(signs: list[str]) -> list[tuple[str, str]]:
    """(aspect, polarity) of signs: polarity is `+`, `-` or `=`; the aspect is empty where none is named."""
    return [(one[1:], one[0]) for one in signs if one[0] in "+-="]
