"""Who comes into a chat and who leaves it: the bot itself, by somebody's hand, and members."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.changeable import in_force
from bot.commands.base import Shop, Tools
from bot.messages import Button, Kind, Message, Outgoing
from bot.outbox import extra
from bot.people import Known
from bot.safety.verdict import Safety
from bot.texts import listing
from storage import inbox, interactions, outbox
from storage.database import Transaction

KINDS = (Kind.ADDED, Kind.JOINED, Kind.LEFT)
GATHER = timedelta(seconds=20)  # who else joins until then is greeted with them
PAUSE = timedelta(minutes=5)  # between two greetings in a chat
NAMED = 10  # of those greeted at once; more are only counted
NAME = 40  # characters of a name that is called out
GREETING = "greeting"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All of it is recorded. The bot introduces itself once in each group; members are greeted in mode lively only."""

    shop: Shop
    tools: Tools
    safety: Safety

    async def handle(self, inbox_id: int, message: Message, known: Known, mode: str) -> None:
        """Returns once the message is done with, or parked until its greeting is due."""
        greet = message.kind is Kind.JOINED and mode == "lively" and not message.sender.bot and not known.chat.direct

        async def look(tx: Transaction) -> None:
            own = await self._keep(tx, message, known)
            if greet and own is not None and (due := await self._greet(tx, inbox_id, message, known, own)):
                return await inbox.park(tx, inbox_id, due)
            if message.kind is Kind.ADDED and not known.chat.direct:
                await self._introduce(tx, known)
            return await inbox.done(tx, inbox_id)

        await self.tools.database.write(look)

    async def _keep(self, tx: Transaction, message: Message, known: Known) -> int | None:
        """The interaction that it is, added at the first look; its id, or None where they are forgotten."""
        place = (known.member_id, known.chat.id, message.kind.value, message.at)
        return await self.tools.suggestions.traits.once(tx, *place)

    async def _introduce(self, tx: Transaction, known: Known) -> None:
        key, language = f"welcome:{known.chat.id}", known.chat.language or self.shop.language
        if await outbox.by_key(tx, self.shop.id, key):
            return
        say = self.tools.texts.say
        days = (await in_force(tx, self.shop.id, self.tools.settings)).retention_days
        lines = [
            say(
                language,
                "Hello! I'm the assistant of {shop}: I answer questions about its products, delivery and returns, and "
                "call a human when I can't.",
                shop=self.shop.name,
            ),
            say(
                language,
                "To do so I keep what is said here for {days} days, and longer who asked about which product. /privacy "
                "says it all.",
                days=days,
            ),
            say(language, "/help shows what I can do. Admins say when I speak: /mode."),
        ]
        buttons = (Button(say(language, "Privacy"), "/privacy"), Button(say(language, "Help"), "/help"))
        await self._put(tx, known, key, "notice", Outgoing("\n".join(lines), buttons), language=language)

    async def _greet(self, tx: Transaction, inbox_id: int, message: Message, known: Known, own: int) -> datetime | None:
        """Greet all who joined since the last greeting, a little after the first of them and not too often; when to
        look again."""
        now, last = self.tools.clock.now(), await outbox.last_of(tx, known.chat.id, GREETING)
        if last is not None and own <= last.extra["greeted"]:
            return None
        due = message.at + GATHER if last is None else max(message.at + GATHER, last.created + PAUSE)
        if due > now:
            return due
        came = await interactions.joined(tx, known.chat.id, last.extra["greeted"] if last else 0, now - 2 * PAUSE)
        if came:
            language, newest = known.chat.language or self.shop.language, max(own, came[-1].id)
            text = self._greeting(language, [row.name for row in came])
            more = {"language": language, "greeted": newest}
            await self._put(tx, known, f"greeting:{inbox_id}", GREETING, Outgoing(text), **more)
        return None

    def _greeting(self, language: str, names: list[str]) -> str:
        """Names are their bearers' own words: one that may not be said is left out."""
        short = (name for name in dict.fromkeys(names) if len(name) <= NAME)
        said = [name for name in short if not self.safety.verdict(name, "out", names=(name,))]
        say, shop, called = self.tools.texts.say, self.shop.name, listing(said, language)
        if not said or len(names) > NAMED:
            return say(language, "Welcome, all of you! Ask me about {shop}; /help shows how.", shop=shop)
        return say(language, "Welcome, {names}! Ask me about {shop}; /help shows how.", shop=shop, names=called)

    async def _put(self, tx: Transaction, known: Known, key: str, kind: str, shown: Outgoing, **more: Any) -> None:
        place = (self.shop.id, known.chat.id, key, kind)
        await outbox.put(tx, *place, shown.text, self.tools.clock.now(), extra=extra(shown, **more))
