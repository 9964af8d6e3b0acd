"""A product put before one member, with its reason: when they ask, and unasked only to those who subscribed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bot.attention import Attention
from bot.clock import Clock
from bot.knowledge import claims
from bot.knowledge.cards import card
from bot.knowledge.facts import Maker, needs_of
from bot.knowledge.library import Library
from bot.knowledge.rows import Product, read_products
from bot.knowledge.wording import Voice
from bot.members.bandit import CANDIDATES, HOLDOUT, Rates, draw, generator, held_out
from bot.members.lift import Harm, harm
from bot.members.profiles import Profile, profile
from bot.members.recommender import Candidate, Recommender
from bot.members.traits import Traits
from bot.messages import Button, Outgoing
from bot.outbox import extra
from bot.texts import Texts
from llm.engine import Priority
from llm.protocol import Act, Fact, Plan
from storage import handoffs, interactions, members, outbox, suggestions
from storage.database import Database, Transaction

KIND = "suggestion"
CHOICE = 30  # products looked at, so that some remain that were not suggested before
JUDGED = timedelta(days=1)  # what follows a suggestion within that time is held to be its work


@dataclass(frozen=True, slots=True)
class Suggested:
    """`text` is ready to be shown, `reason` the sentence in it that says why; `by` is model or quote.

    `model` is the name of the one that worded it.
    """

    text: str
    by: str
    product: Product
    reason: str
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    rests: Mapping[str, Any]
    model: str = ""
    why: tuple[tuple[str, str, float], ...] = ()  # every cause: its kind, the title it is about, its part of the score


def same_id(platform: str, member: str) -> str:
    """A direct chat is named by the member's own id, as most networks do."""
    return member


class Suggestions:
    """`profiles` is PROFILES, resolved; `holdout` the share of subscribers that are sent nothing unasked, by chance, so
    that `/lift` can tell what suggestions do; `direct_chat` (platform, member's id on it) names a direct chat that the
    member never spoke in; '' where that platform is not served."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        timezone: str,
        library: Library,
        voice: Voice,
        attention: Attention,
        clock: Clock,
        texts: Texts,
        signals: Sequence[ModuleType],
        profiles: str = "notice",
        default_language: str = "en",
        holdout: float = HOLDOUT,
        direct_chat: Callable[[str, str], str] = same_id,
    ) -> None:
        self.database, self.shop_id, self._zone = database, shop_id, ZoneInfo(timezone)
        self.library, self._voice, self.texts, self.holdout = library, voice, texts, holdout
        self.recommender, self.traits = Recommender(library, signals, profiles), Traits(library, profiles)
        self._clock, self._profiles, self.language, self.direct_chat = clock, profiles, default_language, direct_chat
        self.attention = attention

    async def suggest(self, member_id: int, name: str, language: str, *, chat_id: int | None) -> Suggested | None:
        """What a member gets who asks; None where nothing is known of them yet, or nothing fits.

        `chat_id`: the group that it is shown in, so that only what was said there is used; None in a direct chat.
        """
        await self.library.refresh()
        now = self._clock.now()
        known = await self.database.read(
            lambda tx: profile(tx, self.shop_id, member_id, now, chat_id=chat_id, policy=self._profiles)
        )
        found = await self.fitting(known, now)
        return await self._worded(found[0], name, language) if found else None

    async def fitting(self, known: Profile, now: datetime, *, unasked: bool = False) -> list[Candidate]:
        """What fits a member, best first, without what they turned down."""
        found = await self.recommender.recommend(known, now, CHOICE, unasked=unasked)
        down = partial(interactions.turned_down, member_id=known.member_id)
        products, brands = await self.database.read(down)
        return [one for one in found if one.product.id not in products and one.product.brand.casefold() not in brands]

    def buttons(self, product: Product, language: str) -> tuple[Button, ...]:
        """What can be said to a suggestion, but for its end."""
        say = partial(self.texts.say, language)
        hide = (Button(say("Hide this brand"), f"/suggest hide {product.id}"),) if product.brand else ()
        return (
            Button(say("Tell me more"), f"/ask {product.title}"),
            Button(say("More like this"), f"/suggest more {product.id}"),
            Button(say("Not for me"), f"/suggest not {product.id}"),
            *hide,
        )

    async def subscribe(self, member_id: int, on: bool) -> None:
        """Consent to suggestions, or its end: what waits to be sent is cancelled with it."""

        async def change(tx: Transaction) -> None:
            await members.change(tx, member_id, subscribed=on, **({"opted_out": False} if on else {}))
            if on or self.traits.subscribed_only:
                await self.traits.rebuild(tx, member_id)
            if not on:
                await self.withdraw(tx, member_id)
                await suggestions.stop(tx, self.shop_id, member_id, self._clock.now())

        await self.database.write(change)

    async def withdraw(self, tx: Transaction, member_id: int) -> None:
        """What waits to be sent to them is not sent."""
        for key in await outbox.cancel(tx, self.shop_id, member_id, KIND):
            await self.attention.give_back(tx, key)

    async def push(self, now: datetime) -> int:
        """Put one suggestion for each subscriber into the outbox, as far as the ledger allows; how many there are.

        Safe to call again at any time: a member and day have one key. Nothing is sent once the holdout shows that
        suggestions drive members away, until an admin resumes them.
        """
        await self.library.refresh()
        slots = await self.slots()
        if self.harm(slots, now).significant:
            return 0
        served = await self.served()
        rates = await self.recommender.rates(slots, now) if served else None
        return sum([await self._push(row, now, rates) for row in served]) if rates else 0

    async def served(self) -> list[Any]:
        """Subscribers that can be written to; of several identities the one met first."""
        rows = await self.database.read(lambda tx: members.subscribers(tx, self.shop_id))
        served = [row for row in rows if self.direct_chat(row.platform, row.platform_id)]
        return list({row.id: row for row in reversed(served)}.values())

    async def slots(self) -> list[suggestions.Slot]:
        """The log of suggestions, with what followed each within a day."""
        return await self.database.read(lambda tx: suggestions.slots(tx, self.shop_id, JUDGED))

    def harm(self, slots: Sequence[suggestions.Slot], now: datetime) -> Harm:
        """The evidence that suggestions drive members away, since they were last resumed."""
        judged = [one for one in slots if not one.past and one.at + JUDGED <= now]
        return harm([one.holdout for one in judged], [one.gone for one in judged], self.holdout)

    async def _push(self, row: Any, now: datetime, rates: Rates) -> bool:
        key, target = f"{KIND}:{row.id}:{now.astimezone(self._zone).date()}", f"member:{row.id}"
        if await self.database.read(lambda tx: self.attention.refusal(tx, target, key, now)):
            return False
        known = await self.database.read(lambda tx: profile(tx, self.shop_id, row.id, now, policy=self._profiles))
        before = await self.database.read(lambda tx: outbox.sources_for(tx, self.shop_id, row.id, KIND))
        language = known.language or self.language
        fitting = await self.fitting(known, now, unasked=True)
        candidates = [one for one in fitting if one.product.row not in before][:CANDIDATES]
        if not candidates:
            return False
        if held_out(self.shop_id, row.id, self.holdout):
            await self.database.write(lambda tx: suggestions.add(tx, self.shop_id, row.id, key, now))
            return False
        best, choice = choose(candidates, rates, key)
        found = await self._worded(best, row.name, language)
        return await self.send(row, now, key, found, language, choice, again=best.reasons[0].kind == "again")

    async def send(
        self, row: Any, now: datetime, key: str, found: Suggested, language: str, choice: Mapping[str, Any], *,
        again: bool = False,
    ) -> bool:  # fmt: skip
        """Put a suggestion into the outbox with its slot in the log, once for its key; False where it may not be sent.

        `row` is a subscriber's, `again` says that they may have the product already.
        """
        stop = Button(self.texts.say(language, "No more suggestions"), "/subscribe off")
        buttons = (*self.buttons(found.product, language), stop)
        shown = Outgoing(found.text, buttons, (card(found.product, language),), why=found.why)
        values = {
            "member_id": row.id,
            "worded_by": found.by,
            "model": found.model,
            "extra": extra(shown, act=Act.SUGGEST, language=language),
            "facts": [[fact.slot, fact.kind, fact.row, fact.field, fact.value] for fact in found.facts],
            "sources": list(found.sources),
            **found.rests,
        }

        async def put(tx: Transaction) -> bool:
            # Wording took its time: consent, the product and the ledger are asked again in the transaction that counts.
            member = await members.get(tx, row.id)
            if not member.subscribed or member.opted_out or await suggestions.logged(tx, self.shop_id, key):
                return False
            if not await self.there(tx, row.id, found.product.id, again):
                return False
            chat = await members.direct_chat(tx, row.id, row.platform)
            if chat and await handoffs.in_force(tx, chat.id, now):
                return False  # a human is talking with them there
            if await self.attention.reserve(tx, f"member:{row.id}", KIND, key, now):
                return False
            await suggestions.add(tx, self.shop_id, row.id, key, now, **choice)
            if chat is None:
                place = self.direct_chat(row.platform, row.platform_id)
                chat = await members.enter(tx, self.shop_id, row.platform, place, row.name, True)
            await outbox.put(tx, self.shop_id, chat.id, key, KIND, found.text, now, **values)
            return True

        return await self.database.write(put)

    async def there(self, tx: Transaction, member_id: int, product_id: int, again: bool = False) -> bool:
        """Can it be bought right now, and does the member neither mind it nor, but for `again`, have it?"""
        found = await read_products(tx, self.shop_id, [product_id])
        if not found or found[0].in_stock is False or not found[0].prices:
            return False
        products, brands = await interactions.turned_down(tx, member_id)
        if product_id in products or found[0].brand.casefold() in brands:
            return False
        return again or not await interactions.owns(tx, member_id, product_id)

    async def _worded(self, best: Candidate, name: str, language: str) -> Suggested:
        version = claims.as_of(self.library)
        plan = self._plan(best, name, language)
        worded = await self._voice.say(plan, priority=Priority.SUGGESTION)
        reason = next(fact.value for fact in plan.facts if fact.kind == "reason")
        more = [claims.of_card(best.product, language)]
        rests = await claims.rests(self.library, version, language, worded.text, [plan], more)
        why = tuple((one.kind, one.about, one.value) for one in best.reasons)
        return Suggested(
            worded.text, worded.by, best.product, reason, worded.facts, plan.sources, rests, worded.model, why
        )

    def _plan(self, best: Candidate, name: str, language: str) -> Plan:
        make, product, why = Maker(language), best.product, best.reasons[0]
        title, price = make.name(product), make.price(product)
        reason = Fact("reason1", self.sentence(why.kind, why.about, language), why.row, "title")
        member = [Fact("member", name, "member", "name")] if name else []
        facts = tuple(fact for fact in (*member, title, price, reason) if fact)
        values = {"reason": reason.value, "name": title.value, "price": price.value if price else ""}
        quote = self.texts.say(language, "{reason} {name} might suit you too: {price}.", **values)
        needs = needs_of(Act.SUGGEST, tuple(fact.slot for fact in facts))
        return Plan(Act.SUGGEST, language, facts, (), needs, quote, min(1.0, best.score), (product.row,))

    def sentence(self, kind: str, about: str, language: str) -> str:
        """A cause as a whole sentence."""
        match kind:
            case "asked":
                return self.texts.say(language, "You asked about {name}.", name=about)
            case "together":
                return self.texts.say(language, "You asked about {name}, and so did others who like this.", name=about)
            case "again":
                return self.texts.say(language, "You bought {name} before, and may need it again.", name=about)
            case "said":
                return self.texts.say(language, "It fits what you just said.")
            case "back":
                return self.texts.say(language, "You asked about {name}, and it is there again.", name=about)
            case "cheaper":
                return self.texts.say(language, "{name} caught your eye, and its price fell.", name=about)
            case "popular":
                return self.texts.say(language, "Many members ask about it these days.")
        raise ValueError(f"reason {kind!r} of a signal has no sentence here")


def choose(candidates: Sequence[Candidate], rates: Rates, key: str) -> tuple[Candidate, dict[str, Any]]:
    """One of the candidates by Thompson sampling, the same for the same key; and what the log keeps of the choice."""
    items = np.array([one.place for one in candidates])
    values = np.array([[*one.values.values()] for one in candidates])
    rng = generator(key)
    chances = rates.propensities(items, values, rng)
    best = candidates[draw(chances, rng)]
    expected = rates.expected(values) * rates.quality()[items]
    return best, {
        "candidates": [one.product.id for one in candidates],
        "propensities": chances.tolist(),
        "expected": expected.tolist(),
        "values": dict(best.values),
        "chosen": best.product.id,
    }
