"""Sends what the tables say is to be sent, once.

Rows of one chat go in the order of their ids; chats don't wait for each other. A reply is sent again after a kill
between send and mark (on a platform that knows our key nobody sees it twice); posts and suggestions are marked before
they are sent and never sent again by themselves: a row whose answer nobody saw becomes `unknown`, for admins to see.

Where several processes share the database, a chat's rows are sent by one of them at a time: it claims the chat (see
`storage/outbox.py`), and what a process that is gone had claimed is sent by another under the same rules.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.clock import Clock
from bot.language import cut, seen, units
from bot.lease import Process
from bot.messages import Button, Capabilities, Card, Chat, Mention, Outgoing, SendError
from storage import outbox as rows
from storage.database import Database, Job, Transaction

log = logging.getLogger(__name__)
ONCE = ("post", "suggestion")
ATTEMPTS = 8
PATIENCE = timedelta(hours=1)  # of a message's age: until then no number of attempts is a reason to give it up
BUG_WAIT = 5.0  # seconds
FORGOTTEN = "•••"
CHATS = 24  # chats that are sent to at the same time
SPARED = 6  # of those, what posts leave to answers
SOON = 0.25  # seconds that a post waits here for its turn; for longer it waits in the tables
POLL = 1.0  # seconds between two looks for rows that another process wrote, or left


class Edge(Protocol):
    """What the app hands us of a platform: the calls that send."""

    @property
    def capabilities(self) -> Capabilities: ...

    def take(self, chat: Chat) -> float: ...

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str: ...

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None: ...


def extra(outgoing: Outgoing, **more: Any) -> dict[str, Any]:
    """What a row keeps of a message besides its text."""
    held: dict[str, Any] = dict(more)
    if outgoing.buttons:
        held["buttons"] = [[button.label, button.command] for button in outgoing.buttons]
    if outgoing.cards:
        held["cards"] = [list(astuple(card)) for card in outgoing.cards]
    for name in ("private_to", "awaits", "note", "ticket", "secret"):
        if value := getattr(outgoing, name):
            held[name] = value
    for name in ("poll", "document", "why"):
        if value := getattr(outgoing, name):
            held[name] = list(value)
    if outgoing.mentions:
        held["mentions"] = [[one.id, one.name] for one in outgoing.mentions]
    return held


async def put(
    tx: Transaction, shop_id: int, chat_id: int, key: str, kind: str, message: Outgoing, now: datetime, most: int,
    **values: Any,
) -> int:  # fmt: skip
    """Add a message as one row, or as several where it is longer than the platform takes; the first one's id.

    All in this transaction, so that none of the parts is lost or sent twice. Buttons, cards and the note go with the
    last part, the rest of what the row keeps with the first, facts and claims with the part that says them.
    `otherwise`: where it goes instead, one way after the other, as long as it is refused for good; a way that has a
    text of its own says that once for all parts. `begun`: the chat in which it was asked for, where that is another.
    """
    facts, more = values.pop("facts", []), values.pop("more", {})
    ways, begun = values.pop("otherwise", ()), values.pop("begun", 0)
    room = max(most // 2, most - units(message.note) - 1) if message.note else most
    texts = cut(message.text, room, [fact[4] for fact in facts if fact[1] != "text"])
    first = 0
    for at, text in enumerate(texts):
        last = at + 1 == len(texts)
        beneath = (message.buttons, message.cards) if last else ((), ())
        note, ticket = message.note if last else "", message.ticket
        shown = Outgoing(text, *beneath, private_to=message.private_to, note=note, ticket=ticket)
        shown = replace(shown, awaits=message.awaits if last else "", secret=message.secret, why=message.why)
        shown = replace(shown, document=message.document if last else (), mentions=() if at else message.mentions)
        told = facts if len(texts) == 1 else [fact for fact in facts if str(fact[4]) in text]
        claimed = _claimed(message.rests, texts, at)
        held = extra(shown, **more) if at == 0 else extra(shown, part=at + 1, of=key)
        if left := [way for way in ways if at == 0 or "text" not in way]:
            held["otherwise"] = left
        if begun:
            held["begun"] = begun
        reply_to = message.reply_to if at == 0 else ""
        part = {**values, "facts": told, "extra": held, "reply_to": reply_to, **claimed}
        row = await rows.put(tx, shop_id, chat_id, key if at == 0 else f"{key}:{at + 1}", kind, text, now, **part)
        first = first or row
    return first


def _claimed(rests: Mapping[str, Any], texts: Sequence[str], at: int) -> dict[str, Any]:
    """The columns of what a message rests on for one of the texts that it was cut into; {} where that claims nothing. A
    claim goes with the first part that says it, or with the last."""
    if len(texts) == 1 or not rests:
        return dict(rests)
    held = rests["rests"]
    places = [next((i for i, text in enumerate(texts) if one["was"] in text), len(texts) - 1) for one in held["claims"]]
    own = [one for place, one in zip(places, held["claims"], strict=True) if place == at]
    return {**rests, "rests": {**held, "claims": own}} if own else {}


def outgoing(row: Any, *, polls: bool = False) -> Outgoing:
    """A row as the message that a platform shows: with `polls` a poll as one, else with a button for each choice."""
    buttons = tuple(Button(seen(label), command) for label, command in row.extra.get("buttons", ()))
    poll = tuple(map(seen, row.extra.get("poll", ())))
    if poll and not polls:
        buttons, poll = (*(Button(one, f"/vote {place}") for place, one in enumerate(poll, 1)), *buttons), ()
    cards = tuple(Card(*map(seen, one)) for one in row.extra.get("cards", ()))
    note = row.extra.get("note", "")
    text = seen(f"{row.text}\n{note}" if note else row.text)
    private_to, ticket = row.extra.get("private_to", ""), row.extra.get("ticket", "")
    document = tuple(row.extra.get("document", ()))
    mentions = tuple(Mention(*one) for one in row.extra.get("mentions", ()))
    more = {"ticket": ticket, "poll": poll, "document": document, "mentions": mentions}
    return Outgoing(text, buttons, cards, row.reply_to, private_to, **more)


def _without_secret(row: Any) -> dict[str, Any]:
    """The columns of a row that was sent and said something secret, or brought a document, without it."""
    held = {**row.extra}
    secret, document = held.get("secret"), held.pop("document", None)
    if not secret and not document:
        return {}
    text = row.text.replace(secret, FORGOTTEN) if secret else row.text
    return {"text": text, "extra": held | ({"secret": ""} if secret else {})}  # nosec B105  # it is taken out


@dataclass(slots=True)
class Sending:
    """A chat that is sent to: its rows that are still to be sent, and the term of this process in which it got them."""

    chat_id: int
    waiting: deque[Any]
    term: int


class Outbox:
    """`run` it; `write` rows for a chat through it, or `wake` it after a transaction that added some; `show` a draft
    while it is written."""

    def __init__(
        self, database: Database, shop_id: int, clock: Clock, edges: Mapping[str, Edge], process: Process | None = None
    ) -> None:
        self._database, self._shop_id, self._clock, self._edges = database, shop_id, clock, edges
        self._process, self._me = process, process.name if process else None
        self._wake = asyncio.Event()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._sends = 0  # how often a chat was sent to, to the end
        self._ended: dict[int, int] = {}  # the number of each chat's last one
        self._again = False  # rows were due in a chat that is being sent to
        self._held: dict[int, datetime] = {}  # until when chats wait; no later message may be begun there before
        self._looked = clock.now()  # when it was looked last what is due

    def wake(self) -> None:
        self._wake.set()

    async def write(self, chat_id: int, job: Job[None]) -> None:
        """Run a job that adds rows for this chat and start to send what is due there, both in one transaction."""
        sends = self._sends

        async def both(tx: Transaction) -> list[Any]:
            await job(tx)
            return await rows.take(tx, chat_id, self._edges, self._clock.now(), self._me)

        if waiting := await self._database.write(both):
            self._start(chat_id, waiting, sends)

    async def recover(self) -> int:
        """Rows marked before a send whose answer nobody saw, and nobody will, are `unknown` now. How many there are."""
        if not await self._database.read(lambda tx: rows.cut_off(tx, self._shop_id)):
            return 0
        found = await self._database.write(lambda tx: rows.resolve_unknown(tx, self._shop_id))
        if found:
            log.warning(
                "%d posts or suggestions were cut off while they were sent; they are not sent again", len(found)
            )
        return len(found)

    async def inherit(self) -> None:
        """The same for what a process left that is gone; what it had still to send is sent from now on."""
        await self.recover()
        self.wake()

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished first."""
        self._held = await self._database.read(lambda tx: rows.waiting(tx, self._shop_id, tuple(self._edges)))
        try:
            while True:
                self._wake.clear()
                await self.send_due()
                await self._sleep()
        finally:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def send_due(self) -> bool:
        """Start sending every row that is due; was there any?"""
        now = self._looked = self._clock.now()
        sends = self._sends
        place = (self._shop_id, tuple(self._edges), now, ONCE, self._me)
        due = await self._database.read(lambda tx: rows.chats_due(tx, *place))
        self._again = len(due) >= rows.MOST
        for row in due:  # an answer is waited for, a post is not
            self._start(row.chat_id, None, sends, CHATS if row.asked else CHATS - SPARED)
        return bool(due)

    def _start(self, chat_id: int, waiting: Sequence[Any] | None, sends: int, most: int = CHATS) -> None:
        """Send these rows of a chat, read when there had been so many sends, or those that it finds, in a task; else,
        and while `most` chats are sent to, look again later."""
        if chat_id in self._busy or len(self._busy) >= most:
            self._again = True
            return
        if self._ended.get(chat_id, 0) > sends:  # what was due then was sent meanwhile, all of it or some
            self._wake.set()
            return
        task = asyncio.create_task(self._send_chat(chat_id, waiting), name=f"send to chat {chat_id}")
        self._busy[chat_id] = task
        task.add_done_callback(lambda _: self._free(chat_id))

    async def flush(self) -> None:
        """Send all that is due now and wait for it: for replay and an orderly stop."""
        while await self.send_due() or self._busy:
            await asyncio.gather(*self._busy.values())

    def _free(self, chat_id: int) -> None:
        self._busy.pop(chat_id, None)
        self._sends += 1
        self._ended[chat_id] = self._sends
        if self._again:
            self._wake.set()

    async def _sleep(self) -> None:
        """Until woken, or until a row that waits for its time is due."""
        moments = [due for due in self._held.values() if due > self._looked]
        if self._process:
            moments.append(self._looked + timedelta(seconds=POLL))
        later = min(moments, default=None)
        if later is None:
            await self._wake.wait()
            return
        seconds = max(0.05, (later - self._clock.now()).total_seconds())
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _send_chat(self, chat_id: int, waiting: Sequence[Any] | None) -> None:
        term = self._process.term if self._process else 0
        if waiting is None:
            now = self._clock.now()
            waiting = await self._database.write(lambda tx: rows.take(tx, chat_id, self._edges, now, self._me))
        sending = Sending(chat_id, deque(waiting or ()), term)
        held = not waiting
        while sending.waiting and await self._has(sending):
            row = sending.waiting.popleft()
            try:
                held = not await self._send(row, sending)
            except Exception as error:  # the boundary: a bug of one edge never stops the others
                log.exception("message %d", row.id)
                if row.kind in ONCE:  # nobody knows whether it was seen
                    await self._mark(sending, row, state="unknown")
                    continue
                trouble = SendError(f"{type(error).__name__}: {error}", BUG_WAIT)
                held = not await self._refused(row, sending, trouble, patience=False)
        if not held:
            self._held.pop(chat_id, None)

    async def _has(self, sending: Sending) -> bool:
        """Is the chat still this process's? One that stood still for long may have been taken to be gone."""
        if self._process is None or (self._process.sure and self._process.term == sending.term):
            return True
        await self._process.renew()
        sending.term = self._process.term
        return await self._database.write(lambda tx: rows.has(tx, sending.chat_id, self._me))

    async def _mark(self, sending: Sending, row: Any, **values: Any) -> None:
        await self._settle(sending, lambda tx: rows.mark(tx, row.id, **values))

    async def _settle(self, sending: Sending, job: Job[None]) -> None:
        """Run a job that marks what became of a row; after the last one, also what came meanwhile is sent."""

        async def both(tx: Transaction) -> list[Any]:
            await job(tx)
            if sending.waiting:
                return []
            return await rows.go_on(tx, sending.chat_id, self._edges, self._clock.now(), self._me)

        sending.waiting.extend(await self._database.write(both))

    async def _send(self, row: Any, sending: Sending) -> bool:
        """Send one row and mark what became of it. False: the chat has to wait."""
        edge = self._edges[row.platform]
        chat = Chat(row.platform, row.platform_id, row.title, row.direct)
        once = row.kind in ONCE and not edge.capabilities.idempotent
        if once:
            # Its turn comes before the mark, so that a kill makes unknown only what may have been on its way.
            while (wait := edge.take(chat)) > 0:
                if wait > SOON:
                    return await self._refused(
                        row, sending, SendError("the platform takes no more yet", wait - SOON / 2)
                    )
                await self._clock.sleep(wait)
            if not await self._database.write(lambda tx: rows.begin(tx, row.id)):
                return True  # it was called back meanwhile
        try:
            if row.message_id:
                await edge.edit(chat, row.message_id, outgoing(row))
                message_id = row.message_id
            else:
                message_id = await edge.send(chat, outgoing(row, polls=edge.capabilities.polls), row.key)
        except SendError as error:
            if once and error.unsure:
                await self._mark(sending, row, state="unknown", error=str(error)[:500])
                return True
            return await self._refused(row, sending, error)
        now = self._clock.now()
        forgotten = _without_secret(row)
        await self._settle(sending, lambda tx: rows.sent(tx, row.id, message_id, now, **forgotten))
        return True

    async def _refused(self, row: Any, sending: Sending, error: SendError, *, patience: bool = True) -> bool:
        """Mark what becomes of a row that was not sent. `patience`: being told to wait is no reason to give up soon."""
        if error.retry_after is None and row.extra.get("beside"):
            return await self._say_beside(row, sending, error)
        if error.retry_after is None and row.extra.get("otherwise"):
            return await self._say_otherwise(row, sending, error)
        old = not patience or self._clock.now() - row.created >= PATIENCE
        if error.retry_after is None or (old and row.attempts + 1 >= ATTEMPTS):
            log.warning("message %d was not sent: %s", row.id, error)
            end = "blocked" if error.blocked else "failed"
            await self._mark(sending, row, state=end, error=str(error)[:500])
            return True
        due = self._clock.now() + timedelta(seconds=error.retry_after)
        self._held[row.chat_id] = due
        sending.waiting.clear()
        await self._settle(sending, lambda tx: rows.retry_chat(tx, row.id, row.chat_id, due, str(error)))
        self._wake.set()
        return False

    async def _say_otherwise(self, row: Any, sending: Sending, error: SendError) -> bool:
        """A message that one member alone may see is shown in another chat, or a line says where it can be had."""
        log.info("message %d goes another way: %s", row.id, error)
        way, *left = row.extra["otherwise"]
        kept = {name: value for name, value in row.extra.items() if name not in ("private_to", "ticket", "otherwise")}
        values = {"chat_id": way["chat_id"], "reply_to": way.get("reply_to", ""), "attempts": 0, "extra": kept}
        if "text" in way:
            values |= {"text": way["text"], "extra": {"language": kept.get("language", "")}}
        values["extra"] |= {"otherwise": left} if left else {}
        await self._mark(sending, row, state="ready", message_id="", **values)
        self._again = True
        return True

    async def _say_beside(self, row: Any, sending: Sending, error: SendError) -> bool:
        """A message that can't be edited any more is answered with what the edit would have said."""
        log.info("message %s can't be edited: %s", row.message_id, error)
        extra = {name: value for name, value in row.extra.items() if name in ("private_to", "language")}
        values = {"kind": "correction", "text": row.extra["beside"], "extra": extra, "reply_to": row.message_id}
        await self._mark(sending, row, state="ready", message_id="", **values)
        self._again = True  # this chat is looked at again once it is free
        return True

    async def show(self, row_id: int, text: str, row: Any = None) -> None:
        """Show the text of an open row so far; `row` where it was read just now. What can't be shown now is left to the
        final send."""
        if row is None:
            row = await self._database.read(lambda tx: rows.get(tx, row_id))
        edge = self._edges[row.platform]
        if row.chat_id in self._busy or row.chat_id in self._held or not edge.capabilities.streams:
            return
        if row.claimed_by not in (None, self._me):  # another process sends what comes before it
            return
        chat = Chat(row.platform, row.platform_id, row.title, row.direct)
        text = cut(text, edge.capabilities.max_length)[0]  # the parts behind it come once all is written
        part = replace(outgoing(row), text=text, buttons=(), cards=(), done=False)
        try:
            if row.message_id:
                await edge.edit(chat, row.message_id, part)
            else:
                message_id = await edge.send(chat, part, row.key)
                await self._database.write(lambda tx: rows.mark(tx, row_id, "open", message_id=message_id))
        except SendError as error:
            log.info("a part of message %d was not shown: %s", row_id, error)
