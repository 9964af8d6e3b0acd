"""An admin's own words in a draft's place: the merchant's to say, held to safety, and to what the rows still back."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.content import checks
from bot.knowledge.facts import alone
from bot.knowledge.rows import Product
from bot.safety.verdict import Safety
from bot.texts import symbol

LONG = 3_000  # characters
AMOUNT = r"\d[\d,]*(?:\.\d+)?"
BEHIND = re.compile(rf"({AMOUNT}) ?(?:元|块|dollars|pounds|euros)")


def edited(row: Any, text: str, safety: Safety) -> tuple[str, dict[str, Any]]:
    """What is wrong with the text ('', `unsafe`, `long`), and the draft's columns with it: of what the draft states of
    the shop's rows only what the text still says."""
    if not text or len(text) > LONG:
        return "long", {}
    facts = [fact for fact in row.data.get("facts", ()) if str(fact[4]) in text]
    if safety.verdict(text, "out", tuple(str(fact[4]) for fact in facts), typed=True):
        return "unsafe", {}
    data = dict(row.data)
    rests = dict(data.get("rests") or {})
    if rests:
        said = [one for one in rests["claims"] if one["kind"] == "card" or alone(one["was"], text)]
        rests["claims"] = said
    held = {**data.get("extra", {}), "bare": checks.bare(text, (str(fact[4]) for fact in facts))}
    data |= {"facts": facts, "worded_by": "quote", "model": "", "extra": held}
    if "rests" in data:
        data["rests"] = rests
    return "", {"text": text, "data": data}


def strange(text: str, products: Sequence[Product], language: str) -> list[str]:
    """The amounts of money in a text that none of these products costs, or cost before."""
    variants = [one for product in products for one in product.variants]
    if not variants:
        return []
    known = {amount for one in variants for amount in (one.price, one.compare_at) if amount is not None}
    sign = re.escape(symbol(variants[0].currency, language))
    found = [*re.finditer(rf"{sign} ?({AMOUNT})", text), *BEHIND.finditer(text)]
    return [one.group() for one in found if _amount(one.group(1)) not in known]


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
