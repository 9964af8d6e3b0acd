"""Facts: made from rows, filled into what the model wrote, and the check that nothing else passes for one."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.knowledge import agreement, compared
from bot.knowledge.rows import Article, Product, Variant
from bot.knowledge.unfit import Unfit
from bot.language import HAN
from bot.texts import listing, money
from llm.protocol import SLOT, Act, Fact, Plan, State


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes facts in one language. `place` is the number of the row: 1 is the one asked about."""

    language: str

    def name(self, product: Product, variant: Variant | None = None, place: int = 1) -> Fact:
        label = variant.label if variant else ""
        brackets = "（{}）" if self.language == "zh" else " ({})"
        called = product.title + (brackets.format(label) if label else "")
        return Fact(f"name{place}", called, product.row, "title", (label,) if variant else ())

    def money(self, amount: Decimal, currency: str) -> str:
        return money(amount, currency, self.language)

    def price(self, product: Product, among: list[Variant] | None = None, place: int = 1) -> Fact | None:
        """The price of these variants, by default all: one price, each price with its variants, or from-to."""
        variants = [one for one in among or product.variants if one.price is not None]
        amounts = sorted({one.price for one in variants if one.price is not None})
        if not amounts:
            return None
        row = f"variant:{variants[0].id}" if len(variants) == 1 else product.row
        currency = variants[0].currency
        if len(amounts) == 1:
            value = self.money(amounts[0], currency)
        elif len(amounts) <= 3:
            value = self._either([self._priced(variants, amount, currency) for amount in amounts])
        else:
            to = " 至 " if self.language == "zh" else " to "
            value = to.join(self.money(amount, currency) for amount in (amounts[0], amounts[-1]))
        some = () if len(variants) == len(product.variants) else tuple(one.label for one in variants)
        return Fact(f"price{place}", value, row, "price", some)

    def _priced(self, variants: list[Variant], amount: Decimal, currency: str) -> str:
        labels = [one.label for one in variants if one.price == amount and one.label]
        shown = self.money(amount, currency)
        if not labels or len(labels) > 3:
            return shown
        return f"{shown}（{'、'.join(labels)}）" if self.language == "zh" else f"{shown} ({', '.join(labels)})"

    def _either(self, items: list[str]) -> str:
        if self.language == "zh":
            return "或".join(items)
        return " or ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else items[0]

    def total(self, variant: Variant, count: int) -> Fact:
        """What so many of a variant cost. The variant has a price."""
        assert variant.price is not None
        total = self.money(variant.price * count, variant.currency)
        return Fact("total1", total, f"variant:{variant.id}", "price", (variant.label,))

    def count(self, product: Product, count: int) -> Fact:
        """A number that the member or the code gave, not a row."""
        return Fact("count1", str(count), product.row, "count")

    def stock(self, variant: Variant) -> Fact:
        return Fact("stock1", str(variant.stock), f"variant:{variant.id}", "stock", (variant.label,))

    def options(self, product: Product, name: str, values: list[str]) -> tuple[Fact, Fact]:
        label = Fact("label1", name.lower() if self.language == "en" else name, product.row, "options")
        return label, Fact("options1", listing(values, self.language), product.row, f"options.{name}")

    def detail(self, product: Product, label: str) -> tuple[Fact, Fact]:
        shown = label.lower() if self.language == "en" else label
        value = Fact("value1", product.attributes[label], product.row, f"attributes.{label}")
        return Fact("label1", shown, product.row, "attributes"), value

    def link(self, product: Product) -> Fact:
        return Fact("link1", product.link, product.row, "link")

    def some(self, slot: str, product: Product, labels: list[str]) -> Fact:
        """Some of a product's variants, by their labels."""
        return Fact(slot, listing(labels, self.language), product.row, "options", tuple(labels))

    def prose(self, text: str, source: Product | Article, field: str, place: int = 1) -> Fact:
        """One or more whole sentences of a row."""
        closed = text if re.search(r"[.!?。！？…)）\"”]$", text) else text + ("。" if self.language == "zh" else ".")
        return Fact(f"text{place}", closed, source.row, field)


UNFINISHED = re.compile(r"[:：,，、][^\w<>]*$")  # nothing follows
NUMBER_WORDS = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    r"ninety|hundreds?|thousands?|millions?|dozens?|half|twice|double|percent|quarter|a couple|one (pound|dollar|euro|day|week))\b"
    r"|[一二两三四五六七八九十百千万半]+ ?(元|块|英镑|美元|欧元|天|件|个|小时|折|年|月|周|分|公斤|克|斤|米|倍|价|成)|%|百分"
)
LINK = re.compile(r"https?:|//|www\.|\b[a-z0-9-]+\.[a-z]{2,}", re.IGNORECASE)
# Words that state what only code may decide -> the states that allow them.
STATED: tuple[tuple[re.Pattern[str], set[State]], ...] = (
    (re.compile(r"\b(not|isn't|aren't|currently un|no longer) ?(available|in stock)|\bsold out|\bout of stock|\bunavailable|售罄|卖完|卖光|缺货|断货|没货|无货|没有?(?:货|现货|库存)", re.I), {State.SOLD_OUT, State.MIXED}),
    (re.compile(r"\b(in stock|available|still have|ready to (go|ship))\b|有货|现货|有库存|能买|还有(?:货|现货|库存)", re.I), {State.IN_STOCK, State.FEW, State.MIXED}),
    (re.compile(r"\b(only|just)\b.{0,12}\bleft|\bfew left|\blast few|\brunning low|只剩|仅剩|不多了|所剩不多|快没|最后", re.I), {State.FEW}),
    (re.compile(r"\bsame (?:price|money|amount)|\bcosts? (?:exactly )?the same|between them on price|价格一样|价格相同|价钱(?:一样|相同)|同价|一个价|一样的价|一样贵|不分高低", re.I), {State.SAME_PRICE}),
    (re.compile(r"\bcheape[rs]|\bless expensive|\b(?:costs?|pay|paying) less|更便宜|便宜(?:一些|一点|些|点)|更实惠|更划算|省一点", re.I), {State.CHEAPER1, State.CHEAPER2}),
    (re.compile(r"(?<!feel )\bfree\b|\bno charge|\bcomplimentary|\bon the house|免费|包邮|免邮", re.I), {State.FREE, State.NOT_FREE}),
    (re.compile(r"\b(closed|shut)\b|打烊|休息|关门|关着", re.I), {State.CLOSED}),
    (re.compile(r"\b(we.re|we are|is|right now|now) open\b|\bopen (right )?now\b|正在营业|开着|营业中", re.I), {State.OPEN}),
    (re.compile(r"\bdiscount|\bon sale\b|\b(we|i) guarantee|\bguaranteed\b|\brefund|打折|优惠|特价|保证|退款|赔偿", re.I), set()),
)  # fmt: skip
YES_NO: tuple[tuple[re.Pattern[str], set[State]], ...] = (
    (re.compile(r"^(yes|yep|yeah|yup)\b|^(是的|对的|可以的|有的)", re.I), {State.IN_STOCK, State.FEW}),
    (re.compile(r"^(no|nope)\b(?! (worries|problem))|^(不是|不可以|不行)", re.I), {State.SOLD_OUT, State.NOT_SOLD}),
)  # fmt: skip

AGREED = re.compile(
    r"^(?:right(?! now| away)|correct|exactly|indeed|true|of course)\b|^(?:没错|当然|正确|对[，。！啊呀的])", re.I
)

ANSWERING = (Act.PRICE, Act.STOCK, Act.DETAIL, Act.DESCRIBE, Act.POLICY, Act.COMPARE)
LATIN, LOAN = re.compile(r"[A-Za-z']{2,}"), frozenset({"ai", "ok", "vs", "pk", "hi", "wifi", "help"})
UNSOLD = re.compile(
    r"\b(?:don.t|doesn.t|do not|no longer) (?:sell|carry|stock)\b|\b(?:don.t|do not) have (?:it|any|them|those|the|a few)\b(?! (?:detail|info|answer))|不卖|没有?卖",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"\b(?:don.t|doesn.t|do not|does not|isn.t|aren.t|is not|are not|not|no longer)\b (?:\w+ly )?(?:\w+ )?"
    r"(?:have|available|in stock|there|sold out|out of stock)\b|\bran out|\brun out of|没有?(?:现货|库存|货|售罄|卖完)|未售罄|暂无|无货",
    re.IGNORECASE,
)
GONE = re.compile(
    r"\bsold out|\bout of\b|\bno stock|\bnothing left|\bnone\b|n't\b|\bnot\b|\bgone\b|\bunavailable|\brun out|没|无|售罄|缺|卖完|卖光|断货|空了",
    re.I,
)
MISSING = re.compile(rf"{GONE.pattern}|\bmissing\b|\bno\b|补货", re.I)
CLAUSE = re.compile(r"[,.;!?，。；！？、—]|\bbut\b|\band\b|\bwhile\b|(?<!没)(?<!还)有的?是|但|而|不过")
THERE = re.compile(
    r"\bin stock|\bavailable|\byes\b|\byep\b|\bwe (still )?have\b|\bwe.ve got\b|\bleft\b|\bready\b|有|剩|在", re.I
)


IS_OPEN = re.compile(r"\bopen\b|营业|开着|开门", re.I)
NOT_OPEN = re.compile(
    r"\bnot (?:\w+ )?open|n't (?:\w+ )?open|\bno longer open|(?:不在?|没有?|未|非|停止)营业|没开|还没开", re.I
)
IS_CLOSED = re.compile(r"\bclosed?\b|\bshut\b|打烊|休息|关门|关着|歇", re.I)

STOPS = ".!?"
OPENING = re.compile(r"(?:^|[.!?]\s)\s*$")  # here a sentence begins: what was talked about gets a capital


def slotted(text: str, plan: Plan) -> str:
    """The text with every value of the plan that stands in it word for word as its slot, so that it can be checked.

    A model that was not trained on slots writes `$58.00` for `<price1>`. Left as they are: a slot's second time, a bare
    number (three pieces, or three days?), and a member's name, which the member chose and which may be "free".
    """
    values: dict[str, list[Fact]] = {}
    for fact in plan.facts:
        if fact.kind != "member" and re.search(r"[^\d\s.,]", fact.value):
            values.setdefault(fact.value, []).append(fact)
    if not values:
        return text
    whole = "|".join(map(_alone, sorted(values, key=len, reverse=True)))
    said = set(SLOT.findall(text))

    def slot(found: re.Match[str]) -> str:
        for fact in values.get(found.group(), ()):
            if fact.slot not in said or (fact.kind == "name" and plan.act.names_often):
                said.add(fact.slot)
                return f"<{fact.slot}>"
        return found.group()

    return re.sub(f"{SLOT.pattern}|{whole}", slot, text)


def _alone(value: str) -> str:
    """A pattern of the value where it is not part of a longer word or number: no `$58.00` in `A$58.00` or `$58.005`."""
    before = "" if HAN.match(value) else r"(?<![A-Za-z0-9])(?<![0-9][.,])"
    after = r"(?![A-Za-z0-9]|[.,][0-9])" if value[-1].isascii() and value[-1].isalnum() else ""
    return before + re.escape(value) + after


def alone(value: str, text: str) -> int:
    """How often the value stands in a text, other than as a part of a longer word or number."""
    return len(re.findall(_alone(value), text)) if value else 0


def replaced(text: str, values: Mapping[str, str]) -> str:
    """The text with each of these values, where it stands alone, as another one; all at the same time."""
    if not values:
        return text
    whole = "|".join(map(_alone, sorted(values, key=len, reverse=True)))
    return re.sub(whole, lambda found: values[found.group()], text)


def check(text: str, plan: Plan) -> None:
    """Refuse what a template says beyond its plan: foreign slots, numbers, links, state words. Raises Unfit."""
    known = set(plan.slots)
    for match in SLOT.finditer(text):
        if match.group(1) not in known:
            raise Unfit(f"slot {match.group()} is not in the plan")
    said = [match.group(1) for match in SLOT.finditer(text)]
    once = [slot for slot in said if not plan.act.names_often or not slot.startswith("name")]
    if len(once) != len(set(once)):
        raise Unfit("the same slot twice")
    words = SLOT.sub(" ", text)
    if plan.language == "en" and HAN.search(words):
        raise Unfit("Chinese in an English reply")
    if plan.language == "zh" and any(one.lower() not in LOAN for one in LATIN.findall(words)):
        raise Unfit("English in a Chinese reply")
    if "<" in words or ">" in words:
        raise Unfit("a malformed slot")
    if any(unicodedata.category(sign) in ("Nd", "Nl", "No", "Sc") for sign in words):
        raise Unfit("a number or price that no slot holds")
    if NUMBER_WORDS.search(words.lower()):
        raise Unfit("a number word")
    if LINK.search(words):
        raise Unfit("a link that no slot holds")
    agreement.check(text, plan)
    _check_states(text, words, plan)


def _check_states(text: str, words: str, plan: Plan) -> None:
    states, act, rest = set(plan.states), plan.act, words.strip()
    if not plan.yes and (YES_NO[0][0].search(rest) or AGREED.search(rest)):
        raise Unfit("yes to what is not so")
    for pattern, allowed in (*STATED, *(YES_NO if act in ANSWERING else ())):
        if pattern.search(rest) and not allowed & states:
            raise Unfit("a state word that the plan doesn't hold")
        rest = pattern.sub(" ", rest)
    for found in NEGATED.finditer(words):
        _check_negation(found.group(), states)
    if act is Act.UNKNOWN and State.NOT_SOLD not in states and UNSOLD.search(words):
        raise Unfit("a state word that the plan doesn't hold")
    compared.check(text, act, states)


def _check_negation(words: str, states: set[State]) -> None:
    """`not in stock` denies a state that the plan holds, `not sold out` the other."""
    denied = (
        {State.SOLD_OUT}
        if re.search(r"sold out|out of stock|售罄|卖完|缺货", words, re.I)
        else {State.IN_STOCK, State.FEW}
    )
    if denied & states:
        raise Unfit("the opposite of what the plan holds")


def _apart(text: str) -> bool:
    """Where some variants are gone: the words beside those say so, the words beside the others don't."""
    parts = CLAUSE.split(text)
    gone = [part for part in parts if "<gone1>" in part]
    there = [part for part in parts if "<there1>" in part]
    return any(MISSING.search(part) for part in gone) and not any(MISSING.search(part) for part in there)


def needed(text: str, plan: Plan) -> None:
    """A whole reply has to hold the slots that answer, and an end. Raises Unfit."""
    if UNFINISHED.search(text):
        raise Unfit("it breaks off")
    if State.MIXED in plan.states and not _apart(text):
        raise Unfit("does not tell what is there from what is gone")
    if plan.act is Act.STOCK and not {State.FEW, State.MIXED} & set(plan.states):
        wanted = GONE if State.SOLD_OUT in plan.states else THERE
        if not wanted.search(SLOT.sub(" ", text)):
            raise Unfit("does not say whether it is there")
    if plan.act is Act.HOURS:
        _says_open(text, set(plan.states))
    said = {match.group(1) for match in SLOT.finditer(text)}
    if missing := [slot for slot in plan.needs if slot not in said]:
        raise Unfit(f"does not say {', '.join(missing)}")


def _says_open(text: str, states: set[State]) -> None:
    """Whether it is open now has to be said, and not its opposite."""
    denied = NOT_OPEN.search(text) is not None
    if State.OPEN in states and (denied or not IS_OPEN.search(text)):
        raise Unfit("does not say that it is open")
    if State.CLOSED in states and not (denied or IS_CLOSED.search(text)):
        raise Unfit("does not say that it is closed")


def fill(text: str, plan: Plan) -> str:
    """The text with every slot replaced by its fact's value; spaces, stops and capitals come out right around it."""
    values = {fact.slot: fact.value for fact in plan.facts}
    parts: list[str] = []
    place = 0
    for match in SLOT.finditer(text):
        parts.append(text[place : match.start()])
        place = match.end()
        value = values[match.group(1)]
        before = "".join(parts)
        if match.group(1).startswith("topic") and OPENING.search(before):
            value = capital(value)
        if before and before[-1].isascii() and before[-1].isalnum() and value[:1].isalnum() and value[:1].isascii():
            parts.append(" ")
        parts.append(value)
        rest = text[place:]
        if value[-1:] in ".!?。！？" and rest[:1] in (".", "。"):
            place += 1
        elif (
            (match.group(1).startswith("link") and rest[:1] and not rest[:1].isspace())
            or (rest[:1].isascii() and rest[:1].isalnum() and value[-1:].isascii())
            or (value[-1:] in STOPS and HAN.match(rest))
        ):
            parts.append(" ")
    parts.append(text[place:])
    return re.sub(r" +", " ", "".join(parts)).strip()


def capital(value: str) -> str:
    return value[:1].upper() + value[1:]


def said(text: str, plan: Plan) -> list[Fact]:
    """The facts whose values stand in a sent text."""
    facts = [fact for fact in plan.facts if fact.kind not in ("member", "shop")]
    return [one for one in facts if one.value in text or (one.kind == "topic" and capital(one.value) in text)]


def needs_of(act: Act, slots: tuple[str, ...]) -> tuple[str, ...]:
    """The slots without which an act's reply does not answer."""
    kinds = {
        Act.PRICE: ("price",),
        Act.TOTAL: ("total",),
        Act.STOCK: ("stock", "there", "gone"),
        Act.OPTIONS: ("options",),
        Act.DETAIL: ("value",),
        Act.DESCRIBE: ("text",),
        Act.POLICY: ("text",),
        Act.SHIPPING: ("fee",),
        Act.HOURS: ("hours",),
        Act.LINK: ("link",),
        Act.COMPARE: ("name", "price"),
        Act.CONTRAST: ("name", "text"),
        Act.COUNT: ("count",),
        Act.RECOMMEND: ("name", "price"),
        Act.ASK_BACK: ("name",),
        Act.SUGGEST: ("name", "reason"),
        Act.TIP: ("name", "text"),
        Act.ARRIVAL: ("name",),
        Act.PROMOTION: ("name", "price"),
        Act.ANNOUNCE: ("text",),
        Act.POLL: ("name",),
        Act.DIGEST: ("topic",),
        Act.NOTE: ("topic",),
    }.get(act, ())
    return tuple(slot for slot in slots if slot.rstrip("123") in kinds)
