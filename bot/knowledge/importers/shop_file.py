"""shop.json: the shop's name, currency, timezone and default language."""

import json
from collections.abc import Iterator
from zoneinfo import available_timezones

from bot.knowledge.importers import _rows, _values
from bot.knowledge.importers.base import SHOP, Head, Item, ShopFacts, Source

KIND = SHOP

LANGUAGES = ("en", "zh")


def sniff(head: Head) -> float:
    if not head.text.lstrip().startswith("{") or any(map(head.has, ("price", "products", "title", "sku"))):
        return 0.0
    if head.has("timezone") or head.has("defaultlanguage") or head.columns == ("name", "currency"):
        return 0.95
    return 0.6 if head.name.lower() == "shop.json" else 0.0


def read(source: Source) -> Iterator[Item]:
    try:
        value = json.loads(source.whole())
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnicodeError):
            raise
        line = getattr(error, "lineno", 1)
        yield source.problem("", f"this is no JSON ({getattr(error, 'msg', error)})", _EXAMPLE, line)
        return
    if not isinstance(value, dict):
        yield source.problem("", "this is no object", _EXAMPLE)
        return
    row = _rows.row_of(source.name, 1, value, {})
    facts = _facts(row)
    if row.problems:
        yield from row.problems
    else:
        yield facts


_EXAMPLE = 'an object such as {"name": "…", "currency": "USD", "timezone": "Europe/London"} would be right'


def _facts(row: _rows.Row) -> ShopFacts:
    currency = row.currency("currency")
    timezone = row.text("timezone")
    if timezone and timezone not in available_timezones():
        row.wrong(
            "timezone",
            f"{_values.shown(timezone)} is no time zone",
            "an IANA name such as Asia/Shanghai would be right",
        )
    language = row.text("defaultlanguage", "language").lower()[:2]
    if language and language not in LANGUAGES:
        row.wrong("defaultlanguage", f"{_values.shown(language)} is not spoken here", "en or zh would be right")
    return ShopFacts(row.text("name"), currency, timezone, language)
