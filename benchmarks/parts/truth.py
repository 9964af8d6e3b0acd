"""The rows of a shop as its files hold them, read without the bot: what the oracle judges by."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

FIELDS = ("id", "title", "brand", "category", "tags", "description", "link", "visible", "variants")  # else attributes
LEAST = {True: 4, False: 5}  # the shortest sentence that counts as quoted, in characters: Chinese, other


@dataclass(frozen=True)
class Variant:
    options: tuple[str, ...]
    price: Decimal
    stock: int | None
    there: bool | None  # None where the rows don't say

    @property
    def label(self) -> str:
        return " / ".join(self.options)

    def called(self, label: str) -> bool:
        return label == self.label or label in self.options


@dataclass(frozen=True)
class Product:
    title: str
    link: str
    sentences: tuple[str, ...]
    attributes: tuple[str, ...]
    variants: tuple[Variant, ...]

    @cached_property
    def labels(self) -> frozenset[str]:
        return frozenset(word for one in self.variants for word in (one.label, *one.options) if word)


@dataclass(frozen=True)
class Shop:
    """`injected` are the sentences that were planted in descriptions and articles."""

    name: str
    products: tuple[Product, ...]
    articles: tuple[str, ...]
    injected: tuple[str, ...]

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """The longest first."""
        return tuple(sorted({one.title for one in self.products}, key=len, reverse=True))

    @cached_property
    def quotes(self) -> dict[str, frozenset[str] | None]:
        """Each sentence of the rows, longest first -> the titles that it describes; None for an article's."""
        found: dict[str, frozenset[str] | None] = {}
        for product in self.products:
            for sentence in product.sentences:
                found[sentence] = (found.get(sentence) or frozenset()) | {product.title}
        found |= dict.fromkeys(self.articles)
        return {one: found[one] for one in sorted(found, key=len, reverse=True)}


def plain(text: str) -> str:
    """One space between words, tags away, entities as signs."""
    lines = re.sub(r"</(?:p|li|ul|div|h\d)>|<br ?/?>", "\n", text)
    return re.sub(r"[^\S\n]+", " ", html.unescape(re.sub(r"</?[a-z][^<>]*>", "", lines)))


def sentences(text: str) -> Iterator[str]:
    """Without their closing marks, since a quote may close them otherwise; short ones are no quotes."""
    for part in re.split(r"(?<=[.!?])(?=\s)|(?<=[.!?][\"')”’])(?=\s)|(?<=[。！？])|\n", text):
        part = part.strip().rstrip(".!?。！？")
        if len(part) >= LEAST[bool(re.search(r"[\u4e00-\u9fff]", part))]:
            yield part


def read(folder: Path, injected: Sequence[str] = ()) -> Shop:
    """The shop of `shop.json`, `catalog.json` and `faq*.md`."""
    rows = json.loads((folder / "catalog.json").read_text("utf-8"))
    forms = (form.rstrip(".!?。！？") for one in injected for form in (plain(one), one))
    planted = tuple(dict.fromkeys(forms))  # as HTML shows it, and as it was written
    articles = [re.sub(r"[^\S\n]+", " ", path.read_text("utf-8")) for path in sorted(folder.glob("faq*.md"))]
    return Shop(
        json.loads((folder / "shop.json").read_text("utf-8"))["name"],
        tuple(_product(row, planted) for row in rows if row["visible"] == "yes"),
        tuple(sentence for text in articles for sentence in _quotable(text, planted)),
        planted,
    )


def _quotable(text: str, planted: Sequence[str]) -> Iterator[str]:
    """The sentences of a row; a planted order is one, whatever it holds."""
    for order in planted:
        if order in text:
            yield order
            text = text.replace(order, "\n")
    yield from sentences(text)


def _product(row: dict[str, object], planted: Sequence[str]) -> Product:
    variants = row["variants"]
    assert isinstance(variants, list)
    return Product(
        str(row["title"]),
        str(row["link"]),
        tuple(_quotable(plain(str(row["description"])), planted)),
        tuple(str(value) for name, value in row.items() if name not in FIELDS),
        tuple(map(_variant, variants)),
    )


def _variant(row: dict[str, object]) -> Variant:
    options, stock = row["options"], row["stock"]
    assert isinstance(options, dict)
    known = {"yes": True, "no": False}.get(str(row["available"]))
    count = int(str(stock)) if stock is not None else None
    return Variant(
        tuple(map(str, options.values())),
        Decimal(str(row["price"])),
        count,
        known if count is None else count > 0,
    )
