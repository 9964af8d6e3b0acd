"""The durable inbox in front of everything: ordered inside a chat, concurrent between chats, bounded.

`put` returns once the message is committed; only then may a platform confirm it. A restart takes up what was not done.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from bot.clock import Clock
from bot.lease import Process
from bot.messages import Chat, File, Kind, Message, Role, Sender
from storage import inbox
from storage.database import Database, Job, Transaction

log = logging.getLogger(__name__)
Handle = Callable[[int, Message, Any], Awaitable[None]]
AtOnce = Callable[[Message, bool], tuple[Job[Any], bool] | None]
WAITING = 5_000  # messages taken in and not done; beyond it platforms wait, which is the back pressure
CHATS = 32  # chats worked on at the same time
ATTEMPTS = 3


def pack(message: Message) -> dict[str, Any]:
    """A message as the inbox keeps it."""
    held = _fields(message)
    held["chat"], held["sender"] = _fields(message.chat), _fields(message.sender)
    held["at"], held["files"] = message.at.isoformat(), [_fields(file) for file in message.files]
    return held


def _fields(value: Any) -> dict[str, Any]:
    """`dataclasses.asdict` without its deep copies, which were a quarter of a silent message's cost."""
    return {name: getattr(value, name) for name in value.__slots__}


def whole(text: str) -> str:
    """The text without halves of characters, which no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def unpack(held: dict[str, Any]) -> Message:
    chat, sender = Chat(**held["chat"]), held["sender"]
    return Message(
        **held
        | {
            "chat": chat,
            "sender": Sender(**sender | {"role": Role(sender["role"])}),
            "at": datetime.fromisoformat(held["at"]),
            "kind": Kind(held["kind"]),
            "files": tuple(File(**file) for file in held["files"]),
        }
    )


class Intake:
    """`async with` it: entering takes up what an earlier process left, leaving stops after the messages under way.

    Messages are taken in at once and worked on from `begin` on. `at_once` is told whether a message is alone in its
    chat, and gives a job for the transaction that takes it in, with whether that is all there is to do. If it is not,
    what the job returns goes to the handler's first attempt. A message is worked on by the `process` that took it in;
    where that is gone, by one that serves its platform (all do where `platforms` is empty).
    """

    def __init__(
        self, database: Database, shop_id: int, clock: Clock, handle: Handle, at_once: AtOnce = lambda *_: None,
        *, process: Process | None = None, platforms: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._database, self._shop_id, self._clock, self._handle = database, shop_id, clock, handle
        self._at_once, self._process, self._platforms = at_once, process, platforms
        self._me = process.name if process else None
        self._term = process.term if process else 0
        self._doubted: set[int] = set()  # rows that another process may have taken meanwhile
        self._chats: dict[str, deque[tuple[int, Message, Any]]] = {}
        self._coming: Counter[str] = Counter()  # of each chat, how many are being taken in
        self._workers: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(CHATS)
        self._room = asyncio.Semaphore(WAITING)
        self._waiting = self._beyond = 0  # so many of these are beyond the room
        self._quiet = asyncio.Event()  # set while nothing waits
        self._quiet.set()
        self._taken: set[int] = set()  # rows that are queued or under way
        self._working = False

    async def __aenter__(self) -> Self:
        await self.inherit()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._working = False  # a worker ends after its message; the rest stays in the inbox
        await asyncio.gather(*self._workers, return_exceptions=True)

    def begin(self) -> None:
        """Start to work on what was taken in."""
        self._working = True
        for chat in self._chats:
            self._start(chat)

    async def put(self, message: Message) -> None:
        """Take a message in; one seen before is ignored."""
        await self._room.acquire()
        self._enter()
        chat, now = f"{message.chat.platform}:{message.chat.id}", self._clock.now()
        if (text := whole(message.text)) != message.text:
            message = replace(message, text=text)
        beside, done = self._at_once(message, self._alone(chat)) or (None, False)
        held = {} if done else pack(message)  # of what is done with, only the key is ever asked for

        async def take(tx: Transaction) -> tuple[int | None, Any]:
            key, mine = message.key, self._me
            row = await inbox.put(tx, self._shop_id, key, chat, held, now, done=done, process=mine)
            return row, await beside(tx) if beside and row is not None else None

        self._coming[chat] += 1
        inbox_id, found = None, None
        try:
            inbox_id, found = await self._database.write(take)
        finally:
            self._come(chat)
            if inbox_id is None or done:
                self._leave()
        if inbox_id is not None and not done:
            self._enqueue(chat, inbox_id, message, found)

    async def wake(self) -> None:
        """Take up parked messages whose time has come."""
        before, now = set(self._taken), self._clock.now()
        due = await self._database.read(lambda tx: inbox.due(tx, self._shop_id, now, self._me, self._platforms))
        await self._claim([row for row in due if row.id not in before and row.id not in self._taken])

    async def inherit(self) -> None:
        """Take up what an earlier process, or one that is gone, left."""
        await self._claim(await self._database.read(lambda tx: inbox.left(tx, self._shop_id, self._platforms)))

    async def _claim(self, found: Sequence[Any]) -> None:
        """Take up those of these rows that no other process takes."""
        free = [row.id for row in found if row.claimed_by != self._me]
        mine = await self._database.write(lambda tx: inbox.claim(tx, free, self._me)) if free else set()
        for row in found:
            if (row.id in mine or row.id not in free) and row.id not in self._taken:
                await self._take_up(row)

    async def idle(self) -> None:
        """Wait until nothing is waiting or under way."""
        await self._quiet.wait()

    def _alone(self, chat: str) -> bool:
        """Would a message of this chat be worked on at once?"""
        return self._working and chat not in self._chats and chat not in self._coming and not self._places.locked()

    def _come(self, chat: str) -> None:
        self._coming[chat] -= 1
        if not self._coming[chat]:
            del self._coming[chat]

    def _enter(self) -> None:
        self._waiting += 1
        self._quiet.clear()

    def _leave(self) -> None:
        self._waiting -= 1
        if self._beyond:
            self._beyond -= 1
        else:
            self._room.release()
        if not self._waiting:
            self._quiet.set()

    async def _take_up(self, row: Any) -> None:
        """What is in the inbox already takes room, and is not made to wait for it."""
        if self._room.locked():
            self._beyond += 1
        else:
            await self._room.acquire()
        self._enter()
        self._enqueue(row.chat, row.id, unpack(row.message))

    def _enqueue(self, chat: str, inbox_id: int, message: Message, found: Any = None) -> None:
        self._taken.add(inbox_id)
        if chat in self._chats:
            self._chats[chat].append((inbox_id, message, found))
            return
        self._chats[chat] = deque([(inbox_id, message, found)])
        if self._working:
            self._start(chat)

    def _start(self, chat: str) -> None:
        worker = asyncio.create_task(self._work(chat), name=f"chat {chat}")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _work(self, chat: str) -> None:
        """One chat, message by message, until none is left."""
        queue = self._chats[chat]
        try:
            while queue and self._working:
                async with self._places:
                    if await self._has(queue[0][0]):
                        await self._one(*queue[0])
                self._taken.discard(queue.popleft()[0])
                self._leave()
        finally:
            del self._chats[chat]

    async def _has(self, inbox_id: int) -> bool:
        """Is this row still this process's? One that stood still for long may have been taken to be gone."""
        if self._process is None:
            return True
        if not self._process.sure:
            await self._process.renew()
        if self._process.term != self._term:
            self._term, self._doubted = self._process.term, set(self._taken)
        if inbox_id not in self._doubted:
            return True
        self._doubted.discard(inbox_id)
        return inbox_id in await self._database.write(lambda tx: inbox.claim(tx, [inbox_id], self._me))

    async def _one(self, inbox_id: int, message: Message, found: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._handle(inbox_id, message, found if attempt == 1 else None)
                return
            except Exception as error:  # the boundary: one bad message never stops its chat
                log.exception("message %d, attempt %d of %d", inbox_id, attempt, ATTEMPTS)
                final, reason = attempt == ATTEMPTS, whole(f"{type(error).__name__}: {error}")
                await self._database.write(lambda tx: inbox.failed(tx, inbox_id, reason, final=final))  # noqa: B023
