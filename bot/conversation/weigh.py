"""A second look at a plan: what else might be said, weighed by a model learnt from labelled questions.

Beside the plan that rules chose stand others: the articles nearest to the question, and of the nearest products their
sentences, an attribute, price, stock and choices; a choice of products; and that nothing is known. Evidence for each,
what a reader of question and sentence together says among it, is weighed by a multinomial regression, whose weights
stand in weigh.toml; `python -m benchmarks.parts.weigh` makes them. Without a reader the rules decide alone.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bot.conversation import link as links
from bot.conversation.choose import Chooser
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.phrases import CLAIM
from bot.conversation.understanding import Reading
from bot.knowledge.budget import budget
from bot.knowledge.library import Library, Ranking
from bot.knowledge.retrieval import Hit, Index, expand, overlap
from bot.knowledge.rows import Product
from llm.protocol import Act, Plan

ARTICLES, PRODUCTS, READ = 4, 3, 6  # rows that are looked at, and products that are read
OPEN = (Act.DESCRIBE, Act.POLICY, Act.RECOMMEND, Act.UNKNOWN, Act.ASK_BACK)  # acts that are looked at again
NEEDED = 0.8  # probability of a wish for advice that is not
LIKELY = 0.5  # of another plan, where advice is asked for in so many words
UNREAD = -1.0  # what is said of a sentence that was not read
BESIDE = 0.5  # chance of what is said beside a price, stock, choices or a link
UNSURE, NEXT = 0.5, 0.15  # a plan of no more chance is said together with the next, if that has as much
TELLING = (Act.DESCRIBE, Act.POLICY, Act.DETAIL)
ROWS = (Act.PRICE, Act.STOCK, Act.OPTIONS, Act.LINK)
CUES = {Act.PRICE: "price", Act.STOCK: "stock", Act.OPTIONS: "options", Act.RECOMMEND: "recommend"}


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

    async def second(self, reading: Reading, context: Context, plan: Plan) -> list[Plan]:
        """The likeliest plan, and how likely, where this one is among those that are looked at again. With it what may
        be the answer as well."""
        if reading.ranking is None or plan.fixed or reading.language not in _weights():
            return [plan]
        if not is_open(reading, plan) and not await self._more(reading, plan):
            return [plan]
        found = await self.candidates(reading, context, plan)
        if not found:
            return [plan]
        chances = likely(_weights()[reading.language], [one.evidence for one in found])
        ranked = sorted(zip(chances, found, strict=True), key=lambda pair: -pair[0])
        chosen = _chosen(reading, plan, *ranked[0]) if is_open(reading, plan) else plan
        return [chosen, *_beside(chosen, [(chance, one.plan) for chance, one in ranked])]

    async def _more(self, reading: Reading, plan: Plan) -> bool:
        """Is something asked of a product besides its price, stock, choices or link?"""
        if plan.act not in ROWS:
            return False
        asked = [int(row.partition(":")[2]) for row in plan.sources[:1]]
        words = [word for word in reading.words if word not in links.BIG | links.SMALL]
        return any(links.rest(words, one) for one in await self.library.read(asked))

    async def candidates(self, reading: Reading, context: Context, chosen: Plan) -> list[Candidate]:
        """The plan that was chosen first, then the others that may be. None where nothing was read."""
        assert reading.ranking
        ranking = reading.ranking
        articles = self.library.read_articles([hit.id for _, hit in ranking.articles[:ARTICLES]])
        ids = dict.fromkeys([*context.products[:1], *(hit.id for _, hit in ranking.products[:PRODUCTS])])
        rows = [
            *(one.row for one in articles),
            *(f"product:{one}" for one in context.products[:1]),
            *(hit.row for _, hit in ranking.products[:READ]),
        ]
        asked = reading.whole or reading.text
        reading = replace(reading, told=await self.library.told(asked, dict.fromkeys(rows), reading.language))
        if not reading.told:
            return []
        if CLAIM.search(reading.text) and chosen.act is not Act.POLICY:
            articles = []  # the merchant's yes is to the article's question, not to what is claimed of a product
        plans = [chosen, *(self.compose.policy(reading, one, self.library.articles) for one in articles)]
        for product in await self.library.read([*ids]):
            plans += self._of_product(reading, product)
        plans += [one for one in [await self.choose.recommend(reading, context)] if one]
        plans.append(self.compose.plain(Act.UNKNOWN, reading.language, context))
        told = Evidence(reading, ranking, context, self.library.products, self.library.alike(reading.about))
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
    index: Index
    alike: Mapping[str, float]  # articles of the question's topic, and how sure that is

    @property
    def whole(self) -> float:
        return sum(self.index.idf(word) for word in expand(self.reading.words)) or 1.0

    def of(self, plan: Plan) -> dict[str, float]:
        row = plan.sources[0] if plan.sources and plan.act is not Act.RECOMMEND else ""
        found = {"bias": 1.0, **self.reading.wants}
        if plan.act in CUES:
            found["cue"] = float(self.reading.has(CUES[plan.act]))
        found |= self._of_row(row, plan) if row else self._of_none()
        if plan.act is Act.UNKNOWN:  # of a product or of nothing
            found["read"] = max(self.reading.told.values(), default=UNREAD)
        return {f"{plan.act}.{name}": float(value) for name, value in found.items()}

    def _of_row(self, row: str, plan: Plan) -> dict[str, float]:
        ranked = self.ranking.products if row.startswith("product") else self.ranking.articles
        worth, hit = next(((worth, hit) for worth, hit in ranked if hit.row == row), (0.0, None))
        others = max((worth for worth, other in (*self.ranking.products[:2], *self.ranking.articles[:2])
                      if other.row != row), default=0.0)  # fmt: skip
        near = self.reading.near(row)
        best = max(near.values(), default=0.0)
        said = max((score for text, score in near.items() if _holds(plan.quote, text)), default=0.0)
        first, second = self.reading.halves(row)
        told = self.reading.told
        mine = {one for one in told if one[0] == row and _holds(plan.quote, one[1])}
        read = max((told[one] for one in mine), default=UNREAD)
        rest = max((told[one] for one in told if one not in mine), default=UNREAD)
        return {
            "topic": self.alike.get(row, 0.0),
            "read": read, "read_lead": read - rest, "worth": worth, "lead": worth - others, "near": best,
            "near_lead": best - self._nearest(row), "said": said,
            "short": best - said, "first": first, "second": second, "spoken": float(row in self.context.rows),
            "spoken_asks": float(row in self.context.rows) * float(self.reading.has("followup")),
            "over": overlap(self.reading.words, plan.quote, self.index) / self.whole, **_named(hit),
        }  # fmt: skip

    def _of_none(self) -> dict[str, float]:
        products, articles = self.ranking.products[:1], self.ranking.articles[:1]
        return {
            "product": products[0][0] if products else 0.0,
            "article": articles[0][0] if articles else 0.0,
            "near": self._nearest(""),
            "asks": float(self.reading.has("question")),
            "spoken": float(bool(self.context.rows)),
            "read": max(self.reading.told.values(), default=UNREAD),
        }

    def _nearest(self, but: str) -> float:
        """How near the nearest sentence is of all rows but this one."""
        rows = [hit.row for _, hit in (*self.ranking.products[:PRODUCTS], *self.ranking.articles[:ARTICLES])]
        return max((near for row in rows if row != but for near in self.reading.near(row).values()), default=0.0)


def _chosen(reading: Reading, plan: Plan, chance: float, best: Candidate) -> Plan:
    """The likeliest plan, unless too little speaks for it to take the place of the advice that is asked for."""
    advice = plan.act is Act.RECOMMEND and reading.has("recommend")
    return plan if best.plan is plan or (advice and chance < LIKELY) else replace(best.plan, sure=chance)


def _beside(chosen: Plan, ranked: Sequence[tuple[float, Plan]]) -> list[Plan]:
    """What else is said: a sentence that is likelier the answer than the price or stock that was asked for in so many
    words; where two passages are about as likely, both."""
    mine = next((chance for chance, one in ranked if (one.act, one.facts) == (chosen.act, chosen.facts)), 1.0)
    for chance, one in ranked:
        if one.act not in TELLING or (one.act, one.facts) == (chosen.act, chosen.facts):
            continue
        if (chosen.act in ROWS and chance >= BESIDE) or (chosen.act in TELLING and mine < UNSURE and chance >= NEXT):
            return [replace(one, sure=chosen.sure)]
        return []
    return []


def _holds(quote: str, said: str) -> bool:
    """Does a quote hold a sentence, or an attribute's value?"""
    return bool(said) and said.partition(": ")[2 if ": " in said and said not in quote else 0] in quote


def _named(hit: Hit | None) -> dict[str, float]:
    if hit is None:
        return {}
    return {"cover": hit.cover, "named": hit.named, "called": min(1.0, hit.called), "evidence": min(2.0, hit.evidence)}


def is_open(reading: Reading, plan: Plan) -> bool:
    """Is the plan one that is looked at again? Only where it is known what the question means."""
    if reading.ranking is None or plan.fixed or (plan.act is Act.RECOMMEND and reading.need >= NEEDED):
        return False
    if plan.act is Act.RECOMMEND and budget(reading.text) is not None:
        return False  # a limit that code holds to
    if (reading.whole and plan.act is Act.DESCRIBE) or (reading.has("restock") and plan.act is Act.UNKNOWN):
        return False  # what was asked before, of what is named now; when it comes back stands nowhere
    return plan.act in OPEN


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, Mapping[str, float]]:
    """Language -> act.evidence -> weight."""
    held = tomllib.loads(Path(__file__).with_name("weigh.toml").read_text("utf-8"))
    return {
        spoken: {f"{act}.{name}": value for act, some in acts.items() for name, value in some.items()}
        for spoken, acts in held.items()
    }


def likely(weights: Mapping[str, float], plans: Sequence[Mapping[str, float]]) -> list[float]:
    """The probability that each of these plans, by its evidence, is the one to say."""
    scores = [sum(weights.get(name, 0.0) * value for name, value in one.items()) for one in plans]
    most = max(scores)
    shares = [math.exp(score - most) for score in scores]
    return [share / sum(shares) for share in shares]
