"""The filters of stage 1: one text comes in as somebody published it and goes out fit to learn from, or not at all.

Every filter stands alone and looks at one text, but for `Seen`, which remembers what was kept before.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from enum import StrEnum
from typing import Any

import numpy as np
from phonenumbers import PhoneNumberMatcher
from stdnum import luhn

from llm.protocol import SPECIAL_TOKENS

Hashes = np.ndarray[Any, np.dtype[np.uint64]]


class Reason(StrEnum):
    """Why a document was dropped, in the order in which it is asked."""

    LANGUAGE = "language"  # neither English nor Chinese, by script
    LENGTH = "length"
    JUNK = "junk"  # few letters, or the same over and over
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"


SHORTEST, LONGEST = 12, 20_000  # bytes of UTF-8, so that a Chinese character counts three letters
LETTERS = 0.6  # least share of letters in what is not space
RUN = re.compile(r"(\S)\1{9}")  # ten times the same character
DISTINCT, COUNTED = 0.3, 200  # least share of different n-grams, asked of texts with so many characters
OTHER_SCRIPTS, SOME_HAN, NO_HAN = 0.05, 0.2, 0.05  # shares of the letters

HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
FORGED = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))

EMAIL = re.compile(  # the second form is what is left of one in sets that dropped the marks: "annagmailcom"
    r"(?<![\w.%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|\b[A-Za-z0-9._-]{0,64}(?:gmail|hotmail|outlook|yahoo) ?\.? ?com\b",
    re.IGNORECASE,
)
LINK = re.compile(
    r"(?:https?://|www\.)[!-;=?-~]*[\w/#=&-]"
    r"|(?<![A-Za-z0-9.-])(?:[a-z0-9-]{1,63}\.)+(?:com|org|net|cn|edu|gov|co\.uk)\b(?:/[!-;=?-~]*[\w/#=&-])?",
    re.IGNORECASE | re.ASCII,
)
HANDLE = re.compile(r"(?<![\w.])@\w{2,30}")
GROUPED = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")  # as long as a card's number
LONG = re.compile(r"[A-Za-z]{0,20}\d{7,}[A-Za-z\d]{0,20}")
MAYBE_PHONE = re.compile(r"(?:\d\D{0,3}){7}")
REGIONS = {"en": "US", "zh": "CN"}
MASKS = {
    "en": {"email": "an email address", "link": "a link", "handle": "someone", "card": "a card number"}
    | {"phone": "a phone number", "number": "a number"},
    "zh": {"email": "某个邮箱", "link": "某个链接", "handle": "某人", "card": "某个卡号"}
    | {"phone": "某个号码", "number": "一串数字"},
}


def normalised(text: str) -> str:
    """NFC, no control characters or marks of the prompt, single spaces, single line ends."""
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isspace() or unicodedata.category(letter)[0] != "C")
    text = FORGED.sub(" ", unicodedata.normalize("NFC", text))
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def language_of(text: str) -> str | None:
    """Its language by the scripts of its letters: en, zh, or None for any other and for no letters at all."""
    letters, han = sum(map(str.isalpha, text)), len(HAN.findall(text))
    if not letters or letters - han - len(LATIN.findall(text)) > letters * OTHER_SCRIPTS:
        return None
    if han >= letters * SOME_HAN:
        return "zh"
    return "en" if han <= letters * NO_HAN else None


def masked(text: str, language: str) -> tuple[str, Counter[str]]:
    """The text with words in place of what may lead to a person, and how many of each kind there were.

    What is left holds no run of seven digits, and masking it again changes nothing.
    """
    found: Counter[str] = Counter()
    before = None
    while before != text:  # a mask may lay open what stood beside it; what can be masked gets less
        before = text
        text = _masked_once(text, language, found)
    return text, found


def _masked_once(text: str, language: str, found: Counter[str]) -> str:
    def put(kind: str) -> str:
        found[kind] += 1
        return MASKS[language][kind]

    text = EMAIL.sub(lambda _: put("email"), text)
    if "@" in text:
        text = HANDLE.sub(lambda _: put("handle"), text)
    if "." in text or "//" in text:
        text = LINK.sub(lambda _: put("link"), text)
    if not MAYBE_PHONE.search(text):
        return text
    text = GROUPED.sub(lambda group: put("card" if luhn.is_valid(re.sub("[ -]", "", group[0])) else "number"), text)
    for match in [*PhoneNumberMatcher(text, REGIONS[language])][::-1]:
        text = f"{text[: match.start]}{put('phone')}{text[match.end :]}"
    return LONG.sub(lambda _: put("number"), text)


def fault(text: str, language: str | None) -> Reason | None:
    """What is wrong with a text taken by itself."""
    if language is None:
        return Reason.LANGUAGE
    if not SHORTEST <= len(text.encode()) <= LONGEST:
        return Reason.LENGTH
    shown = "".join(text.split())
    if sum(map(str.isalpha, shown)) < len(shown) * LETTERS or RUN.search(shown):
        return Reason.JUNK
    if len(shown) < COUNTED:
        return None
    grams = ngrams(text)
    return Reason.JUNK if len(np.unique(grams)) < len(grams) * DISTINCT else None


# Near duplicates: MinHash of the different n-grams, in bands. Two texts are near when a whole band agrees, which of two
# with 90 % of their n-grams in common 98 in 100 do, with 80 % 57, with 70 % 15, with 50 % less than one.
NGRAM, BANDS, ROWS = 5, 12, 12
SLOTS = 2**19
MIX = np.uint64(0x9E3779B97F4A7C15)


def ngrams(text: str) -> Hashes:
    """A number for each run of five letters or digits, case and everything else left out, in order."""
    folded = re.sub(r"[\W_]+", "", text.casefold()).ljust(NGRAM)
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    last = len(codes) - NGRAM + 1
    hashes: Hashes = np.zeros(last, dtype=np.uint64)
    for at in range(NGRAM):
        hashes = (hashes + codes[at : at + last]) * MIX
        hashes ^= hashes >> np.uint64(29)
    return hashes


def digest(text: str) -> int:
    """64 bits that follow from the text alone, on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Seen:
    """Finds texts that were kept before, word for word or nearly.

    Memory is fixed: 54 MB for a table of 2**19 places per band and one for whole texts, however much is read. Two texts
    that fall on one place push each other out, so that of many more than half a million some duplicate is missed; a
    text is never called one wrongly for it, as the place holds the whole 64-bit key.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._keys: Hashes = np.zeros((1 + BANDS, slots), dtype=np.uint64)
        self._tables = np.arange(1 + BANDS)
        drawn = hashlib.shake_128(b"minhash").digest(3 * BANDS * ROWS * 8)  # any odd numbers, the same everywhere
        self._scale, self._shift, self._fold = np.frombuffer(drawn, dtype="<u8").reshape(3, -1) | np.uint64(1)

    def before(self, text: str) -> Reason | None:
        """Whether this one was here; if not, it is remembered."""
        hashes = np.unique(ngrams(text))[:, None] * self._scale + self._shift
        bands = (hashes.min(axis=0) * self._fold).reshape(BANDS, ROWS).sum(axis=1, dtype=np.uint64)
        keys = np.concatenate([np.array([digest(text)], dtype=np.uint64), bands]) | np.uint64(1)  # 0 is a free place
        slots = ((keys ^ keys >> np.uint64(32)) % np.uint64(self._keys.shape[1])).astype(np.intp)
        same = self._keys[self._tables, slots] == keys
        if same[0]:
            return Reason.DUPLICATE
        if same.any():
            return Reason.NEAR_DUPLICATE
        self._keys[self._tables, slots] = keys
        return None
