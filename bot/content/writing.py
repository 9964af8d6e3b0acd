"""Writes a post: planned by its type, worded three times by the voice, and the best of the wordings taken."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.content import checks
from bot.content.base import Desk, Piece
from bot.content.picture import drawn
from bot.knowledge import claims
from bot.knowledge.cards import card
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice, Worded
from bot.messages import Button, Card, Outgoing
from bot.outbox import extra
from bot.pictures import Pictures
from llm.engine import Priority
from llm.protocol import Act, Fact
from storage import drafts, members, shops
from storage.database import Database

RECENT = 30  # posts of a chat that a new one doesn't repeat
CANDIDATES, TRIES = 3, 6  # wordings to choose among, and how often one is asked for to have them
SEEDS = 1 << 31
LINES = 3  # of a drawn picture


class NothingToPost(Exception):
    """The content type is not known, or the shop has nothing for it now. The message says which."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One wording. `likelihood` is the model's own, `copied` how much of it an earlier post says, `refused` why it is
    not posted."""

    worded: Worded
    likelihood: float | None
    copied: float
    refused: str

    def kept(self) -> dict[str, Any]:
        chance = None if self.likelihood is None else round(self.likelihood, 3)
        shown = {"text": self.worded.text, "by": self.worded.by, "likelihood": chance}
        return shown | {"copied": round(self.copied, 2), "refused": self.refused}


@dataclass(frozen=True, slots=True)
class Draft:
    """A post before it is posted. `by` is model, quote or code, `model` which model."""

    text: str
    by: str
    card: Card | None
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    act: Act
    rests: Mapping[str, Any]
    model: str = ""
    buttons: tuple[Button, ...] = ()
    poll: tuple[str, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)  # what the outbox keeps of how it was made
    candidates: tuple[Candidate, ...] = ()

    def values(self, language: str) -> dict[str, Any]:
        """The columns of its outbox row."""
        shown = Outgoing(self.text, self.buttons, (self.card,) if self.card else (), poll=self.poll)
        return {
            "worded_by": self.by,
            "model": self.model,
            "extra": extra(shown, act=self.act, language=language, **self.kept),
            "facts": [[fact.slot, fact.kind, fact.row, fact.field, fact.value] for fact in self.facts],
            "sources": list(self.sources),
            **self.rests,
        }


class Writer:
    """Holds the content types that were found in the folder."""

    def __init__(
        self,
        database: Database,
        shop_id: int,
        library: Library,
        voice: Voice,
        clock: Clock,
        types: Sequence[ModuleType],
        pictures: Pictures | None = None,
    ) -> None:
        self._pictures = pictures
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self._library, self._voice = library, voice
        self._types = {module.__name__.rpartition(".")[2]: module for module in types}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._types)

    async def write(
        self, content: str, language: str, chat_id: int, again: int = 0, about: Sequence[str] = ()
    ) -> tuple[Draft, Draft] | None:
        """A draft for this chat, and the same without a model's words; None where the shop has nothing for it now.

        `content` is a type, and behind it what the admin said: `promotion 2026-12-24`. `again` counts the drafts that
        were not liked; `about` are the rows that it is to be about. Raises NothingToPost for a type that is not there.
        """
        name, _, words = content.partition(" ")
        if name not in self._types:
            raise NothingToPost(f"there is no content type {name!r}; there is: {', '.join(self._types)}")
        await self._library.refresh()
        version = claims.as_of(self._library)
        posts = await self._database.read(lambda tx: drafts.posts(tx, chat_id, RECENT))
        desk = replace(await self._desk(name, words.strip(), language, chat_id, posts, again), about=about)
        piece = await self._types[name].plan(desk)
        if piece is None:
            return None
        plain = Candidate(self._voice.quote(piece.plan), None, 0.0, "")
        candidates = await self._candidates(piece, desk, _bare(posts))
        fit = [one for one in candidates if not one.refused]
        best = max(fit, key=lambda one: checks.worth(one.likelihood, one.copied), default=plain)
        shown = await self._card(piece, desk)
        both = [await self._draft(name, piece, desk, one, version, shown) for one in (best, plain)]
        return replace(both[0], candidates=tuple(candidates)), both[1]

    async def _desk(self, name: str, words: str, language: str, chat_id: int, posts: Sequence[Any], again: int) -> Desk:
        shop = await self._database.read(lambda tx: shops.get(tx, self._shop_id))
        where = await self._database.read(lambda tx: members.chat(tx, chat_id))
        assert shop is not None
        recent = [row for post in posts for row in post.sources]
        recent = recent[: len(self._library.products.documents) // 2]  # a small shop comes round again
        same = [post for post in posts if post.extra.get("type") == name]
        now = self._clock.now().astimezone(ZoneInfo(shop.timezone))
        # by its own name, for numbers of rows tell what else was said elsewhere
        random = Random(f"{where.platform}:{where.platform_id}:{now.date()}:{','.join(recent)}:{again}:{len(posts)}")
        return Desk(
            self._library, self._database, self._voice.texts, self._shop_id, shop.name, chat_id, language, random, now,
            frozenset(recent), frozenset(row for post in same for row in post.sources),
            frozenset(one for post in same for one in post.extra.get("news", ())), words, (),
            last=same[0].created if same else None,
            safe=lambda text: not self._voice.safety.verdict(text, "out", names=(text,)),
        )  # fmt: skip

    async def _candidates(self, piece: Piece, desk: Desk, before: Sequence[str]) -> list[Candidate]:
        """Wordings that differ by chance, one after the other: members' replies go before each. A plan that is said as
        it stands, or that no engine words, has one."""
        found: list[Candidate] = []
        for _ in range(TRIES):
            if sum(not one.refused for one in found) == CANDIDATES:
                break
            worded = await self._voice.say(piece.plan, priority=Priority.POST, seed=desk.random.randrange(SEEDS))
            if worded.by != "model":  # said as it stands, or the engine is not there, or slipped twice
                found.append(Candidate(worded, None, 0.0, ""))
                if piece.plan.fixed:
                    break
                continue
            if any(one.worded.template == worded.template for one in found):
                continue
            copied = checks.overlap(checks.bare(worded.template), before)
            chances = await self._voice.chances(piece.plan, worded.template)
            refused = checks.refusal(worded.text, worded.template, copied, chances)
            found.append(Candidate(worded, checks.likelihood(chances), copied, refused))
        by_model = [one for one in found if one.worded.by == "model"]
        return by_model or found[:1]

    async def _card(self, piece: Piece, desk: Desk) -> Card | None:
        """The product's, without what the text says anyway; else one that is drawn."""
        if piece.poll or not (piece.about or piece.title):
            return None
        if piece.about is None:
            picture = await self._drawn(piece.title, piece.drawn[:LINES], desk.shop)
            return Card("", picture=picture) if picture else None
        made = replace(card(piece.about, desk.language), text="")
        if made.image:
            return made
        lines = (piece.drawn or (made.subtitle,))[:LINES]
        return replace(made, picture=await self._drawn(made.title, lines, desk.shop))

    async def _drawn(self, title: str, lines: Sequence[str], shop: str) -> str:
        """The path of a picture; '' where none can be drawn, or is wanted."""
        png = await asyncio.to_thread(drawn, title, lines, shop) if self._pictures else b""
        return await self._pictures.keep(png) if self._pictures and png else ""

    async def _draft(
        self, name: str, piece: Piece, desk: Desk, one: Candidate, version: int, shown: Card | None
    ) -> Draft:
        worded, plan = one.worded, piece.plan
        ask = "" if checks.invites(worded.text) else piece.ask
        text = "\n".join(part for part in (piece.above, worded.text, *piece.beneath, ask) if part)
        more = [*piece.claims, *([claims.of_card(piece.about, desk.language)] if piece.about and shown else [])]
        rests = await claims.rests(self._library, version, desk.language, text, [plan], more)
        kept = {"type": name, "bare": _without(worded), **piece.more} | ({"about": [*desk.about]} if desk.about else {})
        if piece.news:
            kept["news"] = list(piece.news)
        return Draft(
            text, worded.by, shown, worded.facts, plan.sources, plan.act, rests, worded.model, tuple(piece.buttons),
            tuple(piece.poll), kept,
        )  # fmt: skip


def _without(worded: Worded) -> str:
    """What a wording says besides facts, for later posts to differ from."""
    return checks.bare(worded.template or worded.text, (fact.value for fact in worded.facts))


def _bare(posts: Sequence[Any]) -> list[str]:
    return [post.extra.get("bare") or checks.bare(post.text, (str(fact[4]) for fact in post.facts)) for post in posts]
