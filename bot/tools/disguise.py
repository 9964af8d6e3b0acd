"""What is said, without who said it: personal data becomes neutral words, members get invented names."""

import re
from collections.abc import Iterator, Mapping

from bot.language import ENGLISH_STOP, HAN, language
from bot.safety.rules.links import ADDRESS
from bot.safety.rules.personal import DIGITS, spans
from llm.corpus.vary import read_words
from llm.protocol import LANGUAGES

# A handle ends at what can't be part of it; a Chinese one only at the space that chat programs put behind it.
HANDLE = re.compile(r"(?<![\w.])@(?:[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*|\w{1,20}(?=\s))")
NEUTRAL = {
    "mail": {"en": "e-mail address", "zh": "邮箱"},
    "number": {"en": "number", "zh": "号码"},
    "phone": {"en": "phone number", "zh": "电话号码"},
    "link": {"en": "link", "zh": "链接"},
    "handle": {"en": "somebody", "zh": "某人"},
}


class Disguise:
    """For one chat. `names` are its members' real names by id, `taken` all that no invented name may be."""

    def __init__(self, names: Mapping[int, str], taken: frozenset[str]) -> None:
        barred = {name.casefold() for name in taken}
        invented = {one: read_words(one, "train").lists["members"] for one in LANGUAGES}
        self._free = {one: [name for name in held if name.casefold() not in barred] for one, held in invented.items()}
        self._names = {member: self._invented(member, name) for member, name in names.items()}
        self._by_real = {
            form.casefold(): self._names[member] for member, name in names.items() for form in _forms(name)
        }
        self._real = _pattern(self._by_real)
        self._seen: dict[str, str] = {}

    def name(self, member: int) -> str:
        """The member's invented name, the same in every export of the same members."""
        return self._names[member]

    def text(self, text: str) -> str:
        """The text with neutral words and invented names. A chat's turns come back several times, so they are kept."""
        if text not in self._seen:
            masked = mask(text)
            if self._real:
                masked = self._real.sub(lambda hit: self._by_real[hit[0].casefold()], masked)
            self._seen[text] = masked
        return self._seen[text]

    def _invented(self, member: int, name: str) -> str:
        free = self._free["zh" if HAN.search(name) else "en"]
        return free[member % len(free)] if free else f"Member {member}"


def _forms(name: str) -> Iterator[str]:
    """How a name may be said: whole, or one of its parts that is no common word."""
    parts = [part for part in name.split() if len(part) > 2 and part.casefold() not in ENGLISH_STOP]
    yield from (form for form in (name.strip(), *parts) if len(form) > 1)


def _pattern(forms: Mapping[str, str]) -> re.Pattern[str] | None:
    """Finds real names, longest first, in any case: who is called Will loses a verb now and then."""
    longest = sorted(forms, key=len, reverse=True)
    if not longest:
        return None
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest))})(?![A-Za-z0-9])", re.IGNORECASE)


def mask(text: str) -> str:
    """Mail addresses, phone and other long numbers, links and @handles as neutral words of the text's language."""
    spoken, parts, last = language(text), [], 0
    found = [*spans(text)]
    for kind, pattern in (("number", DIGITS), ("link", ADDRESS), ("handle", HANDLE)):
        found += [(*hit.span(), kind) for hit in pattern.finditer(text)]
    for start, end, kind in sorted(found, key=lambda one: (one[0], -one[1])):
        if start >= last:
            parts += [text[last:start], NEUTRAL[kind][spoken]]
        last = max(last, end)
    return "".join([*parts, text[last:]])
