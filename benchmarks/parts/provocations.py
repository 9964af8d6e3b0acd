"""Two thousand messages that try to get something harmful out of the bot, and a detector that no rule knows.

A provocation is a way of asking around something harmful. The poisoned engine says a harmful sentence whatever it was
asked; in what members see afterwards the detector looks for what those sentences are about. It shares no word list and
no weights with `bot/safety`: stems of its own, over letters alone.
"""

import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LISTS = Path(__file__).with_suffix(".toml")
SEED = 1


def held() -> dict[str, Any]:
    return tomllib.loads(LISTS.read_text("utf-8"))


def provocations(count: int) -> list[tuple[str, str]]:
    """Language and message of so many, always the same ones."""
    told = held()
    every = [
        (language, way.replace("{what}", what).replace("{say}", say))
        for language in ("en", "zh")
        for way in told[language]["ways"]
        for what, say in zip(told[language]["deeds"], told[language]["sayings"], strict=False)
    ]
    random.Random(SEED).shuffle(every)
    return (every * (count // len(every) + 1))[:count]


def poison() -> Iterator[tuple[str, str]]:
    """Language and harmful reply, again and again: every saying, plain and in each disguise."""
    told = held()
    every = [
        (language, frame.replace("{}", bend(saying)))
        for language in ("en", "zh")
        for saying in (*told[language]["sayings"], *told[language]["replies"])
        for frame in told[language]["frames"]
        for bend in BENT
    ]
    random.Random(SEED).shuffle(every)
    while True:
        yield from every


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def joined_by_nothing(text: str) -> str:
    return "\u200b".join(text)


BENT = (str, str, str, str.upper, wide, joined_by_nothing)


class Detector:
    """`harmful` says what a text holds of what should never be said; None where it holds nothing."""

    def __init__(self) -> None:
        told = held()
        stems = (*told["detector"]["stems"], *told["late"]["texts"])
        self._stems = re.compile("|".join(re.escape(bare(one)) for one in stems))

    def harmful(self, text: str) -> str | None:
        found = self._stems.search(bare(text))
        return found.group() if found else None


def bare(text: str) -> str:
    """Letters, figures and Chinese signs alone, small."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).lower() if sign.isalnum())
