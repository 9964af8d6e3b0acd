"""Sent messages that state what is no longer so are corrected: edited where the platform can, else answered once.

A message keeps its claims (`knowledge/claims.py`) and the catalogue's version that they were compared with. A pass
takes those that are behind, works out what each should say of the rows as they are, and writes that down together with
the edit to be sent, in one transaction: a kill before it changes nothing, after it the outbox brings the edit to its
end. A message whose values come true again says again what it said first.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.clock import Clock
from bot.knowledge.claims import (
    COUNTED,
    GONE,
    IN_STOCK,
    SOLD_OUT,
    SOME_LEFT,
    Claim,
    Rows,
    chosen,
    current,
    ids,
    names,
    pack,
    passage,
    unpack,
)
from bot.knowledge.facts import Maker, alone, replaced
from bot.knowledge.rows import Article, Product, read_articles, read_products
from bot.messages import Capabilities
from bot.texts import Texts
from storage import corrections
from storage.database import Database, Transaction

BATCH = 100  # messages of one pass
VALUES = ("price", "total", "value", "options", "link", "card", "text", "held")  # said by their value, not in words
SHOWN = ("buttons", "private_to", "note", "language")  # of what a row keeps, that an edit has to show again


@dataclass(frozen=True, slots=True)
class Revision:
    """What a message should say now: by an edit (`text`, `cards`), or beside it (`note`)."""

    text: str
    cards: list[Any]
    note: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Messages to be compared, with the rows as of one version."""

    version: int
    messages: list[Any]
    rows: Rows


class Corrections:
    """`correct` is one pass. `abilities`: what each platform served here can do. `within`: how old a message may be."""

    def __init__(
        self,
        *,
        database: Database,
        shop_id: int,
        clock: Clock,
        texts: Texts,
        abilities: Mapping[str, Capabilities],
        within: timedelta,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._database, self._shop_id, self._clock, self._texts = database, shop_id, clock, texts
        self._abilities, self._within, self._wake = abilities, within, wake_outbox
        self._passing = asyncio.Lock()

    async def correct(self) -> bool:
        """Compare some of the messages that are behind; were there any?"""
        async with self._passing:
            found = await self._database.read(self._behind)
            if not found.messages:
                return False
            revisions = await asyncio.to_thread(self._revisions, found)
            if await self._database.write(lambda tx: self._keep(tx, found, revisions)):
                self._wake()
            return True

    async def _behind(self, tx: Transaction) -> Found:
        version = await corrections.version(tx, self._shop_id)
        found = await corrections.behind(tx, self._shop_id, version, list(self._abilities), BATCH)
        wanted = names(claim for row in found if self._recent(row) for claim in unpack(row.rests["claims"]))
        rows: list[Product | Article] = []
        if products := ids(wanted, "product"):
            rows += await read_products(tx, self._shop_id, products)
        if articles := ids(wanted, "article"):
            rows += await read_articles(tx, self._shop_id, articles)
        return Found(version, found, {row.row: row for row in rows})

    def _recent(self, row: Any) -> bool:
        """Is it still to be corrected: was it sent, and not too long ago?"""
        return row.state == "sent" and bool(self._within) and row.sent >= self._clock.now() - self._within

    def _revisions(self, found: Found) -> dict[int, Revision]:
        """By the message's id, of those that have to change."""
        recent = [row for row in found.messages if self._recent(row) and _moved(row, found.rows)]
        revised = ((row.id, revise(row, found.rows, self._texts)) for row in recent)
        return {row_id: revision for row_id, revision in revised if revision}

    async def _keep(self, tx: Transaction, found: Found, revisions: Mapping[int, Revision]) -> bool:
        """One transaction for the pass; is there anything to send?"""
        stay = [row for row in found.messages if row.id not in revisions]
        await corrections.settle(tx, [row.id for row in stay if not self._recent(row)], None)
        await corrections.settle(tx, [row.id for row in stay if self._recent(row)], found.version)
        now, sent = self._clock.now(), False
        for row in found.messages:
            if revision := revisions.get(row.id):
                said = self._said(row, revision)
                columns = _columns(row, revision, found.rows, edited=said.get("kind") == "edit")
                kept = await corrections.revise(tx, self._shop_id, row, found.version, now, columns, said)
                sent = sent or (kept and bool(said))
        return sent

    def _said(self, row: Any, revision: Revision) -> dict[str, Any]:
        """What corrects the message in its chat; {} where nobody could tell the difference."""
        able = self._abilities[row.platform]
        common = {"member_id": row.member_id, "sources": row.sources}
        if able.edits and len(revision.text) <= able.max_length:
            if (revision.text, revision.cards) == (row.text, row.extra.get("cards", [])):
                return {}
            kept = {name: row.extra[name] for name in SHOWN if name in row.extra}
            edit = {"kind": "edit", "text": revision.text, "message_id": row.message_id, "reply_to": row.reply_to}
            beside = {"beside": revision.note} if revision.note else {}  # for a message that nobody can edit any more
            return edit | {"extra": kept | beside | ({"cards": revision.cards} if revision.cards else {})} | common
        if not revision.note:
            return {}
        kept = {name: row.extra[name] for name in ("language", "private_to") if name in row.extra}
        return {"kind": "correction", "text": revision.note, "reply_to": row.message_id, "extra": kept} | common


def _moved(row: Any, rows: Rows) -> bool:
    """Is any row that it rests on another one than it was?"""
    return any(name not in rows or rows[name].version != version for name, version in row.rests["rows"].items())


def _columns(row: Any, revision: Revision, rows: Rows, *, edited: bool) -> dict[str, Any]:
    """What changes in the message's row; its first text is kept beside the claims."""
    versions = {name: rows[name].version if name in rows else 0 for name in row.rests["rows"]}
    held = row.rests | {"claims": pack(revision.claims), "rows": versions}
    if not edited:
        return {"rests": held}
    cards = {"cards": revision.cards} if revision.cards else {}
    return {"rests": {"text": row.text} | held, "text": revision.text, "extra": row.extra | cards}


def revise(row: Any, rows: Rows, texts: Texts) -> Revision | None:
    """What a message should say of these rows; None where it says that already."""
    claims, language = unpack(row.rests["claims"]), row.rests["language"]
    fresh = [(claim, current(claim, rows, language)) for claim in claims]
    changed = [(claim, now) for claim, now in fresh if now != claim.now]
    if not changed:
        return None
    writer = Writer(texts, language, rows)
    first = row.rests.get("text", row.text)
    swaps = _swaps(first, fresh, rows)
    wrong = [(claim, now) for claim, now in fresh if now != claim.was]
    notes = [writer.say(claim, now) for claim, now in wrong if not _patched(claim, now, swaps, claims)]
    line = writer.line(notes)
    text = replaced(first, swaps) + (f"\n{line}" if line else "")
    beside = writer.line(
        writer.say(claim, now) for claim, now in changed if claim.kind != "card" or not _priced(claim, claims)
    )
    cards = [_card(one, fresh) for one in row.extra.get("cards", ())]
    return Revision(text, cards, beside, tuple(replace(claim, now=now) for claim, now in fresh))


def _swaps(text: str, fresh: Sequence[tuple[Claim, str]], rows: Rows) -> dict[str, str]:
    """Old value -> new one, of those that stand in the text and can be told apart from all that it says besides."""
    if any(claim.kind == "cheaper" and now != claim.was for claim, now in fresh):
        return {}  # the sentence is about which is more: another number doesn't make it true
    wanted: dict[str, set[str]] = {}
    for claim, now in fresh:
        old, new = _shown(claim, claim.was), _shown(claim, now)
        if old:
            fits = new if new and _fits(claim, rows) else ""
            wanted.setdefault(old, set()).add(fits)
    swaps = {old: news.pop() for old, news in wanted.items() if len(news) == 1}
    return {old: new for old, new in swaps.items() if new and new != old and _found(old, text)}


def _shown(claim: Claim, value: str) -> str:
    """The value as it stands in a text; "" for a state, which is said in words."""
    if claim.kind in VALUES:
        return value
    return value.removeprefix(COUNTED) if value.startswith(COUNTED) else ""


def _fits(claim: Claim, rows: Rows) -> bool:
    row = rows.get(claim.row)
    return passage(claim, row)[1] if isinstance(row, Article) else True


def _found(old: str, text: str) -> bool:
    """Does it stand there: a bare number once only, since it may be said of something else?"""
    return alone(old, text) == 1 if old.isdecimal() else alone(old, text) > 0


def _patched(claim: Claim, now: str, swaps: Mapping[str, str], claims: Sequence[Claim]) -> bool:
    """Is the claim right by another value in the old one's place, or by its card?"""
    if claim.kind == "card" and now:
        return True
    shown = _shown(claim, claim.was)
    return (bool(shown) and swaps.get(shown) == _shown(claim, now)) or (claim.kind == "card" and _priced(claim, claims))


def _priced(claim: Claim, claims: Sequence[Claim]) -> bool:
    """Does the text state a price of its own beside the card's?"""
    return any(one.row == claim.row and one.kind == "price" for one in claims)


def _card(held: list[Any], fresh: Sequence[tuple[Claim, str]]) -> list[Any]:
    """A card with its prices as they are now: title, prices, and the rest as it was."""
    title, subtitle, *rest = held
    prices = (now for claim, now in fresh if claim.kind == "card" and claim.name == title)
    return [title, next(prices, subtitle) or subtitle, *rest]


@dataclass(frozen=True, slots=True)
class Writer:
    """Says what is so now, in the language of the message."""

    texts: Texts
    language: str
    rows: Rows

    def line(self, notes: Iterable[str]) -> str:
        """All of it in one line; "" where there is nothing to say."""
        said = [note.rstrip(".。") for note in dict.fromkeys(notes) if note]
        between = "；" if self.language == "zh" else "; "
        return self.texts.say(self.language, "Update: {changes}.", changes=between.join(said)) if said else ""

    def say(self, claim: Claim, now: str) -> str:
        """One claim as it is now; "" for what other claims say."""
        say, name, row = self.texts.say, self._name(claim), self.rows.get(claim.row)
        if claim.kind == "cheaper":
            return self._side(claim, now)
        if claim.kind in ("text", "held"):
            if now == GONE:
                return say(self.language, "“{title}” no longer applies", title=claim.name)
            return say(self.language, "“{title}” now says: {text}", title=name, text=now)
        if row is None:
            return say(self.language, "{name} is no longer in the shop", name=name)
        if now == GONE:
            return say(self.language, "what I said of {name} is no longer so", name=name)
        if claim.kind == "stock":
            return self._stock(now, name)
        if claim.kind in ("price", "total", "card"):
            what = f"{claim.count} × {name}" if claim.kind == "total" else name
            return say(self.language, "{name} now costs {price}", name=what, price=now)
        if claim.kind == "options":
            return say(self.language, "{name} now comes in {value}", name=name, value=now)
        if claim.kind == "link":
            return say(self.language, "{name} is now at {value}", name=name, value=now)
        return say(self.language, "{name}, {label}: now {value}", name=name, label=claim.about, value=now)

    def _name(self, claim: Claim) -> str:
        """What its row is called now."""
        row = self.rows.get(claim.row)
        if not isinstance(row, Product):
            return row.title if row else claim.name
        some = chosen(row, claim.of) if claim.of else []
        return Maker(self.language).name(row, some[0] if len(some) == 1 else None).value

    def _stock(self, now: str, name: str) -> str:
        say = self.texts.say
        if now in (IN_STOCK, SOLD_OUT):
            text = say(self.language, "{name} is now sold out", name=name)
            return text if now == SOLD_OUT else say(self.language, "{name} is now in stock", name=name)
        if now == SOME_LEFT:
            return say(self.language, "only a few of {name} are left now", name=name)
        return say(self.language, "of {name}, {count} left now", name=name, count=now.removeprefix(COUNTED))

    def _side(self, claim: Claim, now: str) -> str:
        if now == GONE:
            return ""
        if now == "same":
            return self.texts.say(self.language, "both now cost the same")
        side = claim if now == "1" else replace(claim, row=claim.other, of=claim.other_of)
        return self.texts.say(self.language, "{name} is now the cheaper one", name=self._name(side))
