"""What the bot says by itself, in every language that it has: gettext catalogues, and money and dates by babel.

The English text is the key; `bot/locales/LANG/LC_MESSAGES/shopkeeper.po` holds the others.
"""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_precision, get_currency_symbol

LOCALES = Path(__file__).parent / "locales"
BABEL = {"en": Locale("en"), "zh": Locale("zh", script="Hans")}


class Texts:
    """The catalogues, read once at start."""

    def __init__(self, folder: Path = LOCALES) -> None:
        files = sorted(folder.glob("*/LC_MESSAGES/shopkeeper.po"))
        self._catalogues = {path.parts[-3]: _catalogue(path) for path in files}

    def say(self, language: str, text: str, /, **values: object) -> str:
        """The text in the language, its {placeholders} filled; English where no translation stands."""
        return self._catalogues.get(language, {}).get(text, text).format(**values)


@lru_cache(maxsize=16)
def _catalogue(path: Path) -> Mapping[str, str]:
    with path.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id and one.string}


def money(amount: Decimal, currency: str, language: str) -> str:
    """`$58.00`, `¥58.00`, in every language as at home; always with the currency's own number of decimals."""
    pattern = None
    if amount == amount.to_integral_value() and get_currency_precision(currency) == 0:
        pattern = "¤#,##0"
    locale = BABEL.get(language, BABEL["en"])
    shown = str(format_currency(amount, currency, format=pattern, locale=locale))
    return shown.replace(get_currency_symbol(currency, locale), symbol(currency, language))


@lru_cache(maxsize=64)
def symbol(currency: str, language: str) -> str:
    """As it is written where it is money, since a shop has one currency: `$` for AUD, not `A$`."""
    try:
        home = Locale.parse(f"und_{currency[:2]}")  # a currency's code begins with its country's
    except UnknownLocaleError:
        home = BABEL.get(language, BABEL["en"])
    return unicodedata.normalize("NFKC", get_currency_symbol(currency, home))


def coins(amount: Decimal, currency: str) -> Decimal:
    """Rounded to the currency's smallest coin."""
    return amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)


def number(value: Decimal | int, language: str) -> str:
    return str(format_decimal(value, locale=BABEL.get(language, BABEL["en"])))


def listing(items: list[str], language: str) -> str:
    """`Oak, Walnut and Ash`; `橡木、胡桃木和白蜡木`."""
    return format_list(items, locale=BABEL.get(language, BABEL["en"])).replace(", and ", " and ")


def moment(value: datetime, zone: str, language: str) -> str:
    """A date and time in the shop's zone, as people write it."""
    return format_datetime(value.astimezone(ZoneInfo(zone)), "medium", locale=BABEL.get(language, BABEL["en"]))


def weekday(day: date, language: str) -> str:
    """`Tuesday`, `星期二`."""
    return format_date(day, "EEEE", locale=BABEL.get(language, BABEL["en"]))


def short_day(day: date, language: str) -> str:
    """`3 Mar`, `3月3日`."""
    return format_date(day, "M月d日" if language == "zh" else "d MMM", locale=BABEL.get(language, BABEL["en"]))


def calendar_day(day: date, language: str) -> str:
    """`Tuesday, 3 March`, `3月3日星期二`."""
    pattern = "M月d日EEEE" if language == "zh" else "EEEE, d MMMM"
    return format_date(day, pattern, locale=BABEL.get(language, BABEL["en"]))
