"""Products and articles as values, read from SQL at the moment that they are spoken of."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot.language import WORD, normalise
from bot.safety.rules._planted import without_orders
from storage import aliases, articles, products
from storage.database import Transaction
from storage.imports import TAUGHT

Passed = Callable[[str], str]  # a row's text without the sentences that the rules have something against
SHORT, VARIANTS = 400, 4  # characters of a row in one line, and variants in it


@dataclass(frozen=True, slots=True)
class Variant:
    id: int
    options: dict[str, str]
    price: Decimal | None
    compare_at: Decimal | None
    currency: str
    stock: int | None
    available: bool | None

    @property
    def label(self) -> str:
        """`Walnut / M`; empty where there is nothing to choose."""
        return " / ".join(self.options.values())

    @property
    def in_stock(self) -> bool | None:
        """None where the shop doesn't say."""
        return self.available if self.stock is None else self.stock > 0


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    title: str
    brand: str
    category: str
    tags: tuple[str, ...]
    description: str
    attributes: dict[str, str]
    link: str
    image: str
    version: int
    variants: tuple[Variant, ...]

    @property
    def row(self) -> str:
        return f"product:{self.id}"

    @property
    def prices(self) -> list[Decimal]:
        """The different prices, lowest first."""
        return sorted({variant.price for variant in self.variants if variant.price is not None})

    @property
    def in_stock(self) -> bool | None:
        """Can any variant be bought? None where the shop doesn't say."""
        known = [variant.in_stock for variant in self.variants]
        return True if True in known else None if None in known or not known else False

    @property
    def buyable(self) -> list[Variant]:
        """The variants with a price that are not sold out."""
        return [one for one in self.variants if one.price is not None and one.in_stock is not False]

    def options(self) -> dict[str, list[str]]:
        """Option name -> its values, in the merchant's order."""
        found: dict[str, list[str]] = defaultdict(list)
        for variant in self.variants:
            for name, value in variant.options.items():
                if value not in found[name]:
                    found[name].append(value)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Article:
    id: int
    title: str
    body: str
    language: str
    version: int = 1
    source: str = ""  # the file that it comes from

    @property
    def row(self) -> str:
        return f"article:{self.id}"

    @property
    def taught(self) -> bool:
        """By an admin, in a chat."""
        return self.source == TAUGHT


def name_of(question: str) -> str:
    """What a question is known by: the same for all that differ in case, spaces and signs alone."""
    return " ".join(WORD.findall(normalise(question)))


@dataclass(frozen=True, slots=True)
class Alias:
    """A wording by which a row is found too."""

    id: int
    row: str
    text: str
    language: str


def fit_product(row: Product, passed: Passed) -> Product:
    """What of a product may be said; without a name where the rules have something against that."""
    told = {
        label: value for label, value in row.attributes.items() if passed(label) == label and passed(value) == value
    }
    brand, category, description = (passed(one) for one in (row.brand, row.category, row.description))
    title = row.title if passed(row.title) == row.title else ""
    choices = {one for values in row.options().values() for one in values}
    odd = {one for one in choices if passed(one) != one}
    variants = tuple(one for one in row.variants if odd.isdisjoint(one.options.values())) if odd else row.variants
    return replace(
        row,
        title=title,
        brand=brand,
        category=category,
        description=description,
        attributes=told,
        variants=variants,
    )


def fit_article(row: Article, passed: Passed) -> Article:
    """What of an article may be said, in the same way."""
    return replace(row, title=row.title if passed(row.title) == row.title else "", body=passed(row.body))


def in_short(row: Product | Article) -> str:
    """A row in one line, for a model that reads it."""
    if isinstance(row, Article):
        return f"{row.title} | {row.body}"[:SHORT]
    sold = [
        f"{variant.label or 'one version'}: {variant.price} {variant.currency}, "
        f"{'sold out' if variant.in_stock is False else 'in stock'}"
        for variant in row.variants[:VARIANTS]
    ]
    return f"{row.title} | {'; '.join(sold)} | {row.description}"[:SHORT]


def product(row: Any, variants: list[Any]) -> Product:
    return Product(
        row.id,
        row.title,
        row.brand,
        row.category,
        tuple(row.tags),
        without_orders(row.description),
        dict(row.attributes),
        row.link,
        row.image,
        row.version,
        tuple(
            Variant(v.id, dict(v.options), v.price, v.compare_at, v.currency, v.stock, v.available) for v in variants
        ),
    )


async def read_products(tx: Transaction, shop_id: int, ids: list[int] | None = None) -> list[Product]:
    """These products in the order of `ids`, or all that may be spoken of."""
    if ids is None:
        rows, variants = await products.visible(tx, shop_id), await products.all_variants(tx, shop_id)
    else:
        rows = await products.get(tx, shop_id, ids)
        variants = await products.variants(tx, shop_id, ids) if rows else []
    by_product: dict[int, list[Any]] = defaultdict(list)
    for variant in variants:
        by_product[variant.product_id].append(variant)
    return [product(row, by_product[row.id]) for row in rows]


async def read_articles(tx: Transaction, shop_id: int, ids: list[int] | None = None) -> list[Article]:
    """These articles, or all that may be spoken of: what an admin taught stands in for a file's of the same title."""
    current = await articles.current(tx, shop_id, ids)
    found = [
        Article(row.id, row.title, without_orders(row.body), row.language, row.version, row.source) for row in current
    ]
    names = {name_of(one.title) for one in found if one.taught}
    return [one for one in found if one.taught or not names or name_of(one.title) not in names]


async def read_aliases(tx: Transaction, shop_id: int) -> list[Alias]:
    return [Alias(row.id, row.row, row.text, row.language) for row in await aliases.every(tx, shop_id)]
