"""What the traits of a member come to: the profile as commands, suggestions and segments speak of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.knowledge.rows import Product, read_products
from bot.members.sensitive import sensitive
from bot.members.traits import NOTICE, OPTIN, Trait
from storage import interactions, members
from storage import traits as rows
from storage.database import Transaction

REACH = timedelta(days=365)
INTERESTS = 5
PRODUCTS = 20
BUYING = 0.5  # of `intent:buy`: said within the half-life of it
SHORT = 40  # characters of an attribute that somebody may care for; longer ones are prose
ENOUGH, MOSTLY = 5, 0.7  # messages from which a part of the day is told, and the share of them in it
NEW, ACTIVE, QUIET = timedelta(days=14), timedelta(days=14), timedelta(days=60)
STAGES = ("new", "active", "quiet", "lapsed")


@dataclass(frozen=True, slots=True)
class Interest:
    """A category, brand or attribute; a product where it has no category. `score`: what was done with its products,
    halved every 30 days. `because`: the title of the product that counts most in it; `kind`: what the member did last
    with that (`asked`, `bought`, …); `events` interactions are behind it, the last of them at `last`."""

    name: str
    score: float
    because: str
    kind: str = "asked"
    events: int = 1
    last: float = 0.0


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something of products, such as `battery`, and how often it was liked, complained of, and spoken of otherwise."""

    name: str
    liked: float
    disliked: float
    spoken: float


@dataclass(frozen=True, slots=True)
class Prices:
    """What the products that interest a member cost: half of them lie between `low` and `high`."""

    low: Decimal
    high: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Profile:
    """`product_ids` are those of interest, what counts most first; `disliked` those complained of; `language` is empty
    where nothing tells it.

    `asked`: when which of them was asked about, oldest first. `hours`: messages by hour of the day in UTC. `stage`:
    new, active, quiet or lapsed. `budget`: the last sum that they named as their most. `spent`: by currency.
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
    disliked: tuple[int, ...] = ()
    brands: tuple[Interest, ...] = ()
    attributes: tuple[Interest, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    prices: Prices | None = None
    budget: float | None = None
    buying: bool = False
    hours: Mapping[int, float] = field(default_factory=dict)
    orders: int = 0
    last_order: datetime | None = None
    spent: Mapping[str, Decimal] = field(default_factory=dict)
    stage: str = "new"
    unanswered: int = 0


def summed(held: Iterable[Any], now: datetime) -> dict[str, Trait]:
    """The traits of several chats as of now, in one."""
    found: dict[str, Trait] = {}
    for row in held:
        one = Trait(row.name, row.score, row.at, row.events, row.last_id)
        before, score = found.get(one.name), one.now(now)
        if before is None:
            found[one.name] = Trait(one.name, score, one.at, one.events, one.last_id)
            continue
        newest = one if one.at >= before.at else before
        if one.name == "budget":
            score, total = (score if newest is one else before.score), 0.0
        else:
            total = before.score
        events = one.events + before.events
        found[one.name] = Trait(one.name, score + total, newest.at, events, newest.last_id)
    return found


async def profile(
    tx: Transaction,
    shop_id: int,
    member_id: int,
    now: datetime,
    *,
    chat_id: int | None = None,
    policy: str = NOTICE,
) -> Profile:
    """The member's profile; with `chat_id` only of what was said in that chat.

    `policy` is PROFILES: `optin` knows no interests before /subscribe, `off` never; no policy does after an opt-out.
    """
    row = await members.get(tx, member_id)
    seen = await interactions.summary(tx, member_id, chat_id=chat_id)
    first, last = seen.first or row.first_seen, seen.last or row.first_seen
    common = (row.subscribed, row.opted_out)
    if row.opted_out or not (policy == NOTICE or (policy == OPTIN and row.subscribed)):
        return Profile(member_id, row.name, row.language, first, last, seen.messages, (), (), *common)
    held = summed(await rows.of_member(tx, member_id, chat_id), now)
    asked = await interactions.asked_about(tx, member_id, now - REACH, chat_id=chat_id)
    scores = {int(name.partition(":")[2]): one.score for name, one in held.items() if name.startswith("product:")}
    ranked = sorted(scores, key=lambda product_id: (-scores[product_id], product_id))
    found = [one for one in await read_products(tx, shop_id, ranked) if not sensitive(one)] if ranked else []
    liked = [one for one in found if scores[one.id] > 0]
    kinds = await interactions.kinds(tx, [held[f"product:{one.id}"].last_id for one in liked])
    did = {one.id: kinds.get(held[f"product:{one.id}"].last_id, "asked") for one in liked}
    spoken = spoken_in(held)
    shown, orders = {one.id for one in liked}, held.get("did:bought")
    return Profile(
        member_id,
        row.name,
        row.language or max(spoken, key=lambda one: spoken[one], default=""),
        first,
        last,
        seen.messages,
        interests(liked, held, did, lambda one: [one.category.rpartition(">")[2].strip() or one.title]),
        tuple(one.id for one in liked[:PRODUCTS]),
        *common,
        tuple((one.product_id, one.at) for one in reversed(asked) if one.product_id in shown),
        disliked=tuple(one.id for one in found if scores[one.id] < 0),
        brands=interests(liked, held, did, lambda one: [one.brand] if one.brand else []),
        attributes=interests(liked, held, did, described),
        aspects=_aspects(held),
        prices=_prices(liked, scores),
        budget=held["budget"].score if "budget" in held else None,
        buying=_score(held, "intent:buy") > BUYING,
        hours={int(hour): count for hour, count in _spoken(held, 1).items()},
        orders=round(orders.score) if orders else 0,
        last_order=datetime.fromtimestamp(orders.at, UTC) if orders else None,
        spent={name[6:]: _money(one.score) for name, one in held.items() if name.startswith("money:")},
        stage=stage(first, last, now),
        unanswered=await rows.unanswered_of(tx, shop_id, member_id, chat_id),
    )


def interests(
    products: Sequence[Product],
    held: Mapping[str, Trait],
    did: Mapping[int, str],
    of: Callable[[Product], Iterable[str]],
) -> tuple[Interest, ...]:
    """The strongest of what these products (best first) have in common. `of`: what a product is one of."""
    groups: dict[str, list[tuple[Product, Trait]]] = defaultdict(list)
    for one in products:
        for name in of(one):
            groups[name].append((one, held[f"product:{one.id}"]))
    found = []
    for name, each in groups.items():
        best, score = each[0][0], round(sum(trait.score for _, trait in each), 3)
        events, last = sum(trait.events for _, trait in each), max(trait.at for _, trait in each)
        found.append(Interest(name, score, best.title, did.get(best.id, "asked"), events, last))
    return tuple(sorted(found, key=lambda interest: (-interest.score, interest.name))[:INTERESTS])


def active(hours: Mapping[int, float], shift: float) -> tuple[int, int] | None:
    """The shortest part of the day, from one full hour to another, in which most messages are said; None where there
    are few messages. `shift`: hours that the local clock is ahead of UTC."""
    whole = sum(hours.values())
    if whole < ENOUGH:
        return None
    local = [0.0] * 24
    for hour, count in hours.items():
        local[int(hour + shift) % 24] += count
    for length in range(1, 24):
        best = max(range(24), key=lambda start: sum(local[(start + step) % 24] for step in range(length)))
        if sum(local[(best + step) % 24] for step in range(length)) >= MOSTLY * whole:
            return best, (best + length) % 24
    return None


def described(one: Product) -> list[str]:
    """What a product's attributes say of it, `Material: wool`."""
    return [f"{label}: {value}" for label, value in one.attributes.items() if value and len(value) <= SHORT]


def stage(first: datetime, last: datetime, now: datetime) -> str:
    """Where a member stands: new, active, quiet or lapsed."""
    if now - last > QUIET:
        return "lapsed"
    if now - last > ACTIVE:
        return "quiet"
    return "new" if now - first < NEW else "active"


def _score(held: Mapping[str, Trait], name: str) -> float:
    return held[name].score if name in held else 0.0


def spoken_in(held: Mapping[str, Trait]) -> dict[str, float]:
    """How many messages there were in each language."""
    return {name: count for name, count in _spoken(held, 0).items() if name}


def _spoken(held: Mapping[str, Trait], part: int) -> dict[str, float]:
    """How many messages there were by language (part 0) or hour (part 1)."""
    counted: dict[str, float] = defaultdict(float)
    for name, one in held.items():
        if name.startswith("spoke:"):
            counted[name.split(":")[1 + part]] += one.score
    return counted


def _aspects(held: Mapping[str, Trait]) -> tuple[Aspect, ...]:
    counted: dict[str, dict[str, float]] = defaultdict(lambda: {"+": 0.0, "-": 0.0, "=": 0.0})
    for one in held.values():
        kind, _, rest = one.name.partition(":")
        if kind == "aspect":
            name, _, polarity = rest.partition(":")
            counted[name][polarity] = one.score
    found = [Aspect(name, each["+"], each["-"], each["="]) for name, each in counted.items()]
    return tuple(sorted(found, key=lambda one: (-(one.liked + one.disliked + one.spoken), one.name))[:INTERESTS])


def _prices(products: Sequence[Product], scores: Mapping[int, float]) -> Prices | None:
    """The middle half of their prices, by how much each interests; None where that is fewer than two."""
    priced = sorted((one.prices[0], scores[one.id]) for one in products if one.prices)
    if len(priced) < 2:
        return None
    whole, passed, low, high = sum(weight for _, weight in priced), 0.0, priced[0][0], priced[-1][0]
    for price, weight in priced:
        if passed <= whole / 4:
            low = price
        if passed < whole * 3 / 4:
            high = price
        passed += weight
    return Prices(low, high, next(one.variants[0].currency for one in products if one.prices))


def _money(score: float) -> Decimal:
    return Decimal(score).quantize(Decimal("0.01"))
