"""Personal data stays in: no phone, mail address, card or identity number goes out unless the merchant wrote it."""

import re

from phonenumbers import PhoneNumberMatcher
from stdnum import luhn
from stdnum.cn import ric

from bot.safety.rules.base import Rule, Subject

MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)[Xx]?")
REGIONS = ("CN", "US", "GB")


class Personal:
    def check(self, subject: Subject) -> str | None:
        if subject.direction == "in":
            return None
        text = subject.own
        if MAIL.search(text):
            return "personal"
        for found in DIGITS.finditer(text):
            number = re.sub(r"[ -]", "", found.group())
            if luhn.is_valid(number) or ric.is_valid(number):
                return "personal"
        if sum(letter.isdigit() for letter in text) >= 7:
            for region in REGIONS:
                if any(True for _ in PhoneNumberMatcher(text, region)):
                    return "personal"
        return None


def build(allowed_hosts: frozenset[str]) -> Rule:
    return Personal()
