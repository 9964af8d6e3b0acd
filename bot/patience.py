"""In front of the router: whoever is over budget costs no step of an engine, and is told once to wait."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.budgets import HEARD, Budgets, Cost, Over, Scope
from bot.clock import Clock
from bot.commands.base import Shop
from bot.config import Settings
from bot.language import language
from bot.members.traits import Traits
from bot.messages import Kind, Message, Outgoing, Role
from bot.outbox import extra
from bot.people import Known, People
from bot.texts import Texts
from storage import inbox, interactions, outbox
from storage.database import Database, Job, Transaction

MEANT = (Kind.BUTTON, Kind.FILE)  # what is always said to the bot
COUNTED = (Kind.TEXT, *MEANT)
Keys = tuple[tuple[Scope, str], ...]


def budgets_of(settings: Settings) -> Budgets:
    """Twice the tokens of a reply, since one that is refused is written again; half of the time that it may take."""
    return Budgets(settings.member_budget, 2 * settings.llm_reply_tokens, settings.llm_deadline / 2)


@dataclass(slots=True)
class Patience:
    """`handle` and `at_once` are the intake's, `inner` and `inner_at_once` the router's. Admins have no budget."""

    database: Database
    shop: Shop
    clock: Clock
    texts: Texts
    budgets: Budgets
    people: People
    traits: Traits
    inner: Callable[[int, Message, Any], Awaitable[None]]
    inner_at_once: Callable[[Message, bool], tuple[Job[Any], bool] | None]
    wake: Callable[[], None]
    _answered: set[str] = field(default_factory=set)  # messages under way that got an answer

    async def handle(self, inbox_id: int, message: Message, seen: Any) -> None:
        keys, began = _keys(message), self.clock.now()
        if over := self.budgets.over(keys, began):
            return await self._put_off(inbox_id, message, keys, over, began)
        try:
            await self.inner(inbox_id, message, seen)
        finally:
            answered = message.key in self._answered
            self._answered.discard(message.key)
        if not answered:
            now = self.clock.now()
            took = Cost(0, (now - began).total_seconds() if _commands(message) else 0.0)
            self.budgets.spend(keys, now, took, 1.0 if _commands(message) else HEARD)
        return None

    def spent(self, message: Message, cost: Cost) -> None:
        """What the answer to a message took, which an engine may have worded."""
        self._answered.add(message.key)
        self.budgets.spend(_keys(message), self.clock.now(), cost, 1.0)

    def at_once(self, message: Message, alone: bool) -> tuple[Job[Any], bool] | None:
        """Who knows that they have to wait is recorded in the transaction that takes the message in."""
        over = self.budgets.over(_keys(message), self.clock.now())
        if over is None:
            return self.inner_at_once(message, alone)
        known = self.people.met(message)
        if known is None or not (over.told or not _asks(message)):
            return None
        return lambda tx: self._keep(tx, message, known), True

    async def _put_off(self, inbox_id: int, message: Message, keys: Keys, over: Over, now: datetime) -> None:
        known = await self.people.meet(message, now)
        if known is None:  # they were forgotten after they said it
            await self.database.write(lambda tx: inbox.drop(tx, inbox_id))
            return
        tells = _asks(message) and not over.told
        default = message.sender.language or known.chat.language or self.shop.language
        spoken = default if _commands(message) else language(message.text, default)
        text = self._text(spoken, over)
        held = extra(Outgoing(text, ticket=message.ticket), language=spoken)
        place = (self.shop.id, known.chat.id, f"reply:{inbox_id}", "reply", text, now)

        async def done(tx: Transaction) -> None:
            await inbox.done(tx, inbox_id)
            if await interactions.author(tx, known.chat.id, message.id) is None:  # else it was parked, and is kept
                await self._keep(tx, message, known)
            if tells:
                await outbox.put(
                    tx, *place, action="refuse", member_id=known.member_id, extra=held,
                    reply_to="" if known.chat.direct else message.id,
                )  # fmt: skip

        await self.database.write(done)
        if tells:
            self.budgets.tell(keys, over.scope)
            self.wake()

    async def _keep(self, tx: Transaction, message: Message, known: Known) -> None:
        kind = "commanded" if _commands(message) else "said"
        data: dict[str, Any] = {"reply_to": message.reply_to} if message.reply_to else {}
        data |= {"bot": True} if message.sender.bot else {}
        place = (known.member_id, known.chat.id, kind, message.at)
        await self.traits.record(tx, *place, text=message.text, message_id=message.id, data=data)

    def _text(self, spoken: str, over: Over) -> str:
        say, minutes = self.texts.say, max(1, -(-over.wait // timedelta(minutes=1)))
        if over.scope == "member":
            return say(
                spoken, "That was a lot in a short time. I answer you again in {minutes} min; until then I read only.",
                minutes=minutes,
            )  # fmt: skip
        return say(
            spoken, "I'm asked a lot just now. I answer here again in {minutes} min; until then I read only.",
            minutes=minutes,
        )  # fmt: skip


def _keys(message: Message) -> Keys:
    """Whose budgets a message draws on."""
    if message.sender.role is Role.ADMIN or message.kind not in COUNTED:
        return ()
    network = message.chat.platform
    return (
        ("member", f"{network}:{message.sender.id}"), ("chat", f"{network}:{message.chat.id}"), ("all", ""),
    )  # fmt: skip


def _asks(message: Message) -> bool:
    """Is it meant for the bot, so that who waits should hear why nothing comes?"""
    return message.addressed or message.chat.direct or _commands(message)


def _commands(message: Message) -> bool:
    return message.kind in MEANT or message.text.startswith("/")
