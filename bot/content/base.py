"""To add a content type:

1. Write `bot/content/types/NAME.py`. The folder is the registry, NAME is what admins type: `/post now NAME`.
2. Its docstring's first line says what it posts. Its texts go through `desk.say`, with a translation in `bot/locales/`.
3. Write `async def plan(desk: Desk) -> Piece | None`. None where the shop has nothing for it today. A piece holds
   a plan (an act with its facts from the shop's rows, and as `quote` a text that can stand without a model), what code
   says above and beneath the wording, what those lines claim, and buttons that lead on.
4. An act that the shipped model was not taught does not help: take one of `llm/protocol.py`, or a plan that is `fixed`.

Facts pass by slots, and the voice holds the wording to them. `checks.py` says which of three wordings is taken.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Protocol

from bot.knowledge.claims import Claim, of_card
from bot.knowledge.facts import Maker
from bot.knowledge.library import Library
from bot.knowledge.rows import Article, Product
from bot.language import CJK, sentences, tokens
from bot.language import language as language_of
from bot.messages import Button
from bot.texts import Texts
from llm.protocol import Fact, Plan
from storage.database import Database

LOOKED_AT = 60  # products read, of any size of catalogue
SENTENCE = range(20, 220)  # characters; a Chinese one counts three times
KIND = re.compile(rf"[A-Za-z]+|[{CJK}]{{1,2}}(?![{CJK}])")  # words, and the end of each run of Chinese
NEAR = 2  # times the price of one that the other may cost
LISTED = 3  # products that a post names


@dataclass(frozen=True, slots=True)
class Desk:
    """What a draft is made from.

    `recent` are the rows (`product:12`) of the chat's last posts, `told` those of the last ones of this type, `news`
    what these kept as `news` of what they told. `words` is what the admin said behind the type. `random` is seeded by
    the chat, the day and the posts before, so that a draft made again chooses the same. `now` is in the shop's zone.
    """

    library: Library
    database: Database
    texts: Texts
    shop_id: int
    shop: str
    chat_id: int
    language: str
    random: Random
    now: datetime
    recent: Collection[str] = ()
    told: Collection[str] = ()
    news: Collection[int] = ()
    words: str = ""
    about: Collection[str] = ()  # the rows that it is to be about, where something happened to these
    last: datetime | None = None  # when this type was posted last
    safe: Callable[[str], bool] = bool  # may a text that a member chose be said?

    def say(self, text: str, /, **values: object) -> str:
        return self.texts.say(self.language, text, **values)

    @property
    def make(self) -> Maker:
        return Maker(self.language)


@dataclass(frozen=True, slots=True)
class Piece:
    """A post that is still to be worded. `claims`: what the lines that code says state of the rows. `about`: whose
    picture is shown; else one is drawn of `title` and `drawn`, where there is a title. `ask`: a question or a hint at
    the end, where the wording has none."""

    plan: Plan
    above: str = ""
    beneath: Sequence[str] = ()
    ask: str = ""
    buttons: Sequence[Button] = ()
    poll: Sequence[str] = ()
    claims: Sequence[Claim] = ()
    about: Product | None = None
    title: str = ""
    drawn: Sequence[str] = ()
    news: Sequence[int] = ()
    more: Mapping[str, Any] = field(default_factory=dict)  # what the outbox keeps of it besides


class ContentType(Protocol):
    async def plan(self, desk: Desk) -> Piece | None:
        """What to post."""


async def products(desk: Desk) -> list[Product]:
    """Products that can be bought, in a random order, those described in the language first: what the post is to be
    about, else none of the last posts."""
    every = desk.library.products.documents
    documents = [one for one in every if (one.row in desk.about if desk.about else one.row not in desk.recent)]
    desk.random.shuffle(documents)
    documents.sort(key=lambda one: one.language != desk.language)
    found = await desk.library.named([int(one.row.partition(":")[2]) for one in documents[:LOOKED_AT]])
    return [one for one in found if one.in_stock is not False and one.prices]


def meant(desk: Desk, product_id: int) -> bool:
    """May the post tell of this product?"""
    return not desk.about or f"product:{product_id}" in desk.about


async def alike(desk: Desk, count: int, *, near: bool = True) -> list[Product]:
    """So many products of one category that one may waver between; without `near` any of a category."""
    some = [one for one in await products(desk) if one.category]
    kinds = (_same_kind, _rivals) if near else (lambda one, other: True,)
    for kind in kinds:
        for first in some:
            group = [first]
            for one in some:
                apart = all(one.title != other.title and one.description != other.description for other in group)
                if one.category == first.category and apart and kind(first, one):
                    group.append(one)
                if len(group) == count:
                    return group
    return []


def _same_kind(one: Product, other: Product) -> bool:
    """Do their names end alike, as "Road Tire" and "Trail Tire" do?"""
    ends = [KIND.findall(product.title.partition(",")[0]) for product in (one, other)]
    return bool(ends[0] and ends[1]) and ends[0][-1].casefold() == ends[1][-1].casefold()


def _rivals(one: Product, other: Product) -> bool:
    """Do they share a tag or a word, and cost about the same?"""
    low, high = sorted((one.prices[0], other.prices[0]))
    return bool(_marks(one) & _marks(other)) and high <= low * NEAR


def _marks(product: Product) -> set[str]:
    """What tells its kind: tags and words of the name, as they are searched for."""
    return {*tokens(product.title), *(word for tag in product.tags for word in tokens(tag))} - {
        *tokens(product.category)
    }


def spoken(text: str, language: str) -> list[str]:
    """The sentences of a text that are in the language and can stand by themselves."""
    found = []
    for one in sentences(text):
        chinese = language_of(one, language) == "zh"
        if chinese == (language == "zh") and len(one) * (3 if chinese else 1) in SENTENCE and "http" not in one:
            found.append(one)
    return found


def sentence(desk: Desk, product: Product, place: int = 1) -> Fact | None:
    """The first sentence of a product's description in the language."""
    found = spoken(product.description, desk.language)
    return desk.make.prose(found[0], product, "description", place) if found else None


def passage(article: Article, language: str, most: int = 320) -> str:
    """As many whole sentences of an article as a post has room for; '' where it is in another language."""
    if article.language != language:
        return ""
    kept = ""
    for one in spoken(article.body, language):
        if len(kept) + len(one) > (most if language == "en" else most // 2):
            break
        kept += one if language == "zh" or not kept else f" {one}"
    return kept


def ask_me(desk: Desk) -> str:
    """A last line for what leaves questions."""
    return desk.random.choice(
        (
            desk.say("Questions about it? Ask me here."),
            desk.say("Anything unclear? Ask me here."),
            desk.say("If you want to know more, just ask."),
            desk.say("I'm here if you have a question."),
        )
    )


def priced(desk: Desk, product: Product) -> tuple[str, list[Claim]]:
    """A line with the product's name and price, and what it claims."""
    claim = of_card(product, desk.language)
    if not claim.was:
        return f"• {product.title}", []
    return desk.say("• {name}: {price}", name=product.title, price=claim.was), [claim]


def about_it(desk: Desk, product: Product) -> Button:
    """A press is recorded as one on this post."""
    return Button(desk.say("More about it"), f"/product {product.title}")


def named(product: Product) -> Button:
    return Button(product.title, f"/product {product.title}")


def facts_of(*found: Fact | None) -> tuple[Fact, ...]:
    return tuple(one for one in found if one)
