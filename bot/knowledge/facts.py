"""Facts: made from rows, filled into what the model wrote, and the check that nothing else passes for one."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from bot.knowledge.rows import Article, Product, Variant
from bot.language import HAN
from bot.texts import listing, money
from llm.protocol import SLOT, Act, Fact, Plan, State


class Unfit(Exception):
    """A generated text that may not be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes facts in one language. `place` is the number of the row: 1 is the one asked about."""

    language: str

    def name(self, product: Product, variant: Variant | None = None, place: int = 1) -> Fact:
        label = variant.label if variant else ""
        brackets = "（{}）" if self.language == "zh" else " ({})"
        return Fact(f"name{place}", product.title + (brackets.format(label) if label else ""), product.row, "title")

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
        return Fact(f"price{place}", value, row, "price")

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

    def stock(self, variant: Variant) -> Fact:
        return Fact("stock1", str(variant.stock), f"variant:{variant.id}", "stock")

    def options(self, product: Product, name: str, values: list[str]) -> tuple[Fact, Fact]:
        label = Fact("label1", name.lower() if self.language == "en" else name, product.row, "options")
        return label, Fact("options1", listing(values, self.language), product.row, f"options.{name}")

    def detail(self, product: Product, label: str) -> tuple[Fact, Fact]:
        shown = label.lower() if self.language == "en" else label
        value = Fact("value1", product.attributes[label], product.row, f"attributes.{label}")
        return Fact("label1", shown, product.row, "attributes"), value

    def link(self, product: Product) -> Fact:
        return Fact("link1", product.link, product.row, "link")

    def prose(self, text: str, source: Product | Article, field: str) -> Fact:
        """One or more whole sentences of a row."""
        closed = text if re.search(r"[.!?。！？…)）\"”]$", text) else text + ("。" if self.language == "zh" else ".")
        return Fact("text1", closed, source.row, field)


NUMBER_WORDS = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    r"ninety|hundreds?|thousands?|millions?|dozens?|half|twice|double|percent|quarter|a couple|one (pound|dollar|euro|day|week))\b"
    r"|[一二两三四五六七八九十百千万半]+ ?(元|块|英镑|美元|欧元|天|件|个|小时|折|年|月|周|分|公斤|克|斤|米|倍|价|成)|%|百分"
)
LINK = re.compile(r"https?:|//|www\.|\b[a-z0-9-]+\.[a-z]{2,}", re.IGNORECASE)
# Words that state what only code may decide -> the states that allow them.
STATED: tuple[tuple[re.Pattern[str], set[State]], ...] = (
    (re.compile(r"\b(not|isn't|aren't|currently un|no longer) ?(available|in stock)|\bsold out|\bout of stock|\bunavailable|售罄|卖完|卖光|缺货|断货|没货|无货|没有?(?:货|现货|库存)", re.I), {State.SOLD_OUT}),
    (re.compile(r"\b(in stock|available|still have|ready to (go|ship))\b|有货|现货|有库存|能买|还有(?:货|现货|库存)", re.I), {State.IN_STOCK, State.FEW}),
    (re.compile(r"\b(only|just)\b.{0,12}\bleft|\bfew left|\blast few|\brunning low|只剩|仅剩|不多了|所剩不多|快没|最后", re.I), {State.FEW}),
    (re.compile(r"\bsame price|\bcost the same|价格一样|价格相同|同价|一样的价", re.I), {State.SAME_PRICE}),
    (re.compile(r"\bcheaper|\bless expensive|更便宜|便宜一些|更实惠|省一点", re.I), {State.CHEAPER1, State.CHEAPER2}),
    (re.compile(r"(?<!feel )\bfree\b|\bno charge|\bcomplimentary|\bon the house|免费|包邮|免邮", re.I), set()),
    (re.compile(r"\bdiscount|\bon sale\b|\b(we|i) guarantee|\bguaranteed\b|\brefund|打折|优惠|特价|保证|退款|赔偿", re.I), set()),
)  # fmt: skip
YES_NO: tuple[tuple[re.Pattern[str], set[State]], ...] = (
    (re.compile(r"^(yes|yep|yeah|yup)\b|^(是的|对的|可以的|有的)", re.I), {State.IN_STOCK, State.FEW}),
    (re.compile(r"^(no|nope)\b(?! (worries|problem))|^(不是|不可以|不行)", re.I), {State.SOLD_OUT, State.NOT_SOLD}),
)  # fmt: skip


ANSWERING = (Act.PRICE, Act.STOCK, Act.DETAIL, Act.DESCRIBE, Act.POLICY, Act.COMPARE)
NEGATED = re.compile(
    r"\b(?:don.t|doesn.t|do not|does not|isn.t|aren.t|is not|are not|not|no longer)\b (?:\w+ly )?(?:\w+ )?"
    r"(?:have|available|in stock|there|sold out|out of stock)\b|\bran out|\brun out of|没有?(?:现货|库存|货|售罄|卖完)|未售罄|暂无|无货",
    re.IGNORECASE,
)
COMPARED = (
    (re.compile(r"\bcheaper|\bless expensive|便宜|更实惠|更划算", re.I), True),
    (re.compile(r"\bmore expensive|\bpricier|\bdearer|\bcosts? more|更贵|贵一", re.I), False),
)
NAMES = re.compile(r"<(name[12])>")
GONE = re.compile(
    r"\bsold out|\bout of\b|\bno stock|\bnothing left|\bnone\b|n't\b|\bnot\b|\bgone\b|\bunavailable|\brun out|没|无|售罄|缺|卖完|卖光|断货|空了",
    re.I,
)
THERE = re.compile(
    r"\bin stock|\bavailable|\byes\b|\byep\b|\bwe (still )?have\b|\bwe.ve got\b|\bleft\b|\bready\b|有|剩|在", re.I
)


def check(text: str, plan: Plan) -> None:
    """Refuse what a template says beyond its plan: foreign slots, numbers, links, state words. Raises Unfit."""
    known = set(plan.slots)
    for match in SLOT.finditer(text):
        if match.group(1) not in known:
            raise Unfit(f"slot {match.group()} is not in the plan")
    said = [match.group(1) for match in SLOT.finditer(text)]
    once = [slot for slot in said if plan.act is not Act.COMPARE or not slot.startswith("name")]
    if len(once) != len(set(once)):
        raise Unfit("the same slot twice")
    words = SLOT.sub(" ", text)
    if plan.language == "en" and HAN.search(words):
        raise Unfit("Chinese in an English reply")
    if plan.language == "zh" and len(re.findall(r"[A-Za-z]{3,}", words)) > 2:
        raise Unfit("English in a Chinese reply")
    if "<" in words or ">" in words:
        raise Unfit("a malformed slot")
    if any(unicodedata.category(sign) in ("Nd", "Nl", "No", "Sc") for sign in words):
        raise Unfit("a number or price that no slot holds")
    if NUMBER_WORDS.search(words.lower()):
        raise Unfit("a number word")
    if LINK.search(words):
        raise Unfit("a link that no slot holds")
    _check_states(text, words, set(plan.states), plan.act)


def _check_states(text: str, words: str, states: set[State], act: Act) -> None:
    rest = words.strip()
    for pattern, allowed in (*STATED, *(YES_NO if act in ANSWERING else ())):
        if pattern.search(rest) and not allowed & states:
            raise Unfit("a state word that the plan doesn't hold")
        rest = pattern.sub(" ", rest)
    for found in NEGATED.finditer(words):
        _check_negation(found.group(), states)
    for word, cheap in COMPARED:
        for found in word.finditer(text):
            _check_compared(text, found.start(), found.end(), cheap, states)


def _check_negation(words: str, states: set[State]) -> None:
    """`not in stock` denies a state that the plan holds, `not sold out` the other."""
    denied = (
        {State.SOLD_OUT}
        if re.search(r"sold out|out of stock|售罄|卖完|缺货", words, re.I)
        else {State.IN_STOCK, State.FEW}
    )
    if denied & states:
        raise Unfit("the opposite of what the plan holds")


def _check_compared(text: str, start: int, end: int, cheap: bool, states: set[State]) -> None:
    """Who is called cheaper has to be: the other one than stands behind `than`, the one before `比`, else the nearest."""
    if not states & {State.CHEAPER1, State.CHEAPER2}:
        raise Unfit("a comparison that the plan doesn't hold")
    begin = max(text.rfind(stop, 0, start) for stop in ".!?。！？;；") + 1
    stops = [place for stop in ".!?。！？;；" if (place := text.find(stop, end)) >= 0]
    before, after = text[begin:start], text[end : min(stops, default=len(text))]
    names_before, names_after = NAMES.findall(before), NAMES.findall(after)
    if "比" in before and len(names_before) > 1:
        subject = names_before[-2]
    elif re.match(r"\W*(?:\w+\W+){0,2}than\b", after) and names_after:
        subject = "name2" if names_after[0] == "name1" else "name1"
    else:
        subject = (names_before[-1:] or names_after[:1] or [""])[0]
    if subject != ("name1" if (State.CHEAPER1 in states) == cheap else "name2"):
        raise Unfit("the wrong one is called cheaper")


def needed(text: str, plan: Plan) -> None:
    """A whole reply has to hold the slots that answer. Raises Unfit."""
    if plan.act is Act.STOCK and State.FEW not in plan.states:
        wanted = GONE if State.SOLD_OUT in plan.states else THERE
        if not wanted.search(SLOT.sub(" ", text)):
            raise Unfit("does not say whether it is there")
    said = {match.group(1) for match in SLOT.finditer(text)}
    if missing := [slot for slot in plan.needs if slot not in said]:
        raise Unfit(f"does not say {', '.join(missing)}")


def fill(text: str, plan: Plan) -> str:
    """The text with every slot replaced by its fact's value; spacing and full stops come out right around it."""
    values = {fact.slot: fact.value for fact in plan.facts}
    parts: list[str] = []
    place = 0
    for match in SLOT.finditer(text):
        parts.append(text[place : match.start()])
        place = match.end()
        value = values[match.group(1)]
        before = "".join(parts)
        if before and before[-1].isascii() and before[-1].isalnum() and value[:1].isalnum() and value[:1].isascii():
            parts.append(" ")
        parts.append(value)
        rest = text[place:]
        if value[-1:] in ".!?。！？" and rest[:1] in (".", "。"):
            place += 1
        elif (match.group(1).startswith("link") and rest[:1] and not rest[:1].isspace()) or (
            rest[:1].isascii() and rest[:1].isalnum() and value[-1:].isascii()
        ):
            parts.append(" ")
    parts.append(text[place:])
    return re.sub(r" +", " ", "".join(parts)).strip()


def said(text: str, plan: Plan) -> list[Fact]:
    """The facts whose values stand in a sent text."""
    return [fact for fact in plan.facts if fact.kind not in ("member", "shop") and fact.value in text]


def needs_of(act: Act, slots: tuple[str, ...]) -> tuple[str, ...]:
    """The slots without which an act's reply does not answer."""
    kinds = {
        Act.PRICE: ("price",),
        Act.STOCK: ("stock",),
        Act.OPTIONS: ("options",),
        Act.DETAIL: ("value",),
        Act.DESCRIBE: ("text",),
        Act.POLICY: ("text",),
        Act.LINK: ("link",),
        Act.COMPARE: ("name", "price"),
        Act.RECOMMEND: ("name", "price"),
        Act.ASK_BACK: ("name",),
        Act.SUGGEST: ("name", "reason"),
        Act.TIP: ("name", "text"),
    }.get(act, ())
    return tuple(slot for slot in slots if slot.rstrip("123") in kinds)
