"""What the model is told stays with it: no run of words of its instructions goes out."""

import re

from bot.language import CJK, normalise
from bot.safety.rules.base import Rule, Subject, Terms
from llm.instructions import told

WORDS, SIGNS = 5, 9  # so many English words in a row, or Chinese signs, are no accident
WORD, HAN = re.compile(r"[a-z]+"), re.compile(f"[{CJK}]+")


class Prompt:
    def __init__(self, told: list[str]) -> None:
        self._known = frozenset(run for text in told for run in runs(text))

    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        return None if self._known.isdisjoint(runs(subject.own)) else "prompt"


def runs(text: str) -> list[str]:
    """Every few words and every few Chinese signs in a row."""
    plain = normalise(text)
    words, signs = WORD.findall(plain), "".join(HAN.findall(plain))
    found = [" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)]
    return found + [signs[at : at + SIGNS] for at in range(len(signs) - SIGNS + 1)]


def build(terms: Terms) -> Rule:
    return Prompt(told())
