"""Who is in a segment: a rule held against what is known of every member that consented."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.knowledge.rows import Product, read_products
from bot.members.profiles import BUYING, described, spoken_in, stage, summed
from bot.members.rfm import Standing, standings
from bot.members.rules import Facts, Rule, Value, holds, parse
from bot.members.sensitive import sensitive
from bot.members.traits import OFF, OPTIN, Trait
from storage import interactions, segments
from storage import traits as rows
from storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Person:
    """A member and what rules can compare."""

    id: int
    name: str
    facts: Facts


async def people(tx: Transaction, shop_id: int, now: datetime, policy: str) -> list[Person]:
    """Everybody of whom traits may be kept, by `policy` (PROFILES)."""
    if policy == OFF:
        return []
    only = {"subscribed_only": policy == OPTIN}
    held: dict[int, list[Any]] = defaultdict(list)
    for row in await rows.of_shop(tx, shop_id, **only):
        held[row.member_id].append(row)
    open_: dict[int, int] = defaultdict(int)
    for member_id in await rows.unanswered(tx, shop_id):
        open_[member_id] += 1
    traits = {member_id: summed(found, now) for member_id, found in held.items()}
    known, standing = await _products(tx, shop_id, traits), await standings(tx, shop_id, policy)
    return [
        Person(
            one.id,
            one.name,
            _facts(one, traits.get(one.id, {}), known, open_[one.id], now)
            | {(name, ""): float(fifth) for name, fifth in asdict(standing.get(one.id, Standing())).items()},
        )
        for one in await rows.people(tx, shop_id, **only)
    ]


def matching(rule: Rule, known: Sequence[Person]) -> list[Person]:
    return [one for one in known if holds(rule, one.facts)]


async def members_of(tx: Transaction, shop_id: int, name: str, now: datetime, policy: str) -> set[int] | None:
    """Who is in the segment of this name now; None where there is none."""
    row = await segments.get(tx, shop_id, name)
    if row is None:
        return None
    return {one.id for one in matching(parse(row.rule), await people(tx, shop_id, now, policy))}


async def _products(tx: Transaction, shop_id: int, traits: Mapping[int, Mapping[str, Trait]]) -> dict[int, Product]:
    """Every product that somebody did something with, without those that are sensitive."""
    names = {name for held in traits.values() for name in held if name.startswith("product:")}
    ids = sorted(int(name.partition(":")[2]) for name in names)
    found: dict[int, Product] = {}
    for start in range(0, len(ids), 500):
        for one in await read_products(tx, shop_id, ids[start : start + 500]):
            if not sensitive(one):
                found[one.id] = one
    return found


def _facts(
    member: Any, traits: Mapping[str, Trait], products: Mapping[int, Product], unanswered: int, now: datetime
) -> dict[tuple[str, str], Value]:
    moment = now.timestamp()
    did = {name[4:]: one for name, one in traits.items() if name.startswith("did:")}
    last = max((one.at for one in did.values()), default=member.first_seen.timestamp())
    since = timedelta(seconds=max(0.0, moment - last))
    facts: dict[tuple[str, str], Value] = {
        ("first_seen", ""): now - member.first_seen,
        ("last_seen", ""): since,
        ("stage", ""): stage(member.first_seen, now - since, now),
        ("subscribed", ""): bool(member.subscribed),
        ("unanswered", ""): float(unanswered),
        ("messages", ""): sum(one.score for kind, one in did.items() if kind in interactions.SPOKEN),
        **{(kind, ""): did[kind].score for kind in ("bought", "asked", "complained", "pressed") if kind in did},
    }
    if "bought" in did:
        facts["last_bought", ""] = timedelta(seconds=max(0.0, moment - did["bought"].at))
    if "budget" in traits:
        facts["budget", ""] = traits["budget"].score
    facts["buying", ""] = "intent:buy" in traits and traits["intent:buy"].score > BUYING
    spoken = spoken_in(traits)
    if language := member.language or max(spoken, key=lambda one: spoken[one], default=""):
        facts["language", ""] = language
    return facts | _scores(traits, products)


def _scores(traits: Mapping[str, Trait], products: Mapping[int, Product]) -> dict[tuple[str, str], Value]:
    """What is summed up: money, products by what they are, aspects."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for name, one in traits.items():
        kind, _, rest = name.partition(":")
        if kind == "product" and int(rest) in products:
            for key in _keys(products[int(rest)]):
                found[key] += one.score
        elif kind == "money":
            found["spent", ""] += one.score
        elif kind == "aspect":
            aspect, _, polarity = rest.partition(":")
            if polarity in "+-":
                found["liked" if polarity == "+" else "disliked", aspect] += one.score
    return {**found}


def _keys(one: Product) -> set[tuple[str, str]]:
    """What a product counts for: each level of its category, its brand, its title, its attributes."""
    categories = (part.strip().casefold() for part in one.category.split(">"))
    attributes = (part for each in described(one) for part in (each, each.partition(":")[2].strip()))
    return {
        ("product", one.title.casefold()),
        *(("category", part) for part in categories if part),
        *([("brand", one.brand.casefold())] if one.brand else []),
        *(("attribute", part.casefold()) for part in attributes),
    }
