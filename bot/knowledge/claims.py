"""What a sent message claims of the shop's rows, and what the rows say now: the truth behind corrections.

A message keeps its claims as JSON beside the versions of the rows that it rests on. A claim is a value that its text
states: a price, a state of stock, an attribute, a passage of an article, which of two is cheaper. Not claimed are
names, a product's prose, and a number of stock that was not said.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from bot.knowledge.cards import card
from bot.knowledge.facts import STATED, Maker, alone, said
from bot.knowledge.library import Library
from bot.knowledge.rows import Article, Product, Variant
from bot.language import normalise, sentences
from bot.texts import listing
from llm.protocol import Act, Fact, Plan, State

FEW = 5  # a stock of up to this many is few, and said as a number
LIKE = 0.6  # how much alike two sentences are of which one took the other's place
EXCERPT = 240  # characters of an article whose passage is gone
IN_STOCK, SOLD_OUT, SOME_LEFT, GONE = "in_stock", "sold_out", "few", ""
COUNTED = f"{SOME_LEFT}:"  # few, and how many was said
STATES = {State.IN_STOCK: IN_STOCK, State.SOLD_OUT: SOLD_OUT, State.FEW: SOME_LEFT}
SIDES = {State.CHEAPER1: "1", State.CHEAPER2: "2", State.SAME_PRICE: "same"}
Rows = Mapping[str, Product | Article]


@dataclass(frozen=True, slots=True)
class Claim:
    """`was` is what the text says, `now` what a correction made of it since. Values are as shown, in the message's
    language; "" where the rows hold none any more.

    kind: price, total (of `count` pieces), stock, value and options (of `about`), link, card (its line of prices),
    text (a passage), held (another value of an article), cheaper (than `other`: 1, 2 or same).
    """

    kind: str
    row: str
    was: str
    now: str = ""
    of: tuple[str, ...] = ()  # labels of variants; empty: all of them
    about: str = ""
    count: int = 1
    other: str = ""
    other_of: tuple[str, ...] = ()
    name: str = ""  # what the row was called


def pack(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """As JSON, without what is as by default."""
    return [{name: value for name, value in asdict(claim).items() if value not in ("", (), 1)} for claim in claims]


def unpack(held: Iterable[Mapping[str, Any]]) -> list[Claim]:
    return [_claim(**one) for one in held]


def _claim(*, was: str = "", of: Sequence[str] = (), other_of: Sequence[str] = (), **more: Any) -> Claim:
    return Claim(was=was, of=tuple(of), other_of=tuple(other_of), **more)


def as_of(library: Library) -> int:
    """The version of what the library holds, as messages are compared by it (`storage/corrections.py`)."""
    return sum(library.version)


async def rests(
    library: Library, version: int, language: str, text: str, plans: Sequence[Plan] = (), more: Sequence[Claim] = ()
) -> dict[str, Any]:
    """The columns `rests` and `checked` of a message; {} where it claims nothing. `version` is the catalogue's before
    its rows were read, `more` are claims besides those of its plans."""
    found = list(dict.fromkeys((*(claim for plan in plans for claim in of_plan(plan, text)), *more)))
    if not found:
        return {}
    rows = await read(library, found)
    kept = []
    for claim in found:
        if as_of(library) == version and current(claim, rows, language) != claim.was:
            continue  # it is not said quite so, and nobody could tell when it stops to be true
        kept.append(replace(claim, now=claim.was, name=claim.name or _title(rows.get(claim.row))))
    same = as_of(library) == version  # else a version read now may be newer than what was said
    versions = {row: rows[row].version if row in rows and same else 0 for row in names(kept)}
    held = {"language": language, "rows": versions, "claims": pack(kept)}
    return {"rests": held, "checked": version} if kept else {}


def of_card(product: Product, language: str) -> Claim:
    """The prices on a product's card."""
    return Claim("card", product.row, card(product, language).subtitle)


def of_stock(product: Product) -> list[Claim]:
    """That it can be bought, or not, where the shop says so."""
    state = product.in_stock
    return [] if state is None else [Claim("stock", product.row, IN_STOCK if state else SOLD_OUT)]


def names(claims: Iterable[Claim]) -> list[str]:
    """The rows that claims are of."""
    return list(dict.fromkeys(row for claim in claims for row in (claim.row, claim.other) if row))


def ids(rows: Iterable[str], kind: str) -> list[int]:
    return [int(row.partition(":")[2]) for row in rows if row.startswith(f"{kind}:")]


async def read(library: Library, claims: Sequence[Claim]) -> Rows:
    wanted = names(claims)
    articles: list[Product | Article] = [*library.read_articles(ids(wanted, "article"))]
    return {one.row: one for one in (*await library.read(ids(wanted, "product")), *articles)}


def _title(row: Product | Article | None) -> str:
    return row.title if row else ""


def of_plan(plan: Plan, text: str) -> Iterator[Claim]:
    """What a text states of its plan's facts and states."""
    facts = {fact.slot: fact for fact in plan.facts}
    for fact in said(text, plan):
        if claim := _of_fact(fact, facts, plan):
            yield claim
    for state in plan.states:
        if state in STATES and (plan.act is Act.STOCK or _states(text, state)):
            yield _of_stock(STATES[state], facts, plan, text)
        elif state in SIDES and _states(text, state) and {"price1", "price2"} <= facts.keys():
            yield _of_sides(SIDES[state], facts, plan)
    if State.MIXED in plan.states:
        row = _product(facts, plan, "1")
        for slot, stands in (("there1", IN_STOCK), ("gone1", SOLD_OUT)):
            for label in facts[slot].variants if slot in facts else ():
                yield Claim("stock", row, stands, of=(label,))


def _states(text: str, state: State) -> bool:
    return any(pattern.search(text) for pattern, allowed in STATED if state in allowed)


def _product(facts: Mapping[str, Fact], plan: Plan, place: str) -> str:
    """The product that the facts of this number are of."""
    name = facts.get(f"name{place}")
    if name and name.row.startswith("product:"):
        return name.row
    return next((row for row in plan.sources if row.startswith("product:")), "")


def _called(facts: Mapping[str, Fact], place: str) -> str:
    name = facts.get(f"name{place}")
    return name.value if name else ""


def _of_fact(fact: Fact, facts: Mapping[str, Fact], plan: Plan) -> Claim | None:
    place = fact.slot.removeprefix(fact.kind) or "1"
    if fact.row.startswith("article:"):
        return Claim("text" if fact.kind == "text" else "held", fact.row, fact.value)
    product, name = _product(facts, plan, place), _called(facts, place)
    if not product:
        return None
    if fact.kind == "price" and fact.field == "price":
        return Claim("price", product, fact.value, of=fact.variants, name=name)
    if fact.kind == "total" and "count1" in facts:
        return Claim("total", product, fact.value, of=fact.variants, count=int(facts["count1"].value), name=name)
    if fact.kind == "value" and fact.field.startswith("attributes."):
        return Claim("value", product, fact.value, about=fact.field.removeprefix("attributes."), name=name)
    if fact.kind == "options" and fact.field.startswith("options."):
        return Claim("options", product, fact.value, about=fact.field.removeprefix("options."), name=name)
    return Claim("link", product, fact.value, name=name) if fact.kind == "link" else None


def _of_stock(state: str, facts: Mapping[str, Fact], plan: Plan, text: str) -> Claim:
    number = facts.get("stock1")
    if state == SOME_LEFT and number and alone(number.value, text):
        state = COUNTED + number.value
    about = facts.get("name1")
    some = about.variants if about else ()
    if not some and "price1" in facts:
        some = facts["price1"].variants
    return Claim("stock", _product(facts, plan, "1"), state, of=some, name=_called(facts, "1"))


def _of_sides(side: str, facts: Mapping[str, Fact], plan: Plan) -> Claim:
    rows = [_product(facts, plan, place) for place in "12"]
    return Claim(
        "cheaper", rows[0], side, of=facts["price1"].variants, other=rows[1], other_of=facts["price2"].variants
    )


def chosen(product: Product, labels: Sequence[str]) -> list[Variant]:
    """The variants of these labels, by default all; one that had no label stands for the whole product."""
    if not labels or (tuple(labels) == ("",) and all(one.label for one in product.variants)):
        return list(product.variants)
    return [one for one in product.variants if one.label in labels]


def current(claim: Claim, rows: Rows, language: str) -> str:
    """What the rows say now in the claim's place: `was` where it is still so, "" where they hold nothing of it."""
    row = rows.get(claim.row)
    if isinstance(row, Article):
        return passage(claim, row)[0]
    if row is None:
        return SOLD_OUT if claim.kind == "stock" else GONE
    make, some = Maker(language), chosen(row, claim.of)
    if claim.kind == "stock":
        return _stock(claim.was, some)
    if claim.kind == "price":
        price = make.price(row, some) if some else None
        return price.value if price else GONE
    if claim.kind == "total":
        return make.total(some[0], claim.count).value if some and some[0].price is not None else GONE
    if claim.kind == "cheaper":
        return _cheaper(claim, some, rows.get(claim.other))
    if claim.kind == "options":
        return listing(row.options().get(claim.about, []), language)
    return {"value": row.attributes.get(claim.about, GONE), "link": row.link}.get(claim.kind) or (
        card(row, language).subtitle if claim.kind == "card" else GONE
    )


def _stock(was: str, some: Sequence[Variant]) -> str:
    there = [one for one in some if one.in_stock]
    if not there:
        unsaid = any(one.in_stock is None for one in some)  # the shop doesn't say: nothing is known to have changed
        return was if unsaid else SOLD_OUT
    if not was.startswith(SOME_LEFT):
        return IN_STOCK
    left = [one.stock for one in there]
    if len(left) == 1 and left[0] is not None and left[0] <= FEW:
        return f"{COUNTED}{left[0]}" if was.startswith(COUNTED) else SOME_LEFT
    return IN_STOCK


def _cheaper(claim: Claim, some: Sequence[Variant], other: Product | Article | None) -> str:
    first = {one.price for one in some if one.price is not None}
    beside = chosen(other, claim.other_of) if isinstance(other, Product) else []
    second = {one.price for one in beside if one.price is not None}
    if not first or not second:
        return GONE
    if first == second and len(first) == 1:
        return "same"
    if max(first) < min(second):
        return "1"
    return "2" if max(second) < min(first) else GONE


def passage(claim: Claim, article: Article) -> tuple[str, bool]:
    """What stands now where the passage stood, and whether it takes its place; else the article's beginning."""
    if claim.kind == "held":
        return (claim.was, True) if alone(claim.was, article.body) else (_excerpt(article.body), False)
    body, text = _plain(article.body), claim.was
    there = sentences(article.body)
    for sentence in sentences(claim.was):
        if _plain(sentence) in body:
            continue
        likeness = {one: SequenceMatcher(None, _plain(sentence), _plain(one), autojunk=False).ratio() for one in there}
        best = max(there, key=lambda one: likeness[one], default="")
        if not best or likeness[best] < LIKE:
            return _excerpt(article.body), False
        text = text.replace(sentence.strip(), best.strip())
    return text, True


def _plain(text: str) -> str:
    """For comparing: no difference of width, case, spaces, or the stop at the end."""
    return " ".join(normalise(text).split()).rstrip(".!?。！？ ")


def _excerpt(body: str) -> str:
    flat = " ".join(body.split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1] + "…"
