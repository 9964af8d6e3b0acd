"""The shop's knowledge as one thing to ask: an index of products and one of articles, in step with SQL by version."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.knowledge.meaning import PARTS, Meanings, Part, assembled, encoded, parts_of
from bot.knowledge.places import located
from bot.knowledge.retrieval import Hit, Index, expand
from bot.knowledge.rows import (
    Alias,
    Article,
    Passed,
    Product,
    fit_article,
    fit_product,
    read_aliases,
    read_articles,
    read_products,
)
from bot.knowledge.spelling import Spelling
from bot.knowledge.topics import about, agreement, ways, with_kin
from bot.language import language, sentences, tokens
from llm.encoder import Encoders, Vector
from storage import shops
from storage.database import Database, Transaction

log = logging.getLogger(__name__)
KEPT = 2_000  # products kept in memory
READ = 12  # sentences that are read together with a question
SURE = 4.0  # log-odds of a sentence that surely answers
AT_ONCE = 32  # texts that were taught are encoded before the next answer
STRAY = 0.8  # an article's worth for each thing that its title is about and nobody asked
ALIKE = 0.25  # the least likelihood that question and article are about the same topic for it to count
WORDLESS = 0.8  # and for an article that shares no word with the question
AGREED = 1.0  # and what it is worth where it is certain, of the best score by words
UNSAID = 1 / 3  # of a question has to stand in no row for that; where one says all of it, topics count nothing
TOUCHED, SENTENCES = 0.4, 12  # of a title's worth: one of so many sentences
COVERED = 0.8  # and the share of the question that it stands for
ALIKE_ANYHOW = {"zh": 0.12}  # by how much unrelated texts are nearer to each other than they are in English
# Beside the meaning: what the words shared count, and those of a name. The Chinese encoder is a small one.
WORDS = {"en": (0.2, 0.3), "zh": (0.3, 0.4)}
KEPT_TO = 0.15  # and the article that a short question goes on from
ALIKED = 0.2  # and the topic shared
# And that a row says so much of the question, and so many times more than the next.
PLAIN, SAYS, APART = {"zh": 0.4}, 0.6, 1.2
FOREIGN = 0.55  # and where it is not in the member's language
STRANGE = 0.1  # what it is worth less by its meaning, in a shop that has articles in their language


Version = tuple[int, int]  # of the catalogue, and of what was taught


class Library:
    """Call `refresh` before asking; it costs one small read while nothing changed. What it reads out holds nothing that
    `passed` leaves out of a row."""

    def __init__(
        self, database: Database, shop_id: int, encoders: Encoders | None = None, passed: Passed = str
    ) -> None:
        self.database, self.shop_id, self._encoders = database, shop_id, encoders or Encoders(())
        self._passed = passed
        self._parts: list[Part] = []
        self._of_products: list[Part] = []
        self._known: dict[str, Vector] = {}  # what was encoded, by its text
        self._behind = asyncio.Event()
        self.version: Version = (-1, -1)
        self.aliases: Mapping[str, Sequence[Alias]] = {}
        self._take(self.version, _made([], [], -1, {}), [], {})
        self._rebuilding = asyncio.Lock()

    async def refresh(self, version: Version | None = None) -> None:
        """Rebuild the indexes if an import made new rows current, or what was taught if that changed. `version` is what
        `current` found just now."""
        if version is None:
            version = await self.database.read(self.current)
        if version > self.version:
            async with self._rebuilding:
                if version > self.version:
                    await self._rebuild()

    async def current(self, tx: Transaction) -> Version:
        """The catalogue's version, for a job that reads more than that."""
        return await shops.version(tx, self.shop_id)

    async def _rebuild(self) -> None:
        async def everything(tx: Transaction) -> tuple[Version, list[Product] | None, list[Article], list[Alias]]:
            version = await self.current(tx)
            products = None if version[0] == self.version[0] else await read_products(tx, self.shop_id)
            return version, products, await read_articles(tx, self.shop_id), await read_aliases(tx, self.shop_id)

        await self.hold(*await self.database.read(everything))

    async def hold(
        self, version: Version, products: list[Product] | None, articles: list[Article], listed: Sequence[Alias] = ()
    ) -> None:
        """Make the indexes of these rows; with None, the products are those that it holds already."""
        aliases: dict[str, list[Alias]] = defaultdict(list)
        for one in listed:
            aliases[one.row].append(one)
        languages = self._encoders.languages
        if products is None:
            made = await asyncio.to_thread(_taught, self._made, articles, aliases)
            self._learn(made, aliases)
            parts = [*parts_of(languages, (), articles, listed), *self._of_products][:PARTS]
            self._take(version, made, parts, aliases, self.meanings)
            if len({part.text for part in parts} - self._known.keys()) <= AT_ONCE:
                await self.catch_up()
            return
        made = await asyncio.to_thread(_made, products, articles, version[0], aliases)
        self._of_products = parts_of(languages, products, ())
        self._take(version, made, parts_of(languages, products, articles, listed), aliases)

    def _learn(self, made: "Made", aliases: Mapping[str, Sequence[Alias]]) -> None:
        """Let the rows be found by these, of those that stand where they stood."""
        for row in aliases.keys() | self.aliases.keys():
            learnt = [one.text for one in aliases.get(row, ())]
            if learnt != [one.text for one in self.aliases.get(row, ())]:
                for index in (made.products, made.articles):
                    if row in index.places:
                        index.learn(row, learnt)

    async def run(self) -> None:
        """Encode what imports bring, until cancelled. Raises EngineError where an encoder's weights are gone."""
        while True:
            await self._behind.wait()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Encode what is not encoded yet; until then these rows are found by their words."""
        self._behind.clear()
        parts = self._parts
        self._known |= await encoded(self._encoders, parts, self._known)
        if parts is self._parts:
            self._known = {part.text: self._known[part.text] for part in parts}
            self.meanings = assembled(parts, self._known)

    def _take(
        self,
        version: Version,
        made: "Made",
        parts: list[Part],
        aliases: Mapping[str, Sequence[Alias]],
        before: Meanings | None = None,
    ) -> None:
        """All of one version at once: others ask while the next one is being made. `before`: the meanings that hold
        nearly all of it."""
        known = [part for part in parts if part.text in self._known] if before and before.parts else []
        self._parts, self.meanings = parts, assembled(known, self._known)
        self._behind.set()
        self._made, self.aliases, self.version = made, aliases, version
        self.products, self.articles, self.spelling = made.products, made.articles, made.spelling
        self._rows: dict[int, Product] = {}
        self._fit: dict[int, Article] = {}
        self._articles, self._topics = made.rows, made.topics
        self._spoken = {one.language for one in made.rows.values()}

    async def read(self, ids: Sequence[int]) -> list[Product]:
        """These products, from SQL; rows change with the catalogue's version only, so those read of it are kept."""
        missing = [one for one in ids if one not in self._rows]
        if missing:
            found = await self.database.read(lambda tx: read_products(tx, self.shop_id, missing))
            for product in found:
                self._rows[product.id] = fit = fit_product(product, self._passed)
                if not fit.title:
                    log.warning("%s is not spoken of: the rules have something against its name", product.row)
        products = [self._rows[one] for one in ids if one in self._rows]
        while len(self._rows) > KEPT:
            self._rows.pop(next(iter(self._rows)))
        return products

    async def named(self, ids: Sequence[int]) -> list[Product]:
        """Those of them whose name may be said, for what nobody needs an answer to."""
        return [one for one in await self.read(ids) if one.title]

    async def meaning(self, texts: Sequence[str], spoken: str) -> list[Vector | None]:
        """What each text means, where an encoder knows their language."""
        if spoken not in self._encoders.languages or not self.meanings.parts:
            return [None] * len(texts)
        return list(await self._encoders.encode([*map(located, texts)], spoken, asked=True))

    def intents(self, text: str, vector: Vector, spoken: str) -> Mapping[str, float]:
        """What a text wants, as far as a head over it and its vector tells."""
        head = self._encoders.heads.get(spoken)
        return head.of(text, vector) if head else {}

    async def told(self, text: str, rows: Iterable[str], spoken: str) -> Mapping[tuple[str, str], float]:
        """Row and sentence -> whether it answers a text, -1 to 1, of those that may; none where nothing reads both."""
        reader, [vector] = self._encoders.reader, await self.meaning([text], spoken)
        if vector is None or reader is None:
            return {}
        nearest = self.meanings.nearest(rows, vector, READ)
        parts = [(one, near) for one, near in nearest if language(one.text, spoken) == spoken]
        if len(parts) < len(nearest) / 2:
            return {}  # it reads question and sentence of one language
        odds = await reader.read(text, [one.text for one, _ in parts], [near for _, near in parts])
        return {(one.row, one.said): max(-1.0, min(1.0, odd / SURE)) for (one, _), odd in zip(parts, odds, strict=True)}

    def read_articles(self, ids: Sequence[int]) -> list[Article]:
        """These articles, as of the catalogue's version."""
        for one in ids:
            if one in self._articles and one not in self._fit:
                self._fit[one] = fit_article(self._articles[one], self._passed)
        return [self._fit[one] for one in ids if one in self._fit]

    def every_article(self) -> list[Article]:
        """All of them, by id, as they stand: what is shown of them is read by `read_articles`."""
        return list(self._articles.values())

    async def title(self, row: str) -> str:
        """What a row is called; '' where it is gone."""
        noun, _, number = row.partition(":")
        found = await self.read([int(number)]) if noun == "product" else self.read_articles([int(number)])
        return found[0].title if found else ""

    def rank(self, words: Sequence[str], about: Mapping[str, float], vector: Vector, spoken: str) -> "Ranking":
        """Products and articles in one order: what they mean, with some weight for the words that they share."""
        alike, base = self.alike(about), ALIKE_ANYHOW.get(spoken, 0.0)
        cover, named = WORDS.get(spoken, WORDS["en"])
        near = {row: score - base for row, score in self.meanings.near(vector).items()}
        by_words = [self.products.search(words, 30), self.articles.search(words, 30)]
        found = {hit.row: hit for hits in by_words for hit in hits}
        plain = {row for hits in by_words for row in _plainly(hits)} if spoken in PLAIN else set()
        known = [near[row] for row in found if row in near]
        usual = sum(known) / len(known) if known else 0.0  # for rows that are not among the parts
        for row in sorted(near, key=lambda row: -near[row])[:20]:
            if row not in found:
                found[row] = self._index(row).rate(row, words)

        own = spoken in self._spoken

        def worth(hit: Hit) -> float:
            shared = near.get(hit.row, usual) + cover * hit.cover + (PLAIN[spoken] if hit.row in plain else 0.0)
            if hit.row in self.products.places:
                return shared + named * hit.named
            if own and hit.language != spoken:
                return shared - STRANGE  # it is there in their language, too
            return shared + ALIKED * alike.get(hit.row, 0.0)

        scored = sorted(((worth(hit), hit) for hit in found.values()), key=lambda pair: (-pair[0], pair[1].row))
        return Ranking(
            [(score, hit) for score, hit in scored if hit.row in self.products.places],
            [(score, hit) for score, hit in scored if hit.row not in self.products.places],
            near,
        )

    def _index(self, row: str) -> Index:
        return self.products if row in self.products.places else self.articles

    def find_articles(self, words: Sequence[str], wanted: str, about: Mapping[str, float]) -> list[Hit]:
        """Articles for these tokens. Those in the member's language come first where both have one, and those whose
        title is about what is asked before those whose title brings up something else."""
        alike = self.alike(about)
        hits = {hit.row: hit for hit in self.articles.search(words, 12)}
        hits |= {row: self.articles.rate(row, words) for row in alike.keys() - hits.keys() if alike[row] >= WORDLESS}
        asked = set(expand(words))
        said = {row: self._said(hit, asked) for row, hit in hits.items()}
        best = max(said.values(), default=0.0) or 1.0
        left = 1.0 - max((hit.cover for hit in hits.values()), default=0.0)  # of the question, that no row says
        sure = AGREED * best * min(1.0, left / UNSAID)

        def worth(hit: Hit) -> float:
            together = said[hit.row] + sure * alike.get(hit.row, 0.0)
            return together * (1.0 if hit.language == wanted else FOREIGN)

        found = sorted(hits.values(), key=worth, reverse=True)
        return [replace(hit, cover=max(hit.cover, COVERED * alike.get(hit.row, 0.0))) for hit in found]

    @property
    def language(self) -> str:
        """In which its products are described, as far as the first of them tell."""
        often = Counter(one.language for one in self.products.documents[:50]).most_common(1)
        return often[0][0] if often else ""

    def knows(self, word: str) -> bool:
        """Does any row say this word?"""
        return word in self.products.postings or word in self.articles.postings

    def goes_on(self, row: str, words: Sequence[str], about: Mapping[str, float]) -> bool:
        """Does an article say something of a further question, or is it about the same?"""
        document = self.articles.documents[self.articles.places[row]]
        return agreement(about, self._topics[row]) >= ALIKE or any(self.articles.says(document, word) for word in words)

    def _said(self, hit: Hit, asked: set[str]) -> float:
        """What an article is worth by its words: more if its title says them, less for what else that brings up."""
        stray = set(expand(self.articles.document(hit).titles)) - asked
        strays = sum(token.startswith("=") for token in stray)
        return hit.score * (0.6 + hit.called) * STRAY**strays

    def alike(self, about: Mapping[str, float]) -> dict[str, float]:
        """The articles nearest to a question's topic, and how sure that is: the nearest as sure as the topic itself."""
        sure = ways(about)
        if sure < ALIKE:
            return {}
        found = {row: agreement(about, topics) for row, topics in self._topics.items()}
        peak = max(found.values(), default=0.0)
        return {row: sure * one / peak for row, one in found.items() if peak >= ALIKE and one > 0.5 * peak}


def _plainly(hits: Sequence[Hit]) -> list[str]:
    """The row that says nearly all of a question, and far more of it than the next."""
    apart = hits and hits[0].cover >= SAYS and hits[0].score > APART * (hits[1].score if len(hits) > 1 else 0.0)
    return [hits[0].row] if apart else []


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows with what they are worth for a question, best first; `near` is by meaning alone."""

    products: list[tuple[float, Hit]]
    articles: list[tuple[float, Hit]]
    near: Mapping[str, float]

    def going_on(self, rows: Collection[str]) -> "Ranking":
        """With more for the articles just spoken of."""
        articles = [(worth + KEPT_TO * (hit.row in rows), hit) for worth, hit in self.articles]
        return replace(self, articles=sorted(articles, key=lambda pair: (-pair[0], pair[1].row)))


@dataclass(frozen=True, slots=True)
class Made:
    """What is worked out of one version of the catalogue. `rows` are articles by id, `topics` by row."""

    products: Index
    articles: Index
    spelling: Spelling
    rows: dict[int, Article]
    topics: dict[str, Mapping[str, float]]


def _made(
    products: list[Product], articles: list[Article], version: int, aliases: Mapping[str, Sequence[Alias]]
) -> Made:
    index = _products(products, version)
    for row, learnt in aliases.items():
        if row in index.places:
            index.learn(row, [one.text for one in learnt])
    names = [name for one in products for name in (one.title, *(variant.label for variant in one.variants))]
    nothing = Made(index, _articles([], version), Spelling(names, ()), {}, {})
    return _taught(nothing, articles, aliases)


def _taught(before: Made, articles: list[Article], aliases: Mapping[str, Sequence[Alias]]) -> Made:
    """The same products with these articles and aliases; articles that are the same learn later what is new."""
    index = before.articles
    if articles != [*before.rows.values()]:
        index = _articles(articles, before.products.version)
        for row, learnt in aliases.items():
            if row in index.places:
                index.learn(row, [one.text for one in learnt])
    learnt_words = {token for some in aliases.values() for one in some for token in tokens(one.text)}
    known = before.products.postings.keys() | index.postings.keys() | learnt_words
    rows = {article.id: article for article in articles}
    topics: dict[str, Mapping[str, float]] = {
        one.row: before.topics[one.row] if before.rows.get(one.id) == one else _topics(one) for one in articles
    }
    return Made(before.products, index, before.spelling.knowing(known), rows, topics)


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


def _topics(article: Article) -> dict[str, float]:
    """What its title is about, and what its sentences touch on."""
    found = with_kin(about(article.title, article.language))
    for sentence in sentences(article.body)[:SENTENCES]:
        for topic, chance in about(sentence, article.language).items():
            found[topic] = max(found.get(topic, 0.0), TOUCHED * chance)
    return found


def _articles(rows: list[Article], version: int) -> Index:
    index = Index(version)
    for one in rows:
        index.add(one.row, one.language, {"title": one.title, "body": one.body})
    index.close()
    return index
