"""What a merchant's texts name: the currency of their prices, and the product that a manual is about."""

import re
from collections import Counter
from dataclasses import dataclass, field

from bot.knowledge.importers import _values
from bot.knowledge.importers.base import Variant

BEFORE = re.compile(r"(US\$|HK\$|NT\$|AU?\$|CA?\$|S\$|NZ\$|[$€£¥￥₩₹฿]|\bRM|\b[A-Z]{3}\b)\s?\d")
BEHIND = re.compile(r"\d\s?(€|£|元|人民币|港元|港币|美元|欧元|英镑|日元|円|新台币|马币|\b[A-Z]{3}\b)")
LONGEST = 120


@dataclass
class Currency:
    """Which currency a price has that names none: asked for, of shop.json, of the shop, of the articles' words."""

    asked: str = ""
    of_shop: str = ""
    of_file: str = ""
    words: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    missing: set[str] = field(default_factory=set)  # files already reported

    def read(self, text: str) -> None:
        """Count the currencies that stand beside numbers."""
        for sign in (*BEFORE.findall(text), *BEHIND.findall(text)):
            sign = sign.replace("￥", "¥")
            code = _values.AMBIGUOUS.get(sign) or _values.SIGNS.get(sign, sign)
            if _values.is_currency(code):
                self.words[code] += 1

    def settled(self) -> str:
        """The shop's currency as far as it is known; the one most prices are in if nothing else says."""
        named = self.words.most_common(1) or self.own.most_common(1)
        return self.asked or self.of_file or self.of_shop or (named[0][0] if named else "")

    def of(self, variant: Variant) -> str:
        """A variant's currency. A bare $ or ¥ is the shop's own kind of dollar or yuan where it has one."""
        known = self.asked or self.of_file or self.of_shop or (self.words.most_common(1) or [("", 0)])[0][0]
        if variant.currency:
            code = variant.currency
        elif variant.hint and known not in _values.FAMILIES[variant.hint]:
            code = variant.hint
        else:
            code = known
        self.own[code] += bool(code)
        return code


def named_product(opening: str, titles: set[str]) -> str:
    """The longest product title that a document's opening holds, as it is written there."""
    low = opening.lower()
    best = ""
    for start in range(len(low)):
        if start and _joins(low[start - 1], low[start]):
            continue
        for end in range(min(len(low), start + LONGEST), start + max(1, len(best)), -1):
            if low[start:end] in titles and (end == len(low) or not _joins(low[end - 1], low[end])):
                best = opening[start:end]
                break
    return best


def _joins(left: str, right: str) -> bool:
    return left.isascii() and left.isalnum() and right.isascii() and right.isalnum()
