"""What a member's words point to: cues read off the text, and the questions that one message holds.

Rules of this release; the classifier over a sentence encoder comes in beside them, through the same `Reading`.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bot.language import language, normalise, tokens

SPLIT = re.compile(
    r"(?<=[?？!！。;；\n])\s*|\.\s+(?=\w)|,?\s+\b(?:and also|also,|plus,)\s+|(?:，|,)?(?:另外|还有就是|顺便问)"
)
JOINED = re.compile(
    r",?\s+and\s+(?=(?:how|what|when|where|which|is|are|do|does|can|could|will)\b)|[，,](?=.{0,12}(?:多少|几|吗|怎么|多久|什么|送不|有没|能不|是不|可不))"
)
MENTION = re.compile(r"@[\w.-]+")


@lru_cache(maxsize=1)
def cues() -> dict[str, re.Pattern[str]]:
    """Cue -> its expressions as one pattern, from cues.toml."""
    lists = tomllib.loads(Path(__file__).with_name("cues.toml").read_text("utf-8"))
    return {name: re.compile("|".join(f"(?:{one})" for one in expressions)) for name, expressions in lists.items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """One question or remark: its text, tokens, language, and the cues found in it."""

    text: str
    words: tuple[str, ...]
    language: str
    cues: frozenset[str]

    def has(self, *names: str) -> bool:
        """Is any of these cues there?"""
        return not self.cues.isdisjoint(names)


def read(text: str, default: str) -> Reading:
    """The cues of a text. `default` is the language where the script doesn't tell."""
    plain = normalise(MENTION.sub(" ", text)).strip()
    found = frozenset(name for name, pattern in cues().items() if pattern.search(plain))
    meant = [f"={name.removeprefix('means_')}" for name in sorted(found) if name.startswith("means_")]
    return Reading(plain, (*tokens(plain), *meant), language(plain, default), found)


def complaint(reading: Reading) -> bool:
    """Somebody is wronged, or something of theirs went wrong; asking what would happen if it did is a question."""
    if reading.has("hypothetical") and not reading.has("grievance"):
        return False
    return reading.has("grievance") or (reading.has("mine") and reading.has("trouble"))


def split(text: str, default: str) -> list[Reading]:
    """The questions of one message, at most three; greetings and fillers between them are dropped."""
    plain = MENTION.sub(" ", text)
    parts = [part for whole in SPLIT.split(plain) if whole for part in JOINED.split(whole) if part and part.strip()]
    readings = [read(part, default) for part in parts]
    asked = [one for one in readings if one.words and one.has("question", *ASKING)]
    if len(asked) > 1:
        return asked[:3]
    whole = read(text, default)
    return [replace(whole, cues=whole.cues | asked[0].cues)] if asked else [whole]


ASKING = ("price", "stock", "options", "compare", "link", "recommend", "list", "cheapest", "dearest")
