"""Products chosen for a member: what fits a need, what there is of a kind, the cheapest."""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.conversation import link as links
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge.budget import budget
from bot.knowledge.library import Library, Ranking
from bot.knowledge.rows import Product
from llm.protocol import Plan

NEEDED, ALIKE = 15, 0.12  # rows looked at for a need, and how much worse others may be
FIT = {"en": 0.25, "zh": 0.1}  # the least worth
READ = 0.15  # weight of whether a sentence answers
CHOSEN, LEANT = 0.65, 0.5  # probability of a wish for advice that counts where a product is named, and where none is


@dataclass(frozen=True, slots=True)
class Chooser:
    """Plans that recommend; None where nothing fits."""

    library: Library
    compose: Composer

    def wanted(self, reading: Reading, linked: links.Link, one: bool) -> bool:
        """Is something to be chosen for them, rather than told of what they name?"""
        if not reading.has("recommend", "list"):
            return False
        if reading.wants:
            wanted = reading.wants.get("recommend", 0.0) + reading.wants.get("list", 0.0)
            return wanted >= (CHOSEN if linked.strength > 0.5 else LEANT)
        return not one or budget(reading.text) is not None

    def limited(self, reading: Reading, linked: links.Link) -> bool:
        """Is it about whatever costs less than a sum?"""
        if linked.strength > 0.5 or links.ways(reading.words) or budget(reading.text) is None:
            return False
        return reading.language == "zh" or reading.has("price", "stock", "recommend", "list")

    async def extreme(self, reading: Reading, context: Context) -> Plan | None:
        """The cheapest or dearest of what is named, or of everything."""
        index, said = self.library.products, set(links.content(reading.words))
        hits = [hit for hit in index.search(said, 50) if hit.named > 0.2]
        of_kind = [hit for hit in hits if not said.isdisjoint(index.document(hit).kinds)]
        ids = [hit.id for hit in of_kind or hits] or context.products
        if not ids and not [word for word in links.content(reading.words) if len(word) > 1]:
            ids = [int(one.row.partition(":")[2]) for one in self.library.products.documents[:2000]]
        products = [one for one in await self.library.read(ids) if one.prices and one.in_stock is not False]
        if not products:
            return None
        pick = min if reading.has("cheapest") else max
        return self.compose.recommend(reading, [pick(products, key=lambda one: one.prices[0])], listed=False)

    async def recommend(self, reading: Reading, context: Context) -> Plan | None:
        limit = budget(reading.text)
        if reading.ranking:
            return await self._needed(reading, reading.ranking, limit)
        hits = self.library.products.search([w for w in links.content(reading.words) if not w.isdigit()], 12)
        products = await self.library.read([hit.id for hit in hits if hit.cover > 0.12])
        if limit is not None and not any(hit.named > 0.2 for hit in hits):  # of no kind: whatever costs as little
            every = [int(one.row.partition(":")[2]) for one in self.library.products.documents[:500]]
            products = _fitting(products, limit) or await self.library.read(every)
        fit = _fitting(products, limit)
        if not fit:
            return None
        return self.compose.recommend(reading, fit[:3], listed=reading.has("list") and not reading.has("recommend"))

    async def _needed(self, reading: Reading, ranking: Ranking, limit: Decimal | None) -> Plan | None:
        """Those whose sentences are nearest to the need, for no more than the limit."""
        worth = {hit.id: score for score, hit in ranking.products[:NEEDED]}
        fit = _fitting(await self.library.read([*worth]), limit)
        if not reading.told:
            told = await self.library.told(reading.text, [one.row for one in fit], reading.language)
            reading = replace(reading, told=told)
        worth = {id: score + READ * reading.answers(f"product:{id}") for id, score in worth.items()}
        best = max((worth[one.id] for one in fit), default=0.0)
        fit = [one for one in fit if worth[one.id] >= best - ALIKE]
        least = FIT[reading.language] if limit is None else 0.0  # who names a sum wants to see what there is for it
        if not fit or best < least:
            return None
        return self.compose.recommend(reading, fit[:3], listed=reading.has("list") and not reading.has("recommend"))


def _fitting(products: list[Product], limit: Decimal | None) -> list[Product]:
    """Those that can be bought, for no more than the limit."""
    there = [(one, [v.price for v in one.buyable if v.price is not None]) for one in products]
    return [one for one, prices in there if prices and (limit is None or min(prices) <= limit)]
