"""Discounts that articles state: `Students get 10% off with a Student Beans code`, `同款满10份打9折`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.knowledge.delivery import without_yes
from bot.knowledge.rows import Article
from bot.language import normalise, sentences, tokens

RATE = re.compile(
    r"(?<![\d.])(?P<off>\d{1,2}(?:\.\d)?) ?% ?(?:off|(?:\w+ ){0,2}discount)|(?<![\d.])(?P<zhe>[1-9]\.\d|[1-9]\d?|[一二三四五六七八九])折"
)
ASKED = re.compile(r"\bdiscounts?\b|\bcode\b|\bpromo\b|\bvoucher\b|\bcoupon\b|\boff\b|折|优惠|会员价|学生价")
HAN = dict(zip("一二三四五六七八九", "123456789", strict=True))
# Words that every discount is spoken of with; they tell none from another.
COMMON = frozenset(
    tokens("discount off code price get order buy with how much would pay 折 打折 优惠 多少 多少钱 可以 全场 价格")
)


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` is taken off; `said` is the sentence with its conditions, of the article `row`."""

    percent: Decimal
    said: str
    row: str


def read_discounts(articles: Iterable[Article]) -> list[Discount]:
    """Every sentence that states one discount, and nothing else in percent."""
    found = []
    for article in articles:
        for sentence in sentences(article.body):
            rates = _rates(sentence)
            if len(rates) == 1 and len(re.findall(r"%|折", sentence)) == 1:
                found.append(Discount(rates[0], without_yes(sentence), article.row))
    return found


def _rates(text: str) -> list[Decimal]:
    """The percents that a text takes off: `85折` is 15."""
    found = []
    for match in RATE.finditer(normalise(text)):
        if match["off"]:
            found.append(Decimal(match["off"]))
        else:
            number = HAN.get(match["zhe"], match["zhe"])
            found.append(100 - Decimal(number) * (1 if len(number) == 2 else 10))
    return found


def asked_discount(text: str, held: Sequence[Discount]) -> Discount | None:
    """The one discount that a question speaks of, by its rate or by its own words; None where none or several are."""
    if not ASKED.search(text) and not RATE.search(text):
        return None
    rates, said = _rates(text), set(tokens(text)) - COMMON
    fit = [one for one in held if not rates or one.percent in rates]
    shared = {one: len(said & (set(tokens(one.said)) - COMMON)) for one in fit}
    best = [one for one in fit if shared[one] == max(shared.values())]
    if len(best) != 1 or len(rates) > 1 or (not rates and not shared[best[0]]):
        return None
    return best[0]
