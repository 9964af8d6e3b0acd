"""Other shops that the merchant doesn't want spoken of: SAFETY_COMPETITORS. What rows say of them is quoted."""

import re

from bot.language import HAN, normalise
from bot.safety.rules.base import Rule, Subject, Terms


class Competitors:
    def __init__(self, names: tuple[str, ...]) -> None:
        bare = [normalise(name) for name in names if name.strip()]
        known = [re.escape(name) if HAN.search(name) else rf"(?<!\w){re.escape(name)}(?!\w)" for name in bare]
        self._names = re.compile("|".join(known)) if known else None

    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out" or self._names is None:
            return None
        return "competitor" if self._names.search(normalise(subject.own)) else None


def build(terms: Terms) -> Rule:
    return Competitors(terms.competitors)
