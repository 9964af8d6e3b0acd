"""Puts right what was misspelt of the shop's own names: `propagaters`; `碧罗春` for 碧螺春, where one sign is wrong."""

import re
from collections.abc import Container, Iterable
from copy import copy
from difflib import SequenceMatcher

from bot.knowledge.retrieval import synonyms
from bot.language import CHINESE_STOP, CJK, ENGLISH_STOP, normalise, stem

WORD = re.compile(r"[a-z]{5,}")
RUN = re.compile(f"[{CJK}]{{3,}}")
ALIKE = 0.82  # difflib's ratio; one letter in six differs


class Spelling:
    """`names` are titles and options; `known` says of a stem whether the shop's texts hold it."""

    def __init__(self, names: Iterable[str], known: Container[str]) -> None:
        self._known = known
        self._words: dict[str, set[str]] = {}  # by their first letter
        self._around: dict[str, set[str]] = {}  # first and last of three signs -> the three
        for name in names:
            plain = normalise(name)
            for word in WORD.findall(plain):
                self._words.setdefault(word[0], set()).add(word)
            for run in RUN.findall(plain):
                for three in _threes(run):
                    self._around.setdefault(three[0] + three[2], set()).add(three)

    def knowing(self, known: Container[str]) -> "Spelling":
        """The same names, with other texts."""
        other = copy(self)
        other._known = known
        return other

    def mend(self, text: str) -> str:
        """The text with names as the shop writes them."""
        plain = WORD.sub(lambda found: self._word(found.group()), normalise(text))
        for run in RUN.findall(plain):
            for three in _threes(run):
                meant = self._around.get(three[0] + three[2], set())
                if len(meant) == 1 and self._strange(three):
                    plain = plain.replace(three, next(iter(meant)))
        return plain

    def _strange(self, three: str) -> bool:
        """Three signs of which the shop's texts know no pair, and that are no words around a `的`."""
        return three[1] not in CHINESE_STOP and three[:2] not in self._known and three[1:] not in self._known

    def _word(self, word: str) -> str:
        if word in ENGLISH_STOP or stem(word) in self._known or stem(word) in synonyms():
            return word
        near = [one for one in self._words.get(word[0], ()) if abs(len(one) - len(word)) <= 2]
        ratio, best = max(((SequenceMatcher(None, word, one).ratio(), one) for one in near), default=(0.0, word))
        return best if ratio >= ALIKE else word


def _threes(run: str) -> list[str]:
    return [run[at : at + 3] for at in range(len(run) - 2)]
