"""A model that runs in circles is kept in: one word, phrase, sentence or sign over and over."""

import re

from bot.language import normalise, sentences
from bot.safety.rules.base import Rule, Subject, Terms

SAME = 3  # equal sentences
CIRCLES = re.compile(
    r"(\S)\1{9}"  # !!!!!!!!!!
    r"|(?<!\w)(\w+)(?:\W+\2(?!\w)){3}"  # very very very very
    r"|(?<!\w)(\w+\W+\w+(?:\W+\w+){0,4})(?:\W+\3(?!\w)){2}"  # and so on and so on and so on
    r"|([\u3400-\u9fff]{2,12})\4{3}"
)


class Repetition:
    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        text = normalise(subject.text)
        said = [re.sub(r"\W+", "", one) for one in sentences(text)]
        same = any(one and said.count(one) >= SAME for one in said)
        return "repetition" if same or CIRCLES.search(text) else None


def build(terms: Terms) -> Rule:
    return Repetition()
