"""Sums: so many of these together, with delivery, free or not, with a discount that an article states."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.conversation.basket import NUMBER, Line, Unsure, lines
from bot.conversation.basket import plain as digits
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge.delivery import MONEY, Delivery, amount
from bot.knowledge.discounts import Discount, asked_discount
from bot.knowledge.facts import Maker
from bot.knowledge.library import Library
from bot.knowledge.rows import Variant
from bot.texts import Texts, coins, money, number
from llm.protocol import Act, Fact, Plan

FREE = re.compile(
    r"\bfree (?:shipping|delivery|postage)|\b(?:ship|deliver|post|delivery|shipping|postage)\w*\b.{0,24}\bfree\b|\bqualif|包邮|免邮|免运费"
)
WITH_FEE = re.compile(
    r"\b(?:plus|with|including|incl\.?|inc|and)\b.{0,5}\b(?:shipping|delivery|postage|p&p)|\b(?:delivered|shipped)\W*$"
    r"|(?:加|含|连|算上|带|包括)(?:上)?(?:运费|邮费|快递费)|到手(?:价|要?多少|几)"
)
TOGETHER = re.compile(
    r"\btotal\b|\baltogether\b|\bin all\b|\btogether\b|\bcomes? to\b|\b(?:do|would|will|'ll|d|shall) i (?:pay|owe)\b|一共|总共|合计|加起来|一起"
)
PRICED = re.compile(r"\bhow much\b|\bcosts?\b|\bprice\b|\bset me back\b|\bpay\b|多少钱|要付|付多少|多少")
CHEAPER = re.compile(r"\bdiscount|\boff\b|\bcode\b|\bpromo|\bvoucher|\bcoupon|折|优惠|会员价|学生价")
ASKED = re.compile("|".join(one.pattern for one in (FREE, WITH_FEE, TOGETHER, PRICED)))
OWN_SUM = re.compile(r"\borders?\b|\bbasket|\bspend|\bcart\b|\btotal|\bbought\b|买|订单|一共|总共|单")
MANY = 3  # different sums that one reply may hold


@dataclass(frozen=True, slots=True)
class Sums:
    """The lines with the sums that they may come to, lowest first, in one currency: of several lines with several
    prices only the lowest and the highest."""

    lines: tuple[Line, ...]
    currency: str
    goods: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Teller:
    """What a sum is said with."""

    reading: Reading
    compose: Composer
    texts: Texts

    def say(self, text: str, /, **values: object) -> str:
        return self.texts.say(self.reading.language, text, **values)

    def money(self, value: Decimal, currency: str) -> str:
        return money(value, currency, self.reading.language)


async def plan(
    reading: Reading,
    context: Context,
    library: Library,
    compose: Composer,
    texts: Texts,
    delivery: Delivery | None,
    discounts: Sequence[Discount],
) -> Plan | None:
    """The sum that is asked for; None where none is, or what is meant is not sure."""
    text, tell = reading.text, Teller(reading, compose, texts)
    shipping = FREE.search(text) is not None or WITH_FEE.search(text) is not None
    counting = shipping or TOGETHER.search(text) or CHEAPER.search(text) or NUMBER.search(digits(text))
    if not counting:
        return None
    try:
        basket = await lines(reading, context, library)
    except Unsure as open_:
        several = await library.read(open_.between[:2]) if shipping or TOGETHER.search(text) else []
        return compose.ask_back(reading, several) if len(several) > 1 else None
    if not basket:
        return _own_sum(tell, library, delivery) if FREE.search(text) else None
    summed = _summed(basket)
    if summed is None:
        return None
    if shipping and delivery:
        return _delivered(tell, library, summed, delivery)
    if shipping:
        return None
    if CHEAPER.search(text) and PRICED.search(text) and len(basket) == 1:
        discount = asked_discount(text, discounts)
        return _reduced(tell, library, summed, discount) if discount else None
    counted = any(line.counted and line.count > 1 for line in basket)
    if (len(basket) > 1 and TOGETHER.search(text)) or (counted and (TOGETHER.search(text) or PRICED.search(text))):
        return _together(tell, summed)
    return None


def _summed(basket: Sequence[Line]) -> Sums | None:
    """None where a price is unknown, currencies differ, or there are too many sums that it could be."""
    currencies = {variant.currency for line in basket for variant in line.among}
    if not all(line.prices for line in basket) or len(currencies) != 1:
        return None
    if len(basket) == 1:
        goods = tuple(price * basket[0].count for price in basket[0].prices)
    else:
        ends = [sum((line.prices[at] * line.count for line in basket), Decimal(0)) for at in (0, -1)]
        goods = tuple(dict.fromkeys(ends))
    return Sums(tuple(basket), currencies.pop(), goods) if len(goods) <= MANY else None


def _facts(tell: Teller, sums: Sums) -> list[Fact]:
    """Names, number and sum; the sum of one line says which variant it counts, so that a new price is noticed."""
    make = Maker(tell.reading.language)
    facts = []
    for place, line in enumerate(sums.lines[:3], 1):
        facts.append(make.name(line.product, line.among[0] if len(line.among) == 1 else None, place))
    first = sums.lines[0]
    facts.append(make.count(first.product, first.count))
    if len(sums.lines) == 1 and len(sums.goods) == 1:
        return [*facts, make.total(first.among[0], first.count)]
    return [*facts, Fact("total1", tell.money(sums.goods[-1], sums.currency), first.product.row, "price")]


def _goods(tell: Teller, sums: Sums) -> str:
    """`3 × Fold Hand Grinder: £222.00`, each line, then the sum of several."""
    make, chinese = Maker(tell.reading.language), tell.reading.language == "zh"
    said = []
    for line in sums.lines:
        name = make.name(line.product, line.among[0] if len(line.among) == 1 else None).value
        price = make.price(line.product, _multiplied(line))
        times = f"{line.count} × " if line.count > 1 or len(sums.lines) > 1 else ""
        said.append(f"{times}{name}{'：' if chinese else ': '}{price.value if price else ''}")
    joined = ("；" if chinese else "; ").join(said) + ("。" if chinese else ".")
    if len(sums.lines) < 2:
        return joined
    low, high = tell.money(sums.goods[0], sums.currency), tell.money(sums.goods[-1], sums.currency)
    if low != high:
        return joined + _gap(tell) + tell.say("Together {low} to {high}.", low=low, high=high)
    return joined + _gap(tell) + tell.say("Together {total}.", total=low)


def _multiplied(line: Line) -> list[Variant]:
    return [replace(one, price=one.price * line.count) for one in line.among if one.price is not None]


def _plan(
    tell: Teller, act: Act, sums: Sums, library: Library, rows: Sequence[str], text: str, more: Sequence[Fact]
) -> Plan:
    articles = library.read_articles([int(row.partition(":")[2]) for row in dict.fromkeys(rows)])
    products = [line.product for line in sums.lines]
    facts = [*_facts(tell, sums), *more]
    return replace(tell.compose.rows(act, tell.reading, [*products, *articles], facts, text), fixed=True)


def _together(tell: Teller, sums: Sums) -> Plan:
    """Several of one product are worded by the model; several products, or prices, by code."""
    first = sums.lines[0]
    if len(sums.lines) == 1 and len(sums.goods) == 1:
        facts = _facts(tell, sums)
        return tell.compose.rows(Act.TOTAL, tell.reading, [first.product], facts, _goods(tell, sums))
    products = [line.product for line in sums.lines]
    return replace(
        tell.compose.rows(Act.TOTAL, tell.reading, products, _facts(tell, sums), _goods(tell, sums)), fixed=True
    )


def _delivered(tell: Teller, library: Library, sums: Sums, delivery: Delivery) -> Plan:
    """The goods, what delivery makes of them where that is sure, and the merchant's own words on it."""
    parts = [_goods(tell, sums)]
    facts: list[Fact] = []
    if sums.currency in delivery.currencies:
        verdict, facts = _verdict(tell, sums.goods, sums.currency, delivery)
        parts += verdict
    parts.append(delivery.said)
    facts.append(Fact("text1", delivery.said, delivery.row, "body"))
    return _plan(tell, Act.TOTAL, sums, library, [delivery.row], _gap(tell).join(parts), facts)


def _verdict(tell: Teller, goods: Sequence[Decimal], currency: str, rule: Delivery) -> tuple[list[str], list[Fact]]:
    """Is it delivered free, how much is missing, what does it come to? Only what holds for every sum."""
    free = {rule.free(one) for one in goods}
    threshold = tell.money(rule.threshold, currency) if rule.threshold is not None else ""
    facts = [Fact("threshold1", threshold, rule.row, "body")] if threshold else []
    if free == {True}:
        return [tell.say("That reaches {threshold}, so delivery is free.", threshold=threshold)], facts
    if not (free == {False} or rule.threshold is None):
        return [], []
    said = []
    if rule.threshold is not None and len(goods) == 1:
        short = tell.money(rule.threshold - goods[0], currency)
        said.append(
            tell.say(
                "That is {short} short of {threshold}, from which delivery is free.", short=short, threshold=threshold
            )
        )
    if rule.fee is not None and not rule.extra and len(goods) == 1:
        fee, whole = tell.money(rule.fee, currency), tell.money(goods[0] + rule.fee, currency)
        facts.append(Fact("fee1", fee, rule.row, "body"))
        said.append(tell.say("With {fee} for delivery it comes to {total}.", fee=fee, total=whole))
    return said, facts


def _own_sum(tell: Teller, library: Library, delivery: Delivery | None) -> Plan | None:
    """`my order is £45, is delivery free?`"""
    found = list(MONEY.finditer(digits(tell.reading.text)))
    if delivery is None or delivery.threshold is None or len(found) != 1 or not OWN_SUM.search(tell.reading.text):
        return None
    value, currencies = amount(found[0].group())
    if not currencies & delivery.currencies:
        return None
    currency = sorted(currencies & delivery.currencies)[0]
    said, facts = _verdict(tell, [value], currency, delivery)
    if not said or value == delivery.threshold:
        return None
    articles = library.read_articles([int(delivery.row.partition(":")[2])])
    text = _gap(tell).join(
        [tell.money(value, currency) + ("：" if tell.reading.language == "zh" else ":"), *said, delivery.said]
    )
    facts.append(Fact("text1", delivery.said, delivery.row, "body"))
    return replace(tell.compose.rows(Act.SHIPPING, tell.reading, articles, facts, text), fixed=True)


def _reduced(tell: Teller, library: Library, sums: Sums, discount: Discount) -> Plan | None:
    """The price less what an article takes off, beside the article's sentence with its conditions."""
    if len(sums.goods) != 1:
        return None
    exact = sums.goods[0] * (100 - discount.percent) / 100
    rounded = coins(exact, sums.currency)
    shown = tell.money(rounded, sums.currency)
    percent = number(discount.percent, tell.reading.language)
    values = {"percent": percent, "price": shown}
    text = tell.say("With {percent} % off it is {price}.", **values)
    if rounded != exact:
        text = tell.say("With {percent} % off it is about {price}.", **values)
    parts = [_goods(tell, sums), text, discount.said]
    return _plan(
        tell,
        Act.TOTAL,
        sums,
        library,
        [discount.row],
        _gap(tell).join(parts),
        [Fact("text1", discount.said, discount.row, "body")],
    )


def _gap(tell: Teller) -> str:
    return "" if tell.reading.language == "zh" else " "
