"""Values out of cells: plain text, prices, counts, yes and no. Parsers raise `Wrong`, which says what is right."""

import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import nh3
from babel.numbers import list_currencies

MOST = Decimal(10) ** 12
MOST_STOCK = 10**9
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
TAG = re.compile(r"<[a-zA-Z/!]")
BREAK = re.compile(
    r"<\s*(?:br|/p|/div|/li|li|/tr|/h[1-6]|/ul|/ol|/table|/dt|/dd|/blockquote|hr)\b[^>]*>", re.IGNORECASE
)
CELL = re.compile(r"<\s*/t[dh]\s*>", re.IGNORECASE)
HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
COST = re.compile(
    r"cost|wholesale|purchaseprice|buyingprice|buyprice|supplierprice|tradeprice|dealerprice|margin|cogs"
    r"|成本|进价|进货|批发|采购|供货价|利润|毛利"
)
SIGNS = {
    "US$": "USD", "HK$": "HKD", "NT$": "TWD", "AU$": "AUD", "A$": "AUD", "CA$": "CAD", "C$": "CAD", "S$": "SGD",
    "NZ$": "NZD", "R$": "BRL", "€": "EUR", "£": "GBP", "RM": "MYR", "元": "CNY", "RMB": "CNY", "人民币": "CNY",
    "₩": "KRW", "₹": "INR", "฿": "THB", "₫": "VND", "₱": "PHP", "CN¥": "CNY", "JP¥": "JPY", "円": "JPY", "港元": "HKD",
    "港币": "HKD", "美元": "USD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY", "新台币": "TWD", "马币": "MYR",
}  # fmt: skip
AMBIGUOUS = {"$": "USD", "¥": "CNY"}
FAMILIES = {
    "USD": frozenset("USD AUD CAD HKD SGD NZD TWD MXN ARS CLP COP BND FJD JMD XCD".split()),  # noqa: SIM905
    "CNY": frozenset(("CNY", "JPY")),
}
NUMBER = re.compile(r"[-+]?\d[\d.,'’ ]*|[-+]?[.,]\d+")
PLAIN_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
YES = frozenset(
    "1 true yes y on active published visible instock available enabled 是 有 有货 上架 已上架 在售 已发布 现货".split()  # noqa: SIM905
)
NO = frozenset(
    "0 -1 false no n off draft archived hidden private pending outofstock soldout unavailable inactive disabled"  # noqa: SIM905
    " discontinued unlisted 否 无 无货 缺货 售罄 下架 已下架 停售 草稿 隐藏 私密".split()
)


class Wrong(ValueError):
    """A cell that can't be taken. `what` is wrong, `right` would be right."""

    def __init__(self, what: str, right: str) -> None:
        super().__init__(what)
        self.what, self.right = what, right


@dataclass(frozen=True, slots=True)
class Price:
    amount: Decimal
    currency: str = ""
    hint: str = ""


def clean(text: str) -> str:
    """Without the characters that no text holds (controls, half pairs), without space around it."""
    return text.strip() if text.isprintable() else UNSAFE.sub("", text).strip()


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def plain(text: str) -> str:
    """Text as it reads, one line per paragraph, list item or table row, from text that may be HTML."""
    text = UNSAFE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    if TAG.search(text):
        text = CELL.sub(" ", BREAK.sub("\n", text.replace("\n", " ")))
        text = nh3.clean(text, tags=set(), clean_content_tags={"script", "style"})
    if "&" in text:
        text = UNSAFE.sub("", html.unescape(text))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def fold(name: str) -> str:
    """A column's name without case, space and signs: `Variant Price`, `variant_price` -> `variantprice`."""
    return re.sub(r"\W|_", "", unicodedata.normalize("NFKC", name).lower().strip().removeprefix("g:"))


def is_cost(column: str) -> bool:
    """Whether a folded column name says what the merchant pays."""
    return bool(COST.search(column)) and "shippingcost" not in column


def language(text: str) -> str:
    """`zh` or `en`, by script."""
    return "zh" if len(HAN.findall(text)) * 3 > len(LATIN.findall(text)) else "en"


def is_currency(code: str) -> bool:
    return len(code) == 3 and code in list_currencies()


def currency(text: str) -> str:
    """An ISO 4217 code out of a code or a sign."""
    code = clean(text).upper()
    code = SIGNS.get(code, code)
    if not is_currency(code):
        raise Wrong(f"{shown(text)} is no currency", "an ISO 4217 code such as USD, EUR or CNY would be right")
    return code


def price(value: Any) -> Price:
    """An amount with its currency, if it names one: `1,299.00`, `1.299,00 €`, `¥199`, `199元`, `58.00 USD`."""
    if isinstance(value, str) and PLAIN_PRICE.fullmatch(value):
        return Price(Decimal(value))
    if isinstance(value, Decimal) and value.is_finite():
        return Price(_within(value, str(value)))
    text = unicodedata.normalize("NFKC", clean(str(value)))
    match = NUMBER.search(text)
    rest = (text[: match.start()] + " " + text[match.end() :]).strip() if match else text
    sign = rest.upper().strip(" .")
    own = SIGNS.get(sign) or (sign if is_currency(sign) else "")
    if isinstance(value, bool) or not match or (sign and not own and sign not in AMBIGUOUS):
        raise Wrong(f"{shown(text)} is no price", "a number such as 58.00 or 58.00 USD would be right")
    return Price(_within(_number(match[0], text), text), own, AMBIGUOUS.get(sign, ""))


def _within(amount: Decimal, text: str) -> Decimal:
    if amount < 0:
        raise Wrong(f"{shown(text)} is a negative price", "a price of 0 or more would be right")
    if amount > MOST:
        raise Wrong(f"{shown(text)} is more than any price", f"a price up to {MOST:,} would be right")
    return amount


def _number(digits: str, text: str) -> Decimal:
    digits = re.sub(r"[ '’]", "", digits).rstrip(".,")
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands = "," if dot > comma else "."
        digits = digits.replace(thousands, "")
    elif digits.count(".") > 1 or re.fullmatch(r"[-+]?[1-9]\d{0,2}(,\d{3})+", digits):
        digits = digits.replace(".", "").replace(",", "")
    try:
        return Decimal(digits.replace(",", "."))
    except InvalidOperation:
        raise Wrong(f"{shown(text)} is no price", "a number such as 1299.00 or 1,299.00 would be right") from None


def count(value: Any) -> int:
    """A stock level. What is oversold (below 0) is 0."""
    if isinstance(value, str) and len(value) < 9 and value.isascii() and value.isdigit():
        return int(value)
    text = unicodedata.normalize("NFKC", clean(str(value))).replace(",", "")
    match = re.fullmatch(r"([-+]?\d{1,12})(\.0*)?", text)
    if isinstance(value, bool) or not match:
        raise Wrong(f"{shown(value)} is no stock level", "a whole number such as 12 would be right")
    return min(max(0, int(match[1])), MOST_STOCK)


def truth(text: str) -> bool | None:
    """Yes, no, or None where the word says neither (preorder)."""
    word = fold(text) if not text.strip().startswith("-") else "-1"
    return True if word in YES else False if word in NO else None


def address(text: str) -> str:
    """A web address, or nothing."""
    text = clean(text)
    return text if re.match(r"https?://\S+$", text) else ""


def on_sale(start: str, end: str, now: datetime) -> bool:
    """Whether `now` lies between two ISO dates, either of which may be empty. A bare end date includes that day."""
    begins, ends = moment(start), moment(end)
    if ends and len(end.strip()) <= 10:
        ends = ends.replace(hour=23, minute=59, second=59)
    return not (begins and now < begins) and not (ends and now > ends)


def moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def shown(value: Any) -> str:
    """A value for a message, short."""
    text = one_line(str(value))
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
