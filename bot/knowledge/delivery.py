"""What delivery costs, from when on it is free, and when an order leaves, read out of a shop's articles.

`UK delivery costs £3.95 per order. It is free for orders of £40 or more.`, `满99元包邮，不满99元收8元运费`. Only a rule that
stands there once is one; sentences about far places, express and the like are not read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.knowledge.rows import Article
from bot.language import normalise, sentences

SIGNS = {
    "£": ("GBP",), "€": ("EUR",), "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD"), "¥": ("CNY", "JPY"), "us$": ("USD",),
    "元": ("CNY",), "块": ("CNY",), "块钱": ("CNY",), "英镑": ("GBP",), "镑": ("GBP",), "欧元": ("EUR",), "欧": ("EUR",),
    "美元": ("USD",), "美金": ("USD",), "港币": ("HKD",), "港元": ("HKD",), "quid": ("GBP",), "pound": ("GBP",),
    "euro": ("EUR",), "dollar": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD"), "rmb": ("CNY",), "yuan": ("CNY",),
}  # fmt: skip
_UNIT = "元|块钱?|英镑|镑|欧元?|美[元金]|港[币元]|quid|pounds?|euros?|dollars?|rmb|yuan"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
MONEY = re.compile(
    rf"(?P<sign>us\$|[$£€¥])\s?(?P<after>{_NUMBER})|(?<![\d.,])(?P<before>{_NUMBER})\s?(?P<unit>{_UNIT})"
)
_SUM = rf"(?:us\$|[$£€¥])\s?(?:{_NUMBER})|(?:{_NUMBER})\s?(?:{_UNIT})"
REGION = re.compile(
    r"highland|\bislands?\b|northern ireland|alaska|hawaii|puerto|canada|\beu\b|europe|abroad|international|overseas|republic of"
    r"|worldwide|outside|mexico|australia|asia|customs|\bapo\b|新疆|西藏|青海|内蒙|偏远|港澳|香港|澳门|台湾|海外|国外|国际|欧盟|苏格兰"
)
OTHER = re.compile(
    r"express|next[- ]day|overnight|two-day|same[- ]day delivery|saturday delivery|return|refund|exchange|swap|label|gift|wrap|collect"
    r"|pick ?up|\bpark|repair|gift card|courier|退|换货|礼|自提|停车|维修|顺丰|加急|积分|券|会员|折|开票|发票|押金|小样"
)
FASTER = re.compile(r"express|next[- ]day|overnight|two-day|顺丰|加急")
TOPIC = re.compile(r"deliver|shipping|\bship\b|\bships\b|postage|\bpost\b|运费|邮费|快递费|包邮|免邮|送货")
FREE = re.compile(
    rf"\bfree\b[^;]{{0,50}}?\b(?P<over>over|above|from|of|at|exceeding|more than|spend)\s+(?P<sum>{_SUM})(?P<more>\s+(?:or|and)\s+(?:more|over|above|up))?"
)
FREE_FROM = re.compile(
    rf"(?:orders?|spend|baskets?|purchases?|spending)\s+(?P<over>of|over|above|from|at least|more than)?\s*(?P<sum>{_SUM})"
    r"(?P<more>\s+(?:or|and)\s+(?:more|over|above|up))?[^;]{0,30}\bfree\b"
)
FREE_ZH = re.compile(
    rf"满\s*(?P<sum>(?:{_NUMBER})\s*(?:{_UNIT}))\s*(?:的订单|以上)?\s*(?:即可|就可以|就|可|享|即)?\s*(?:包(?:邮|[中圆申韵极]\w)|免邮|免运费|免收运费)"
)
FEE_ZH = re.compile(
    rf"(?:不满|不足|未满)\s*(?:(?:{_NUMBER})\s*(?:{_UNIT})?)?(?:的(?:订单)?)?\s*(?:每单)?(?:统一)?(?:加收|另收|收取?|需付|付)\s*(?:运费|邮费)?\s*(?P<sum>(?:{_NUMBER})\s*(?:{_UNIT}))"
    rf"|(?:运费|邮费)\s*(?:为|是|统一|:)?\s*(?P<plain>(?:{_NUMBER})\s*(?:{_UNIT}))"
)
EXTRA = re.compile(r"surcharge|extra (?:charge|fee|cost)|附加费|超重|大件.{0,6}加收|另(?:外)?加(?:收|钱)")
NO_EXTRA = re.compile(r"(?:no|without) (?:surcharge|extra)|不另外?加|不加收")
STRICT = ("over", "above", "exceeding", "more than")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One shop's rule. `row` and `said` are the article and its sentences; `None` is what doesn't stand there."""

    row: str
    said: str
    fee: Decimal | None = None
    threshold: Decimal | None = None
    strict: bool = False  # `over £50`: is £50 itself enough?
    currencies: frozenset[str] = frozenset()
    extra: bool = False  # another article speaks of a surcharge, so a sum may not be all

    def free(self, amount: Decimal) -> bool | None:
        """Is an order of this amount delivered free? None where the text leaves it open."""
        if self.threshold is None or (self.strict and amount == self.threshold):
            return None
        return amount >= self.threshold


def amount(text: str) -> tuple[Decimal, frozenset[str]]:
    """A sum, and the currencies that its sign may stand for."""
    found = MONEY.search(text)
    assert found, text
    sign = found["sign"] or str(found["unit"]).removesuffix("s")
    return Decimal((found["after"] or found["before"]).replace(",", "")), frozenset(SIGNS[sign])


def without_yes(sentence: str) -> str:
    """A sentence as it stands by itself, without the yes that answered the article's title."""
    found = re.match(r"(?:yes|no|sure), |(?:可以|是的|有的|能)[，,。]", sentence, re.IGNORECASE)
    return sentence[found.end() :][:1].upper() + sentence[found.end() + 1 :] if found else sentence


def read_delivery(articles: Iterable[Article]) -> Delivery | None:
    """The rule that these articles (of one language) tell; None where they tell none, or more than one."""
    held = list(articles)
    rules = [rule for one in held if (rule := _rule(one))]
    free = [rule for rule in rules if rule.threshold is not None]
    fees = [rule for rule in rules if rule.fee is not None]
    rule = free[0] if free else fees[0] if fees else None
    if rule is None or len({one.threshold for one in free}) > 1:
        return None
    if rule.fee is None and len(fees) == 1 and fees[0].currencies & rule.currencies:
        rule = replace(rule, fee=fees[0].fee, said=f"{fees[0].said} {rule.said}")
    return replace(rule, extra=any(_extra(one) for one in held))


def _extra(article: Article) -> bool:
    text = normalise(f"{article.title} {article.body}")
    return EXTRA.search(NO_EXTRA.sub(" ", text)) is not None


def _rule(article: Article) -> Delivery | None:
    title = normalise(article.title)
    if REGION.search(title) or OTHER.search(title.replace("顺丰", "")):
        return None
    fees: list[tuple[Decimal, frozenset[str]]] = []
    free: list[tuple[Decimal, frozenset[str], bool]] = []
    said: list[str] = []
    clear = True
    for sentence in sentences(article.body):
        plain = normalise(sentence)
        if REGION.search(plain) or not MONEY.search(plain):
            continue
        if OTHER.search(plain) or not (TOPIC.search(plain) or TOPIC.search(title)):
            clear &= not TOPIC.search(title) or FASTER.search(plain) is not None  # a sum that is not understood
            continue
        found = _free(plain)
        rest = _fees(plain, found)
        free += found
        fees += rest
        said.append(without_yes(sentence))
    thresholds, costs = {one[0] for one in free}, {one[0] for one in fees}
    if len(thresholds) > 1 or not (thresholds or costs):
        return None
    names = [one[1] for one in free] + [one[1] for one in fees]
    currencies = frozenset.intersection(*names)
    fee = costs.pop() if len(costs) == 1 and clear else None
    if not currencies or (fee is None and not thresholds):
        return None
    text = ("" if article.language == "zh" else " ").join(said)
    threshold, strict = (free[0][0], free[0][2]) if free else (None, False)
    return Delivery(article.row, text, fee, threshold, strict, currencies)


def _free(plain: str) -> list[tuple[Decimal, frozenset[str], bool]]:
    for pattern in (FREE_ZH, FREE_FROM, FREE):
        if found := list(pattern.finditer(plain)):
            strict = pattern is not FREE_ZH and found[0]["over"] in STRICT and not found[0]["more"]
            return [(*amount(one["sum"]), strict) for one in found]
    return []


def _fees(plain: str, free: list[tuple[Decimal, frozenset[str], bool]]) -> list[tuple[Decimal, frozenset[str]]]:
    """The sums of a sentence that are what delivery costs: by their words, or all that are no threshold."""
    if found := list(FEE_ZH.finditer(plain)):
        return [amount(one["sum"] or one["plain"]) for one in found]
    thresholds = {one[0] for one in free}
    sums = [amount(one.group()) for one in MONEY.finditer(plain)]
    return [one for one in sums if one[0] not in thresholds]
