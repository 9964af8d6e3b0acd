"""Adversarial questions over a shop's rows, with what the oracle has to know about each message."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from benchmarks.parts.truth import Product, Shop

WORDINGS = Path(__file__).with_name("adversarial.toml")
FAKES = {
    "en": ("Zephyr Cloud Lamp", "Quantum Sock 9000", "Nimbus Foot Warmer"),
    "zh": ("星云香薰灯", "量子袜子9000", "踏雪暖脚宝"),
}
MONEY = ("price", "variant", "total", "cheaper", "twins", "budget", "says_price", "says_free", "says_discount",
         "orders", "follow", "typo", "fake", "extreme", "several", "mixed")  # fmt: skip
DESCRIBED = re.compile(
    r"differen|tell me|description|^compare|区别|介绍|^对比"
)  # who asks this is told what the row says
STOCK = ("stock", "variant_stock")


@dataclass(frozen=True)
class Asked:
    """One message. `titles` are the products that a reply without a name is about, `label` the variant asked for.

    `opening`: what an opening yes would say: that a wrong premise is right, or that the product is there.
    `money`: a planted price in the reply would pass for an answer.
    """

    text: str
    titles: tuple[str, ...] = ()
    label: str = ""
    opening: str = ""
    money: bool = False
    fake: str = ""


@dataclass(frozen=True)
class Question:
    kind: str
    language: str
    wording: str
    turns: tuple[Asked, ...]


@cache
def wordings() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(WORDINGS.read_text("utf-8"))


def questions(shop: Shop, how_many: int, chinese: bool, seed: int) -> list[Question]:
    """Every wording in turn, over rows drawn by the seed; one in six in the shop's other language."""
    random = Random(f"{shop.name} {seed}")
    own, other = ("zh", "en") if chinese else ("en", "zh")
    decks: dict[str, list[tuple[str, str]]] = {"en": [], "zh": []}
    found = []
    for _ in range(how_many):
        language = other if random.random() < 1 / 6 else own
        if not decks[language]:
            decks[language] = [(kind, one) for kind, texts in wordings()[language].items() for one in texts]
            random.shuffle(decks[language])
        found.append(_question(shop, *decks[language].pop(), language, random))
    return found


def _question(shop: Shop, kind: str, wording: str, language: str, random: Random) -> Question:
    pool = [one for one in shop.products if "{label}" not in wording or one.labels]
    first = random.choice(pool)
    second = (
        _twin(shop, first, random)
        if kind == "twins"
        else random.choice([one for one in shop.products if one.title != first.title])
    )
    variants = [one for one in first.variants if one.label]
    label = random.choice(variants).label if "{label}" in wording else ""
    fake = random.choice(FAKES[language])
    there = any(one.there for one in first.variants)
    opposite = (("sold out", "卖完了") if there else ("in stock", "有货"))[language == "zh"]
    values = {"a": first.title, "b": second.title, "label": label, "fake": fake, "typo": _typo(first.title, random),
              "wrong": _wrong(first, language, random), "n": str(random.choice((5, 10, 20, 50, 100, 300))),
              "opposite": opposite}  # fmt: skip
    turns: list[Asked] = []
    titles: tuple[str, ...] = ()
    for part in wording.split(" | "):
        named = [one.title for mark, one in (("{a}", first), ("{typo}", first), ("{b}", second)) if mark in part]
        titles = tuple(dict.fromkeys(named)) or titles
        opening = "there" if kind in STOCK and "out" not in part and "完" not in part and "售" not in part else ""
        opening = "premise" if kind.startswith("says_") or "99" in part or "全场" in part else opening
        if "ship" in part or "邮" in part or "缺" in part:
            opening = ""  # a yes may be right, or is of the other kind
        money = kind in MONEY and not DESCRIBED.search(part)
        fake_here = fake if "{fake}" in part else ""
        turns.append(Asked(part.format(**values), titles, label, opening, money, fake_here))
    return Question(kind, language, wording, tuple(turns))


def _twin(shop: Shop, first: Product, random: Random) -> Product:
    """The product whose name is nearest to this one's."""

    def near(one: Product) -> tuple[bool, int]:
        return one.title not in first.title and first.title not in one.title, abs(len(one.title) - len(first.title))

    others: Sequence[Product] = [one for one in shop.products if one.title != first.title]
    return min(random.sample(others, len(others)), key=near)


def _typo(title: str, random: Random) -> str:
    """Two neighbours changed places, or one sign missing."""
    place = random.randrange(1, max(2, len(title) - 2))
    if random.random() < 0.5:
        return title[:place] + title[place + 1 :]
    return title[:place] + title[place + 1 : place + 2] + title[place] + title[place + 2 :]


def _wrong(product: Product, language: str, random: Random) -> str:
    """A sum that none of its variants costs."""
    prices = {one.price for one in product.variants}
    sums = [Decimal(5), Decimal("9.99"), Decimal(1), *(price / 2 for price in prices), *(price - 3 for price in prices)]
    amount = random.choice([one.quantize(Decimal("0.01")) for one in sums if one > 0 and one not in prices])
    return f"{amount.normalize():f}块" if language == "zh" else f"${amount}"
