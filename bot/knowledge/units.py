"""Measures: quantities in a text, and the same in another unit, exact until the last rounding."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from bot.language import DIGITS, normalise


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` is how much of the dimension's base unit (m, kg, l) one is; degrees have none."""

    dimension: str
    factor: Decimal
    en: str
    zh: str


def _unit(dimension: str, factor: str, en: str, zh: str) -> Unit:
    return Unit(dimension, Decimal(factor), en, zh)


UNITS = {
    "mm": _unit("length", "0.001", "mm", "毫米"), "cm": _unit("length", "0.01", "cm", "厘米"),
    "m": _unit("length", "1", "m", "米"), "in": _unit("length", "0.0254", "in", "英寸"),
    "ft": _unit("length", "0.3048", "ft", "英尺"),
    "g": _unit("weight", "0.001", "g", "克"), "kg": _unit("weight", "1", "kg", "公斤"),
    "oz": _unit("weight", "0.028349523125", "oz", "盎司"), "lb": _unit("weight", "0.45359237", "lb", "磅"),
    "jin": _unit("weight", "0.5", "jin (500 g)", "斤"),
    "ml": _unit("volume", "0.001", "ml", "毫升"), "cl": _unit("volume", "0.01", "cl", "厘升"),
    "l": _unit("volume", "1", "l", "升"), "floz": _unit("volume", "0.0295735295625", "US fl oz", "美制液量盎司"),
    "c": _unit("temperature", "1", "°C", "°C"), "f": _unit("temperature", "1", "°F", "°F"),
}  # fmt: skip
# How each is written behind a number; the longer first.
WRITTEN = {
    "mm": "mm|millimet(?:re|er)s?|毫米", "cm": "cm|centimet(?:re|er)s?|厘米|公分", "in": "inch(?:es)?|in|″|\"|英寸",
    "ft": "ft|feet|foot|英尺", "m": "m|met(?:re|er)s?|米",
    "kg": "kg|kgs|kilos?|kilograms?|公斤|千克", "jin": "斤|市斤", "g": "g|grams?|克", "lb": "lbs?|pounds?|磅",
    "floz": "fl\\.? ?oz|fluid ounces?|液量盎司", "oz": "oz|ounces?|盎司",
    "ml": "ml|millilit(?:re|er)s?|毫升", "cl": "cl", "l": "l|lit(?:re|er)s?|升",
    "c": "° ?c|℃|degrees (?:c|celsius)|celsius|摄氏度|度", "f": "° ?f|℉|degrees f(?:ahrenheit)?|fahrenheit|华氏度",
}  # fmt: skip
_ANY = "|".join(f"(?P<{name}>{written})" for name, written in WRITTEN.items())
_END = r"(?![a-z0-9²³])"
_TIMES = r" ?(?:[x×*–~至到-]|to) ?"
QUANTITY = re.compile(
    rf"(?<![\d.,/])(?<!\d[-–x×*])(?P<values>\d+(?:\.\d+)?(?:{_TIMES}\d+(?:\.\d+)?){{0,2}})[ -]?(?:{_ANY}){_END}"
)
# `how many inches`, `in pounds`, `多少斤`, `几英寸`
_HAN = _ANY.replace("(?P<", "(?P<zh_")
ASKED = re.compile(rf"\b(?:in|how many|to|into)\s+(?:{_ANY}){_END}|(?:多少|几|换算成|合|是)个?(?:{_HAN})")
HEAVY = re.compile(r"\bweigh|\bheavy|\blbs?\b|\blight")


# `一米五`, `1米5`: what follows are tenths
TENTHS = re.compile(
    r"(?<![一二两三四五六七八九十百千\d])([一二两三四五六七八九\d])(米|斤|公斤)([一二三四五六七八九\d])(?![十百千万\d一二三四五六七八九.])"
)


def tenths(text: str) -> str:
    """The text with `一米五` as `1.5米`."""

    def digit(sign: str) -> int:
        return int(sign) if sign.isdigit() else DIGITS[sign]

    return TENTHS.sub(lambda found: f"{digit(found[1])}.{digit(found[3])}{found[2]}", text)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, as it stands in a text."""

    value: Decimal
    unit: str

    def to(self, unit: str) -> Decimal:
        """In another unit of the same dimension, unrounded."""
        here, there = UNITS[self.unit], UNITS[unit]
        assert here.dimension == there.dimension
        if here.dimension == "temperature":
            if self.unit == unit:
                return self.value
            return self.value * 9 / 5 + 32 if unit == "f" else (self.value - 32) * 5 / 9
        return self.value * here.factor / there.factor


def asked_unit(text: str) -> str | None:
    """The unit that a question asks for; None where it asks for none, or for pounds that may be money."""
    plain = normalise(text)
    for found in ASKED.finditer(plain):
        name = next((str(one).removeprefix("zh_") for one, held in found.groupdict().items() if held), "")
        if name == "lb" and "pound" in found.group() and not HEAVY.search(plain):
            continue
        if name in ("in", "c", "m", "l", "g") and found.group().endswith((" in", " m", " l", " c", "度")):
            continue  # `to in`, `几度` are too short to say it
        return name
    return None


def quantities(text: str) -> list[Quantity]:
    """Every number with a known unit, in order; of `17 x 12 cm` and `2-3 kg` each number."""
    found = []
    for match in QUANTITY.finditer(normalise(text)):
        unit = next(name for name in WRITTEN if match[name])
        values = re.findall(r"\d+(?:\.\d+)?", match["values"])
        found += [Quantity(Decimal(value), unit) for value in values]
    return found


def fitting(asked: str, held: Quantity) -> str | None:
    """The asked unit where it measures the same; ounces are fluid ones where the quantity is a volume."""
    dimension = UNITS[held.unit].dimension
    if asked == "oz" and dimension == "volume":
        return "floz"
    return asked if UNITS[asked].dimension == dimension else None


def converted(held: Quantity, unit: str, language: str) -> str:
    """`480 g = about 1.06 lb`: three significant digits, `about` where they are not exact."""
    exact = held.to(unit)
    if unit in ("c", "f"):
        rounded = exact.quantize(Decimal(1), ROUND_HALF_EVEN)
    else:
        step = Decimal(1).scaleb(min(0, exact.adjusted() - 2))
        rounded = exact.quantize(step, ROUND_HALF_EVEN)
    about = "" if rounded == exact else "about " if language == "en" else "约 "
    one, name = UNITS[held.unit], UNITS[unit]
    names = (one.zh, name.zh) if language == "zh" else (one.en, name.en)
    return f"{_plain(held.value)} {names[0]} = {about}{_plain(rounded)} {names[1]}"


def _plain(value: Decimal) -> str:
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
