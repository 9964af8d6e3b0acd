"""Interactions -> traits: what a member does is written down, and what follows from it in the same transaction.

A trait is a row of a member, a chat and a name. `effects` says what one interaction adds to which names, and that is
all there is to say where a trait comes from: folding the interactions in order gives every row anew. What is said of a
category or brand is the sum of what is said of its products, worked out when it is looked at: an import may sort them
anew. Of who did not consent, and of what is sensitive, no row is written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.knowledge.library import Library
from bot.members import signs
from bot.members.sensitive import sensitive
from bot.members.signals.base import WORTH
from storage import interactions, products
from storage import traits as rows
from storage.database import Transaction

NOTICE, OPTIN, OFF = "notice", "optin", "off"  # PROFILES
COMPLAINED = -2.0  # of a product
REACTED = 0.5  # a thumb, beside which way it points
LIKED, DISLIKED = 1.0, -2.0  # beside what the kind is worth, where it was praised or not
DAY = 86_400.0  # seconds
HALF_LIVES = {"product": 30 * DAY, "aspect": 90 * DAY, "intent": 3 * DAY}  # what else there is does not fade
LATEST = ("budget",)  # of these the newest value holds
RATES = {head: 1 / half_life for head, half_life in HALF_LIVES.items()}
SLICE = 2_000  # interactions that are read at once
CACHED = 50_000  # products of which it is remembered whether they are sensitive


class Event(NamedTuple):
    """An interaction without its words. `data`: their `signs`; `amount`, `currency` and `orders` of a purchase."""

    id: int
    kind: str
    at: datetime
    product_id: int | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Trait:
    """`score` is that of the moment `at`, in seconds since 1970; `events` interactions are behind it, the last of them
    is `last_id`."""

    name: str
    score: float
    at: float
    events: int
    last_id: int

    def now(self, moment: datetime) -> float:
        return faded(self.name, self.score, moment.timestamp() - self.at)


def faded(name: str, score: float, age: float) -> float:
    """What a score of this name is worth after so many seconds."""
    half_life = HALF_LIVES.get(name.partition(":")[0])
    return score if half_life is None else score * 0.5 ** (age / half_life)


def effects(event: Event) -> Iterator[tuple[str, float]]:
    """What an interaction adds to which traits."""
    data = event.data or {}
    if data.get("bot") or "parked" in data or event.kind == "removed":
        return  # a program's, decided later, or taken out of the talk
    said: Sequence[str] = data.get("signs", ())
    yield f"did:{event.kind}", float(data.get("orders", 1))
    if event.kind in interactions.SPOKEN:
        spoken = next((one[3:] for one in said if one.startswith("in:")), "")
        # language and hour (UTC) in one row: two would be written each time
        yield f"spoke:{spoken}:{event.at.hour}", 1.0
    if event.product_id is not None and event.kind != "dismissed":  # /suggest minds it, and can take it back
        yield f"product:{event.product_id}", _worth(event.kind, said)
    if "amount" in data:
        yield f"money:{data['currency']}", float(data["amount"])
    for sign in said:
        head, _, value = sign.partition(":")
        if head == "buy":
            yield "intent:buy", 1.0
        elif head == "budget":
            yield "budget", float(value)
        elif len(head) > 1 and head[0] in "+-=":
            yield f"aspect:{head[1:]}:{head[0]}", 1.0


def _worth(kind: str, said: Sequence[str]) -> float:
    if kind == "complained":
        return COMPLAINED
    judged = {one[0] for one in said}
    worth = REACTED if kind == "reacted" else WORTH.get(kind, WORTH["asked"])
    return worth + LIKED * ("+" in judged) + DISLIKED * ("-" in judged)


def folded(held: Any, name: str, amount: float, event: Event) -> Trait:
    """The trait with one interaction more; `held` has score, at and events, or is None. Also of one that is older."""
    at = event.at.timestamp()
    if held is None:
        return Trait(name, amount, at, 1, event.id)
    if name in LATEST:
        score = amount if at >= held.at else held.score
    elif at >= held.at:
        score = faded(name, held.score, at - held.at) + amount
    else:
        score = held.score + faded(name, amount, held.at - at)
    return Trait(name, score, max(at, held.at), held.events + 1, event.id)


def fold(held: dict[str, Trait], event: Event) -> None:
    """Add an interaction to the traits of a member from one chat."""
    for name, amount in effects(event):
        held[name] = folded(held.get(name), name, amount, event)


class Traits:
    """Everything that a member does is written down by `record`. `policy` is PROFILES, resolved."""

    def __init__(self, library: Library, policy: str) -> None:
        self._library, self.policy = library, policy
        self._version: object = None
        self._private: dict[int, bool] = {}  # product -> whether it is sensitive, of one version of the catalogue

    @property
    def shop_id(self) -> int:
        return self._library.shop_id

    @property
    def subscribed_only(self) -> bool:
        return self.policy == OPTIN

    def allowed(self, member: Any) -> bool:
        """May anything be derived of this member? It has `subscribed` and `opted_out`."""
        return not member.opted_out and (self.policy == NOTICE or (self.policy == OPTIN and bool(member.subscribed)))

    async def record(
        self,
        tx: Transaction,
        member_id: int,
        chat_id: int,
        kind: str,
        at: datetime,
        *,
        text: str = "",
        message_id: str = "",
        product_id: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Add an interaction, and to the member's traits what follows from it; its id, or None where the member is not
        there any more."""
        allowed = await self._allowed(tx, member_id)
        held = self._read(kind, text, data or {}) if allowed else _unsigned(data or {})
        more = {"text": text, "message_id": message_id, "product_id": product_id, "data": held}
        own = await interactions.add(tx, self.shop_id, member_id, chat_id, kind, at, **more)  # type: ignore[arg-type]
        if allowed and own is not None:
            await self._take(tx, member_id, chat_id, Event(own, kind, at, product_id, held))
        return own

    async def once(self, tx: Transaction, member_id: int, chat_id: int, kind: str, at: datetime) -> int | None:
        """The same of what is no message, where it was not recorded before."""
        found = await interactions.find(tx, member_id, chat_id, kind, at)
        return found if found is not None else await self.record(tx, member_id, chat_id, kind, at)

    async def settle(
        self,
        tx: Transaction,
        member_id: int,
        chat_id: int,
        kind: str,
        at: datetime,
        *,
        text: str,
        message_id: str,
        product_id: int | None,
        data: Mapping[str, Any],
    ) -> None:
        """What a message turned out to be that was recorded while it was parked."""
        allowed = await self._allowed(tx, member_id)
        held = self._read(kind, text, data) if allowed else _unsigned(data)
        for own in await interactions.settle(tx, chat_id, message_id, kind, product_id, held):
            if allowed:
                await self._take(tx, member_id, chat_id, Event(own, kind, at, product_id, held))

    async def rebuild(self, tx: Transaction, member_id: int) -> int:
        """Derive all of a member's traits anew, or remove them where they may not be kept, with what their words said;
        how many interactions they come from."""
        await rows.drop(tx, member_id)
        if not await self._allowed(tx, member_id):
            await self._unsign(tx, member_id)
            return 0
        count, after, chats = 0, 0, dict[int, dict[str, Trait]]()
        while found := await interactions.history(tx, member_id, after, SLICE):
            for row in found:
                event = Event(row.id, row.kind, row.at, row.product_id, await self._understood(tx, row))
                fold(chats.setdefault(row.chat_id, {}), await self._kept(tx, event))
            count, after = count + len(found), found[-1].id
        for chat_id, kept in chats.items():
            await rows.put(tx, [self._row(member_id, chat_id, one) for one in kept.values()])
        return count

    async def _unsign(self, tx: Transaction, member_id: int) -> None:
        after = 0
        while found := await interactions.history(tx, member_id, after, SLICE):
            after = found[-1].id
            for row in found:
                if "signs" in row.data:
                    await interactions.mark(tx, row.id, _unsigned(row.data))

    async def sources(self, tx: Transaction, member_id: int, name: str, chat_id: int | None = None) -> list[int]:
        """The interactions that a trait comes from, oldest first."""
        found, after = list[int](), 0
        while held := await interactions.history(tx, member_id, after, SLICE):
            after = held[-1].id
            for row in held:
                event = Event(row.id, row.kind, row.at, row.product_id, row.data)
                if chat_id in (None, row.chat_id) and name in dict(effects(event)):
                    found.append(row.id)
        return found

    async def catch_up(self) -> int:
        """Derive the traits of who has none, and remove those of who may have none; how many members that were."""

        async def stale(tx: Transaction) -> list[int]:
            only = {"subscribed_only": self.subscribed_only}
            gone = await rows.withdrawn(tx, self.shop_id, **only, nobody=self.policy == OFF)
            return gone if self.policy == OFF else gone + await rows.underived(tx, self.shop_id, **only)

        found = await self._library.database.read(stale)
        return await self.rebuild_all(found)

    async def rebuild_all(self, member_ids: Sequence[int], progress: Callable[[int], None] = lambda count: None) -> int:
        """Derive all traits of these anew, each in a transaction of its own. `progress` hears of every member how many
        interactions it took."""
        for member_id in member_ids:
            progress(await self._library.database.write(lambda tx, one=member_id: self.rebuild(tx, one)))  # type: ignore[misc]
        return len(member_ids)

    async def _allowed(self, tx: Transaction, member_id: int) -> bool:
        member = await rows.consent(tx, member_id) if self.policy != OFF else None
        return member is not None and self.allowed(member)

    def _read(self, kind: str, text: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data with the signs of a member's words."""
        own = kind in interactions.SPOKEN and text and not data.get("bot") and not data.get("admin")
        found = signs.read(text) if own and "signs" not in data else []
        return {**data, "signs": found} if found else dict(data)

    async def _understood(self, tx: Transaction, row: Any) -> Mapping[str, Any]:
        """An interaction's data; where its words are not read yet, with their signs from now on."""
        held = self._read(row.kind, row.text, row.data)
        if held != row.data:
            await interactions.mark(tx, row.id, held)
        return held

    async def _take(self, tx: Transaction, member_id: int, chat_id: int, event: Event) -> None:
        """Add one interaction to the rows: SQL fades and adds. Only where the newest holds they are looked at first."""
        at, shop, own = event.at.timestamp(), self.shop_id, event.id
        found = [*effects(await self._kept(tx, event))]
        added = [
            (member_id, chat_id, name, shop, amount, at, 1, own, RATES.get(name[: name.find(":")], 0.0))
            for name, amount in found
            if name not in LATEST
        ]
        await rows.add(tx, added)
        if len(added) < len(found):
            latest = {name: amount for name, amount in found if name in LATEST}
            held = await rows.find(tx, member_id, chat_id, [*latest])
            kept = [folded(held.get(name), name, amount, event) for name, amount in latest.items()]
            await rows.put(tx, [self._row(member_id, chat_id, one) for one in kept])

    def _row(self, member_id: int, chat_id: int, one: Trait) -> rows.Values:
        return member_id, chat_id, one.name, self.shop_id, one.score, one.at, one.events, one.last_id

    async def _kept(self, tx: Transaction, event: Event) -> Event:
        """The event, without its product where that is sensitive."""
        if event.product_id is None or not await self._is_private(tx, event.product_id):
            return event
        return Event(event.id, event.kind, event.at, None, event.data)

    async def _is_private(self, tx: Transaction, product_id: int) -> bool:
        version = self._library.version
        if version != self._version or len(self._private) > CACHED:
            self._version, self._private = version, {}
        known = self._private
        if product_id not in known:
            row = await products.described(tx, product_id)
            known[product_id] = row is not None and sensitive(row)
        return known[product_id]


def _unsigned(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what somebody's words or thumb say of them."""
    return {name: value for name, value in data.items() if name != "signs"}
