"""What the tables say is to be sent, is sent: once, in order, and honestly where nobody knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.messages import Button, Capabilities, Chat, Outgoing, SendError
from bot.outbox import ATTEMPTS, PATIENCE, Outbox, extra, put
from storage import members, outbox, shops
from storage.database import Database
from tests.tables import make_tables

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STREAMS = Capabilities(edits=True, streams=True)


@dataclass
class Edge:
    """A platform without a network. `troubles` are raised, one per send; a chat in `closed` answers once it is set."""

    capabilities: Capabilities = STREAMS
    troubles: list[BaseException | None] = field(default_factory=list)
    closed: dict[str, asyncio.Event] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)  # what, chat, text
    messages: dict[str, Outgoing] = field(default_factory=dict)
    seen: asyncio.Queue[str] = field(default_factory=asyncio.Queue)  # texts as they come
    full: float = 0.0  # seconds for which it takes no more

    def take(self, chat: Chat) -> float:
        return self.full

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if chat.id in self.closed:
            await self.closed[chat.id].wait()
        self.log.append(("send", chat.id, outgoing.text))
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        message_id = key if self.capabilities.idempotent else f"m{len(self.log)}"
        self.messages[message_id] = outgoing
        self.seen.put_nowait(outgoing.text)
        return message_id

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        self.log.append(("edit", chat.id, outgoing.text))
        self.messages[message_id] = outgoing

    def texts(self) -> list[str]:
        """What members see, in the order in which it came."""
        return [outgoing.text for outgoing in self.messages.values()]


class Place:
    """An open shop with chats, and the outbox in front of an edge."""

    def __init__(self, database: Database, edge: Edge, clock: ManualClock, **edges: Edge) -> None:
        self.database, self.edge, self.clock = database, edge, clock
        self.outbox = Outbox(database, 1, clock, {"test": edge, **edges})

    async def put(self, text: str, chat: str = "a", kind: str = "reply", **values: Any) -> int:
        now = self.clock.now()

        async def job(tx: Any) -> int:
            place = await members.enter(tx, 1, "test", chat, chat, False)
            return await outbox.put(tx, 1, place.id, f"{kind}:{text}", kind, text, now, **values)

        return await self.database.write(job)

    async def write(self, text: str, chat: str = "a") -> None:
        """Put a reply through the outbox itself."""
        now = self.clock.now()
        place = await self.database.write(lambda tx: members.enter(tx, 1, "test", chat, chat, False))

        async def job(tx: Any) -> None:
            await outbox.put(tx, 1, place.id, f"reply:{text}", "reply", text, now)

        await self.outbox.write(place.id, job)

    async def row(self, row_id: int) -> Any:
        return await self.database.read(lambda tx: outbox.get(tx, row_id))

    async def sent(self, row_id: int) -> None:
        """Until this row is sent."""
        while (await self.row(row_id)).state != "sent":  # noqa: ASYNC110 - only the table says so
            await asyncio.sleep(0)

    async def later(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        await self.outbox.flush()


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/shop.db"
    make_tables(made)
    return made


@asynccontextmanager
async def opened(url: str, edge: Edge) -> AsyncIterator[Place]:
    async with Database(url) as database:
        row = await database.read(shops.get)
        if row is None:
            await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        yield Place(database, edge, ManualClock(START))


@pytest.fixture
async def place(url: str) -> AsyncIterator[Place]:
    async with opened(url, Edge()) as place:
        yield place


async def test_a_chat_gets_its_messages_in_order(place: Place):
    for number in range(9):
        await place.put(f"text {number}")
    await place.outbox.flush()
    assert place.edge.texts() == [f"text {number}" for number in range(9)]


async def test_a_slow_chat_holds_nobody_else_up(place: Place):
    place.edge.closed["slow"] = asyncio.Event()
    first, second = await place.put("first", "slow"), await place.put("second", "fast")
    await place.outbox.send_due()
    await place.sent(second)
    assert place.edge.texts() == ["second"]
    place.edge.closed["slow"].set()
    await place.sent(first)
    assert place.edge.texts() == ["second", "first"]


async def test_a_chat_that_has_to_wait_goes_on_in_order(place: Place):
    place.edge.troubles = [SendError("slow down", 30)]
    for number in range(3):
        await place.put(f"text {number}")
    await place.outbox.flush()
    assert place.edge.texts() == []
    await place.later(29)
    assert place.edge.texts() == []
    await place.later(1)
    assert place.edge.texts() == ["text 0", "text 1", "text 2"]


async def test_while_one_chat_waits_another_is_sent_to(place: Place):
    place.edge.troubles = [SendError("slow down", 30)]
    await place.put("held", "a")
    await place.outbox.flush()
    await place.put("free", "b")
    await place.outbox.flush()
    assert place.edge.texts() == ["free"]


async def test_a_final_refusal_is_kept_with_its_reason_and_the_chat_goes_on(place: Place):
    place.edge.troubles = [SendError("the bot was removed")]
    refused, other = await place.put("never"), await place.put("other")
    await place.outbox.flush()
    assert ((await place.row(refused)).state, (await place.row(refused)).error) == ("failed", "the bot was removed")
    assert (await place.row(other)).state == "sent"
    await place.later(3600)
    assert place.edge.texts() == ["other"]


async def test_being_told_to_wait_is_no_reason_to_give_up(place: Place):
    place.edge.troubles = [SendError("slow down", 1) for _ in range(3 * ATTEMPTS)]
    await place.put("patient")
    for _ in range(3 * ATTEMPTS + 1):
        await place.later(1)
    assert place.edge.texts() == ["patient"]


async def test_it_does_not_try_for_ever(place: Place):
    place.edge.troubles = [SendError("slow down", 1) for _ in range(99)]
    row_id = await place.put("never")
    for _ in range(20):
        await place.later(PATIENCE.total_seconds() / 10)
    assert (await place.row(row_id)).state == "failed"
    assert len(place.edge.log) <= ATTEMPTS + 10


@pytest.mark.parametrize("kind", ["post", "suggestion"])
async def test_a_post_whose_answer_was_lost_is_unknown_and_not_sent_again(place: Place, kind: str):
    place.edge.troubles = [SendError("cut off", 1, unsure=True)]
    row_id, reply = await place.put("tip", kind=kind), await place.put("answer")
    for _ in range(5):
        await place.later(1)
    assert (await place.row(row_id)).state == "unknown"
    assert (await place.row(reply)).state == "sent"
    assert place.edge.texts() == ["answer"]


async def test_chats_that_wait_until_different_moments_are_all_sent_to(place: Place):
    place.edge.troubles = [SendError("slow down", 1 + number / 100) for number in range(5)]
    running = asyncio.create_task(place.outbox.run())
    for number in range(5):
        await place.put(f"{number}", f"chat {number}")
    place.outbox.wake()
    for _ in range(40):
        place.clock.set(place.clock.now() + timedelta(seconds=0.05))
        await place.database.read(lambda tx: outbox.counts(tx, 1))
    for _ in range(5):
        await asyncio.wait_for(place.edge.seen.get(), 10)
    assert not place.edge.troubles
    running.cancel()


async def test_nothing_is_begun_before_what_has_to_wait(place: Place):
    place.edge.troubles = [SendError("slow down", 9)]
    await place.put("first")
    draft = await place.put("second", state="open")
    await place.outbox.flush()
    await place.outbox.show(draft, "sec")
    assert place.edge.texts() == []
    await place.later(10)
    await place.outbox.show(draft, "seco")
    assert place.edge.texts() == ["first", "seco"]


@pytest.mark.parametrize("kind", ["post", "suggestion"])
async def test_a_post_that_was_cut_off_is_unknown_and_not_sent_again(url: str, kind: str):
    killed = Edge(troubles=[asyncio.CancelledError()])
    async with opened(url, killed) as place:
        row_id = await place.put("tip", kind=kind)
        with pytest.raises(asyncio.CancelledError):
            await place.outbox.flush()
    async with opened(url, Edge()) as place:
        assert await place.outbox.recover() == 1
        await place.outbox.flush()
        assert (await place.row(row_id)).state == "unknown"
        assert place.edge.log == []
        assert await place.outbox.recover() == 0


async def test_a_reply_that_was_cut_off_is_sent_again(url: str):
    async with opened(url, Edge(troubles=[asyncio.CancelledError()])) as place:
        await place.put("answer")
        with pytest.raises(asyncio.CancelledError):
            await place.outbox.flush()
    async with opened(url, Edge()) as place:
        assert await place.outbox.recover() == 0
        await place.outbox.flush()
        assert place.edge.texts() == ["answer"]


async def test_where_the_platform_knows_our_key_a_post_is_sent_again_under_it(url: str):
    able = Capabilities(idempotent=True)
    async with opened(url, Edge(able, [asyncio.CancelledError()])) as place:
        await place.put("tip", kind="post")
        with pytest.raises(asyncio.CancelledError):
            await place.outbox.flush()
    async with opened(url, Edge(able)) as place:
        await place.outbox.recover()
        await place.outbox.flush()
        assert list(place.edge.messages) == ["post:tip"]


async def test_what_was_sent_is_not_sent_after_a_restart(url: str):
    async with opened(url, Edge()) as place:
        await place.put("once")
        await place.outbox.flush()
    async with opened(url, Edge()) as place:
        await place.outbox.flush()
        assert place.edge.log == []


async def test_a_reply_that_was_shown_in_part_is_finished_under_the_same_message(place: Place):
    row_id = await place.put("Half.", state="open")
    await place.outbox.show(row_id, "Half.")
    await place.outbox.show(row_id, "Half. More.")
    assert [one.done for one in place.edge.messages.values()] == [False]
    assert not await place.outbox.send_due()
    await place.put("Half.", state="ready", extra=extra(Outgoing("", (Button("Yes", "/yes"),))))
    await place.outbox.flush()
    [shown] = place.edge.messages.values()
    assert (shown.done, shown.buttons) == (True, (Button("Yes", "/yes"),))
    assert [what for what, _, _ in place.edge.log] == ["send", "edit", "edit"]


async def test_a_reply_shown_before_a_kill_is_finished_under_the_same_message(url: str):
    edge = Edge()
    async with opened(url, edge) as place:
        row_id = await place.put("Whole.", state="open")
        await place.outbox.show(row_id, "Who")
    async with opened(url, edge) as place:
        await place.put("Whole.", state="ready")
        await place.outbox.flush()
    assert edge.texts() == ["Whole."]


async def test_a_platform_without_streaming_sees_the_whole_only(url: str):
    async with opened(url, Edge(Capabilities())) as place:
        row_id = await place.put("Whole.", state="open")
        await place.outbox.show(row_id, "Who")
        assert place.edge.log == []


async def test_a_part_that_cannot_be_shown_is_left_to_the_end(place: Place):
    row_id = await place.put("Whole.", state="open")
    place.edge.troubles = [SendError("slow down", 5)]
    await place.outbox.show(row_id, "Who")
    await place.put("Whole.", state="ready")
    await place.outbox.flush()
    assert place.edge.texts() == ["Whole."]


async def test_running_it_sends_what_comes_and_finishes_before_it_stops(place: Place):
    running = asyncio.create_task(place.outbox.run())
    await place.put("one")
    place.outbox.wake()
    assert await place.edge.seen.get() == "one"
    row_id = await place.put("two")
    place.outbox.wake()
    assert await place.edge.seen.get() == "two"
    running.cancel()
    await asyncio.wait([running])
    assert (await place.row(row_id)).state == "sent"


async def test_what_is_written_through_the_outbox_is_sent_at_once(place: Place):
    await place.put("before")
    await place.write("after")
    assert [await place.edge.seen.get() for _ in range(2)] == ["before", "after"]


async def test_what_is_written_while_its_chat_is_sent_to_comes_after_that_once(place: Place):
    place.edge.closed["a"] = asyncio.Event()
    running = asyncio.create_task(place.outbox.run())
    await place.write("first")
    await asyncio.gather(*(place.write(f"next {number}") for number in range(5)))
    assert place.edge.texts() == []
    place.edge.closed["a"].set()
    assert [await place.edge.seen.get() for _ in range(6)] == ["first", *(f"next {number}" for number in range(5))]
    await place.outbox.flush()
    assert len(place.edge.log) == 6
    running.cancel()


async def test_many_writers_and_lookers_send_each_message_once(place: Place):
    """A row that was read as due may be sent by somebody else before the reader comes to it."""
    running = asyncio.create_task(place.outbox.run())
    texts = {f"{number}" for number in range(60)}

    async def write(text: str) -> None:
        await place.write(text, f"chat {int(text) % 3}")
        place.outbox.wake()

    await asyncio.gather(*(write(text) for text in texts))
    await place.outbox.flush()
    assert sorted(text for _, _, text in place.edge.log) == sorted(texts)
    running.cancel()


async def test_what_has_to_wait_holds_back_what_is_written_behind_it(place: Place):
    place.edge.troubles = [SendError("slow down", 30)]
    await place.put("first")
    await place.outbox.flush()
    await place.write("second")
    await place.outbox.flush()
    assert place.edge.texts() == []
    await place.later(30)
    assert place.edge.texts() == ["first", "second"]


async def test_rows_of_a_platform_that_runs_elsewhere_are_left_to_it(place: Place):
    elsewhere = Outbox(place.database, 1, place.clock, {"other": Edge()})
    row_id = await place.put("not ours")
    await elsewhere.write((await place.row(row_id)).chat_id, lambda tx: outbox.mark(tx, row_id, "ready"))
    await elsewhere.flush()
    assert (await place.row(row_id)).state == "ready"


async def test_what_answers_an_event_carries_its_ticket_in_every_part(place: Place):
    place.edge.capabilities = replace(STREAMS, max_length=20)

    async def job(tx: Any) -> None:
        chat = await members.enter(tx, 1, "test", "a", "a", False)
        long = Outgoing("One sentence here. Another one here.", ticket="of the event")
        await put(tx, 1, chat.id, "reply:long", "reply", long, place.clock.now(), 20)

    await place.database.write(job)
    await place.outbox.flush()
    assert [shown.ticket for shown in place.edge.messages.values()] == ["of the event"] * 2
