"""Abusive words from words.txt: whole words in English, anywhere in Chinese, spaced out and masked too."""

import re
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from bot.language import HAN, normalise
from bot.safety.rules.base import Rule, Subject

LOOKALIKES = str.maketrans(
    "013457@$!" + "асеоркхуіѕԁԛԝтнмв", "oieastasi" + "aceopkxyisdqwthmb"
)  # digits, signs, Cyrillic
MASKED = re.compile(r"\b(?=[a-z*#%]{4})[a-z]+[*#%]{1,3}[a-z]*")


class Words:
    """Both lists are matched on text without separators inside words, as it is and with look-alikes put right."""

    def __init__(self, lines: list[str]) -> None:
        words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._english = frozenset(word for word in words if not HAN.search(word))
        self._phrases = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in sorted(self._english) if " " in word))
        self._chinese = AhoCorasick([word for word in words if HAN.search(word)])

    def check(self, subject: Subject) -> str | None:
        text = normalise(subject.own)
        for form in (text, text.translate(LOOKALIKES)):
            if not self._english.isdisjoint(re.findall(r"[a-z']+", form)) or self._phrases.search(form):
                return "abuse"
            if any(self._unmasked(one) for one in MASKED.findall(form)):
                return "abuse"
            joined = re.sub(r"\b(?:[a-z][ .*_-]){2,}[a-z]\b", lambda found: re.sub(r"[^a-z]", "", found.group()), form)
            if joined != form and not self._english.isdisjoint(re.findall(r"[a-z']+", joined)):
                return "abuse"
        squeezed = re.sub(r"[^\w]", "", text)
        return "abuse" if self._chinese.find_matches_as_indexes(squeezed) else None

    def _unmasked(self, masked: str) -> bool:
        """Is it a listed word with a sign for each letter that is left out, as in `f**l`?"""
        pattern = re.compile(re.sub(r"[*#%]", "[a-z]", masked))
        return any(pattern.fullmatch(word) for word in self._english)


def build(allowed_hosts: frozenset[str]) -> Rule:
    return Words(Path(__file__).with_name("words.txt").read_text("utf-8").splitlines())
