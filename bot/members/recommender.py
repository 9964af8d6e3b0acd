"""Which products fit a member: the blend of all signals, without what may not or need not be suggested.

The signals are fitted on everybody's events in memory, in a thread, and again when the catalogue changes or an hour has
passed (a day, in a large shop); nothing of it is stored. Of members who did not consent nothing goes in.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import ModuleType

import numpy as np

from bot.knowledge.library import Library
from bot.knowledge.rows import Product, read_products
from bot.members.bandit import Pressed, Rates, rates
from bot.members.blend import Blend, Scored, fit
from bot.members.profiles import REACH, Profile
from bot.members.sensitive import sensitive
from bot.members.signals.base import COMMUNITY, SAID, WORTH, Events, History, Ints, Part, Shop
from bot.members.vectors import Words, words_of
from storage import interactions
from storage.database import Transaction
from storage.suggestions import Slot

READ = 40  # products read from SQL, best first, until enough of them can be suggested
SUPPORT = 3  # members behind whatever is told of others: fewer would tell of single people
REFIT, LARGE = timedelta(hours=1), 5_000  # a shop of more products is fitted anew once a day: it takes a minute
ALIKE = 0.3  # of a product's score that it loses for being quite like one before it
TEXT = ("content", "conversation")  # signals that know nothing of other members
LEAST = 0.1  # of the best product's score: less is no reason to suggest one
LIKE = 0.245  # the least likeness of texts that is a reason by itself, as a cosine
NAMED = 2.0  # what a word counts more that stands in a product's name, tags or category


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause of a score, and how much of it. kind: `asked` (about the product of title `about`), `together` (others
    who took to that one took to this), `again` (it was bought before and is due), `said` (just now), `popular`."""

    kind: str
    about: str
    row: str  # "product:12"
    value: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """`reasons`: all that speaks for it and against it, the strongest first; their values sum up to the score.

    `values` is what each signal says, 0 to 1.
    """

    product: Product
    score: float
    reasons: tuple[Reason, ...]
    place: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt from the events of a catalogue's version at a moment. `ids`: product of each place."""

    version: object
    at: datetime
    ids: Ints
    places: Mapping[int, int]
    words: Words
    blend: Blend | None


class Recommender:
    """`policy` is PROFILES, resolved: without consent nothing is learnt from a member."""

    def __init__(self, library: Library, signals: Sequence[ModuleType], policy: str) -> None:
        self._library, self._policy = library, policy
        self._fits = {one.__name__.rpartition(".")[2]: one.fit for one in signals}
        self._fitted: Fitted | None = None
        self._fitting = asyncio.Lock()

    def forget(self) -> None:
        """What was learnt from members is learnt anew at the next use."""
        self._fitted = None

    async def recommend(
        self, known: Profile, now: datetime, count: int = 3, *, said: Sequence[str] = (), unasked: bool = False
    ) -> list[Candidate]:
        """The best products for the member, best first: none sold out, hidden, without a price, disliked, or asked
        about already.

        `said`: tokens of what the member says just now.
        """
        held = await self.fitted(now)
        if held.blend is None:
            return []
        scored = self._scored(held, known, now, said, unasked)
        return await self._found(held, scored, known, count)

    async def rates(self, slots: Sequence[Slot], now: datetime) -> Rates | None:
        """How likely what is put before members is pressed, by the log; None where there is nothing to suggest."""
        held = await self.fitted(now)
        if held.blend is None:
            return None
        names = [*held.blend.signals]
        sent = [one for one in slots if one.chosen in held.places and one.values]  # at a trigger none was chosen
        rows = [[float(one.values.get(name, 0.0)) for name in names] for one in sent]
        seen = Pressed(
            np.array([held.places[one.chosen] for one in sent if one.chosen is not None], dtype=np.int64),
            np.array(rows, dtype=np.float64).reshape(len(sent), len(names)),
            np.array([one.pressed for one in sent], dtype=np.float64),
        )
        weights = np.array([(held.blend.unasked or held.blend.idle)[name] for name in names])
        return await asyncio.to_thread(rates, seen, weights, len(held.ids))

    async def fitted(self, now: datetime) -> Fitted:
        """The signals, fitted anew where they are out of date."""
        async with self._fitting:
            version = self._library.version
            held = self._fitted
            if held is None or held.version != version or now - held.at >= _lasts(held) or now < held.at:
                held = await self._fit(version, now)
                self._fitted = held
        return held

    async def _fit(self, version: object, now: datetime) -> Fitted:
        documents = self._library.products.documents
        ids = np.array([int(one.row.partition(":")[2]) for one in documents], dtype=np.int64)
        places = {product: place for place, product in enumerate(ids.tolist())}
        shop_id, policy = self._library.shop_id, self._policy

        async def everything(tx: Transaction) -> tuple[list[tuple[int, int, str, datetime]], set[int]]:
            if policy == "off":
                return [], set()
            rows = await interactions.with_products(tx, shop_id, now - REACH, subscribed_only=policy == "optin")
            touched = sorted({row.product_id for row in rows})
            private = (
                {one.id for one in await read_products(tx, shop_id, touched) if sensitive(one)} if touched else set()
            )
            return [(row.member_id, row.product_id, row.kind, row.at) for row in rows], private

        rows, private = await self._library.database.read(everything)
        kept = [row for row in rows if row[1] in places and row[1] not in private]
        weights = [
            {word: times * (NAMED if word in one.names else 1.0) for word, times in one.weights.items()}
            for one in documents
        ]

        def learn() -> tuple[Words, Blend | None]:
            words = words_of(weights)
            members = {member: place for place, member in enumerate(dict.fromkeys(row[0] for row in kept))}
            events = Events(
                np.array([members[row[0]] for row in kept], dtype=np.int64),
                np.array([places[row[1]] for row in kept], dtype=np.int64),
                np.array([_days(row[3]) for row in kept]),
                np.array([WORTH.get(row[2], WORTH["asked"]) for row in kept]),
            )
            if not len(ids):
                return words, None
            shop = Shop(events, len(members), len(ids), words.matrix, SUPPORT)
            return words, fit(shop, self._fits, _days(now), again=False)

        words, blend = await asyncio.to_thread(learn)
        return Fitted(version, now, ids, places, words, blend)

    def _scored(self, held: Fitted, known: Profile, now: datetime, said: Sequence[str], unasked: bool) -> Scored:
        assert held.blend is not None
        asked = [(held.places[product], at) for product, at in known.asked if product in held.places]
        history = History(
            np.array([place for place, _ in asked], dtype=np.int64),
            np.array([_days(at) for _, at in asked]),
            np.ones(len(asked)),
            held.words.row(said) if said else None,
        )
        return held.blend.scored(history, _days(now), unasked=unasked)

    async def _found(self, held: Fitted, scored: Scored, known: Profile, count: int) -> list[Candidate]:
        had = (*known.product_ids, *known.disliked)
        owned = np.array([held.places[one] for one in had if one in held.places], dtype=np.int64)
        best = scored.best(READ, owned)
        best = best[scored.total[best] > LEAST * max(float(scored.total.max(initial=0.0)), 1e-12)]
        assert held.blend is not None
        names, shown = [*held.blend.signals], scored.values(best)
        products = {one.id: one for one in await self._library.named(held.ids[best].tolist())}
        asked = [(product, at) for product, at in known.asked if product in held.places]
        titles = {one.id: one for one in await self._library.named([product for product, _ in asked])}
        sources = [held.places[product] for product, _ in asked]
        found = []
        for place, row in zip(best.tolist(), shown.tolist(), strict=True):
            values = dict(zip(names, row, strict=True))
            product = products.get(int(held.ids[place]))
            if not _told(held, scored.weights, values, place, sources):
                continue
            if product and product.in_stock is not False and product.prices:
                parts = scored.parts(place)
                reasons = [_reason(name, part, product, [titles.get(one) for one, _ in asked]) for name, part in parts]
                joined = _joined(reasons)
                found.append(Candidate(product, math.fsum(one.value for one in joined), joined, place, values))
        return varied(found, held.words, count)


def _told(
    held: Fitted, weights: Mapping[str, float], values: Mapping[str, float], place: int, sources: Sequence[int]
) -> bool:
    """Does anything but a faint likeness speak for it?"""
    if any(value > 0 for name, value in values.items() if name not in TEXT and weights[name]):
        return True
    if not sources:
        return True  # the words said just now
    return float((held.words.matrix[sources] @ held.words.matrix[[place]].T).max()) >= LIKE


def _reason(signal: str, part: Part, product: Product, asked: Sequence[Product | None]) -> Reason:
    if part.source == SAID:
        return Reason("said", "", product.row, part.value)
    source = None if part.source == COMMUNITY else asked[part.source]
    if source is None:
        return Reason("popular", "", product.row, part.value)
    kind = "again" if signal == "repurchase" else "asked" if signal in TEXT else "together"
    return Reason(kind, source.title, source.row, part.value)


def _joined(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """One reason per cause, the strongest first."""
    found: dict[tuple[str, str], Reason] = {}
    for one in reasons:
        before = found.get((one.kind, one.row))
        found[one.kind, one.row] = replace(one, value=one.value + before.value) if before else one
    return tuple(sorted(found.values(), key=lambda one: -one.value))


def varied(found: Sequence[Candidate], words: Words, count: int) -> list[Candidate]:
    """The best first, then each time the one that is good and least like those before it (maximal marginal relevance,
    Carbonell and Goldstein 1998)."""
    left, chosen = list(found), list[Candidate]()
    most = max((one.score for one in found), default=0.0)
    like = {one.place: 0.0 for one in found}
    while left and len(chosen) < count:
        best = max(left, key=lambda one: one.score - ALIKE * most * like[one.place])
        left.remove(best)
        chosen.append(best)
        row = words.matrix[[best.place]]
        for one in left:
            like[one.place] = max(like[one.place], float((words.matrix[[one.place]] @ row.T).sum()))
    return chosen


def _lasts(held: Fitted) -> timedelta:
    return REFIT if len(held.ids) <= LARGE else 24 * REFIT


def _days(moment: datetime) -> float:
    return moment.timestamp() / 86_400
