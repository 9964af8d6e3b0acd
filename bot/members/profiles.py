"""What the interactions of a member say about them, derived anew at every look."""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.knowledge.rows import Product, read_products
from bot.language import HAN, language, normalise, tokens
from storage import interactions, members
from storage.database import Transaction

HALF_LIFE = timedelta(days=30)
REACH = timedelta(days=365)
INTERESTS = 5
PRODUCTS = 20
HEARD = 20  # last messages that the language is read from


@dataclass(frozen=True, slots=True)
class Interest:
    """A category, or a product without one. `score`: questions about it, halved every 30 days. `because`: the title of
    the product that counts most in it."""

    name: str
    score: float
    because: str


@dataclass(frozen=True, slots=True)
class Profile:
    """`product_ids` are those asked about, what counts most first; `language` is empty where nothing tells it.

    `asked`: when which of them was asked about, oldest first.
    """

    member_id: int
    name: str
    language: str
    first_seen: datetime
    last_seen: datetime
    messages: int
    interests: tuple[Interest, ...]
    product_ids: tuple[int, ...]
    subscribed: bool
    opted_out: bool
    asked: tuple[tuple[int, datetime], ...] = ()


async def profile(
    tx: Transaction,
    shop_id: int,
    member_id: int,
    now: datetime,
    *,
    chat_id: int | None = None,
    policy: str = "notice",
) -> Profile:
    """The member's profile; with `chat_id` only of what was said in that chat.

    `policy` is PROFILES: `optin` knows no interests before /subscribe, `off` never; no policy does after an opt-out.
    """
    row = await members.get(tx, member_id)
    seen = await interactions.summary(tx, member_id, chat_id=chat_id)
    heard = await interactions.of_member(tx, member_id, chat_id=chat_id, count=HEARD)
    asked = []
    if not row.opted_out and (policy == "notice" or (policy == "optin" and row.subscribed)):
        asked = await interactions.asked_about(tx, member_id, now - REACH, chat_id=chat_id)
    scores: dict[int, float] = defaultdict(float)
    for one in asked:
        scores[one.product_id] += 0.5 ** (max(now - one.at, timedelta()) / HALF_LIFE)
    ranked = sorted(scores, key=lambda product_id: (-scores[product_id], product_id))
    found = await read_products(tx, shop_id, ranked) if ranked else []
    products = [one for one in found if not sensitive(one)]
    return Profile(
        member_id,
        row.name,
        row.language or _spoken(heard),
        seen.first or row.first_seen,
        seen.last or row.first_seen,
        seen.messages,
        _interests(products, scores),
        tuple(one.id for one in products[:PRODUCTS]),
        row.subscribed,
        row.opted_out,
        tuple((one.product_id, one.at) for one in reversed(asked) if one.product_id in {held.id for held in products}),
    )


def _interests(products: Sequence[Product], scores: Mapping[int, float]) -> tuple[Interest, ...]:
    groups: dict[str, list[Product]] = defaultdict(list)
    for one in products:
        groups[one.category.rpartition(">")[2].strip() or one.title].append(one)
    found = [
        Interest(name, round(sum(scores[one.id] for one in held), 3), held[0].title) for name, held in groups.items()
    ]
    return tuple(sorted(found, key=lambda interest: (-interest.score, interest.name))[:INTERESTS])


def _spoken(heard: Sequence[Any]) -> str:
    """The language of most of the last messages."""
    spoken = Counter(language(row.text, "") for row in heard if row.text and not row.text.startswith("/"))
    spoken.pop("", None)
    return spoken.most_common(1)[0][0] if spoken else ""


@lru_cache(maxsize=1)
def _sensitive() -> tuple[frozenset[str], tuple[str, ...]]:
    """English stems and Chinese words of sensitive.toml."""
    lists = tomllib.loads(Path(__file__).with_name("sensitive.toml").read_text("utf-8"))
    words = [word for held in lists.values() for word in held]
    english = frozenset(token for word in words if not HAN.search(word) for token in tokens(word))
    return english, tuple(word for word in words if HAN.search(word))


def sensitive(product: Product) -> bool:
    """Would an interest in it say something of health, religion, politics, sexuality or minors?"""
    text = normalise(" , ".join((product.category, product.title, *product.tags)))
    english, chinese = _sensitive()
    return not english.isdisjoint(tokens(text)) or any(word in text for word in chinese)
