"""Word lists as data: one pass of Aho-Corasick over a text finds the words of a list, and words that stand together.

A file is TOML. Its tables `always`, `normal` and `strict` say how strict a chat has to be for what stands in them, the
tables `in`, `out` and `row` hold what counts in that direction alone. In each of them:

- `words`: English whole words or phrases, Chinese anywhere in a text. Apostrophes don't count.
- `near`: pairs of `[groups]`: a word of the first group and, close behind it, one of the second.

`ok` at the head: what holds a listed word and means something else; a word inside such a phrase doesn't count.
"""

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ahocorasick_rs import AhoCorasick

from bot.language import HAN
from bot.safety.rules._forms import WORD, forms, spaced
from bot.safety.rules.base import Subject

LEVELS = {"relaxed": ("always",), "normal": ("always", "normal"), "strict": ("always", "normal", "strict")}
TABLES = ("always", "normal", "strict", "in", "out", "row")
CLOSE = {True: 42, False: 12}  # English signs, with two spaces between words; Chinese ones
Hit = tuple[int, int, int]  # the number of a pattern, where it starts, where it ends


class Lexicon:
    """Raises ValueError for a file that is not as above, naming it and what is wrong."""

    def __init__(self, path: Path) -> None:
        held = _read(path)
        self._english, self._chinese = _Matcher(held, chinese=False), _Matcher(held, chinese=True)

    def holds(self, subject: Subject, text: str) -> bool:
        """Does the text hold what the list is about, in this direction and as strictly as the subject has it?"""
        tables = frozenset((*LEVELS[subject.strictness], subject.direction))
        seen = forms(text)
        return any(self._english.holds(one, tables) for one in seen.words) or any(
            self._chinese.holds(one, tables) for one in seen.signs
        )


class _Matcher:
    """The words of one script. A pattern is an `ok`, a word of a table, or one of a group."""

    def __init__(self, held: dict[str, Any], *, chinese: bool) -> None:
        self._close = CLOSE[not chinese]
        self._means: list[tuple[str, str]] = []
        patterns: list[str] = []

        def add(kind: str, name: str, words: Iterable[str]) -> None:
            for word in words:
                if bool(HAN.search(word)) is chinese:
                    patterns.append(word if chinese else spaced(WORD.findall(word.replace("'", ""))))
                    self._means.append((kind, name))

        add("ok", "", held.get("ok", ()))
        for table in TABLES:
            add("word", table, held.get(table, {}).get("words", ()))
        for group, words in held.get("groups", {}).items():
            add("group", group, words)
        near = [(table, pair) for table in TABLES for pair in held.get(table, {}).get("near", ())]
        self._near = [(table, first, second) for table, (first, second) in near]
        self._found = AhoCorasick(patterns) if patterns else None

    def holds(self, text: str, tables: frozenset[str]) -> bool:
        hits: list[Hit] = self._found.find_matches_as_indexes(text, overlapping=True) if self._found else []
        if not hits:
            return False
        fine = [(start, end) for number, start, end in hits if self._means[number][0] == "ok"]
        left = [hit for hit in hits if not any(start <= hit[1] and hit[2] <= end for start, end in fine)]
        kinds = [self._means[number] for number, _, _ in left]
        if any(kind == "word" and name in tables for kind, name in kinds):
            return True
        groups: dict[str, list[Hit]] = {}
        for (kind, name), hit in zip(kinds, left, strict=True):
            if kind == "group":
                groups.setdefault(name, []).append(hit)
        return any(
            0 <= second[1] - first[2] <= self._close
            for table, one, other in self._near
            if table in tables
            for first in groups.get(one, ())
            for second in groups.get(other, ())
        )


class Listed:
    """A rule that is one list: `reason` where a text holds something of it."""

    def __init__(self, reason: str, module: str) -> None:
        """`module` is the rule's `__file__`; its list stands beside it under the same name."""
        self._reason, self._lexicon = reason, _lexicon(Path(module).with_suffix(".toml"))

    def check(self, subject: Subject) -> str | None:
        text = subject.own if subject.direction == "out" else subject.text
        return self._reason if self._lexicon.holds(subject, text) else None


@lru_cache(maxsize=64)
def _lexicon(path: Path) -> Lexicon:
    """Read and compiled once for all shops of a process."""
    return Lexicon(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        held = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None
    groups = held.get("groups", {})
    if unknown := held.keys() - {*TABLES, "ok", "groups"}:
        raise ValueError(f"{path.name}: {unknown.pop()}: ok, groups or one of {', '.join(TABLES)} is right")
    for table in TABLES:
        for pair in held.get(table, {}).get("near", ()):
            if len(pair) != 2 or not groups.keys() >= {*pair}:
                raise ValueError(f"{path.name}: [{table}] near: {pair}: two names of [groups] are right")
    return held
