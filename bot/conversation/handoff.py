"""Calling a human, and keeping out of their way: what admins are told, and how long the bot says nothing.

A handoff is a row (`storage/handoffs.py`): until its time the bot says nothing to that member in that chat, in a direct
chat to nobody. Every word of an admin to the member puts the time off. `Handoffs` works inside the transaction of the
message that it is about, so that a kill between any two steps changes nothing.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.conversation.answer import DANGER, Answer
from bot.conversation.recall import Seen
from bot.knowledge.library import Library
from bot.knowledge.rows import Article, Product, in_short
from bot.knowledge.topics import about
from bot.language import HAN, normalise, tokens
from bot.messages import Button, Mention, Message, Outgoing, Role
from bot.outbox import extra
from bot.texts import Texts
from llm.protocol import Act, State
from storage import handoffs, inbox, interactions, members, outbox
from storage.database import Transaction
from storage.members import ChatRow

log = logging.getLogger(__name__)
CALLED = "I've called somebody from the team, they will be with you here."
NEEDED = "a human is needed here."  # behind the names of who is called
UNREACHED = "An admin is needed here. {name}, I may not write to you: press Start in a direct chat with me."
AGAIN = timedelta(minutes=30)  # two answers that are further apart are not "in a row"
LOOKED = 20  # messages after a question that are looked at for a human's answer
TURNS, TURN, TEXT, ROWS, ROW, WHOLE = 6, 160, 300, 3, 120, 1500  # a summary's bounds: numbers, and characters of each
SURE = 0.4  # a plan that is less sure than this counts as not knowing
COVER = 0.3  # the least share of a question that a row has to hold to be shown beside it


@dataclass(frozen=True, slots=True)
class Admin:
    """Who is told of a handoff, in which direct chat, and in which group they are an admin (0: they always are).
    `account`: their id on the platform, where they can be called by name in the chat that it is about."""

    address: str
    member_id: int | None = None
    name: str = ""
    group: int = 0
    account: str = ""


@dataclass(frozen=True, slots=True)
class Handoffs:
    """`words`: those at which a human is called. `mute`: how long the bot keeps out after a human's word."""

    shop_id: int
    language: str
    clock: Clock
    texts: Texts
    library: Library
    mute: timedelta
    words: Sequence[str] = ()

    def word(self, text: str) -> str:
        """The merchant's word that stands in a text; empty where none does."""
        said = normalise(text)
        return next((word for word in self.words if _holds(said, normalise(word))), "")

    def judge(self, answer: Answer, seen: Seen, member_id: int, word: str) -> tuple[Answer, str]:
        """The answer as it is sent, and why a human is called ("" where none is)."""
        if answer.action == "handoff":
            if answer.why == DANGER:
                return answer, DANGER
            grieved = any(State.COMPLAINT in plan.states for plan in answer.plans)
            return answer, "complaint" if grieved else "request"
        called = self.texts.say(answer.language, CALLED)
        if word:
            bare = replace(answer, facts=(), sources=(), cards=(), worded=(), plans=())
            return replace(bare, action="handoff", text=called, by="code", buttons=()), "words"
        if self._unsure_again(answer, seen, member_id):
            text = f"{answer.text}\n{called}"
            return replace(answer, action="handoff", text=text, by="code", worded=()), "unsure"
        return answer, ""

    def _unsure_again(self, answer: Answer, seen: Seen, member_id: int) -> bool:
        if not unsure(answer):
            return False
        last = next((row for row in reversed(seen.said) if row.member_id == member_id), None)
        if last is None or not last.extra.get("unsure") or last.action == "handoff":
            return False
        return bool(self.clock.now() - last.sent <= AGAIN)

    async def brief(
        self, message: Message, chat: ChatRow, member_id: int, seen: Seen, reason: str, planned: Answer, word: str
    ) -> str:
        """What admins are told: who, where, what, why, what was said before, and what the bot knows of it. Bounded;
        empty where there is no reason."""
        if not reason:
            return ""
        say, spoken = self.texts.say, self.language
        title, text = chat.title or chat.platform_id, _short(message.text, TEXT)
        lines = [
            say(spoken, "{name} needs a human in {chat}: {text}", name=message.sender.name, chat=title, text=text),
            self._why(reason, word),
        ]
        if before := _before(seen, message, say(spoken, "Bot")):
            lines += [say(spoken, "Before that:"), *before]
        if reason == "words":
            lines.append(say(spoken, "I would have said: {text}", text=_short(planned.text, TEXT)))
        rows = [] if reason == DANGER else await self._rows(message, member_id, seen, reason, planned)
        if rows:
            lines += [say(spoken, "What the shop says of it:"), *(f"- {in_short(row)[:ROW]}" for row in rows)]
        return _short("\n".join(lines), WHOLE, "\n")

    def _why(self, reason: str, word: str) -> str:
        say, spoken = self.texts.say, self.language
        return {
            "request": lambda: say(spoken, "They asked for one."),
            "complaint": lambda: say(spoken, "It sounds like a complaint."),
            DANGER: lambda: say(spoken, "They may want to harm themselves. Please write to them."),
            "unsure": lambda: say(spoken, "Twice in a row I knew no answer."),
            "words": lambda: say(spoken, "They said “{word}”, which is on your list.", word=word),
        }[reason]()

    async def _rows(
        self, message: Message, member_id: int, seen: Seen, reason: str, planned: Answer
    ) -> list[Product | Article]:
        """The rows that the answer is of, or the one before it to this member; else those that hold most of what is
        asked."""
        told = (tuple(row.sources) for row in reversed(seen.said) if row.member_id == member_id)
        sources = planned.sources or next(told, ())
        if not sources and reason != "request":
            words = tokens(message.text)
            articles = self.library.find_articles(words, planned.language, about(message.text, planned.language))
            hits = [*articles[:1], *self.library.products.search(words, 1)]
            sources = tuple(hit.row for hit in hits if hit.cover >= COVER)
        ids = {kind: [int(row.partition(":")[2]) for row in sources if row.startswith(kind)] for kind in KINDS}
        found: list[Product | Article] = [*await self.library.read(ids["product"])]
        return [*found, *self.library.read_articles(ids["article"])][:ROWS]

    async def call(
        self, tx: Transaction, inbox_id: int, message: Message, chat: ChatRow, member_id: int, admins: Sequence[Admin],
        told: str, reason: str,
    ) -> None:  # fmt: skip
        """A human is called, once for this message: `told` goes to the admins that are known, those in the chat are
        called by name there, and the bot keeps out."""
        now = self.clock.now()
        if await outbox.by_key(tx, self.shop_id, f"handoff:{inbox_id}"):
            return
        turn = await handoffs.begin(tx, self.shop_id, chat.id, member_id, reason, now, now + self.mute)
        if not admins:
            log.warning("a member needs a human in chat %d; no admin is known there", chat.id)
        say, spoken = self.texts.say, self.language
        buttons = [Button(say(spoken, "Profile"), f"/profile {message.sender.name}")]
        if self.mute:
            buttons.append(Button(say(spoken, "Let me answer again"), f"/resume #{turn}"))
        for at, admin in enumerate(admins):
            place = await members.direct(tx, self.shop_id, admin.member_id, chat.platform, admin.address, admin.name)
            held = extra(Outgoing(told, tuple(buttons)), begun=admin.group)
            if at == 0 and admin.group and not chat.direct:
                line = say(spoken, UNREACHED, name=admin.name)
                held["otherwise"] = [{"chat_id": chat.id, "text": line, "reply_to": message.id}]
            key = f"handoff:{inbox_id}:{at}" if at else f"handoff:{inbox_id}"
            values = {"member_id": admin.member_id, "extra": held}
            await outbox.put(tx, self.shop_id, place.id, key, "notice", told, now, **values)
        if here := tuple(Mention(one.account, one.name) for one in admins if one.account):
            # A message of its own: a change of one rings nobody up, and beside our words stand none of a member's.
            text, key = say(spoken, NEEDED), f"handoff:{inbox_id}:here"
            held = extra(Outgoing(text, mentions=here), language=spoken)
            await outbox.put(tx, self.shop_id, chat.id, key, "notice", text, now, reply_to=message.id, extra=held)

    def turn(self, seen: Seen, chat: ChatRow, member_id: int) -> Any:
        """The handoff that keeps the bot from answering this member here; None where there is none."""
        return next((row for row in seen.turns if chat.direct or row.member_id == member_id), None)

    async def tell(
        self, tx: Transaction, turn: Any, key: str, message: Message, chat: ChatRow, member_id: int, spoken: str
    ) -> None:
        """Who speaks to the bot meanwhile hears once that a human will answer."""
        if not await handoffs.tell(tx, turn.id):
            return
        text = self.texts.say(spoken, "Somebody from the team will answer you here; I keep out of it until then.")
        held = extra(Outgoing(text, ticket=message.ticket), language=spoken)
        await outbox.put(
            tx, self.shop_id, chat.id, key, "reply", text, self.clock.now(), action="handoff", member_id=member_id,
            reply_to="" if chat.direct else message.id, extra=held,
        )  # fmt: skip

    async def heard(self, tx: Transaction, message: Message, chat: ChatRow, member_id: int) -> None:
        """An admin spoke, and it is not recorded yet: handoffs of those spoken to last longer, and an unasked answer
        that waits to be sent is not sent."""
        if message.addressed and not chat.direct:
            return  # they speak to the bot
        await outbox.withdraw_unasked(tx, chat.id, message.reply_to)
        now = self.clock.now()
        turns = [row for row in await handoffs.in_force(tx, chat.id, now) if row.member_id != member_id]
        if not turns:
            return
        to = await self._to(tx, message, chat, member_id)
        for row in turns:
            if chat.direct or row.member_id == to or await _named(tx, row.member_id, message.text):
                await handoffs.put_off(tx, row.id, now + self.mute)

    async def _to(self, tx: Transaction, message: Message, chat: ChatRow, member_id: int) -> int | None:
        """Whom a message answers: who said what it replies to, else who else spoke right before it."""
        if message.reply_to:
            return await interactions.author(tx, chat.id, message.reply_to)
        before = await interactions.recent(tx, chat.id, TURNS)
        return next((row.member_id for row in reversed(before) if row.member_id != member_id), None)

    async def answered(self, tx: Transaction, inbox_id: int, message: Message, chat: ChatRow, member_id: int) -> bool:
        """Has an admin answered this question: by a reply to it, or as the first to speak after it?"""
        after: list[tuple[bool, bool, str]] = []  # is it an admin, is it the asker, what it replies to
        for row in await interactions.after(tx, chat.id, message.at, LOOKED):
            if row.message_id != message.id:
                after.append((bool(row.data.get("admin")), row.member_id == member_id, row.data.get("to", "")))
        place = f"{message.chat.platform}:{message.chat.id}"
        for held in await inbox.behind(tx, self.shop_id, place, inbox_id, LOOKED):
            sender = held["sender"]
            admin = sender["role"] == Role.ADMIN and held["kind"] == "text" and not held["text"].startswith("/")
            after.append((admin, sender["id"] == message.sender.id, held["reply_to"]))
        if any(admin and to == message.id for admin, _, to in after):
            return True
        others = [(admin, to) for admin, asker, to in after if not asker]
        return bool(others) and others[0] == (True, "")


KINDS = ("product", "article")


def unsure(answer: Answer) -> bool:
    """Does it say that the bot doesn't know, or something that the bot is hardly sure of?"""
    return answer.act == Act.UNKNOWN or any(plan.sure < SURE for plan in answer.plans)


def said_by_admin(message: Message) -> dict[str, Any]:
    """What the interaction of an admin's message keeps: that it is one's, and what it replies to."""
    return {"admin": True, "to": message.reply_to}


def _holds(text: str, word: str) -> bool:
    if not word:
        return False
    return word in text if HAN.search(word) else bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text))


async def _named(tx: Transaction, member_id: int, text: str) -> bool:
    name = normalise((await members.get(tx, member_id)).name)
    return len(name) > 1 and _holds(normalise(text), name)


def _before(seen: Seen, message: Message, bot: str) -> list[str]:
    """The chat's last turns before the message, oldest first, each with its speaker."""
    said: list[tuple[datetime, str, str]] = [
        (row.at, row.name, row.text) for row in seen.heard if row.message_id != message.id and row.at <= message.at
    ]
    said += [(row.sent, bot, row.text) for row in seen.said if not row.extra.get("private_to")]
    said.sort(key=lambda one: one[0])
    return [f"{name}: {_short(text, TURN)}" for _, name, text in said[-TURNS:]]


def _short(text: str, most: int, line: str = " ") -> str:
    """The text in one line (or as it is, where lines may stay), and no longer than that."""
    flat = text if line == "\n" else " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
