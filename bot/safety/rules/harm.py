"""Hate and harassment that no list holds, by a small classifier per language (`llm/harm.py`, weights/harm).

How sure it has to be is learnt with it, from harmless talk: it was trained on posts of other places, whose tone and
topics are not a shop's, so that only what it is very sure of counts.
"""

from bot.language import language
from bot.safety.rules._forms import forms
from bot.safety.rules.base import Direction, Rule, Strictness, Subject, Terms
from llm import harm

SHORT = {"en": 16, "zh": 5}  # characters: fewer hold too little to go by, and lists know them

# A merchant's row has the benefit of the doubt; a model's sentence has none, for the row is quoted in its stead.
LEVEL: dict[Direction, Strictness] = {"row": "relaxed", "out": "strict"}


class Harm:
    def __init__(self, judges: dict[str, harm.Judge]) -> None:
        self._judges = judges

    def check(self, subject: Subject) -> str | None:
        text = subject.own if subject.direction == "out" else subject.text
        spoken, plain = language(text), forms(text).plain
        judge = self._judges[spoken]
        level = LEVEL.get(subject.direction, subject.strictness)
        if len(plain) < SHORT[spoken] or judge.score(plain) < judge.limits[level]:
            return None
        return "abuse" if subject.direction == "in" else "harm"


def build(terms: Terms) -> Rule:
    return Harm({one: harm.load(one) for one in harm.LANGUAGES})
