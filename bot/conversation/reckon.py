"""What code works out of rows and articles: opening hours now, sums with delivery, discounts, counts, other units.

Called from one place of the planner. Whatever can't be read for sure is left to the other plans, which quote.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.conversation import due, sums
from bot.conversation.compose import Composer
from bot.conversation.context import Context
from bot.conversation.understanding import Reading
from bot.knowledge import units
from bot.knowledge.delivery import REGION, Delivery, read_delivery
from bot.knowledge.discounts import Discount, read_discounts
from bot.knowledge.facts import Maker
from bot.knowledge.hours import Week, read_week, shown
from bot.knowledge.library import Library, Version
from bot.knowledge.rows import Article, Product
from bot.language import HAN, sentences, tokens
from bot.texts import Texts, calendar_day, listing, weekday
from llm.protocol import Act, Fact, Plan, State

OPEN_NOW = re.compile(
    r"\b(?:are|r|is) (?:you|u|ya|ye|they|the (?:shop|store)|your (?:shop|store)|it) (?:\w+ ){0,2}(?:open|closed|shut)(?: (?:right )?(?:now|rn|atm|currently|yet|at the moment))?\W*$"
    r"|\bopen (?:right )?(?:now|rn|atm|today|tonight|tomorrow|still|yet)\b|\bstill open\b|\b(?:open|close|shut|closing)\b.{0,12}\b(?:today|tonight|tomorrow)\b"
    r"|(?:现在|这会儿?|今[天晚]|明[天儿]|还).{0,8}(?:营业|开门|开着|开吗|开不开|关门|打烊|在店)|(?:营业|开门|开着|关门|打烊)(?:吗|没|了|不)"
)
ANOTHER_DAY = re.compile(
    r"\b(?:mon|tues?|wednes|thurs?|fri|satur|sun)(?:day)?s?\b|\bweekends?\b|\bholiday|christmas|easter|thanksgiving|new year|\d"
    r"|周|星期|礼拜|[节假]|春节|元旦|国庆|客服|\b(?:next|this) (?:week|month)|\bphone|\bcafe|\bevery\b|\blate\b|\bearly\b|\bany\b"
)
TOMORROW = re.compile(r"\btomorrow\b|明[天儿]")
SHOP_ITSELF = re.compile(r"\b(?:you|u|ya|ye|they|shop|store|today|tonight|tomorrow|now)\b|店|你们|营业|开门|打烊|关门")
ELSEWHERE = re.compile(
    rf"{REGION.pattern}|\bexpress\b|\bovernight\b|\bnext[- ]day\b|\breturn|\brefund|寄到|发到|送到|退|顺丰"
)
TO_PLACE = re.compile(
    r"\b(?:ship|deliver|send|post|shipping|delivery|postage)\w*\b.{0,20}\bto (?!me\b|my\b|us\b|the door|you\b|pay\b)\w+"
)
HOW_MANY = re.compile(
    r"\bhow many (?:different |other )?(?:kinds? of |types? of |sorts? of |varieties of )?(?P<kind>[a-z' -]{2,40}?)"
    r" (?:do (?:you|u|ya) (?:guys )?(?:have|sell|stock|carry|offer)|are there|(?:have )?you got)(?: (?:in all|in total|in (?:the|your) shop))?\W*$"
    r"|(?:有|卖)(?:几|多少)(?:种|款|个品种|样|类)(?:不同的)?(?P<zh>[\u4e00-\u9fff]{1,8}?)(?:呢|啊|呀|可选)?[?？。!！]*$"
    r"|^(?:你们|店里|你家|咱家)?(?:的)?(?P<of>[\u4e00-\u9fff]{1,8}?)(?:一共|总共|都)?有(?:几|多少)(?:种|款|个品种|样)(?:呢|啊|呀)?[?？。!！]*$"
)
EVERYTHING = frozenset(tokens("products items things 商品 产品 东西 货 different"))
NUMBERED = re.compile(
    r"\bhow many (?:\w+ )?(?:colou?rs?|sizes?|flavou?rs?|scents?|options?|versions?|variants?|shades?|finish)|(?:几|多少)[种个款]?(?:颜?色|尺[码寸]|规格|口味|款式|容量)"
)
MOST = 500  # rows that are looked at to count those of a kind


@dataclass(slots=True)
class Terms:
    """What the articles of one language say of the shop's ways, as far as it could be read."""

    delivery: Delivery | None = None
    week: Week | None = None
    hours_row: str = ""
    discounts: list[Discount] = field(default_factory=list)
    dispatch: due.Dispatch | None = None


@dataclass(slots=True)
class Reckoner:
    """`plan` before the other plans of a question, `after` on what they made."""

    library: Library
    compose: Composer
    texts: Texts = field(default_factory=Texts)
    _version: Version | None = None
    _terms: dict[str, Terms] = field(default_factory=dict)

    async def plan(self, reading: Reading, context: Context) -> Plan | None:
        """A plan that code worked out; None where nothing is to be worked out, or it isn't sure."""
        text = reading.text
        if context.now and OPEN_NOW.search(text) and not ANOTHER_DAY.search(text) and SHOP_ITSELF.search(text):
            return self._hours(reading, context.now)
        if context.now and due.ASKED.search(text) and not _elsewhere(text):
            return self._due(reading, context.now)
        if found := HOW_MANY.search(text):
            return await self._kinds(reading, found["kind"] or found["zh"] or found["of"])
        if sums.ASKED.search(text) and not _elsewhere(text):
            terms = self._of(reading.language)
            return await sums.plan(
                reading, context, self.library, self.compose, self.texts, terms.delivery, terms.discounts
            )
        return None

    async def after(self, reading: Reading, plan: Plan) -> Plan:
        """The plan with its measures in the unit that was asked for, or with how many choices there are."""
        if plan.act is Act.OPTIONS and NUMBERED.search(reading.text):
            return await self._numbered(plan)
        unit = units.asked_unit(reading.text)
        if unit and plan.act is Act.UNKNOWN and State.ABSENT in plan.states:
            plan = await self._measured(reading, plan, unit)
        if not unit or plan.fixed or plan.act not in (Act.DETAIL, Act.DESCRIBE, Act.POLICY):
            return plan
        held = [one for fact in plan.facts if fact.kind in ("text", "value") for one in units.quantities(fact.value)]
        pairs = [(one, there) for one in held if (there := units.fitting(unit, one))]
        if not pairs or any(one.unit == there for one, there in pairs):
            return plan
        comma, brackets = ("；", "（{}）") if plan.language == "zh" else ("; ", " ({})")
        told = comma.join(dict.fromkeys(units.converted(one, there, plan.language) for one, there in pairs[:3]))
        return replace(plan, quote=plan.quote + brackets.format(told), fixed=True)

    async def _measured(self, reading: Reading, plan: Plan, unit: str) -> Plan:
        """The one sentence of the product that measures what is asked, where its words did not tell."""
        [product] = await self.library.read([int(plan.sources[0].partition(":")[2])])
        said = [
            one
            for one in sentences(product.description)
            if any(units.fitting(unit, held) for held in units.quantities(one))
        ]
        if len(said) != 1:
            return plan
        make = Maker(reading.language)
        fact = make.prose(said[0], product, "description")
        return self.compose.rows(Act.DESCRIBE, reading, [product], [make.name(product), fact], fact.value)

    async def _numbered(self, plan: Plan) -> Plan:
        """`how many colours`: their number beside their names."""
        facts = {fact.slot: fact for fact in plan.facts}
        [product] = await self.library.read([int(plan.sources[0].partition(":")[2])])
        values = product.options().get(facts["options1"].field.removeprefix("options."), [])
        quote = self.texts.say(
            plan.language, "{name}, {label}: {count} ({values})", name=facts["name1"].value, label=facts["label1"].value,
            count=len(values), values=facts["options1"].value,
        )  # fmt: skip
        return replace(plan, quote=quote, fixed=True) if values else plan

    def _of(self, language: str) -> Terms:
        """What the articles of this language say; those of another where these say nothing."""
        version = self.library.version
        if version != self._version:
            self._version, self._terms = version, {}
        if language not in self._terms:
            ids = [int(one.row.partition(":")[2]) for one in self.library.articles.documents]
            every = self.library.read_articles(ids)
            own = [one for one in every if one.language == language]
            self._terms[language] = _terms(own, [one for one in every if one.language != language])
        return self._terms[language]

    def _hours(self, reading: Reading, now: datetime) -> Plan | None:
        """Is it open now, today, tomorrow? The model words what is plain; what isn't is said with the article's words."""
        terms, language, say = self._of(reading.language), reading.language, self.texts.say
        week = terms.week
        if week is None:
            return None
        [article] = self.library.read_articles([int(terms.hours_row.partition(":")[2])])
        if TOMORROW.search(reading.text):
            return self._tomorrow(reading, now, week, article)
        open_now = week.at(now)
        if open_now is None or not week.sure:
            text = say(language, "It is {day}, {time} here.", day=weekday(now, language), time=f"{now:%H:%M}")
            return self._told(reading, article, f"{text}{_gap(language)}{week.said}", Act.POLICY)
        following = (0, week.days[now.weekday()]) if open_now else week.next_open(now)
        if following is None:
            return None
        ahead, ranges = following
        later = now + timedelta(days=ahead)
        names = (say(language, "today"), say(language, "tomorrow"))
        day = names[ahead] if ahead < len(names) else weekday(later, language)
        times = shown(ranges, language, twelve=week.twelve)
        facts = (Fact("day1", day, article.row, "day"), Fact("hours1", times, article.row, "body"))
        state = State.OPEN if open_now else State.CLOSED
        quote = say(language, "We're open right now. {day}: {hours}.", day=_capital(day), hours=times)
        if not open_now:
            quote = say(language, "We're closed right now. {day}: {hours}.", day=_capital(day), hours=times)
        plan = self.compose.rows(Act.HOURS, reading, [article], facts, quote, state)
        return replace(plan, needs=("hours1",) if open_now else ("day1", "hours1"), yes=open_now)

    def _tomorrow(self, reading: Reading, now: datetime, week: Week, article: Article) -> Plan | None:
        language, day = reading.language, now + timedelta(days=1)
        ranges = week.days.get(day.weekday())
        if ranges is None:
            return None
        times = shown(ranges, language, twelve=week.twelve) if ranges else self.texts.say(language, "closed")
        text = self.texts.say(language, "Tomorrow is {day}: {hours}.", day=weekday(day, language), hours=times)
        if not week.sure:
            text = f"{text}{_gap(language)}{week.said}"
        return self._told(reading, article, text, Act.HOURS)

    def _due(self, reading: Reading, now: datetime) -> Plan | None:
        """By when an order of today leaves, beside the article's own words."""
        dispatch, language = self._of(reading.language).dispatch, reading.language
        if dispatch is None:
            return None
        [article] = self.library.read_articles([int(dispatch.row.partition(":")[2])])
        day = calendar_day(dispatch.by(now.date()), language)
        text = self.texts.say(
            language, "Ordered today, {today}, it leaves by {day} at the latest, public holidays aside.",
            today=calendar_day(now, language), day=day,
        )  # fmt: skip
        return self._told(reading, article, f"{text}{_gap(language)}{dispatch.said}", Act.POLICY)

    def _told(self, reading: Reading, article: Article, text: str, act: Act) -> Plan:
        """A sentence that code wrote from an article."""
        return replace(self.compose.rows(act, reading, [article], [], text), fixed=True)

    async def _kinds(self, reading: Reading, said: str) -> Plan | None:
        """How many products there are of a kind: of a category, or of a tag where no category is called so."""
        kind = frozenset(one for one in tokens(said) if not (HAN.match(one) and len(one) == 1 and len(said) > 1))
        products, make = self.library.products, Maker(reading.language)
        if not kind - EVERYTHING:
            count = len(products.documents)
            first = [int(one.row.partition(":")[2]) for one in products.documents[:2]]
            found = await self.library.read(first) if kind else []
        else:
            places = set.intersection(*({place for place, _ in products.postings.get(one, ())} for one in kind))
            rows = [products.documents[place].row for place in sorted(places)[: MOST + 1]]
            every = await self.library.read([int(row.partition(":")[2]) for row in rows]) if len(rows) <= MOST else []
            found = _of_kind(kind, every)
            count = len(found)
        if not found:
            return None
        facts = [
            Fact("count1", str(count), "shop", "count"),
            *(make.name(one, None, at) for at, one in enumerate(found[:2], 1)),
        ]
        names = listing([one.title for one in found[:2]], reading.language)
        quote = self.texts.say(reading.language, "{count} in all, among them {names}.", count=count, names=names)
        return self.compose.rows(Act.COUNT, reading, found[:2], facts, quote)


def _terms(own: list[Article], others: list[Article]) -> Terms:
    terms = Terms(
        read_delivery(own) or read_delivery(others),
        discounts=read_discounts(own) or read_discounts(others),
        dispatch=due.read_dispatch(own) or due.read_dispatch(others),
    )
    for articles in (own, others):
        weeks = [(week, one.row) for one in articles if (week := read_week(one.title, one.body))]
        if weeks:
            if all(week.days == weeks[0][0].days for week, _ in weeks):
                terms.week, terms.hours_row = weeks[0]
            break
    return terms


def _elsewhere(text: str) -> bool:
    """Is it about a far place, express, or something sent back: rules of their own?"""
    return ELSEWHERE.search(text) is not None or TO_PLACE.search(text) is not None


def _of_kind(kind: frozenset[str], products: list[Product]) -> list[Product]:
    """Those whose category is called so, or whose tags are; none where the two disagree."""
    category = [one for one in products if any(_called(part, kind) for part in re.split(r"[>/|,]", one.category))]
    tagged = [one for one in products if any(_called(tag, kind) for tag in one.tags)]
    if category and not {one.id for one in tagged} <= {one.id for one in category}:
        return []
    return category or tagged


def _called(name: str, kind: frozenset[str]) -> bool:
    return (
        frozenset(one for one in tokens(name) if not (HAN.match(one) and len(one) == 1 and len(name.strip()) > 1))
        == kind
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _gap(language: str) -> str:
    return "" if language == "zh" else " "
