"""The shipped model says only what is like the replies that it was taught; poisoned, it would say something else.

A model of the merchant's own is free in its words: SAFETY_WORDING.
"""

from bot.language import sentences
from bot.safety.rules.base import Rule, Subject, Terms
from llm import familiar

MOST = 0.3  # of a sentence's neighbouring words, the share that no reply has


class Familiar:
    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out" or subject.typed:
            return None
        text = subject.text
        for value in sorted(filter(None, (*subject.quoted, *subject.names)), key=len, reverse=True):
            text = text.replace(value, familiar.BREAK)
        return "unfamiliar" if any(familiar.unlike(one) > MOST for one in sentences(text)) else None


class Free:
    def check(self, subject: Subject) -> str | None:
        return None


def build(terms: Terms) -> Rule:
    if not terms.familiar:
        return Free()
    familiar.unlike("a")  # reads the replies now rather than at the first message
    return Familiar()
