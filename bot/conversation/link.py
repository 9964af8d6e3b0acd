"""Which product, variant and article a question means."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.conversation.understanding import Reading
from bot.knowledge.library import Library, Ranking
from bot.knowledge.retrieval import Hit, expand
from bot.knowledge.rows import Product, Variant
from bot.language import CHINESE_STOP, HAN, normalise, stem, tokens

# Words that say what is asked, not what of. They would dilute how much of a question a product's name covers.
ASKING = frozenset(
    tokens(
        "price prices cost costs cheap cheaper cheapest expensive stock available availability left sold buy order size "
        "sizes colour color colours difference compare better best recommend suggest looking link url website shop store "
        "sell carry still different damage which kind type long take does work good nice item product stuff pair piece "
        "多少 多少钱 价格 价钱 怎么 怎么卖 有货 现货 库存 还有 没有 有没有 便宜 贵 哪个 哪款 什么 颜色 尺码 尺寸 规格 链接 区别 推荐 "
        "适合 想买 想要 这款 那款 这个 那个 一下 请问 知道 是不是 能不能 可不可以 可以 你们 我们 店里 商品 产品 东西 钱 "
    )
)
# Synonym groups that are about the shop's ways, not about a product.
WAYS = frozenset(
    f"={group}"
    for group in "delivery fee free_shipping returns exchange payment receipt warranty broken repair discount voucher hours "
    "place pickup track cancel abroad wholesale account privacy contact".split()
)
# What is asked of the two sides of a comparison, which is no part of their names.
WHICH = re.compile(
    r"(?:哪|谁)(?:一)?(?:个|款|种|支|只|瓶|双|件|把|张|顶|条|盒|台|包)?(?:更|比较|要)?(?:便宜|好|轻|大|贵|重|划算|小|耐用|实惠)?|有?(?:什么|啥)?(?:区别|差别|不同)|一个价|(?:便宜|贵)?(?:多少|吗)|对比(?:一下)?|比较"
)
BIG = frozenset(tokens("big bigger large larger biggest longer 大的 大号 大一"))
SMALL = frozenset(tokens("small smaller little smallest shorter 小的 小号 小一"))
UP = re.compile(
    r"\b(?:one|size|step|next)(?: size| one)? (?:up|above|bigger|larger)|\bnext bigger|\bup from (?:that|it)|大一[号码点寸]|一[号码]大|再大|上一[号码]"
)
DOWN = re.compile(
    r"\b(?:one|size|step|next)(?: size| one)? (?:down|below|under|smaller)|\bnext smaller|\bdown from (?:that|it)|小一[号码点寸]|一[号码]小|再小|下一[号码]"
)
FILLERS = CHINESE_STOP | set("货不没还多少卖价钱剩几个现买拍得着嘞咧哩那这")  # signs of asking whether and for how much
LINKED = 0.3  # the least share of a question's weight that a name has to cover
CALLED = 0.75  # or the share of the title that is said
EVIDENCE = 0.6  # or the weight of the name's words, against a word that stands in one row alone
HELD, ALONE = 0.45, 1.8  # or that one row's own sentences hold, far more of it than the next row's
CALLED_BY = 0.6  # the least strength of a name that means what is asked, too
NAMED_LEAST = 0.33  # and of one that is named
MEANT, APART = 0.45, 0.05  # the least worth of a product that is meant, and how near another is that may be meant
CLOSE = 0.85  # how near the second has to be for both to be meant


@dataclass(frozen=True, slots=True)
class Link:
    """The products that a text may mean, best first: one, or several that are as near. `strength` is 0 to 1."""

    hits: tuple[Hit, ...] = ()
    strength: float = 0.0
    guessed: bool = False  # by its sentences alone, not by a name

    @property
    def ids(self) -> list[int]:
        return [hit.id for hit in self.hits]


def content(words: tuple[str, ...]) -> list[str]:
    """What is asked of: the tokens without those that only say what is asked."""
    return [word for word in words if word not in ASKING]


def ways(words: tuple[str, ...]) -> bool:
    """Do the words speak of delivery, returns, payment and the like?"""
    return not WAYS.isdisjoint(expand(words))


def rest(words: Sequence[str], product: Product) -> list[str]:
    """What is asked beyond the product's name and its options."""
    named = {*tokens(product.title), *option_words(product), *BIG, *SMALL}
    # A Chinese pair may lie across the end of the name, or of an option.
    known = FILLERS | set(product.title).union(*(one.label for one in product.variants))
    asked = [word for word in content(tuple(words)) if word not in named]
    return [word for word in asked if not HAN.match(word) or not known.issuperset(word)]


def nearness(hit: Hit) -> float:
    return hit.named + 0.7 * hit.called


def link(words: tuple[str, ...], library: Library, ranking: Ranking | None = None) -> Link:
    """The product or products that these words name, or mean where there is a ranking by meaning."""
    if ranking:
        return _meant(ranking)
    hits = library.products.search(content(words), 12)
    named = [
        hit
        for hit in hits
        if hit.named >= LINKED or (hit.called >= CALLED and hit.named > 0.1) or hit.evidence >= EVIDENCE
    ]
    if not named:
        alone = hits and hits[0].cover >= HELD and (len(hits) == 1 or hits[0].score > ALONE * hits[1].score)
        return Link((hits[0],), 0.45, guessed=True) if alone else Link()
    named.sort(key=lambda hit: (-nearness(hit), -hit.score))
    best = nearness(named[0])
    close = tuple(hit for hit in named if nearness(hit) >= CLOSE * best)
    return Link(close, min(1.0, best / 1.2))


def _meant(ranking: Ranking) -> Link:
    """The product that means what is asked, and those named as well that mean nearly as much."""
    if not ranking.products:
        return Link()
    best, first = ranking.products[0]
    called = first.named >= LINKED or (first.called >= CALLED and first.named > 0.1) or first.evidence >= EVIDENCE
    if best < (MEANT if not called else NAMED_LEAST):
        return Link()
    close = tuple(
        hit for worth, hit in ranking.products[:4] if worth >= best - APART and nearness(hit) >= CLOSE * nearness(first)
    )
    if called:
        return Link(close, max(CALLED_BY, min(1.0, nearness(first) / 1.2)))
    return Link((first,), 0.45, guessed=True)


def variant(words: tuple[str, ...] | list[str], product: Product) -> Variant | None:
    """The variant whose option values the words say, or which is the biggest or smallest; None where they leave it open."""
    said = set(words)
    best, score, tie = None, 0.0, False
    for one in product.variants:
        matched = sum(_says(said, str(value)) for value in one.options.values())
        if matched > score:
            best, score, tie = one, matched, False
        elif matched == score:
            tie = True
    if best and score > 0:
        return None if tie else best
    sizes = sorted((size, place) for place, one in enumerate(product.variants) if (size := _size(one)) is not None)
    if len(sizes) > 1 and said & BIG:
        return product.variants[sizes[-1][1]]
    return product.variants[sizes[0][1]] if len(sizes) > 1 and said & SMALL else None


def _size(one: Variant) -> float | None:
    """The number in a variant's options, which orders them."""
    found = re.search(r"\d+(?:\.\d+)?", one.label)
    return float(found.group()) if found else None


def _price(one: Variant) -> float | None:
    return None if one.price is None else float(one.price)


def matching(words: tuple[str, ...] | list[str], product: Product) -> list[Variant]:
    """Every variant whose option values are said, the others no better; all where none is said."""
    said = set(words)
    scores = [sum(_says(said, str(value)) for value in one.options.values()) for one in product.variants]
    least = max(scores, default=0.0) * CLOSE
    return [one for one, score in zip(product.variants, scores, strict=True) if score >= least]


def mentioned(words: tuple[str, ...] | list[str], product: Product) -> list[Variant]:
    """The variants of which most options are named, each by a word that not all of that option's values have."""
    values = {name: [set(tokens(one)) for one in held] for name, held in product.options().items()}
    told = {name: {word for word in words if not all(word in one for one in held)} for name, held in values.items()}

    def named(one: Variant) -> int:
        return sum(not told[name].isdisjoint(tokens(str(value))) for name, value in one.options.items())

    counts = [named(one) for one in product.variants]
    return [one for one, count in zip(product.variants, counts, strict=True) if count and count == max(counts)]


def steps(text: str) -> bool:
    """Does it ask for the next bigger or smaller one?"""
    return bool(UP.search(text) or DOWN.search(text))


def step(text: str, product: Product, before: Variant | None) -> Variant | None:
    """`the next one up`: the variant that is one bigger, or smaller, than the one spoken of before."""
    way = 1 if UP.search(text) else -1 if DOWN.search(text) else 0
    if not way or not before:
        return None
    sized = all(_size(one) is not None for one in product.variants)
    by = _size if sized else _price  # `Small` and `Medium` go by what they cost
    sizes = {other: one for one in reversed(product.variants) if (other := by(one)) is not None}
    mine = by(before) or 0.0
    further = [other for other in sizes if (other - mine) * way > 0]
    return sizes[min(further, key=lambda other: abs(other - mine))] if further else None


def option_words(product: Product) -> set[str]:
    """Every token of the product's option values."""
    return {token for one in product.variants for token in tokens(one.label)}


@lru_cache(maxsize=1)
def _colours() -> Mapping[str, str]:
    """Token of a colour's name -> the colour, from colours.toml."""
    held = tomllib.loads(Path(__file__).with_name("colours.toml").read_text("utf-8"))
    named = {stem(word): colour for colour, words in held.items() for word in words}
    return named | {f"{word}的": colour for word, colour in named.items() if HAN.fullmatch(word)}


def _coloured(words: Iterable[str], *, whole: bool = False) -> set[str]:
    """The colours named; a single Chinese sign may be part of another word, unless it is `whole`."""
    return {_colours()[word] for word in words if word in _colours() and (whole or not HAN.fullmatch(word))}


def _says(said: set[str], value: str) -> float:
    """How much of an option value the words say: 1 for all of it, or for its colour in other words."""
    colours = _coloured([normalise(value), *tokens(value)], whole=True)
    shade = 0.9 if not colours.isdisjoint(_coloured(said)) else 0.0  # behind the one that is called so
    parts = (
        [part for part in tokens(value) if len(part) > 1 or not HAN.match(part)] or tokens(value) or [value.casefold()]
    )
    held = [part for part in parts if part in said or ("." in part and part.replace(".", "") in said)]  # 265 for 26.5
    return max(shade, len(held) / len(parts))


def size_words(text: str) -> list[str]:
    """Sizes as people type them: `M`, `xl`, `in small`."""
    letters = re.findall(r"(?<![a-z'])(xxs|xs|s|m|l|xl|xxl|xxxl)(?![a-z'])", text)
    table = {"small": "s", "medium": "m", "large": "l", "小号": "s", "中号": "m", "大号": "l"}
    return letters + [short for word, short in table.items() if word in text]


def sides(reading: Reading) -> list[Reading]:
    """The two halves of `the oak one or the walnut`; one where nothing divides the text."""
    parts = re.split(
        r"\b(?:or|vs\.?|versus|than|and|against|between|compared to|with)\b|还是|和|跟|与|加|对比|比较|比|、|，|,",
        reading.text,
    )
    return [
        Reading(part.strip(), tuple(tokens(part)), reading.language, reading.cues)
        for part in parts
        if part and tokens(part)
    ]
