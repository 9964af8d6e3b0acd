"""A second look at a plan: what else might be said, weighed by a model learnt from labelled questions.

Beside the plan that rules chose stand others: the articles nearest to the question, and of the nearest products their
sentences, an attribute, price, stock and choices; a choice of products; and that nothing is known. Evidence for each is
weighed by a multinomial regression, whose weights stand in weigh.toml; `python -m benchmarks.parts.weigh` makes them.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.conversation import link as links
from bot.conversation.choose import Chooser
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge.library import Library, Ranking
from bot.knowledge.retrieval import Hit
from bot.knowledge.rows import Product
from llm.protocol import Act, Plan

ARTICLES, PRODUCTS = 4, 3  # rows that are looked at
OPEN = (Act.PRICE, Act.STOCK, Act.OPTIONS, Act.DETAIL, Act.DESCRIBE, Act.POLICY, Act.RECOMMEND, Act.UNKNOWN,
        Act.ASK_BACK, Act.OFFTOPIC)  # acts that are looked at again  # fmt: skip
INTENTS = {  # of each act, those that ask for it
    Act.PRICE: ("price",), Act.STOCK: ("stock",), Act.OPTIONS: ("options",), Act.DETAIL: ("fact",),
    Act.DESCRIBE: ("fact",), Act.POLICY: ("policy",), Act.RECOMMEND: ("recommend", "list", "extreme"),
    Act.OFFTOPIC: ("offtopic", "chatter", "chat"), Act.UNKNOWN: (), Act.ASK_BACK: (),
}  # fmt: skip
CUES = {Act.PRICE: "price", Act.STOCK: "stock", Act.OPTIONS: "options", Act.RECOMMEND: "recommend"}
AHEAD = 0.1  # by how much another plan's probability has to be greater


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan, and what speaks for it: by name, about 0 to 1 each."""

    plan: Plan
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Weigher:
    library: Library
    compose: Composer
    choose: Chooser

    async def second(self, reading: Reading, context: Context, plan: Plan) -> Plan:
        """The likeliest plan, where it is likelier than this one by far enough."""
        if not reading.ranking or plan.act not in OPEN or plan.fixed:
            return plan
        found = await self.candidates(reading, context, plan)
        chances = likely(reading.language, [one.evidence for one in found])
        best = max(range(len(found)), key=chances.__getitem__)
        return found[best].plan if chances[best] > chances[0] + AHEAD else plan

    async def candidates(self, reading: Reading, context: Context, chosen: Plan) -> list[Candidate]:
        """The plan that was chosen first, then the others that may be."""
        assert reading.ranking
        ranking = reading.ranking
        articles = self.library.read_articles([hit.id for _, hit in ranking.articles[:ARTICLES]])
        plans = [chosen, *(self.compose.policy(reading, one, self.library.articles) for one in articles)]
        ids = dict.fromkeys([*context.products[:1], *(hit.id for _, hit in ranking.products[:PRODUCTS])])
        for product in await self.library.read([*ids]):
            plans += self._of_product(reading, product)
        plans += [one for one in [await self.choose.recommend(reading, context)] if one]
        plans.append(self.compose.plain(Act.UNKNOWN, reading.language, context))
        told = Evidence(reading, ranking, context, chosen)
        found: dict[tuple[object, ...], Candidate] = {}
        for one in plans:
            found.setdefault((one.act, one.facts, one.states), Candidate(one, told.of(one)))
        return [*found.values()]

    def _of_product(self, reading: Reading, product: Product) -> list[Plan]:
        words = [*reading.words, *links.size_words(reading.text)]
        return self.compose.every(reading, words, product, self.library.products)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a plan as an answer to a question."""

    reading: Reading
    ranking: Ranking
    context: Context
    chosen: Plan

    def of(self, plan: Plan) -> dict[str, float]:
        row = plan.sources[0] if plan.sources and plan.act is not Act.RECOMMEND else ""
        wants = self.reading.wants
        wanted = sum(wants.get(name, 0.0) for name in INTENTS.get(plan.act, ()))
        found = {"bias": 1.0, "chosen": float(plan is self.chosen), "wanted": wanted}
        if plan.act in CUES:
            found["cue"] = float(self.reading.has(CUES[plan.act]))
        found |= self._of_row(row) if row else self._of_none()
        named = {f"{plan.act}.{name}": value for name, value in found.items()}
        alike = {"same_act": plan.act == self.chosen.act, "same_row": bool(row) and row in self.chosen.sources}
        return named | {name: float(value) for name, value in alike.items()}

    def _of_row(self, row: str) -> dict[str, float]:
        ranked = self.ranking.products if row.startswith("product") else self.ranking.articles
        worth, hit = next(((worth, hit) for worth, hit in ranked if hit.row == row), (0.0, None))
        others = max((worth for worth, other in (*self.ranking.products[:2], *self.ranking.articles[:2])
                      if other.row != row), default=0.0)  # fmt: skip
        near = self.reading.near(row)
        best = max(near.values(), default=0.0)
        return {
            "worth": worth, "lead": worth - others, "near": best, "near_lead": best - self._nearest(row),
            "spoken": float(row in self.context.rows), **_named(hit),
        }  # fmt: skip

    def _of_none(self) -> dict[str, float]:
        products, articles = self.ranking.products[:1], self.ranking.articles[:1]
        return {
            "product": products[0][0] if products else 0.0,
            "article": articles[0][0] if articles else 0.0,
            "near": self._nearest(""),
            "asks": float(self.reading.has("question")),
            "spoken": float(bool(self.context.rows)),
        }

    def _nearest(self, but: str) -> float:
        """How near the nearest sentence is of all rows but this one."""
        rows = [hit.row for _, hit in (*self.ranking.products[:PRODUCTS], *self.ranking.articles[:ARTICLES])]
        return max((near for row in rows if row != but for near in self.reading.near(row).values()), default=0.0)


def _named(hit: Hit | None) -> dict[str, float]:
    if hit is None:
        return {}
    return {"cover": hit.cover, "named": hit.named, "called": min(1.0, hit.called), "evidence": min(2.0, hit.evidence)}


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    path = Path(__file__).with_name("weigh.toml")
    held: Mapping[str, Mapping[str, float]] = tomllib.loads(path.read_text("utf-8"))
    return held


def likely(language: str, evidence: list[Mapping[str, float]]) -> list[float]:
    """The probability that each of these plans is the one to say."""
    weights = _weights()[language]
    scores = [sum(weights.get(name, 0.0) * value for name, value in one.items()) for one in evidence]
    most = max(scores)
    shares = [math.exp(score - most) for score in scores]
    return [share / sum(shares) for share in shares]
