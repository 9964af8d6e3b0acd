"""What went into the training text and what was left out, by source: figures for data.json, a page for people."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from llm.cleaning import Reason

TOP_WORDS, WORDS_KEPT = 20, 100_000
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[\u3400-\u9fff]+")
# For the statistics only: the model learns them like every other word.
STOP_WORDS = frozenset(
    re.findall(
        r"\S+",
        """a about all also am an and any are as at be been but by can could did do does don't for from get had has have
        he her his how i i'd i'll i'm if in is it it's its just like me my no not of on one or our out she so some than
        that that's the their them then there they this to too up was we were what when where which who will with would
        yes you your you're""",
    )
)
STOP_CHARACTERS = frozenset("的了是在我你您他她它们这那有和就不也都说吗呢吧啊呀哦嗯很到要会个一为与及之其于被把从对")


@dataclass(slots=True)
class Source:
    """The counts of one file of the recipe. Characters are those of what is said, without names and marks."""

    name: str
    licence: str
    limit: int  # characters kept, at most
    documents_read: int = 0
    characters_read: int = 0
    documents_kept: int = 0
    characters_kept: int = 0
    documents_dev: int = 0  # of those kept
    dropped: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    def read(self, texts: Iterable[str]) -> None:
        """Count a document that is read, turn by turn."""
        self.documents_read += 1
        self.characters_read += sum(map(len, texts))

    def keep(self, text: str, language: str, split: str) -> None:
        """Count a document that is kept."""
        self.documents_kept += 1
        self.characters_kept += len(text)
        self.documents_dev += split == "dev"
        self.languages[language] += 1
        self.words.update(words(text))
        if len(self.words) > 2 * WORDS_KEPT:
            self.words = Counter(dict(self.words.most_common(WORDS_KEPT)))

    def figures(self) -> dict[str, Any]:
        """The counts as data.json holds them."""
        return {
            "name": self.name,
            "licence": self.licence,
            "limit": self.limit,
            "documents": {"read": self.documents_read, "kept": self.documents_kept, "dev": self.documents_dev},
            "characters": {"read": self.characters_read, "kept": self.characters_kept},
            "dropped": {reason.value: self.dropped[reason] for reason in Reason},
            "languages": dict(sorted(self.languages.items())),
            "masked": dict(sorted(self.masked.items())),
            "words": [word for word, _ in sorted(self.words.items(), key=lambda item: (-item[1], item[0]))[:TOP_WORDS]],
        }


def words(text: str) -> list[str]:
    """English words and pairs of Chinese characters (which has no spaces), without stop words."""
    found: list[str] = []
    for word in WORD.findall(text.lower()):
        if word[0] < "\u3400":
            found += [] if word in STOP_WORDS else [word]
        else:
            found += [a + b for a, b in pairwise(word) if not {a, b} & STOP_CHARACTERS]
    return found


def licence_of(path: Path) -> str:
    """The licence line of the SOURCE.md beside a file."""
    beside = path.parent / "SOURCE.md"
    if not beside.exists():
        return "not stated: no SOURCE.md beside it"
    stated = re.search(r"^- licen[cs]e: *(.+)$", beside.read_text(encoding="utf-8"), re.MULTILINE)
    return stated[1] if stated else "not stated in its SOURCE.md"


def page(sources: list[Source]) -> str:
    """DATA.md: the same figures for people."""
    return "\n".join(
        [
            "# The public text of this run",
            "",
            "Characters are those of what is said, without names and marks. Reading stops where a source has given",
            "what the recipe takes of it. About every fiftieth document kept is held out for measuring (dev).",
            "",
            _table("source", "read", "kept", "dev", "characters read", "kept", "en", "zh")
            + "".join(_row(source) for source in sources)
            + _total(sources),
            "## Dropped",
            "By the first reason that holds: neither English nor Chinese; too short or too long; few letters or the",
            "same over and over; word for word, or nearly, what was kept before, in any source.",
            "",
            _table("source", *(reason.value.replace("_", " ") for reason in Reason))
            + "".join(_line(one.name, *(one.dropped[reason] for reason in Reason)) for one in sources),
            "## Sources",
            "",
            *(_about(source) for source in sources),
        ]
    )


def _row(one: Source) -> str:
    read, kept = (one.documents_read, one.characters_read), (one.documents_kept, one.characters_kept)
    spoken = (one.languages["en"], one.languages["zh"])
    return _line(one.name, read[0], kept[0], one.documents_dev, read[1], kept[1], *spoken)


def _total(sources: list[Source]) -> str:
    whole = Source("all", "", 0)
    for one in sources:
        for name in ("documents_read", "characters_read", "documents_kept", "characters_kept", "documents_dev"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        whole.languages += one.languages
    return _row(whole)


def _about(one: Source) -> str:
    masks = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.masked.items())) or "nothing"
    frequent = ", ".join(one.figures()["words"])
    return f"- `{one.name}`: {one.licence}. Masked: {masks}. Frequent words: {frequent}."


def _table(*heads: str) -> str:
    return f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}\n"


def _line(name: str, *counts: int) -> str:
    return f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |\n"
