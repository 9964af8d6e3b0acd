"""A model that is free in its words says what the rows hold, what members said and what any shop says.

A sentence made mostly of other words came out of the model's own head: it carries out what somebody planted, or answers
what a row only asks. The shipped model is held to more: familiar.py.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from bot.language import HAN, sentences, tokens
from bot.safety.rules.base import Rule, Subject, Terms
from llm import familiar

# Of a sentence's words half, and two of them; of its pairs of Chinese signs more than these, and so many of them.
MOST, LEAST, MOST_HAN, LEAST_HAN = 0.5, 2, 0.6, 3
ASKED, MARKS = re.compile(r"[^.!?。！？\n]*[?？]"), re.compile(r"<\w+>|[{}|]")


class Grounded:
    def __init__(self) -> None:
        held = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
        self._everyday = replied() | frozenset(words(" ".join(held.values())))

    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out" or subject.typed or not subject.known:
            return None
        held = frozenset(word for text in (*map(told, subject.quoted), *subject.known) for word in words(text))
        text = subject.text
        for value in sorted(filter(None, (*subject.quoted, *subject.names)), key=len, reverse=True):
            text = text.replace(value, " ")
        return "ungrounded" if any(self._strange(one, held) for one in sentences(text)) else None

    def _strange(self, sentence: str, held: frozenset[str]) -> bool:
        said = [*words(sentence)]
        strange = sum(word not in held and word not in self._everyday for word in said)
        if HAN.search(sentence):
            return strange >= LEAST_HAN and strange > MOST_HAN * len(said)
        return strange > MOST * len(said) or (strange >= LEAST and strange == MOST * len(said))


class Held:
    def check(self, subject: Subject) -> str | None:
        return None


def told(text: str) -> str:
    """A row's text without its questions: what it asks it doesn't say."""
    return ASKED.sub(" ", text).strip()


def words(text: str) -> Iterator[str]:
    """Stems of the words that mean something, and pairs of Chinese signs; figures are checked elsewhere."""
    return (word for word in tokens(text) if len(word) > 1 and not word[0].isdigit())


@lru_cache(maxsize=1)
def replied() -> frozenset[str]:
    """The words of the project's own replies."""
    return frozenset(word for text in familiar.replies() for word in words(MARKS.sub(" ", text)))


def build(terms: Terms) -> Rule:
    return Held() if terms.familiar else Grounded()
