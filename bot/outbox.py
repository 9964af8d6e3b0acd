"""Sends what the tables say is to be sent, once.

Rows of one chat go in the order of their ids; chats don't wait for each other. A reply is sent again after a kill
between send and mark (on a platform that knows our key nobody sees it twice); posts and suggestions are marked before
they are sent and never sent again by themselves: a row whose answer nobody saw becomes `unknown`, for admins to see.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.clock import Clock
from bot.messages import Button, Capabilities, Card, Chat, Outgoing, SendError
from storage import outbox as rows
from storage.database import Database, Job, Transaction

log = logging.getLogger(__name__)
ONCE = ("post", "suggestion")
ATTEMPTS = 8
BUG_WAIT = 5.0  # seconds
CHATS = 16  # chats that are sent to at the same time


class Edge(Protocol):
    """What the app hands us of a platform: the calls that send."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str: ...

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None: ...


def extra(outgoing: Outgoing, **more: Any) -> dict[str, Any]:
    """What a row keeps of a message besides its text."""
    held: dict[str, Any] = dict(more)
    if outgoing.buttons:
        held["buttons"] = [[button.label, button.command] for button in outgoing.buttons]
    if outgoing.cards:
        held["cards"] = [[card.title, card.subtitle, card.text, card.image, card.link] for card in outgoing.cards]
    if outgoing.private_to:
        held["private_to"] = outgoing.private_to
    if outgoing.awaits:
        held["awaits"] = outgoing.awaits
    return held


def outgoing(row: Any) -> Outgoing:
    """A row as the message that a platform shows."""
    buttons = tuple(Button(*one) for one in row.extra.get("buttons", ()))
    cards = tuple(Card(*one) for one in row.extra.get("cards", ()))
    return Outgoing(row.text, buttons, cards, row.reply_to, row.extra.get("private_to", ""))


class Outbox:
    """`run` it; `write` rows for a chat through it, or `wake` it after a transaction that added some; `show` a draft
    while it is written."""

    def __init__(self, database: Database, shop_id: int, clock: Clock, edges: Mapping[str, Edge]) -> None:
        self._database, self._shop_id, self._clock, self._edges = database, shop_id, clock, edges
        self._wake = asyncio.Event()
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._sends = 0  # how often a chat was sent to, to the end
        self._ended: dict[int, int] = {}  # the number of each chat's last one
        self._again = False  # rows were due in a chat that is being sent to
        self._later: datetime | None = None  # when the next row is due that had to wait

    def wake(self) -> None:
        self._wake.set()

    async def write(self, chat_id: int, job: Job[None]) -> None:
        """Run a job that adds rows for this chat and start to send what is due there, both in one transaction."""
        sends = self._sends

        async def both(tx: Transaction) -> list[Any]:
            await job(tx)
            return await rows.due_in(tx, chat_id, self._clock.now())

        waiting = await self._database.write(both)
        self._start(chat_id, [row for row in waiting if row.platform in self._edges], sends)

    async def recover(self) -> int:
        """At start: rows marked before a send whose answer nobody saw are `unknown` now. How many there are."""
        found = await self._database.write(lambda tx: rows.resolve_unknown(tx, self._shop_id))
        if found:
            log.warning(
                "%d posts or suggestions were cut off while they were sent; they are not sent again", len(found)
            )
        return len(found)

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished first."""
        self._later = await self._database.read(lambda tx: rows.next_due(tx, self._shop_id, tuple(self._edges)))
        try:
            while True:
                self._wake.clear()
                await self.send_due()
                await self._sleep()
        finally:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def send_due(self) -> bool:
        """Start sending every row that is due; was there any?"""
        now, self._again = self._clock.now(), False
        if self._later is not None and self._later <= now:
            self._later = None
        sends = self._sends
        due = await self._database.read(lambda tx: rows.due(tx, self._shop_id, tuple(self._edges), now))
        by_chat: dict[int, list[Any]] = {}
        for row in due:
            by_chat.setdefault(row.chat_id, []).append(row)
        for chat_id, waiting in by_chat.items():
            self._start(chat_id, waiting, sends)
        return bool(due)

    def _start(self, chat_id: int, waiting: Sequence[Any], sends: int) -> None:
        """Send these rows of a chat, read when there had been so many sends, in a task; else look again later."""
        if not waiting:
            return
        if chat_id in self._busy or len(self._busy) >= CHATS:
            self._again = True
            return
        if self._ended.get(chat_id, 0) > sends:  # what was due then was sent meanwhile, all of it or some
            self._wake.set()
            return
        task = asyncio.create_task(self._send_chat(waiting), name=f"send to chat {chat_id}")
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
        if self._later is None:
            await self._wake.wait()
            return
        seconds = max(0.05, (self._later - self._clock.now()).total_seconds())
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _send_chat(self, waiting: Sequence[Any]) -> None:
        for row in waiting:
            try:
                if not await self._send(row):
                    break
            except Exception as error:  # the boundary: a bug of one edge never stops the others
                log.exception("message %d", row.id)
                if row.kind in ONCE:  # nobody knows whether it was seen
                    await self._database.write(lambda tx, row=row: rows.mark(tx, row.id, "unknown"))  # type: ignore[misc]
                    continue
                await self._refused(row, SendError(f"{type(error).__name__}: {error}", BUG_WAIT))
                break

    async def _send(self, row: Any) -> bool:
        """Send one row and mark what became of it. False: the chat has to wait."""
        edge = self._edges[row.platform]
        chat = Chat(row.platform, row.platform_id, row.title, row.direct)
        once = row.kind in ONCE and not edge.capabilities.idempotent
        if once:
            await self._database.write(lambda tx: rows.mark(tx, row.id, "sending"))
        try:
            if row.message_id:
                await edge.edit(chat, row.message_id, outgoing(row))
                message_id = row.message_id
            else:
                message_id = await edge.send(chat, outgoing(row), row.key)
        except SendError as error:
            return await self._refused(row, error)
        now = self._clock.now()
        await self._database.write(lambda tx: rows.sent(tx, row.id, message_id, now))
        return True

    async def _refused(self, row: Any, error: SendError) -> bool:
        if error.retry_after is None or row.attempts + 1 >= ATTEMPTS:
            log.warning("message %d was not sent: %s", row.id, error)
            await self._database.write(lambda tx: rows.mark(tx, row.id, "failed", error=str(error)[:500]))
            return True
        due = self._clock.now() + timedelta(seconds=error.retry_after)
        await self._database.write(lambda tx: rows.retry_chat(tx, row.id, row.chat_id, due, str(error)))
        self._later = min(self._later or due, due)
        self._wake.set()
        return False

    async def show(self, row_id: int, text: str, row: Any = None) -> None:
        """Show the text of an open row so far; `row` where it was read just now. What can't be shown now is left to the
        final send."""
        if row is None:
            row = await self._database.read(lambda tx: rows.get(tx, row_id))
        edge = self._edges[row.platform]
        if row.chat_id in self._busy or not edge.capabilities.streams:
            return
        chat = Chat(row.platform, row.platform_id, row.title, row.direct)
        part = Outgoing(text, (), (), row.reply_to, row.extra.get("private_to", ""), done=False)
        try:
            if row.message_id:
                await edge.edit(chat, row.message_id, part)
            else:
                message_id = await edge.send(chat, part, row.key)
                await self._database.write(lambda tx: rows.mark(tx, row_id, "open", message_id=message_id))
        except SendError as error:
            log.info("a part of message %d was not shown: %s", row_id, error)
