"""Words that stand nowhere else, planted per shop, chat and member, and looked for in all that an engine is shown and
in all that members see."""

import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from bot.clock import ManualClock
from bot.messages import Capabilities, Chat, Outgoing
from bot.platforms.base import Action, Platform, Receive
from llm.engine import Delta, Engine, Priority, Report, Request

CANARY = re.compile(r"zq[a-z]{6}", re.IGNORECASE)
ADMIN = 0  # the first member of each shop


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a canary was planted; `shop`: in its rows. A member's name is seen wherever they speak: it has no chat."""

    shop: int
    chat: str = ""
    member: str = ""
    private: bool = False  # said where the chat's others don't see it
    rows: bool = False


@dataclass(slots=True)
class Watch:
    """The ledger of what was planted, and what turned up where it must not."""

    planted: dict[str, Origin] = field(default_factory=dict)
    crossed: list[str] = field(default_factory=list)
    looked: dict[str, int] = field(default_factory=lambda: {"requests": 0, "messages": 0})
    spoke: set[tuple[str, str]] = field(default_factory=set)  # (member, chat)
    saying: tuple[str, str] = ("", "")  # member and chat of the event under way
    published: set[str] = field(default_factory=set)  # an admin answered it, which makes it a title of the shop's

    def plant(self, origin: Origin) -> str:
        number, letters = len(self.planted), ""
        for _ in range(6):
            number, digit = divmod(number, 26)
            letters += chr(97 + digit)
        self.planted[f"zq{letters}"] = origin
        return f"zq{letters}"

    def look(self, where: str, text: str, *, shop: int, chat: str, to: str = "", admin: bool = False) -> None:
        """`to`: the only member who sees it, '' where all of the chat do. Admins may see what their shop was told."""
        for found in set(map(str.lower, CANARY.findall(text))):
            origin = self.planted.get(found)
            if origin and where == "message" and self._echoed(origin, chat, to):
                self.planted[found] = replace(origin, private=False)
            elif origin and not self._may(found, origin, shop, chat, to, admin):
                self.crossed.append(f"{where}: {found} of {origin} in shop {shop}, chat {chat!r}, to {to!r}: {text!r}")

    def _may(self, found: str, origin: Origin, shop: int, chat: str, to: str, admin: bool) -> bool:
        if origin.shop != shop:
            return False
        if origin.rows or admin or found in self.published:
            return True
        if origin.member and origin.member == to:
            return True
        if not origin.chat:  # a name: of who spoke there, or is being answered there
            return (origin.member, chat) in self.spoke or (origin.member, chat) == self.saying
        return origin.chat == chat and not origin.private

    def _echoed(self, origin: Origin, chat: str, to: str) -> bool:
        """Is it an answer to all, such as "I don't know /zq", which tells that it was typed before all?"""
        here = origin.chat == chat and (origin.member, chat) == self.saying
        return origin.private and here and not to


class Place(Platform):
    """One shop's network: it tells the watch everything that members see."""

    def __init__(self, number: int, watch: Watch, clock: ManualClock, *, alone: bool) -> None:
        self.name = f"net{number}"
        self.capabilities = Capabilities(
            edits=True, streams=True, buttons=True, cards=True, private_replies=alone, idempotent=True,
            mode="questions", direct_chat="direct {member}", admin_chat="admins" if alone else "",
        )  # fmt: skip
        self._shop, self._watch, self._clock = number, watch, clock
        self.last: dict[str, str] = {}  # chat -> the bot's last message there
        self.log: list[tuple[str, str]] = []

    async def run(self, receive: Receive) -> None:
        """Nothing comes from outside."""

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        await self.edit(chat, key, outgoing)
        self.last[chat.id] = key
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        to = outgoing.private_to or chat.id.removeprefix("direct ") * chat.id.startswith("direct ")
        cards = (text for card in outgoing.cards for text in (card.title, card.subtitle, card.text))
        buttons = (text for button in outgoing.buttons for text in (button.label, button.command))
        text = "\n".join((outgoing.text, outgoing.note, *cards, *buttons, *outgoing.poll))
        self._watch.looked["messages"] += 1
        admin = chat.id == "admins" or to.endswith(f"m{ADMIN}")
        self._watch.look("message", text, shop=self._shop, chat=chat.id, to=to, admin=admin)
        if message_id.startswith("handoff:"):
            self._one_chat(text)
        self.log.append((chat.id, text))

    def _one_chat(self, text: str) -> None:
        """A summary for admins holds the words of one chat, and those that all of it saw."""
        found = {one.lower() for one in CANARY.findall(text)} - self._watch.published
        held = [one for one in map(self._watch.planted.get, found) if one and one.chat]
        if len({one.chat for one in held}) > 1 or any(one.private and "direct" not in one.chat for one in held):
            self._watch.crossed.append(f"summary: {text!r}")

    async def act(self, chat: Chat, action: Action) -> None:
        """Nobody watches."""

    async def ask(self, chat: Chat, member: str) -> bool:
        return member.endswith(f"m{ADMIN}")


@dataclass(slots=True)
class Watching(Engine):
    """An engine before which every request is looked through."""

    inner: Engine
    shop: int
    watch: Watch
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=500))  # of the history under way
    pending: list[tuple[str, str]] = field(default_factory=list)  # (chat's row, what a request of it holds)

    @property
    def name(self) -> str:
        return self.inner.name

    async def start(self) -> None:
        await self.inner.start()

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        self.requests.append(request)
        self.watch.looked["requests"] += 1
        named = [fact.value for fact in request.plan.facts if fact.kind == "member"]
        facts = [fact.value for fact in request.plan.facts if fact.kind != "member"]
        turns = [part for turn in request.turns for part in (turn.name, turn.content)]
        text = "\n".join((request.plan.quote, *facts, *turns, *named * (request.priority is Priority.REPLY)))
        self.pending.append((request.chat, text))
        async for piece in self.inner.stream(request):
            yield piece

    async def score(self, request: Request, text: str) -> tuple[float, ...]:
        return await self.inner.score(request, text)

    def report(self) -> Report:
        return self.inner.report()

    async def close(self) -> None:
        await self.inner.close()
