"""Every message is taken in once, worked on in its chat's order, and given up only after it was tried."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from bot.clock import ManualClock
from bot.intake import ATTEMPTS, WAITING, Intake, pack, unpack
from bot.messages import Chat, File, Kind, Message, Role, Sender
from storage import inbox, shops
from storage.database import Database, Job, Transaction
from storage.tables import Inbox
from tests.tables import make_tables

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SENDER = Sender("ann", "Ann")


def message(text: str, chat: str = "a", key: str = "") -> Message:
    return Message(key or f"test:{chat}:{text}", text, Chat("test", chat), SENDER, text, START)


def found(text: str) -> Job[str]:
    async def job(_: Transaction) -> str:
        return f"found for {text}"

    return job


class Desk:
    """An intake on a database, and what its handler was given. `act` may raise, wait or park."""

    def __init__(self, database: Database, act: Callable[[int, Message], Awaitable[None]] | None = None) -> None:
        self.database, self.act, self.clock = database, act, ManualClock(START)
        self.handled: list[str] = []
        self.intake = Intake(database, 1, self.clock, self._handle)

    async def _handle(self, inbox_id: int, message: Message, _found: object) -> None:
        self.handled.append(message.text)
        if self.act:
            await self.act(inbox_id, message)
        await self.database.write(lambda tx: inbox.done(tx, inbox_id))

    async def work(self, *messages: Message) -> list[str]:
        """Take these in and work until nothing waits."""
        async with self.intake:
            self.intake.begin()
            for one in messages:
                await self.intake.put(one)
            await self.intake.idle()
        return self.handled

    async def states(self) -> dict[str, tuple[str, str]]:
        """Text -> state and error of its row."""
        query = select(Inbox.message, Inbox.state, Inbox.error)

        async def rows(tx: Transaction) -> dict[str, tuple[str, str]]:
            return {row.message["text"]: (row.state, row.error) for row in await tx.execute(query)}

        return await self.database.read(rows)


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/shop.db"
    make_tables(made)
    return made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database(url) as opened:
        await opened.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        yield opened


async def test_the_same_event_twice_is_handled_once(database: Database):
    again = message("hello again", key="test:1")
    assert await Desk(database).work(message("hello", key="test:1"), again, again) == ["hello"]
    assert await Desk(database).work(again) == []


async def test_the_same_event_twice_at_the_same_time_is_handled_once(database: Database):
    desk = Desk(database)
    async with desk.intake:
        desk.intake.begin()
        await asyncio.gather(*(desk.intake.put(message("hello", key="test:1")) for _ in range(5)))
    assert desk.handled == ["hello"]


async def test_a_chat_is_worked_on_in_order(database: Database):
    async def unevenly(_: int, one: Message) -> None:
        for _turn in range(9 - int(one.text)):
            await asyncio.sleep(0)

    texts = [str(number) for number in range(9)]
    assert await Desk(database, unevenly).work(*(message(text) for text in texts)) == texts


async def test_a_slow_chat_holds_nobody_else_up(database: Database):
    go_on, other = asyncio.Event(), asyncio.Event()

    async def wait(_: int, one: Message) -> None:
        if one.chat.id == "slow":
            await go_on.wait()
        else:
            other.set()

    desk = Desk(database, wait)
    async with desk.intake:
        desk.intake.begin()
        await desk.intake.put(message("first", "slow"))
        await desk.intake.put(message("next", "slow"))
        await desk.intake.put(message("other", "fast"))
        await other.wait()
        assert desk.handled == ["first", "other"]
        go_on.set()
        await desk.intake.idle()
    assert desk.handled == ["first", "other", "next"]


async def test_until_the_model_is_loaded_messages_are_only_taken_in(database: Database):
    desk = Desk(database)
    async with desk.intake:
        await desk.intake.put(message("early"))
        assert desk.handled == []
        assert await desk.states() == {"early": ("new", "")}
        desk.intake.begin()
        await desk.intake.idle()
    assert desk.handled == ["early"]


async def test_a_restart_takes_up_what_was_not_done(url: str):
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
        assert await Desk(database).work(message("before")) == ["before"]
        loading = Desk(database)
        async with loading.intake:
            for text in ("one", "two", "three"):
                await loading.intake.put(message(text))
    async with Database(url) as database:
        assert await Desk(database).work(message("four")) == ["one", "two", "three", "four"]


async def test_leaving_finishes_the_message_under_way_and_leaves_the_rest_for_the_next_start(database: Database):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        begun.set()
        await go_on.wait()

    desk = Desk(database, wait)

    async def serve() -> None:
        async with desk.intake:
            desk.intake.begin()
            await desk.intake.put(message("one"))
            await desk.intake.put(message("two"))
            await begun.wait()

    serving = asyncio.create_task(serve())
    await begun.wait()
    go_on.set()
    await serving
    assert desk.handled[0] == "one"
    assert desk.handled + await Desk(database).work() == ["one", "two"]


async def test_a_message_that_always_fails_is_given_up_and_its_chat_goes_on(database: Database):
    async def fail(_: int, one: Message) -> None:
        if one.text == "bad":
            raise LookupError("no such thing")

    desk = Desk(database, fail)
    handled = await desk.work(message("bad"), message("good"))
    assert handled == ["bad"] * ATTEMPTS + ["good"]
    assert await desk.states() == {"bad": ("failed", "LookupError: no such thing"), "good": ("done", "")}
    assert await Desk(database).work() == []


async def test_a_message_that_fails_at_first_is_handled(database: Database):
    async def fail(*_: Any) -> None:
        if len(desk.handled) < ATTEMPTS:
            raise ConnectionError("not now")

    desk = Desk(database, fail)
    assert await desk.work(message("late")) == ["late"] * ATTEMPTS
    assert (await desk.states())["late"][0] == "done"


async def test_a_parked_message_is_decided_again_once_it_is_due(database: Database):
    clock = ManualClock(START)
    seen: list[str] = []

    async def park(inbox_id: int, one: Message, _found: object) -> None:
        first = one.text not in seen
        seen.append(one.text)
        due = START + timedelta(minutes=1)
        await database.write(lambda tx: inbox.park(tx, inbox_id, due) if first else inbox.done(tx, inbox_id))

    async with Intake(database, 1, clock, park) as intake:
        intake.begin()
        await intake.put(message("hm"))
        await intake.idle()
        await intake.wake()
        await intake.idle()
        assert seen == ["hm"]
        clock.set(START + timedelta(minutes=1))
        await intake.wake()
        await intake.idle()
        await intake.wake()
        await intake.idle()
    assert seen == ["hm", "hm"]


async def test_a_full_inbox_makes_platforms_wait(database: Database):
    async def waiting(tx: Any) -> None:
        held = [(number, message(str(number), str(number % 50))) for number in range(WAITING)]
        values = [
            {"shop_id": 1, "key": one.key, "chat": f"test:{one.chat.id}", "message": pack(one), "received": START,
             "state": "new", "attempts": 0, "error": ""}
            for _, one in held
        ]  # fmt: skip
        await tx.execute(insert(Inbox), values)

    async def taken_in() -> bool:
        """By way of the writer, so that whatever was given to it before is done."""
        return await database.write(lambda tx: inbox.by_key(tx, 1, "late")) is not None

    async def nothing(*_: Any) -> None: ...

    await database.write(waiting)
    async with Intake(database, 1, ManualClock(START), nothing) as intake:
        late = asyncio.create_task(intake.put(message("late", key="late")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not await taken_in()
        assert not late.done()
        intake.begin()
        await late
        assert await taken_in()
        await intake.idle()


TEXTS = st.text(max_size=30)
MESSAGES = st.builds(
    Message,
    key=TEXTS,
    id=TEXTS,
    chat=st.builds(Chat, TEXTS, TEXTS, TEXTS, st.booleans()),
    sender=st.builds(Sender, TEXTS, TEXTS, st.sampled_from(Role), st.booleans()),
    text=TEXTS,
    at=st.datetimes(timezones=st.sampled_from((UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=3.5))))),
    addressed=st.booleans(),
    reply_to=TEXTS,
    kind=st.sampled_from(Kind),
    files=st.lists(st.builds(File, TEXTS, TEXTS, st.integers(0, 2**40)), max_size=3).map(tuple),
)


@given(MESSAGES)
def test_a_message_comes_out_of_the_inbox_as_it_went_in(one: Message):
    found = unpack(json.loads(json.dumps(pack(one))))
    assert found == one
    assert isinstance(found.sender.role, Role)
    assert isinstance(found.kind, Kind)
    assert found.at.utcoffset() == one.at.utcoffset()


async def test_what_was_found_while_taking_in_goes_to_the_first_attempt(database: Database):
    given: list[Any] = []

    async def handle(inbox_id: int, one: Message, beside: Any) -> None:
        given.append(beside)
        if len(given) == 1:
            raise LookupError("once")
        await database.write(lambda tx: inbox.done(tx, inbox_id))

    async with Intake(database, 1, ManualClock(START), handle, lambda one, _: (found(one.text), False)) as intake:
        intake.begin()
        await intake.put(message("hello"))
        await intake.idle()
    assert given == ["found for hello", None]


async def test_a_message_is_alone_only_if_nothing_before_it_in_its_chat_is_to_be_done(database: Database):
    alone: dict[str, bool] = {}
    go_on = asyncio.Event()

    async def wait(inbox_id: int, _: Message, __: Any) -> None:
        await go_on.wait()
        await database.write(lambda tx: inbox.done(tx, inbox_id))

    def ask(one: Message, so: bool) -> None:
        alone[one.text] = so

    async with Intake(database, 1, ManualClock(START), wait, ask) as intake:
        await intake.put(message("before the start", "b"))
        intake.begin()
        await asyncio.gather(*(intake.put(message(text, "a")) for text in ("first", "together with it")))
        await intake.put(message("while it is worked on", "a"))
        await intake.put(message("elsewhere", "c"))
        go_on.set()
        await intake.idle()
        await intake.put(message("after all", "a"))
        await intake.idle()
    assert [text for text, so in alone.items() if so] == ["first", "elsewhere", "after all"]


async def test_of_what_is_done_with_at_once_the_inbox_keeps_the_key(database: Database):
    async with Intake(database, 1, ManualClock(START), print, lambda one, _: (found(one.text), True)) as intake:
        intake.begin()
        for _ in range(2):
            await intake.put(message("hello", key="test:1"))
        await intake.idle()
    rows = await database.read(lambda tx: tx.execute(select(Inbox.key, Inbox.state, Inbox.message)))
    assert rows.all() == [("test:1", "done", {})]
