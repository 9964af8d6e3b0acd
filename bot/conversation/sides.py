"""Two things compared: which products, or which variants of one, a member puts side by side."""

import re
from dataclasses import dataclass
from itertools import islice

from bot.conversation import link as links
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge.library import Library, Ranking
from bot.knowledge.retrieval import Hit
from bot.language import tokens
from llm.protocol import Act, Plan, State

TWO = re.compile(r"\b(?:two|both|them|these|those)\b|两(?:个|款|种|者|样)|哪(?:个|款|一个|一款)|它们")
COMPARED, NAMES = 0.45, 0.3  # worth, and evidence of its name, of a product that stands in a comparison
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
            return self.compose.compare_variants(reading, products[0], self.library.products)
        return self.compose.compare(reading, products, self.library.products) if len(products) == 2 else None

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
        told = links.matching([*reading.words, *links.size_words(reading.text)], product)
        return 1 < len(told) < len(product.variants) or (
            len(told) == len(product.variants) == 2 and links.said_each(reading.words, product)
        )

    def strange(self, side: Reading) -> bool:
        """Does it name something of which the shop's texts know less than half, and no product by its name?"""
        said = [word for word in links.content(tuple(tokens(links.WHICH.sub(" ", side.text)))) if len(word) > 1]
        unknown = [word for word in said if not self.library.knows(word)]
        if not said or 2 * len(unknown) < len(said):
            return False
        linked = links.link(tuple(said), self.library)
        return not linked.hits or linked.hits[0].called < SAID
