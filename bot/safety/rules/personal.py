"""Personal data stays in: no phone, mail address, card or identity number goes out unless the merchant wrote it."""

import re
from collections.abc import Iterator

from phonenumbers import PhoneNumberMatcher
from stdnum import luhn
from stdnum.cn import ric

from bot.safety.rules.base import Rule, Subject, Terms

MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)[Xx]?")
REGIONS = ("CN", "US", "GB")


class Personal:
    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        return "personal" if any(True for text in subject.shown for _ in spans(text)) else None


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind (mail, number, phone) of each piece of personal data; they may overlap."""
    yield from ((*found.span(), "mail") for found in MAIL.finditer(text))
    for found in DIGITS.finditer(text):
        number = re.sub(r"[ -]", "", found.group())
        if luhn.is_valid(number) or ric.is_valid(number):
            yield (*found.span(), "number")
    if sum(letter.isdigit() for letter in text) >= 7:
        for region in REGIONS:
            yield from ((one.start, one.end, "phone") for one in PhoneNumberMatcher(text, region))


def build(terms: Terms) -> Rule:
    return Personal()
