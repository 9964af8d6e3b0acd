"""What members wait for: something that they asked about is there again, or costs less than when they took to it.

What happened stands in the rows that an import kept with itself (`storage/changes.py`), and what was made of it in the
log of suggestions, under a key of change and member: after a kill all of it is looked at again, and nobody hears of a
change twice. Whom the ledger refuses for now (quiet hours, caps) is tried again while the change is news.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.knowledge import claims
from bot.knowledge.claims import IN_STOCK, Claim
from bot.knowledge.facts import Maker
from bot.knowledge.rows import Product, Variant
from bot.members.bandit import USUAL, held_out
from bot.members.profiles import profile
from bot.members.sensitive import sensitive
from bot.members.suggestions import KIND, Suggested, Suggestions
from bot.members.traits import OFF, Trait
from storage import changes, interactions, suggestions
from storage import traits as rows
from storage.database import Transaction

FRESH = timedelta(days=3)  # for so long a change is news
WAITED = timedelta(days=180)  # since they asked about what was sold out
LIKED = 0.5  # of a product's trait: one question of a month ago
BACK, CHEAPER = "back", "cheaper"
REASONS = {changes.STOCK: BACK, changes.PRICE: CHEAPER}


@dataclass(frozen=True, slots=True)
class News:
    """What one import changed of a product; `before`: what each variant cost, where the price fell."""

    kind: str
    run_id: int
    product_id: int
    at: datetime
    before: tuple[tuple[int, Decimal | None, Decimal | None], ...]  # variant, its price before and after

    def key(self, member_id: int) -> str:
        return f"{KIND}:{member_id}:{self.kind}:{self.run_id}:{self.product_id}"


class Triggers:
    """`step` is one look; `wake` says that there are rows to send."""

    def __init__(self, suggesting: Suggestions, wake: Callable[[], None]) -> None:
        self._suggesting, self._wake = suggesting, wake
        self._looking = asyncio.Lock()
        self._minute: datetime | None = None
        self._open: dict[News, dict[int, float]] = {}  # news -> who is still to hear of it, and how much they want it

    async def step(self, now: datetime) -> bool:
        """Once a minute, ahead of the day's suggestions: put what is news for somebody into the outbox."""
        async with self._looking:
            if self._minute == (minute := now.replace(second=0, microsecond=0)):
                return False
            self._minute = minute
            sent = await self._tell(now)
        if sent:
            self._wake()
        return sent > 0

    async def _tell(self, now: datetime) -> int:
        suggesting = self._suggesting
        await self._look(now)
        served = {row.id: row for row in await suggesting.served()} if any(self._open.values()) else {}
        waiting = [
            (-want, one, news) for news, wants in self._open.items() for one, want in wants.items()
            if one in served and await self._may(news, one, now)
        ]  # fmt: skip
        if not waiting or suggesting.harm(await suggesting.slots(), now).significant:
            return 0
        await suggesting.library.refresh()
        sent = 0
        for _, member_id, news in sorted(waiting, key=lambda one: (*one[:2], one[2].product_id, one[2].kind)):
            done = await self._one(news, served[member_id], now)
            if done is not None:
                del self._open[news][member_id]
            sent += bool(done)
        return sent

    async def _may(self, news: News, member_id: int, now: datetime) -> bool:
        """Does the ledger let them be told right now?"""
        refusal, place = self._suggesting.attention.refusal, (f"member:{member_id}", news.key(member_id), now)
        return await self._suggesting.database.read(lambda tx: refusal(tx, *place)) is None

    async def _look(self, now: datetime) -> None:
        """What is news, and for whom. Who wants it is asked once: what they ask about later, they know."""
        database, shop_id = self._suggesting.database, self._suggesting.shop_id
        newest: dict[tuple[str, int], int] = {}  # run by kind and product: what went before it is no news any more
        by_news: dict[tuple[str, int, int], list[Any]] = defaultdict(list)

        async def read(tx: Transaction) -> list[Any]:
            return [
                row for kind in (changes.STOCK, changes.PRICE)
                for row in await changes.since(tx, shop_id, kind, now - FRESH)
            ]  # fmt: skip

        for row in await database.read(read):
            if newest.setdefault((row.kind, row.product_id), row.run_id) == row.run_id:
                by_news[row.kind, row.run_id, row.product_id].append(row)
        found = {
            News(*key, each[0].at, tuple((one.variant_id, one.before, one.after) for one in each))
            for key, each in by_news.items()
        }
        fresh = found - self._open.keys() if self._suggesting.traits.policy != OFF else set()
        wanted = await database.read(lambda tx: self._wanted(tx, fresh)) if fresh else {}
        self._open = {news: self._open.get(news) or wanted.get(news, {}) for news in found}

    async def _wanted(self, tx: Transaction, fresh: set[News]) -> dict[News, dict[int, float]]:
        """Who waits for each of these, without whom the log has already."""
        shop_id = self._suggesting.shop_id
        back = [one for one in fresh if one.kind == changes.STOCK]
        cheap = [one for one in fresh if one.kind == changes.PRICE]
        found: dict[News, dict[int, float]] = {news: {} for news in fresh}
        if back:
            since = min(one.at for one in back) - WAITED
            asked = await interactions.asked_for(tx, sorted({one.product_id for one in back}), since)
            for news in back:
                those = [row for row in asked if row.product_id == news.product_id and row.at <= news.at]
                found[news] = {row.member_id: 1.0 for row in those}
        if cheap:
            held = await rows.of_subscribers(tx, shop_id, sorted({f"product:{one.product_id}" for one in cheap}))
            for news in cheap:
                for row in held:
                    if row.name == f"product:{news.product_id}":
                        score = Trait(row.name, row.score, row.at, row.events, row.last_id).now(news.at)
                        found[news][row.member_id] = found[news].get(row.member_id, 0.0) + score
        return {
            news: {
                one: want for one, want in wants.items()
                if want >= LIKED and not await suggestions.logged(tx, shop_id, news.key(one))
            }
            for news, wants in found.items()
        }  # fmt: skip

    async def _one(self, news: News, row: Any, now: datetime) -> bool | None:
        """Tell one member: True, it is on its way; False, they will not hear of it; None, not now."""
        suggesting, shop_id, key = self._suggesting, self._suggesting.shop_id, news.key(row.id)
        if not await self._may(news, row.id, now):
            return None  # another change took their place
        product = next(iter(await suggesting.library.named([news.product_id])), None)
        if product is None or sensitive(product) or (variant := _holds(news, product)) is None:
            return False
        if not await suggesting.database.read(lambda tx: suggesting.there(tx, row.id, product.id)):
            return False
        if held_out(shop_id, row.id, suggesting.holdout):
            await suggesting.database.write(lambda tx: suggestions.add(tx, shop_id, row.id, key, now))
            return False
        policy = suggesting.traits.policy
        known = await suggesting.database.read(lambda tx: profile(tx, shop_id, row.id, now, policy=policy))
        language = known.language or suggesting.language
        found = await self._worded(news, product, variant, language)
        choice = {"candidates": [product.id], "propensities": [1.0], "expected": [USUAL], "chosen": product.id}
        return await suggesting.send(row, now, key, found, language, choice) or None

    async def _worded(self, news: News, product: Product, variant: Variant, language: str) -> Suggested:
        """Said by code: the reason is the news itself, with the row's own values in it."""
        suggesting, make = self._suggesting, Maker(language)
        version = claims.as_of(suggesting.library)
        own = variant.label and len(product.variants) > 1
        name, price = make.name(product, variant if own else None), make.price(product, [variant] if own else None)
        assert price is not None  # it can be bought
        values = {"name": name.value, "price": price.value}
        said = [Claim("price", product.row, price.value, of=price.variants, name=product.title)]
        if news.kind == changes.STOCK:
            text = suggesting.texts.say(language, "{name}, which you asked about, is there again: {price}.", **values)
            said.append(Claim("stock", product.row, IN_STOCK, of=name.variants, name=product.title))
        else:
            was = next(before for one, before, _ in news.before if one == variant.id)
            assert was is not None
            values["was"] = make.money(was, variant.currency)
            text = suggesting.texts.say(language, "{name} caught your eye: it is {price} now, {was} before.", **values)
        said.append(claims.of_card(product, language))
        rests = await claims.rests(suggesting.library, version, language, text, [], said)
        why = ((REASONS[news.kind], product.title, 1.0),)
        return Suggested(text, "code", product, text, (name, price), (product.row,), rests, why=why)


def _holds(news: News, product: Product) -> Variant | None:
    """The variant that it is still true of: the cheapest that is back, or the one whose price fell most."""
    by_id = {one.id: one for one in product.buyable}
    some = [(by_id[one], before, after) for one, before, after in news.before if one in by_id]
    if news.kind == changes.STOCK:
        back = [one for one, *_ in some if one.in_stock]
        return min(back, key=lambda one: (one.price or 0, one.id), default=None)
    fell = [(before - after, one) for one, before, after in some if before and after and one.price == after]
    return max(fell, key=lambda pair: (pair[0], -pair[1].id), default=(0, None))[1]
