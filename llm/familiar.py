"""Which words follow each other in the project's own replies: how unlike them a text is, from 0 to 1.

The starter was taught these replies and puts nothing else together; a sentence that is unlike all of them did not come
from what it was taught.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
CHOICE, SLOT = re.compile(r"\{([^{}]*)\}"), re.compile(r"<\w+>")
PART = re.compile(r"[.!?。！？，,;；:：\n()（）]|\x00")
WORD = re.compile(r"[a-z]+|[\u4e00-\u9fff]")
START, END = "^", "$"
BREAK = "\x00"  # stands for a value: what is before and behind it are parts of their own
Pair = tuple[str, str]


def unlike(text: str) -> float:
    """The share of the text's neighbouring words that no reply has."""
    known = _known()
    found = list(_pairs(text))
    return sum(pair not in known for pair in found) / len(found) if found else 0.0


def _pairs(text: str) -> Iterator[Pair]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    for part in PART.split(plain):
        if words := WORD.findall(part):
            yield from zip([START, *words], [*words, END], strict=True)


@lru_cache(maxsize=1)
def _known() -> frozenset[Pair]:
    """Of every reply with each of its choices."""
    found: set[Pair] = set()
    for text in replies():
        for said in _choices(text):
            found.update(_pairs(SLOT.sub(BREAK, said)))
    return frozenset(found)


def replies() -> Iterator[str]:
    """Every reply, with its slots and choices."""
    for path in sorted(CORPUS.glob("replies.*.toml")):
        yield from _texts(tomllib.loads(path.read_text("utf-8")))


def _texts(held: Any) -> Iterator[str]:
    if isinstance(held, str):
        yield held
    elif isinstance(held, dict | list):
        for one in held.values() if isinstance(held, dict) else held:
            yield from _texts(one)


def _choices(text: str) -> Iterator[str]:
    """The text as often as it has choices in one place, so that each is taken once."""
    for number in range(max((len(one.split("|")) for one in CHOICE.findall(text)), default=1)):

        def take(found: re.Match[str], number: int = number) -> str:
            every = found[1].split("|")
            return every[number % len(every)]

        yield CHOICE.sub(take, text)
