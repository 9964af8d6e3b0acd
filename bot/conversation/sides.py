"""Two things compared: which products, or which variants of one, a member puts side by side."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from bot.conversation import link as links
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.phrases import APART, BY_PRICE, DIFFER
from bot.conversation.understanding import Reading
from bot.knowledge.facts import Maker
from bot.knowledge.library import Library, Ranking
from bot.knowledge.passages import prose
from bot.knowledge.retrieval import Hit
from bot.knowledge.rows import Product, Variant
from bot.language import tokens
from bot.texts import money
from llm.protocol import Act, Fact, Plan, State

SIDE = 180  # characters of each of two products that are compared
EACH = re.compile(r"分别|各|\beach\b|\bboth\b")
TWO = re.compile(r"\b(?:two|both|them|these|those)\b|两(?:个|款|种|者|样)|哪(?:个|款|一个|一款)|它们")
COMPARED, NAMES = 0.45, 0.3  # worth, and evidence of its name, of a product that stands in a comparison
OWN = 0.8  # the weight of a name's words that are this product's own
SAID = 0.6  # how much of a product's title has to be said for that product to be meant


@dataclass(frozen=True, slots=True)
class Comparer:
    """Plans that compare; None where there are no two."""

    library: Library
    compose: Composer

    async def compare(self, reading: Reading, context: Context) -> Plan | None:
        found, strange = await self._sides(reading)
        if strange and len(found) == 1:  # the other is nothing that the shop sells
            return self.compose.plain(Act.UNKNOWN, reading.language, context, State.NOT_SOLD)
        pointing = TWO.search(reading.text) is not None
        whole = links.link(reading.words, self.library).ids
        for product_id in (*whole, *(context.two if pointing else context.products)):
            if len(found) < 2 and product_id not in found:
                found.append(product_id)
        products = await self.library.read(found[:2])
        if len(products) == 1:
            return self._variants(reading, products[0])
        return self._products(reading, products) if len(products) == 2 else None

    def prices(self, reading: Reading, products: list[Product]) -> Plan | None:
        """Of the first two that may be meant: shorter than to ask which."""
        return self._versus(reading, [(one, list(one.variants)) for one in products[:2]])

    def _products(self, reading: Reading, products: list[Product]) -> Plan | None:
        if not BY_PRICE.search(reading.text) and (text := self._both(reading, products)):
            return text
        sides = []
        for product in products:
            variant = links.variant(reading.words, product)
            sides.append((product, [variant] if variant else links.matching(reading.words, product)))
        return self._versus(reading, sides)

    def _both(self, reading: Reading, products: list[Product]) -> Plan | None:
        """Two products side by side in their own sentences, where something other than the price is compared."""
        named = {word for product in products for word in (*tokens(product.title), *links.option_words(product))}
        rest = [word for word in links.content(reading.words) if word not in named]
        asked_of = rest or reading.words
        index = self.library.products
        parts = [prose(asked_of, one.description, index, SIDE, reading.near(one.row)) for one in products]
        if not all(text for text, _ in parts) or not (rest or DIFFER.search(reading.text)):
            return None
        make = Maker(reading.language)
        facts = []
        for place, (product, (part, _)) in enumerate(zip(products, parts, strict=True), 1):
            facts += [make.name(product, None, place), make.prose(part, product, "description", place)]
        name1, text1, name2, text2 = (fact.value for fact in facts)
        chinese = reading.language == "zh"
        quote = f"{name1}：{text1}{name2}：{text2}" if chinese else f"{name1}: {text1} {name2}: {text2}"
        return self.compose.rows(Act.CONTRAST, reading, products, facts, quote)

    def _variants(self, reading: Reading, product: Product) -> Plan | None:
        told = DIFFER.search(reading.text) and not BY_PRICE.search(reading.text)
        if told and (plan := self.compose.describe(reading, product, [], self.library.products)[0]):
            return plan
        said = [one for one in product.variants if links.variant(reading.words, product) == one]
        words = [*reading.words, *links.size_words(reading.text)]
        both = [one for one in links.mentioned(words, product) if one.label]
        pair = both[:2] if len(both) >= 2 else [*said, *(v for v in product.variants if v not in said)][:2]
        if len(pair) < 2:
            return None
        return self._versus(reading, [(product, [one]) for one in pair])

    def _versus(self, reading: Reading, sides: list[tuple[Product, list[Variant]]]) -> Plan | None:
        """Two prices; which is the cheaper is said only where no variant of one costs as much as one of the other."""
        make = Maker(reading.language)
        facts: list[Fact | None] = []
        for place, (product, among) in enumerate(sides, 1):
            variant = among[0] if len(among) == 1 else None
            facts += [make.name(product, variant, place), make.price(product, among, place)]
        if None in facts:
            return None
        first, second = ({one.price for one in among if one.price is not None} for _, among in sides)
        states = _cheaper(first, second)
        name1, price1, name2, price2 = (fact.value for fact in facts if fact)
        chinese = reading.language == "zh"
        quote = f"{name1}：{price1}；{name2}：{price2}。" if chinese else f"{name1}: {price1}; {name2}: {price2}."
        apart = abs(min(first) - min(second)) if len(first) == len(second) == 1 and APART.search(reading.text) else 0
        if apart:
            told = money(Decimal(apart), sides[0][1][0].currency, reading.language)
            quote += f"相差{told}。" if chinese else f" That is a difference of {told}."
        compared = [product for at, (product, _) in enumerate(sides) if at == 0 or product is not sides[0][0]]
        plan = self.compose.rows(Act.COMPARE, reading, compared, facts, quote, *states)
        return replace(plan, fixed=True) if apart else plan

    async def _sides(self, reading: Reading) -> tuple[list[int], bool]:
        """The products of a comparison's two sides, and whether a side is nothing that the shop sells."""
        sides = [side for side in links.sides(reading) if links.content(side.words)]
        if reading.ranking:
            named = self._named(reading, reading.ranking)
            plainly = len(named) > 1 and min(hit.called for hit in named) >= SAID
            if named and not plainly and await self._versions(reading, named[0].id):
                return [named[0].id], False
            if len(named) > 1:
                return [hit.id for hit in named], False
        strange = [side for side in sides if self.strange(side)]
        found: list[int] = []
        for side in sides:
            for product_id in links.link(side.words, self.library).ids[:1]:
                if product_id not in found and side not in strange:
                    found.append(product_id)
        return found, bool(strange)

    def _named(self, reading: Reading, ranking: Ranking) -> list[Hit]:
        """The first product that is named, and the next that is named by other words: a near twin is not the other."""
        index, said = self.library.products, set(reading.words)
        named = [hit for worth, hit in ranking.products[:6] if worth >= COMPARED and hit.evidence >= NAMES]
        if not named:
            return []
        first = index.document(named[0]).names & said
        others = (hit for hit in named[1:] if (index.document(hit).names & said) - first)
        return [named[0], *islice(others, 1)]

    async def _versions(self, reading: Reading, product_id: int) -> bool:
        """Are two variants of one product meant: `the 500 or the 750`?"""
        [product] = await self.library.read([product_id])
        return len(links.mentioned([*reading.words, *links.size_words(reading.text)], product)) > 1

    def strange(self, side: Reading) -> bool:
        """Does it name something of which the shop's texts know less than half, and no product by its name?"""
        said = [word for word in links.content(tuple(tokens(links.WHICH.sub(" ", side.text)))) if len(word) > 1]
        unknown = [word for word in said if not self.library.knows(word)]
        if not said or 2 * len(unknown) < len(said):
            return False
        linked = links.link(tuple(said), self.library)
        return not linked.hits or linked.hits[0].called < SAID


def _cheaper(first: set[Decimal], second: set[Decimal]) -> tuple[State, ...]:
    """Which of two is the cheaper; none where their prices overlap."""
    if first == second and len(first) == 1:
        return (State.SAME_PRICE,)
    if max(first) < min(second):
        return (State.CHEAPER1,)
    return (State.CHEAPER2,) if max(second) < min(first) else ()


def each(reading: Reading, library: Library) -> list[Reading]:
    """`A and B, how much are they?`: the question once for each product that it names; else as it is."""
    if not reading.has("price", "stock") or (reading.has("compare") and not EACH.search(reading.text)):
        return [reading]
    found: dict[int, Reading] = {}
    for side in links.sides(reading):
        hits = links.link(side.words, library).hits
        if len(hits) == 1 and hits[0].evidence >= OWN:
            found.setdefault(hits[0].id, replace(side, cues=reading.cues - {"compare", "followup"}))
    return list(found.values())[:3] if len(found) > 1 else [reading]
