"""What to say: retrieval, rules and what was said before decide the act, the rows and the facts.

`Planner.plan` returns a plan for each question of a message. Unsure means quoting the row, asking back, or declining.
"""

from dataclasses import dataclass, field, replace

from bot.conversation import link as links
from bot.conversation.choose import Chooser
from bot.conversation.compose import Composer, naming
from bot.conversation.context import Context
from bot.conversation.meant import PLAIN, by_itself, closer, goes_on, leaning, means_row, meant
from bot.conversation.phrases import CLAIM, SERVICE, TOLD_SO
from bot.conversation.reckon import Reckoner
from bot.conversation.sides import OWN, SAID, Comparer, each
from bot.conversation.understanding import Reading, complaint, split
from bot.conversation.weigh import Weigher
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Hit
from bot.knowledge.rows import Product
from bot.language import tokens
from llm.protocol import Act, Plan, State

SMALL = 5  # a remark of up to this many words of content that asks nothing is small talk
ARTICLE = 0.34  # the least share of a question's weight that an article has to hold
WAYS = 0.2  # less is enough where the words speak of delivery, returns and the like
TITLE = 0.8  # who says nearly a whole title asks that article's question
SOCIAL = (
    ("thanks", Act.THANKS),
    ("bye", Act.BYE),
    ("about", Act.ABOUT),
    ("wellbeing", Act.SMALLTALK),
    ("greet", Act.GREET),
)
MEANT = 0.4  # what an article has to be worth by its meaning to be the answer
COVERED = {"en": 0.1, "zh": 0.25}  # what a named product is ahead of an article
LEANING = 0.2  # what it counts that a head takes it for a question about the shop's ways
CERTAIN = 0.8  # that it is about a product
HALF, CHATTY, NEEDY, NEEDED = 0.5, 0.3, 0.3, 0.9
FAR = 0.2  # ahead of every product
UNNAMED = 0.1  # a product that is not named counts for so much less
EXPLAINS = 0.65  # worth of an article that tells what to do, so that nobody need be called
WHOLE = 0.95  # who says this much of a title says which product they mean
GUESSED = 0.9  # of a price question that a row found by its sentences alone has to hold


@dataclass(slots=True)
class Planner:
    library: Library
    compose: Composer = field(default_factory=Composer)
    reckon: Reckoner = field(init=False)

    def __post_init__(self) -> None:
        self.reckon = Reckoner(self.library, self.compose)

    @property
    def _choose(self) -> Chooser:
        return Chooser(self.library, self.compose)

    @property
    def _compare(self) -> Comparer:
        return Comparer(self.library, self.compose)

    @property
    def weigh(self) -> Weigher:
        return Weigher(self.library, self.compose, self._choose)

    async def _second(self, reading: Reading, context: Context, plan: Plan) -> list[Plan]:
        return await self.weigh.second(reading, context, plan)

    async def plan(self, text: str, context: Context) -> list[Plan]:
        """One plan per question of the message, at most three."""
        readings = await meant(self.library, split(self.library.spelling.mend(text), context.language), context)
        if plan := self._person(text, readings, context):
            return [plan]
        whole = len(readings) == 1
        if whole and (reckoned := await self.reckon.plan(readings[0], context)):
            return [reckoned]
        readings = [one for reading in readings for one in each(reading, self.library)][:3]
        plans: list[Plan] = []
        for reading in readings:
            here = _after(context, plans)
            if reading.ranking and here.same and reading.has("followup"):
                reading = replace(reading, ranking=reading.ranking.going_on(here.rows))
            plan, beside = None if whole else await self.reckon.plan(reading, here), []
            if plan is None:
                reading = await by_itself(self.library, reading, here)
                plan = await self._one(reading, here)
                plan, *beside = await self._second(reading, here, plan)
                beside = beside if whole else []  # the other questions' answers stand beside it already
                plan, *beside = [self._telling(one, reading, here) for one in (plan, *beside)]
            plan = await self.reckon.after(reading, plan)
            plans += [one for one in (plan, *beside) if not any(_alike(one, other) for other in plans)]
        known = [plan for plan in plans if plan.facts and plan.act is not Act.UNKNOWN]
        if len({plan.sources for plan in known}) > 1:
            known = [naming(plan) for plan in known]
        return known or plans[:1]

    def _telling(self, plan: Plan, reading: Reading, context: Context) -> Plan:
        """The plan with its product's name as a must, unless the member said all of it or it was just spoken of."""
        row = plan.sources[0] if plan.sources else ""
        if row in context.rows or row not in self.library.products.places:
            return plan
        return plan if self.library.products.rate(row, reading.words).called >= WHOLE else naming(plan)

    def _person(self, text: str, readings: list[Reading], context: Context) -> Plan | None:
        """A human is asked for, or somebody is wronged: that outweighs every question beside it."""
        if any(reading.has("human") and not reading.has("about") for reading in readings):
            return self.compose.plain(Act.HANDOFF, readings[0].language, context, State.REQUEST)
        joined = frozenset(cue for reading in readings for cue in reading.cues)
        whole = replace(readings[0], cues=joined)
        if not complaint(whole):
            return None
        told = max(
            (one.ranking.articles[0][0] for one in readings if one.ranking and one.ranking.articles), default=0.0
        )
        if whole.has("question") and not whole.has("grievance"):
            asked = self._explaining(readings[0])
            if told >= EXPLAINS or (asked and asked.called >= TITLE):
                return None
        return self.compose.plain(Act.HANDOFF, readings[0].language, context, State.COMPLAINT)

    async def _one(self, reading: Reading, context: Context) -> Plan:
        linked = links.link(reading.words, self.library, reading.ranking)
        asks = reading.has("price", "stock", "options", "compare", "link", "recommend", "list", "cheapest", "dearest")
        if plan := self._social(reading, context, asks or linked.strength > 0.5):
            return plan
        if reading.has("compare") and (plan := await self._compare.compare(reading, context)):
            return plan
        if plan := self._not_ours(reading, context, linked, asks):
            return plan
        one = self._about_one(reading, linked)
        if self._choose.limited(reading, linked) and not one:
            return await self._choose.recommend(reading, context) or self._nothing(reading, context)
        article = self._article(reading, context)
        if article and not self._back(reading, context, linked, article) and self._policy(reading, article, linked):
            return await self._policy_plan(reading, article)
        if reading.has("cheapest", "dearest") and (plan := await self._choose.extreme(reading, context)):
            return plan
        if self._choose.wanted(reading, linked, one) or (reading.need >= NEEDED and not asks):
            if chosen := await self._choose.recommend(reading, context):
                return chosen
            return await self._policy_plan(reading, article) if article else self._nothing(reading, context)
        return await self._product(reading, context, linked, article)

    def _not_ours(self, reading: Reading, context: Context, linked: links.Link, asks: bool) -> Plan | None:
        """What no shop talks about, and what this one has never heard of."""
        if reading.has("offtopic") and linked.strength < 0.5 and not asks and not means_row(reading):
            return self.compose.plain(Act.OFFTOPIC, reading.language, context)
        if reading.has("stock", "list") and self._unheard(reading, context, linked):
            return self.compose.plain(Act.UNKNOWN, reading.language, context, State.NOT_SOLD)
        return None

    def _social(self, reading: Reading, context: Context, asks: bool) -> Plan | None:
        """Greetings, thanks and the like, where nothing is asked of the shop."""
        content = links.content(reading.words)
        for cue, act in SOCIAL:
            row = act is not Act.ABOUT and means_row(reading) and reading.wants.get("chat", 0.0) < HALF
            if reading.has(cue) and not asks and not row:
                article = self._article(reading, Context())
                if act is Act.SMALLTALK and reading.wants and reading.wants.get("chat", 0.0) < CHATTY:
                    continue
                if act is Act.GREET and reading.has("question") and len(content) > 1:
                    continue
                if act in (Act.ABOUT, Act.SMALLTALK) or len(content) <= 3 or not article or article.cover < 0.5:
                    return self.compose.plain(act, reading.language, context)
        return None

    def _article(self, reading: Reading, context: Context) -> Hit | None:
        """The article that explains enough of the question; a short one may go on from what was asked before."""
        found = self._explaining(reading)
        if reading.ranking:
            return found  # it has been read in its context
        before = next((row for row in context.rows if row in self.library.articles.places), None)
        short = len(links.content(reading.words)) <= 6
        if not before or context.products or not context.asked or not short or (found and found.called >= TITLE):
            return found
        if self.library.goes_on(before, reading.words, reading.about):
            kept = self.library.articles.rate(before, reading.words)
            return replace(kept, cover=max(kept.cover, SAID))
        if found is None or (reading.language == "zh" and found.called < SAID):
            return self._explaining(replace(reading, words=(*reading.words, *tokens(context.asked)))) or found
        return found

    def _explaining(self, reading: Reading) -> Hit | None:
        if reading.ranking:
            worth, hit = (*reading.ranking.articles[:1], (0.0, None))[0]
            return replace(hit, cover=max(hit.cover, min(1.0, worth))) if hit and worth >= MEANT else None
        hits = self.library.find_articles(reading.words, reading.language, reading.about)
        least = WAYS if links.ways(reading.words) else ARTICLE
        fit = [hit for hit in hits[:4] if hit.cover >= least or hit.called >= SAID]
        return fit[0] if fit else None

    def _back(self, reading: Reading, context: Context, linked: links.Link, article: Hit) -> bool:
        """Do the words point back to the product just spoken of, rather than to an article?"""
        if context.products and reading.names_only and linked.strength > 0.5:
            return True  # the same is asked of another
        if not context.products or (
            linked.hits and linked.strength > 0.5 and linked.hits[0].id not in context.products
        ):
            return False
        content, products = links.content(reading.words), self.library.products
        if links.ways(reading.words):
            return False
        spoken = [products.documents[products.places[row]] for row in context.rows if row in products.places]
        if any(products.says(document, word) for document in spoken for word in content):
            return True
        short = len(content) <= (6 if reading.language == "zh" else 3)
        return len(content) <= 2 or ((reading.has("followup") or short) and article.cover < 0.75)

    def _policy(self, reading: Reading, article: Hit, linked: links.Link) -> bool:
        """Is it the article rather than the product? The one that explains more of the question."""
        if reading.ranking:
            return self._means_article(reading, article, linked)
        if not linked.hits:
            if not self._may_explain(reading, article):
                return False
            return not reading.has("recommend", "list", "cheapest", "dearest") or links.ways(reading.words)
        product = linked.hits[0]
        products, articles = self.library.products, self.library.articles
        rest = [word for word in links.content(reading.words) if word not in products.document(product).names]
        if not rest:
            return False
        sold = reading.has("stock") and linked.strength > 0.5 and article.called < 0.3
        if links.ways(reading.words) and not sold and any(articles.holds(article, word) for word in rest):
            return True
        if reading.has("price", "stock", "options") and article.called < 0.5:
            return article.cover > 1.3 * max(product.cover, product.named) and linked.strength < 0.5
        in_article = sum(articles.idf(word) for word in rest if articles.holds(article, word))
        in_product = sum(articles.idf(word) for word in rest if products.holds(product, word))
        return in_article > in_product

    def _means_article(self, reading: Reading, article: Hit, linked: links.Link) -> bool:
        assert reading.ranking
        explains = next((score for score, hit in reading.ranking.articles if hit.row == article.row), 0.0)
        chinese = reading.language == "zh"  # whose expressions are found in names, too
        sold = linked.hits and not linked.guessed and (chinese or linked.hits[0].called >= SAID)
        if SERVICE.search(reading.text) and (not sold or (explains >= EXPLAINS and not chinese)):
            return True  # what is done to a thing costs something else than the thing
        best = max((score for score, _ in reading.ranking.products), default=0.0)
        chosen = reading.has("cheapest", "dearest") or self._choose.wanted(
            reading, linked, self._about_one(reading, linked)
        )
        plainly = explains >= max(EXPLAINS, best) or (explains >= best + FAR and reading.need < NEEDED)
        if chosen and reading.wants.get("policy", 0.0) < HALF and not plainly:
            return False
        if reading.has("price", "stock") and not reading.has("restock") and leaning(reading) <= -CERTAIN:
            return False
        named = linked.hits and not linked.guessed
        policy = reading.wants.get("policy", 0.0) >= HALF and not TOLD_SO.search(reading.text)
        if named and CLAIM.search(reading.text) and not policy:
            return False  # the merchant's yes is to the article's question, not to what is claimed of a product
        asks = reading.has("price", "stock", "options") and not (reading.has("restock") and explains >= EXPLAINS)
        if named and asks and reading.wants.get("policy", 0.0) < HALF:
            return False
        if linked.strength > 0.5:
            product = max(reading.near(linked.hits[0].row).values(), default=0.0) + COVERED[reading.language]
        else:
            product = best - UNNAMED
        return explains + LEANING * leaning(reading) > product

    def _may_explain(self, reading: Reading, article: Hit) -> bool:
        """No article answers whether something is sold that no row has ever heard of."""
        if not reading.has("stock") or links.ways(reading.words):
            return True
        strange = [word for word in links.content(reading.words) if len(word) > 1 and not self.library.knows(word)]
        return article.cover >= SAID and not strange

    async def _policy_plan(self, reading: Reading, article: Hit) -> Plan:
        found = self.library.read_articles([article.id])
        return self.compose.policy(reading, found[0], self.library.articles)

    def _about_one(self, reading: Reading, linked: links.Link) -> bool:
        """One product is called by its name, so that `what ... do you have` is about it."""
        return (
            len(linked.hits) == 1 and linked.hits[0].called >= 0.75 and reading.has("price", "stock", "options", "link")
        )

    async def _resolve(self, reading: Reading, context: Context, linked: links.Link) -> list[Product]:
        """The products meant: those named, else those just spoken of where the words point back."""
        said = context.products
        weak = not linked.hits or (linked.hits[0].called < SAID and linked.hits[0].evidence < OWN)
        if said and weak and (context.same or links.steps(reading.text)):
            return await self.library.read(said[:1])
        if said and weak and (recent := await self._told(reading, said)):
            return recent
        if linked.hits and said:
            back = [hit.id for hit in linked.hits if hit.id in said]
            if back and (len(linked.hits) > 1 or reading.has("followup")):
                return await self.library.read(back[:1])
        if said and (not linked.hits or (linked.strength < 0.5 and reading.has("followup"))):
            recent = await self.library.read(said)
            words = [*reading.words, *links.size_words(reading.text)]
            told = [one for one in recent if links.variant(words, one)]
            index = self.library.products
            documents = [index.documents[index.places[one.row]] for one in recent[:1] if one.row in index.places]
            held = any(index.says(one, word) for one in documents for word in links.content(reading.words))
            few = len(links.content(reading.words)) <= (4 if reading.language == "zh" else 1)
            bare = few and not linked.hits and reading.has("price", "stock", "options", "link")
            if told or reading.has("followup") or held or bare or not links.content(reading.words):
                return told[:1] or recent[:1]
        return await self.library.read(linked.ids[:4])

    def _narrowed(self, reading: Reading, products: list[Product]) -> list[Product]:
        """The only one that has the options said, or options at all where they are asked for; else all."""
        narrowed = [one for one in products if links.variant(reading.words, one)]
        if not narrowed and reading.has("options"):
            narrowed = [one for one in products if len(one.variants) > 1]
        return narrowed if len(narrowed) == 1 else products

    async def _told(self, reading: Reading, said: list[int]) -> list[Product]:
        """The product just spoken of, if a further question says one of its options."""
        words = [*reading.words, *links.size_words(reading.text)]
        return [one for one in await self.library.read(said[:1]) if links.variant(words, one)]

    async def _product(self, reading: Reading, context: Context, linked: links.Link, article: Hit | None) -> Plan:
        products = await self._resolve(reading, context, linked)
        if reading.has("price") and not context.products and not self._plainly(reading, context, linked):
            products = []  # a word of its sentences is no name
        if not products:
            if article and self._may_explain(reading, article):
                return await self._policy_plan(reading, article)
            found = await self._choose.recommend(reading, context) if reading.need >= NEEDY else None
            return found or self._nothing(reading, context)
        products = self._narrowed(reading, products)
        if linked.ids[:1] != [products[0].id]:
            reading = await closer(self.library, reading, products[0], context)
        if reading.has("restock") and not reading.has("price"):
            return self.compose.plain(Act.UNKNOWN, reading.language, context)
        words = [*reading.words, *links.size_words(reading.text)]
        if len(products) > 1 and reading.has("price", "stock", "options", "link"):
            both = self._compare.prices(reading, products) if reading.has("price") else None
            return both or self.compose.ask_back(reading, products)
        if not reading.has("price", "stock", "options", "link"):
            products.sort(key=lambda one: -self.compose.holds(reading, one, self.library.products))
        plan = self.compose.product(reading, words, products[0], self.library.products, context)
        if (
            plan is None
            and article
            and not TOLD_SO.search(reading.text)
            and self._beyond(reading, context, article, products[0])
        ):
            return await self._policy_plan(reading, article)
        return plan or self._nothing(reading, context, products[0])

    def _plainly(self, reading: Reading, context: Context, linked: links.Link) -> bool:
        """Is a row named (by its own name where the words point back), or does one found by its sentences mean it?"""
        if not linked.guessed:
            pointing = bool(linked.hits and context.rows) and reading.has("followup")
            return not pointing or linked.hits[0].called >= SAID
        hit = linked.hits[0]
        near = reading.ranking.near.get(hit.row, 0.0) if reading.ranking else 0.0
        return hit.cover >= GUESSED or near >= PLAIN

    def _beyond(self, reading: Reading, context: Context, article: Hit, product: Product) -> bool:
        """Does the article hold anything of the question besides the product's name?"""
        if links.ways(reading.words) or (context.rows and not context.products):
            return True
        named = set(tokens(product.title))
        rest = [word for word in links.content(reading.words) if word not in named]
        return not rest or any(self.library.articles.holds(article, word) for word in rest)

    def _unheard(self, reading: Reading, context: Context, linked: links.Link) -> bool:
        """Is it asked whether something is sold of which the shop's texts know less than half?"""
        if reading.language == "zh" or self.library.language != reading.language:
            return False  # overlapping pairs of signs are too often in no text, and so are another language's words
        if (context.products and goes_on(reading)) or links.ways(reading.words) or means_row(reading):
            return False
        if linked.hits and linked.hits[0].called >= SAID:
            return False
        return self._compare.strange(reading)

    def _nothing(self, reading: Reading, context: Context, product: Product | None = None) -> Plan:
        """Nothing of the shop's answers this: an honest no, or small talk where nothing was asked."""
        if product:
            return self.compose.absent(reading, product)
        if reading.has("offtopic"):
            return self.compose.plain(Act.OFFTOPIC, reading.language, context)
        asks = reading.has("question", "price", "stock", "options", "link", "recommend", "list")
        if not asks and len(links.content(reading.words)) <= SMALL:
            return self.compose.plain(Act.SMALLTALK, reading.language, context)
        states = (State.NOT_SOLD,) if reading.has("stock", "list", "recommend") else ()
        return self.compose.plain(Act.UNKNOWN, reading.language, context, *states)


def _after(context: Context, plans: list[Plan]) -> Context:
    """The context of a message's next question: it goes on from the one before."""
    if not plans or not plans[-1].sources:
        return context
    return replace(context, rows=plans[-1].sources, act=plans[-1].act, same=True)


def _alike(plan: Plan, other: Plan) -> bool:
    """Would the first say no more than the other, as all variants' prices do behind that of the one asked for?"""
    priced = plan.act is other.act is Act.PRICE and State.RANGE in plan.states and plan.sources == other.sources
    return priced or (plan.act, plan.states, plan.facts) == (other.act, other.states, other.facts)
