"""The shop's knowledge as one thing to ask: an index of products and one of articles, in step with SQL by version."""

import asyncio
from collections.abc import Sequence

from bot.knowledge.retrieval import Hit, Index, expand
from bot.knowledge.rows import Article, Product, read_articles, read_products
from bot.knowledge.spelling import Spelling
from bot.language import language
from storage import shops
from storage.database import Database, Transaction

KEPT = 2_000  # products kept in memory
STRAY = 0.8  # an article's worth for each thing that its title is about and nobody asked
FOREIGN = 0.55  # and where it is not in the member's language


class Library:
    """Call `refresh` before asking; it costs one small read while nothing changed."""

    def __init__(self, database: Database, shop_id: int) -> None:
        self.database, self.shop_id = database, shop_id
        self.products, self.articles = Index(version=-1), Index(version=-1)
        self.spelling = Spelling((), ())
        self._rows: dict[int, Product] = {}
        self._articles: dict[int, Article] = {}
        self._rebuilding = asyncio.Lock()

    async def refresh(self, version: int | None = None) -> None:
        """Rebuild the indexes if an import made new rows current. `version` is what `current` found just now."""
        if version is None:
            version = await self.database.read(self.current)
        if version > self.products.version:
            async with self._rebuilding:
                if version > self.products.version:
                    await self._rebuild()

    async def current(self, tx: Transaction) -> int:
        """The catalogue's version, for a job that reads more than that."""
        return await shops.version(tx, self.shop_id)

    async def _rebuild(self) -> None:
        async def everything(tx: Transaction) -> tuple[int, list[Product], list[Article]]:
            version = await self.current(tx)
            return version, await read_products(tx, self.shop_id), await read_articles(tx, self.shop_id)

        version, products, articles = await self.database.read(everything)
        made = (
            await asyncio.to_thread(_products, products, version),
            await asyncio.to_thread(_articles, articles, version),
        )
        self.products, self.articles = made
        names = [name for one in products for name in (one.title, *(variant.label for variant in one.variants))]
        self.spelling = Spelling(names, self.products.postings.keys() | self.articles.postings.keys())
        self._rows, self._articles = {}, {article.id: article for article in articles}

    async def read(self, ids: Sequence[int]) -> list[Product]:
        """These products, from SQL; rows change with the catalogue's version only, so those read of it are kept."""
        missing = [one for one in ids if one not in self._rows]
        if missing:
            found = await self.database.read(lambda tx: read_products(tx, self.shop_id, missing))
            for product in found:
                self._rows[product.id] = product
        products = [self._rows[one] for one in ids if one in self._rows]
        while len(self._rows) > KEPT:
            self._rows.pop(next(iter(self._rows)))
        return products

    def read_articles(self, ids: Sequence[int]) -> list[Article]:
        """These articles, as of the catalogue's version."""
        return [self._articles[one] for one in ids if one in self._articles]

    def find_articles(self, words: Sequence[str], wanted: str) -> list[Hit]:
        """Articles for these tokens. Those in the member's language come first where both have one, and those whose
        title is about what is asked before those whose title brings up something else."""
        asked = set(expand(words))

        def worth(hit: Hit) -> float:
            stray = set(expand(self.articles.document(hit).titles)) - asked
            strays = sum(token.startswith("=") for token in stray)
            return hit.score * (0.6 + hit.called) * STRAY**strays * (1.0 if hit.language == wanted else FOREIGN)

        return sorted(self.articles.search(words, 12), key=worth, reverse=True)


def _products(rows: list[Product], version: int) -> Index:
    index = Index(version)
    for one in rows:
        fields = {
            "title": one.title,
            "tags": " , ".join(one.tags),
            "category": one.category,
            "brand": one.brand,
            "options": " , ".join(value for values in one.options().values() for value in values),
            "attributes": " , ".join(f"{label} {value}" for label, value in one.attributes.items()),
            "body": one.description,
        }
        index.add(one.row, language(one.title + one.description), fields)
    index.close()
    return index


def _articles(rows: list[Article], version: int) -> Index:
    index = Index(version)
    for one in rows:
        index.add(one.row, one.language, {"title": one.title, "body": one.body})
    index.close()
    return index
