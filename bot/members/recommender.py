"""Which products fit a member: the signals' scores added up, without what may not or need not be suggested."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from bot.knowledge.library import Library
from bot.knowledge.rows import Product
from bot.members.profiles import Profile
from bot.members.signals.base import Reason, Score

READ = 40  # products read from SQL, best first, until enough of them can be suggested


@dataclass(frozen=True, slots=True)
class Candidate:
    """`reasons`: what speaks for it, the strongest first."""

    product: Product
    score: float
    reasons: tuple[Reason, ...]


async def recommend(
    library: Library, signals: Sequence[ModuleType], profile: Profile, count: int = 3
) -> list[Candidate]:
    """The best products for the member, best first: none sold out, hidden, without a price, or asked about already."""
    scores: dict[int, list[Score]] = defaultdict(list)
    for signal in signals:
        for product_id, one in (await signal.score(library, profile)).items():
            scores[product_id].append(one)
    totals = {product_id: sum(one.value for one in held) for product_id, held in scores.items()}
    ranked = [one for one in sorted(totals, key=lambda one: (-totals[one], one)) if one not in profile.product_ids]
    found = []
    for product in await library.read(ranked[:READ]):
        if product.in_stock is not False and product.prices:
            held = sorted(scores[product.id], key=lambda one: -one.value)
            found.append(Candidate(product, totals[product.id], tuple(one.reason for one in held)))
    return found[:count]
