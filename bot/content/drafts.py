"""Drafts of posts: planned by a content type, worded by the voice, put into the outbox once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import ModuleType
from typing import Any

from bot.clock import Clock
from bot.content.base import Desk
from bot.knowledge import claims
from bot.knowledge.cards import card
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice
from bot.messages import Card, Outgoing
from bot.outbox import extra
from llm.engine import Priority
from llm.protocol import Act, Fact
from storage import outbox
from storage.database import Database, Transaction
from storage.members import ChatRow

KIND = "post"
RECENT = 30  # posts of a chat that a new one doesn't repeat


class NothingToPost(Exception):
    """The content type is not known, or the shop has nothing for it now. The message says which."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A post before it is posted. `by` is model or quote."""

    text: str
    by: str
    card: Card | None
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    act: Act
    rests: Mapping[str, Any]


class Drafts:
    """Holds the content types that were found in the folder."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        library: Library,
        voice: Voice,
        clock: Clock,
        types: Sequence[ModuleType],
    ) -> None:
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self._library, self._voice = library, voice
        self._types = {module.__name__.rpartition(".")[2]: module for module in types}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._types)

    async def write(self, name: str, language: str, chat_id: int) -> Draft | None:
        """A draft for this chat; None where the shop has nothing for it now.

        Raises NothingToPost for a type that is not there.
        """
        if name not in self._types:
            raise NothingToPost(f"there is no content type {name!r}; there is: {', '.join(self._types)}")
        await self._library.refresh()
        version = claims.as_of(self._library)
        recent = await self._database.read(lambda tx: outbox.sources_in(tx, chat_id, KIND, RECENT))
        recent = recent[: len(self._library.products.documents) // 2]  # a small shop comes round again
        random = Random(f"{chat_id}:{self._clock.now().date()}:{','.join(recent)}")
        plan = await self._types[name].plan(Desk(self._library, frozenset(recent), random), language)
        if plan is None:
            return None
        worded = await self._voice.say(plan, priority=Priority.POST)
        ids = [int(row.partition(":")[2]) for row in plan.sources if row.startswith("product:")]
        about = await self._library.read(ids[:1])
        shown = [card(one, language) for one in about]
        more = [claims.of_card(one, language) for one in about]
        rests = await claims.rests(self._library, version, language, worded.text, [plan], more)
        return Draft(worded.text, worded.by, shown[0] if shown else None, worded.facts, plan.sources, plan.act, rests)

    async def post(self, name: str, chat: ChatRow, language: str, key: str) -> int:
        """Draft and put it into the outbox under `key`; the row's id, also where the key was posted before.

        Raises NothingToPost.
        """
        before = await self._database.read(lambda tx: outbox.by_key(tx, self._shop_id, key))
        if before:
            return int(before.id)
        draft = await self.write(name, language, chat.id)
        if draft is None:
            raise NothingToPost(f"the shop has nothing for {name!r} now")
        shown = Outgoing(draft.text, (), (draft.card,) if draft.card else ())
        values = {
            "worded_by": draft.by,
            "model": self._voice.author(draft.by),
            "extra": extra(shown, act=draft.act, language=language),
            "facts": [[fact.slot, fact.kind, fact.row, fact.field, fact.value] for fact in draft.facts],
            "sources": list(draft.sources),
            **draft.rests,
        }
        now = self._clock.now()

        async def put(tx: Transaction) -> int:
            return await outbox.put(tx, self._shop_id, chat.id, key, KIND, draft.text, now, **values)

        return await self._database.write(put)
