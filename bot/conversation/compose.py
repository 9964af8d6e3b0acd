"""Plans out of resolved rows: the facts, the states that code computed, and the row's own words as the quote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.conversation import link as links
from bot.conversation.context import Context
from bot.conversation.phrases import CLAIM, COUNTED, COUNTS, ELLIPSIS, PREMISE, counted
from bot.conversation.understanding import Reading
from bot.knowledge.claims import FEW
from bot.knowledge.facts import Maker, needs_of
from bot.knowledge.passages import prose
from bot.knowledge.retrieval import Index, expand
from bot.knowledge.rows import Article, Product, Variant, in_short
from bot.language import normalise, numerals, tokens
from llm.protocol import Act, Fact, Plan, State

PLAINLY = 0.45  # nearness of a sentence that tells it, though the words sound of stock
STOCK = 0.7  # probability of a question about stock, whatever else its words touch
TOLD = {"en": 0.27, "zh": 0.2}  # the least nearness of a sentence that tells what is asked, on development shops
WORDS = 0.4  # or the least share of what is asked that its words hold
WHOLE = 320  # characters of an article that are said whole
LISTED = 3  # variants of which the numbers are said, each
CARRIED = (Act.PRICE, Act.STOCK, Act.OPTIONS, Act.LINK)  # `and the walnut?` asks the same of another
NAMED = (Act.PRICE, Act.TOTAL, Act.STOCK, Act.OPTIONS, Act.DETAIL, Act.DESCRIBE, Act.LINK)
OPTION_WORDS = {
    "size": ("size", "dimension", "尺寸", "尺码", "大小", "规格", "码"),
    "color": ("color", "colour", "shade", "finish", "颜色", "色"),
    "flavour": ("flavour", "flavor", "scent", "口味", "味", "香"),
}


@dataclass(frozen=True, slots=True)
class Composer:
    """Builds plans; knows nothing of retrieval beyond the sentence that answers."""

    def plain(self, act: Act, language: str, context: Context, *states: State) -> Plan:
        """An act without rows."""
        facts = []
        if context.member and act in (Act.GREET, Act.THANKS, Act.BYE, Act.SMALLTALK):
            facts.append(Fact("member", context.member, "member", "name"))
        if context.shop and act in (Act.GREET, Act.ABOUT):
            facts.append(Fact("shop", context.shop, "shop", "name"))
        return Plan(act, language, tuple(facts), states)

    def rows(
        self,
        act: Act,
        reading: Reading,
        rows: Sequence[Product | Article],
        facts: Sequence[Fact | None],
        quote: str,
        *states: State,
    ) -> Plan:
        """An act about rows, which are its sources; `facts` are of them."""
        held = tuple(fact for fact in facts if fact)
        return Plan(
            act,
            reading.language,
            held,
            states,
            needs_of(act, tuple(fact.slot for fact in held)),
            quote,
            sources=tuple(row.row for row in rows),
            yes=not (PREMISE if act is Act.STOCK else CLAIM).search(reading.text),
            rows=tuple(in_short(row) for row in rows),
        )

    def policy(self, reading: Reading, article: Article, index: Index) -> Plan:
        near = reading.near(article.row) if len(article.body) > WHOLE else None
        text, _ = prose(reading.words, article.body, index, 420, near)
        fact = Maker(reading.language).prose(text, article, "body")
        return self.rows(Act.POLICY, reading, [article], [fact], fact.value)

    def absent(self, reading: Reading, product: Product) -> Plan:
        """The product is known; what is asked of it stands nowhere."""
        return self.rows(Act.UNKNOWN, reading, [product], [Maker(reading.language).name(product)], "", State.ABSENT)

    def ask_back(self, reading: Reading, products: list[Product]) -> Plan:
        make = Maker(reading.language)
        names = [make.name(one, None, place) for place, one in enumerate(products[:2], 1)]
        if names[0].value == names[1].value:  # two rows of one title: their prices tell them apart
            prices = [make.price(one) for one in products[:2]]
            names = [replace(name, value=f"{name.value} ({price.value})") if price else name
                     for name, price in zip(names, prices, strict=True)]  # fmt: skip
        joined = (
            "还是".join(n.value for n in names) if reading.language == "zh" else " or ".join(n.value for n in names)
        )
        quote = f"您说的是{joined}？" if reading.language == "zh" else f"Which one do you mean: {joined}?"
        return self.rows(Act.ASK_BACK, reading, products[:2], names, quote)

    def product(
        self, reading: Reading, words: list[str], product: Product, index: Index, context: Context
    ) -> Plan | None:
        """The act that the question asks of one product; None where the product's row doesn't answer it."""
        before = links.variant(tokens(context.asked), product) if product.id in context.products[:1] else None
        stepped = links.step(reading.text, product, before)
        variant = stepped or links.variant(words, product)
        rest = own = links.rest(words, product)
        other = variant is not None or product.id not in context.products
        elliptic = bool(stepped or ELLIPSIS.search(reading.text) or (other and not own and reading.names_only))
        if not own and context.act in (Act.DESCRIBE, Act.DETAIL) and (elliptic or reading.has("followup")):
            rest = links.rest(tokens(context.asked), product)
        if plan := self._asked(reading, words, product, variant):
            return plan
        carried = self._carried(reading, context)
        near = reading.near(product.row)
        told = bool(near) and max(near.values()) >= PLAINLY
        same = elliptic and other and context.act in (Act.DESCRIBE, Act.DETAIL)
        if same and (told or not own):  # asks the same of another
            return self._detail(reading, product, index) or self.describe(reading, product, rest, index)[0]
        bare = carried is not reading and elliptic and (not rest or (variant is not None and not told))
        if bare and (near or stepped):
            return self._asked(carried, words, product, variant) or self._stock(carried, words, product, variant)
        if plan := self._detail(reading, product, index):
            return plan
        described, held = self.describe(reading, product, rest, index)
        sure = not rest or not told or reading.wants.get("stock", 0.0) >= STOCK
        bare_stock = held < 0.5 or variant is not None or sure
        if reading.has("stock") and bare_stock and (plan := self._stock(reading, words, product, variant)):
            return plan
        if described and (held > 0 or self._pointed(reading, product, rest, context)):
            return described
        return self._left_open(reading, words, product, context, described)

    def every(self, reading: Reading, words: list[str], product: Product, index: Index) -> list[Plan]:
        """Whatever may be said of a product: its sentences, the nearest attribute, price, stock, choices."""
        variant, near = links.variant(words, product), reading.near(product.row)
        described, _ = self.describe(reading, product, links.rest(words, product), index)
        labels = sorted(product.attributes, key=lambda label: -near.get(f"{label}: {product.attributes[label]}", 0.0))
        of_price = replace(reading, cues=reading.cues - {"link", "options"} | {"price"})
        found = [
            described,
            *(self._attribute(reading, product, label) for label in labels[:1]),
            self._asked(of_price, words, product, variant),
            self._stock(reading, words, product, variant),
            self._options(reading, product),
        ]
        return [one for one in found if one]

    def _carried(self, reading: Reading, context: Context) -> Reading:
        """`and the walnut?` asks of another what was asked before."""
        return replace(reading, cues=reading.cues | {context.act}) if context.act in CARRIED else reading

    def _pointed(self, reading: Reading, product: Product, rest: list[str], context: Context) -> bool:
        """Is something more asked of the product just spoken of?"""
        pointed = not reading.has("about") and product.id in context.products
        return pointed and bool(rest) and not ELLIPSIS.search(reading.text)

    def _left_open(
        self, reading: Reading, words: list[str], product: Product, context: Context, described: Plan | None
    ) -> Plan | None:
        """What to say of a product where the words hardly tell what is asked of it."""
        variant, rest, carried = (
            links.variant(words, product),
            links.rest(words, product),
            self._carried(reading, context),
        )
        if context.act == Act.OPTIONS and len(links.matching(words, product)) < len(product.variants):
            return self._stock(reading, words, product, variant)
        bare = not rest and not reading.has("question")
        if carried is not reading and (ELLIPSIS.search(reading.text) or variant or bare):
            return self._asked(carried, words, product, variant) or self._stock(carried, words, product, variant)
        if variant or not rest:
            return (self._stock(reading, words, product, variant) if variant else described) or described
        return None

    def holds(self, reading: Reading, product: Product, index: Index) -> float:
        """How much of what is asked the product's row holds beyond its name."""
        return self.describe(reading, product, links.rest(list(reading.words), product), index)[1]

    def _asked(self, reading: Reading, words: list[str], product: Product, variant: Variant | None) -> Plan | None:
        """Price, link or choices, where the words ask for them."""
        make = Maker(reading.language)
        name = make.name(product, variant)
        among = [variant] if variant else links.matching(words, product)
        if reading.has("price") and (price := make.price(product, among)):
            if total := self._total(reading, product, variant, among):
                return total
            states = self._price_states(product, among)
            end = "。" if reading.language == "zh" else "."
            if State.SOLD_OUT in states:
                end = "，目前售罄。" if reading.language == "zh" else ", sold out at the moment."
            quote = f"{name.value}: {price.value}{end}"
            return self.rows(Act.PRICE, reading, [product], [name, price], quote, *states)
        if reading.has("link") and product.link:
            return self.rows(Act.LINK, reading, [product], [name, make.link(product)], f"{name.value}: {product.link}")
        return self._options(reading, product) if reading.has("options") and variant is None else None

    def _total(self, reading: Reading, product: Product, variant: Variant | None, among: list[Variant]) -> Plan | None:
        """`what do 3 of the large ones cost`: the sum, where there is one price."""
        labels = {normalise(one.label) for one in product.variants}
        found = COUNTED.search(numerals(reading.text))
        prices = {one.price for one in among}
        price = prices.pop() if len(prices) == 1 else None
        if found is None or price is None or found.group() in normalise(product.title):
            return None
        number = found["n"] or found["of"]
        if any(number in label for label in labels):
            return None  # a size rather than a number of pieces
        count = int(number)
        make = Maker(reading.language)
        name, total = make.name(product, variant), make.total(among[0], count)
        quote = f"{count} × {name.value}: {total.value}"
        return self.rows(Act.TOTAL, reading, [product], [make.count(product, count), name, total], quote)

    def _price_states(self, product: Product, among: list[Variant]) -> tuple[State, ...]:
        if len({variant.price for variant in among}) > 1:
            return (State.RANGE,)
        there = {variant.in_stock for variant in among}
        return (State.SOLD_OUT,) if there == {False} else (State.IN_STOCK,) if there == {True} else ()

    def _stock(self, reading: Reading, words: list[str], product: Product, variant: Variant | None) -> Plan | None:
        make = Maker(reading.language)
        if variant is None and len(product.variants) == 1:
            variant = product.variants[0]
        if variant:
            return self._of_variant(reading, product, variant)
        if product.in_stock is None:
            return None
        some = links.matching(words, product)
        if COUNTS.search(reading.text) and len(some) <= LISTED and all(one.stock for one in some):
            return self._counted(reading, product, some)
        states = {one.in_stock for one in some}
        if len(states) > 1:
            return self._mixed(reading, product, some)
        name = make.name(product)
        found = True in states
        quote = self._stock_words(reading, name.value, some[0] if not found else None)
        return self.rows(Act.STOCK, reading, [product], [name], quote, State.IN_STOCK if found else State.SOLD_OUT)

    def _of_variant(self, reading: Reading, product: Product, variant: Variant) -> Plan | None:
        make = Maker(reading.language)
        name = make.name(product, variant)
        if variant.in_stock is None:
            return None
        if not variant.in_stock:
            others = [one for one in product.variants if one.in_stock and one.label]
            if others:
                return self._mixed(reading, product, [variant, *others[:6]])
            return self.rows(
                Act.STOCK,
                reading,
                [product],
                [name],
                self._stock_words(reading, name.value, variant),
                State.SOLD_OUT,
            )
        if variant.stock is not None and variant.stock <= FEW:
            told, facts = self._stock_words(reading, name.value, variant), [name, make.stock(variant)]
            plan = self.rows(Act.STOCK, reading, [product], facts, told, State.FEW)
            return replace(plan, yes=plan.yes and counted(reading.text) <= variant.stock)
        if variant.stock is not None and COUNTS.search(reading.text):
            return self._counted(reading, product, [variant])
        told = self._stock_words(reading, name.value, variant)
        return self.rows(Act.STOCK, reading, [product], [name], told, State.IN_STOCK)

    def _stock_words(self, reading: Reading, name: str, variant: Variant | None) -> str:
        chinese = reading.language == "zh"
        if variant is not None and variant.in_stock is False:
            return f"{name}目前售罄。" if chinese else f"{name} is sold out at the moment."
        if variant is not None and variant.stock is not None and variant.stock <= FEW:
            return self._left(reading, name, variant)
        return f"{name}有货。" if chinese else f"{name} is in stock."

    def _counted(self, reading: Reading, product: Product, some: list[Variant]) -> Plan:
        """How many there are of these variants, each of which there is."""
        make = Maker(reading.language)
        name = make.name(product, some[0] if len(some) == 1 else None)
        facts = [name, *(replace(make.stock(one), slot=f"stock{place}") for place, one in enumerate(some, 1))]
        told = [self._left(reading, make.name(product, one).value, one) for one in some]
        text = ("" if reading.language == "zh" else " ").join(told)
        return replace(self.rows(Act.STOCK, reading, [product], facts, text, State.IN_STOCK), fixed=True)

    def _left(self, reading: Reading, name: str, variant: Variant) -> str:
        left = variant.stock
        return f"{name}还剩 {left} 件。" if reading.language == "zh" else f"{name}: {left} left in stock."

    def _mixed(self, reading: Reading, product: Product, variants: list[Variant]) -> Plan:
        """Some variants can be bought and some can't: a sentence that code writes, since each needs its own word."""
        there = [one.label for one in variants if one.in_stock]
        return self._some(reading, product, there, [one.label for one in variants if not one.in_stock])

    def _some(self, reading: Reading, product: Product, there: list[str], gone: list[str]) -> Plan:
        if reading.language == "zh":
            text = f"{product.title}：{'、'.join(gone)}售罄，{'、'.join(there)}有货。"
        else:
            text = f"{product.title}: {', '.join(gone)} sold out; {', '.join(there)} in stock."
        make = Maker(reading.language)
        facts = [make.name(product), make.some("there1", product, there), make.some("gone1", product, gone)]
        return self.rows(Act.STOCK, reading, [product], facts, text, State.MIXED)

    def _options(self, reading: Reading, product: Product) -> Plan | None:
        options = product.options()
        if not options:
            return None
        asked = [
            name
            for name in options
            for words in OPTION_WORDS.values()
            if any(word in name.lower() for word in words) and any(word in reading.text for word in words)
        ]
        name = asked[0] if asked else next(iter(options))
        make = Maker(reading.language)
        label, values = make.options(product, name, options[name])
        title = make.name(product)
        gone = {str(one.options.get(name)) for one in product.variants}
        gone -= {str(one.options.get(name)) for one in product.variants if one.in_stock is not False}
        if gone and len(gone) < len(options[name]):
            return self._some(reading, product, [one for one in options[name] if one not in gone], sorted(gone))
        return self.rows(Act.OPTIONS, reading, [product], [title, label, values], f"{title.value}: {values.value}")

    def _detail(self, reading: Reading, product: Product, index: Index) -> Plan | None:
        """An attribute whose label is asked for."""
        near = reading.near(product.row)
        if near:
            best, score = max(near, key=lambda said: near[said]).partition(": ")[0], 1.0
            if max(near.values()) < TOLD[reading.language] or best not in product.attributes:
                return None
            return self._attribute(reading, product, best)
        asked = set(expand(links.content(reading.words)))
        best, score = "", 0.0
        for label in product.attributes:
            own = set(expand(tokens(label)))
            held = sum(1.0 if not word.startswith("=") else 0.8 for word in own & asked)
            if held / max(1, len(own)) > score and held >= 0.8:
                best, score = label, held / max(1, len(own))
        return None if score < 0.4 else self._attribute(reading, product, best)

    def _attribute(self, reading: Reading, product: Product, best: str) -> Plan:
        make = Maker(reading.language)
        title, (label_fact, value) = make.name(product), make.detail(product, best)
        return self.rows(
            Act.DETAIL,
            reading,
            [product],
            [title, label_fact, value],
            f"{title.value}, {label_fact.value}: {value.value}",
        )

    def describe(self, reading: Reading, product: Product, rest: list[str], index: Index) -> tuple[Plan | None, float]:
        """The product's own sentences, and the share of what is asked beyond its name that they hold."""
        if not product.description:
            return None, 0.0
        text, held = prose(rest or reading.words, product.description, index, near=reading.near(product.row))
        make = Maker(reading.language)
        fact = make.prose(text, product, "description")
        whole = sum(index.idf(word) for word in rest) or 1.0
        plan = self.rows(Act.DESCRIBE, reading, [product], [make.name(product), fact], fact.value)
        share = held / whole if rest else 0.0
        if near := reading.near(product.row):
            told = max(near.values()) >= TOLD[reading.language]
            return plan, 1.0 if told else share if share >= WORDS else 0.0
        return plan, share

    def recommend(self, reading: Reading, products: list[Product], *, listed: bool) -> Plan:
        make = Maker(reading.language)
        facts: list[Fact | None] = []
        for place, product in enumerate(products[:3], 1):
            facts += [make.name(product, None, place), make.price(product, product.buyable, place)]
        pairs = [(facts[i], facts[i + 1]) for i in range(0, len(facts), 2)]
        shown = [f"{name.value} ({price.value})" for name, price in pairs if name and price]
        quote = ("、" if reading.language == "zh" else ", ").join(shown)
        return self.rows(Act.RECOMMEND, reading, products[:3], facts, quote, *((State.LIST,) if listed else ()))


def naming(plan: Plan) -> Plan:
    """The plan with its product's name among what the reply has to say."""
    name = next((fact.value for fact in plan.facts if fact.slot == "name1"), "")
    if plan.act not in NAMED or not name or "name1" in plan.needs:
        return plan
    colon = "：" if plan.language == "zh" else ": "
    quote = plan.quote if name in plan.quote else f"{name}{colon}{plan.quote}"
    return replace(plan, needs=("name1", *plan.needs), quote=quote)
