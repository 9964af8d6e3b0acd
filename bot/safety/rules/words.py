"""Abuse from words.toml: insults, threats and slurs, spaced out, masked and bent too."""

import re
import tomllib
from pathlib import Path

from bot.language import HAN
from bot.safety.rules._forms import LETTERS, forms
from bot.safety.rules._lexicon import Listed
from bot.safety.rules.base import Rule, Subject, Terms

MASKED = re.compile(r"\b(?=[a-z*#%]{4})[a-z]+[*#%]{1,3}[a-z]*")


class Words(Listed):
    def __init__(self) -> None:
        super().__init__("abuse", __file__)
        held = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
        words = (*held["always"]["words"], *held["normal"]["words"])
        self._english = frozenset(word for word in words if not HAN.search(word) and " " not in word)

    def check(self, subject: Subject) -> str | None:
        if found := super().check(subject):
            return found
        text = subject.own if subject.direction == "out" else subject.text
        if not any(sign in text for sign in "*#%＊＃％"):
            return None
        plain = forms(text).plain
        masked = (one for form in (plain, plain.translate(LETTERS)) for one in MASKED.findall(form))
        return "abuse" if any(self._unmasked(one) for one in masked) else None

    def _unmasked(self, masked: str) -> bool:
        """Is it a listed word with a sign for each letter that is left out, as in `f**l`?"""
        pattern = re.compile(re.sub(r"[*#%]", "[a-z]", masked))
        return any(pattern.fullmatch(word) for word in self._english)


def build(terms: Terms) -> Rule:
    return Words()
