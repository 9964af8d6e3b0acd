"""A product at a reduced price, with what it was before, and the days left where the end is known."""

import re
from datetime import date
from decimal import Decimal

from bot.content.base import LISTED, Desk, Piece, about_it, ask_me, products
from bot.knowledge.claims import Claim
from bot.knowledge.facts import needs_of
from bot.knowledge.rows import Product, Variant
from bot.texts import calendar_day
from llm.protocol import Act, Fact, Plan

DAY = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)")
ENDS = re.compile(
    r"\b(?:sale|offer|promotion|price)\b.*\b(?:ends?|until|to)\b|(?:活动|优惠|特价|促销).*(?:截止|结束|至)", re.I
)


async def plan(desk: Desk) -> Piece | None:
    """The product whose price is reduced most, of those not promoted lately; the end is what the admin said behind the
    type (`promotion 2026-12-24`) or an attribute such as "Sale ends"."""
    every = [one for one in await products(desk) if one.row not in desk.told]
    found = [(one, cut) for one in every if (cut := reduced(one))]
    found = [(one, cut) for one, cut in found if not (end := ends(desk, one)) or end >= desk.now.date()]
    found.sort(key=lambda pair: -_share(pair[1]))
    if not found:
        return None
    product, variant = found[0]
    assert variant.compare_at is not None
    others = found[1:LISTED]
    return piece(desk, product, variant, variant.compare_at, ends(desk, product), others)


def reduced(product: Product) -> Variant | None:
    """The variant whose price is reduced most, of those that can be bought."""
    some = [one for one in product.buyable if one.compare_at is not None and one.compare_at > (one.price or 0)]
    return max(some, key=_share, default=None)


def _share(variant: Variant) -> Decimal:
    assert variant.price is not None
    assert variant.compare_at is not None
    return 1 - variant.price / variant.compare_at


def ends(desk: Desk, product: Product) -> date | None:
    """The last day of the offer, where it is known."""
    held = next((value for label, value in product.attributes.items() if ENDS.search(label)), "")
    for text in (desk.words, held):
        if found := DAY.search(text):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                continue
    return None


def piece(
    desk: Desk, product: Product, variant: Variant, was: Decimal, end: date | None = None,
    others: list[tuple[Product, Variant]] | None = None, news: tuple[int, ...] = (),
) -> Piece | None:  # fmt: skip
    """A promotion of one variant, by name where others of the product cost something else."""
    assert variant.price is not None
    alone = len(product.prices) > 1 or any(one.compare_at != variant.compare_at for one in product.variants)
    name = desk.make.name(product, variant if alone and variant.label else None)
    price = desk.make.price(product, [variant] if alone else None)
    if price is None:
        return None
    before = Fact("was1", desk.make.money(was, variant.currency), f"variant:{variant.id}", "compare_at")
    facts = [name, price, before]
    lines: list[str] = []
    claims: list[Claim] = []
    day = ""
    if end:
        day = calendar_day(end, desk.language)
        facts.append(Fact("date1", day, product.row, "ends"))
        lines.append(_left(desk, (end - desk.now.date()).days))
    for other, cheap in others or ():
        line, claim = _beside(desk, other, cheap)
        lines.append(line)
        claims.append(claim)
    said = {"name": name.value, "price": price.value, "was": before.value}
    quote = (
        _quote(desk, said) if not end else desk.say("Until {day}: {name}, {price} instead of {was}.", day=day, **said)
    )
    needs = (*needs_of(Act.PROMOTION, tuple(fact.slot for fact in facts)), "was1")
    sources = (product.row,)
    # Without an end, what the shipped model was taught says little: it slips.
    made = Plan(Act.PROMOTION, desk.language, tuple(facts), (), needs, quote, 1.0, sources, fixed=not end)
    drawn = (price.value, desk.say("before: {was}", was=before.value))
    ask = ask_me(desk)
    button = (about_it(desk, product),)
    return Piece(made, "", lines, ask, button, claims=claims, about=product, drawn=drawn, news=news)


def _quote(desk: Desk, said: dict[str, str]) -> str:
    return desk.random.choice(
        (
            desk.say("{name} is {price} now, {was} before.", **said),
            desk.say("A new price: {name}, now {price}. It was {was}.", **said),
            desk.say("If you have been eyeing it: {name} is down from {was} to {price}.", **said),
            desk.say("{price} instead of {was}: {name}.", **said),
            desk.say("We crossed out {was} and wrote {price}: {name}.", **said),
            desk.say("Worth another look: {name}, {price} in place of {was}.", **said),
        )
    )


def _left(desk: Desk, days: int) -> str:
    if days <= 0:
        return desk.say("⏳ Today is the last day.")
    return desk.say("⏳ One more day.") if days == 1 else desk.say("⏳ {days} days left.", days=days)


def _beside(desk: Desk, product: Product, variant: Variant) -> tuple[str, Claim]:
    assert variant.price is not None
    assert variant.compare_at is not None
    name = desk.make.name(product, variant if variant.label and len(product.variants) > 1 else None)
    price, was = (desk.make.money(one, variant.currency) for one in (variant.price, variant.compare_at))
    line = desk.say("• {name}: {price} instead of {was}", name=name.value, price=price, was=was)
    return line, Claim("price", product.row, price, of=(variant.label,), name=product.title)
