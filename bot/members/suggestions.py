"""A product put before one member, with its reason: when they ask, and unasked only to those who subscribed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from bot.attention import Attention
from bot.clock import Clock
from bot.knowledge import claims
from bot.knowledge.cards import card
from bot.knowledge.facts import Maker, needs_of
from bot.knowledge.library import Library
from bot.knowledge.rows import Product
from bot.knowledge.wording import Voice
from bot.members.profiles import Profile, profile
from bot.members.recommender import Candidate, recommend
from bot.members.signals.base import Reason
from bot.messages import Button, Outgoing
from bot.outbox import extra
from bot.texts import Texts
from llm.engine import Priority
from llm.protocol import Act, Fact, Plan
from storage import handoffs, members, outbox
from storage.database import Database, Transaction

KIND = "suggestion"
CHOICE = 10  # candidates looked at, so that one remains that was not suggested before


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


def same_id(platform: str, member: str) -> str:
    """A direct chat is named by the member's own id, as most networks do."""
    return member


class Suggestions:
    """`profiles` is PROFILES, resolved; `direct_chat` (platform, member's id on it) names a direct chat that the member
    never spoke in; '' where that platform is not served."""

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
        direct_chat: Callable[[str, str], str] = same_id,
    ) -> None:
        self._database, self._shop_id, self._zone = database, shop_id, ZoneInfo(timezone)
        self._library, self._voice, self._texts, self._signals = library, voice, texts, signals
        self._clock, self._profiles, self._language, self.direct_chat = clock, profiles, default_language, direct_chat
        self.attention = attention

    async def suggest(self, member_id: int, name: str, language: str, *, chat_id: int | None) -> Suggested | None:
        """What a member gets who asks; None where nothing is known of them yet, or nothing fits.

        `chat_id`: the group that it is shown in, so that only what was said there is used; None in a direct chat.
        """
        await self._library.refresh()
        now = self._clock.now()
        known = await self._database.read(
            lambda tx: profile(tx, self._shop_id, member_id, now, chat_id=chat_id, policy=self._profiles)
        )
        return await self._suggested(known, name, language, ())

    async def subscribe(self, member_id: int, on: bool) -> None:
        """Consent to suggestions, or its end: what waits to be sent is cancelled with it."""

        async def change(tx: Transaction) -> None:
            await members.change(tx, member_id, subscribed=on, **({"opted_out": False} if on else {}))
            if not on:
                await self.withdraw(tx, member_id)

        await self._database.write(change)

    async def withdraw(self, tx: Transaction, member_id: int) -> None:
        """What waits to be sent to them is not sent."""
        for key in await outbox.cancel(tx, self._shop_id, member_id, KIND):
            await self.attention.give_back(tx, key)

    async def push(self, now: datetime) -> int:
        """Put one suggestion for each subscriber into the outbox, as far as the ledger allows; how many there are.

        Safe to call again at any time: a member and day have one key.
        """
        await self._library.refresh()
        rows = await self._database.read(lambda tx: members.subscribers(tx, self._shop_id))
        served = [row for row in rows if self.direct_chat(row.platform, row.platform_id)]
        first = {row.id: row for row in reversed(served)}  # of several identities the one met first
        return sum([await self._push(row, now) for row in first.values()])

    async def _push(self, row: Any, now: datetime) -> bool:
        key, target = f"{KIND}:{row.id}:{now.astimezone(self._zone).date()}", f"member:{row.id}"
        if await self._database.read(lambda tx: self.attention.refusal(tx, target, key, now)):
            return False
        known = await self._database.read(lambda tx: profile(tx, self._shop_id, row.id, now, policy=self._profiles))
        before = await self._database.read(lambda tx: outbox.sources_for(tx, self._shop_id, row.id, KIND))
        language = known.language or self._language
        found = await self._suggested(known, row.name, language, before)
        if found is None:
            return False
        stop = Button(self._texts.say(language, "No more suggestions"), "/subscribe off")
        shown = Outgoing(found.text, (stop,), (card(found.product, language),))
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
            # Wording took its time: consent and ledger are asked again in the transaction that counts.
            member = await members.get(tx, row.id)
            if not member.subscribed or member.opted_out:
                return False
            chat = await members.direct_chat(tx, row.id, row.platform)
            if chat and await handoffs.in_force(tx, chat.id, now):
                return False  # a human is talking with them there
            if await self.attention.reserve(tx, target, KIND, key, now):
                return False
            if chat is None:
                place = self.direct_chat(row.platform, row.platform_id)
                chat = await members.enter(tx, self._shop_id, row.platform, place, row.name, True)
            await outbox.put(tx, self._shop_id, chat.id, key, KIND, found.text, now, **values)
            return True

        return await self._database.write(put)

    async def _suggested(self, known: Profile, name: str, language: str, before: Collection[str]) -> Suggested | None:
        version = claims.as_of(self._library)
        candidates = await recommend(self._library, self._signals, known, CHOICE)
        best = next((one for one in candidates if one.product.row not in before), None)
        if best is None:
            return None
        plan = self._plan(best, name, language)
        worded = await self._voice.say(plan, priority=Priority.SUGGESTION)
        reason = next(fact.value for fact in plan.facts if fact.kind == "reason")
        more = [claims.of_card(best.product, language)]
        rests = await claims.rests(self._library, version, language, worded.text, [plan], more)
        return Suggested(worded.text, worded.by, best.product, reason, worded.facts, plan.sources, rests, worded.model)

    def _plan(self, best: Candidate, name: str, language: str) -> Plan:
        make, product, why = Maker(language), best.product, best.reasons[0]
        title, price = make.name(product), make.price(product)
        reason = Fact("reason1", self._sentence(why, language), why.row, "title")
        member = [Fact("member", name, "member", "name")] if name else []
        facts = tuple(fact for fact in (*member, title, price, reason) if fact)
        values = {"reason": reason.value, "name": title.value, "price": price.value if price else ""}
        quote = self._texts.say(language, "{reason} {name} might suit you too: {price}.", **values)
        needs = needs_of(Act.SUGGEST, tuple(fact.slot for fact in facts))
        return Plan(Act.SUGGEST, language, facts, (), needs, quote, min(1.0, best.score), (product.row,))

    def _sentence(self, reason: Reason, language: str) -> str:
        """The true cause as a whole sentence."""
        if reason.kind == "asked":
            return self._texts.say(language, "You asked about {name}.", name=reason.about)
        raise ValueError(f"reason {reason.kind!r} of a signal has no sentence here; `asked` has")
