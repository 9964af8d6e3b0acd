"""The shop's knowledge as one thing to ask: an index of products and one of articles, in step with SQL by version."""

from collections.abc import Sequence

from bot.knowledge.retrieval import Hit, Index, expand
from bot.knowledge.rows import Article, Product, read_articles, read_products
from bot.language import language
from storage import shops
from storage.database import Database

STRAY = 0.8  # an article's worth for each thing that its title is about and nobody asked
FOREIGN = 0.55  # and where it is not in the member's language


class Library:
    """Call `refresh` before asking; it costs one small read while nothing changed."""

    def __init__(self, database: Database, shop_id: int) -> None:
        self.database, self.shop_id = database, shop_id
        self.products, self.articles = Index(version=-1), Index(version=-1)
        self.brands: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Rebuild the indexes if an import made new rows current."""
        async with self.database.read() as tx:
            version = await shops.version(tx, self.shop_id)
            if version == self.products.version:
                return
            products, articles = await read_products(tx, self.shop_id), await read_articles(tx, self.shop_id)
        self.products, self.articles = _products(products, version), _articles(articles, version)

    async def read(self, ids: Sequence[int]) -> list[Product]:
        async with self.database.read() as tx:
            return await read_products(tx, self.shop_id, list(ids))

    async def read_articles(self, ids: Sequence[int]) -> list[Article]:
        async with self.database.read() as tx:
            found = {article.id: article for article in await read_articles(tx, self.shop_id)}
        return [found[one] for one in ids if one in found]

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
