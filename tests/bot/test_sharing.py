"""Processes that share a database: one ticks, a chat is sent to by one at a time, a message is worked on by one."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.config import load
from bot.intake import Intake
from bot.lease import LIFE, RENEW, LeaseLost, Process, gone, place
from bot.messages import Message
from bot.opening import open_shop
from bot.outbox import Outbox
from storage import inbox, members, migrate, outbox, products, shops
from storage.database import Database, Transaction
from tests.bot.test_intake import message
from tests.bot.test_outbox import START, Edge
from tests.shop_file import new_shop

ON_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only /proc tells when a process began")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with new_shop(tmp_path) as database:
        yield database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


class Sender:
    """An outbox in what stands for a process of its own."""

    def __init__(self, database: Database, clock: ManualClock, edge: Edge | None = None) -> None:
        self.database, self.clock, self.edge = database, clock, edge or Edge()
        self.process = Process(database, 1, clock)
        self.outbox = Outbox(database, 1, clock, {"test": self.edge}, self.process)

    async def put(self, text: str, chat: str = "a", kind: str = "reply", **values: Any) -> int:
        async def job(tx: Transaction) -> int:
            here = await members.enter(tx, 1, "test", chat, chat, False)
            return await outbox.put(tx, 1, here.id, f"{kind}:{text}", kind, text, self.clock.now(), **values)

        return await self.database.write(job)

    async def state(self, row_id: int) -> str:
        return (await self.database.read(lambda tx: outbox.get(tx, row_id))).state


@contextlib.asynccontextmanager
async def two(database: Database, clock: ManualClock) -> AsyncIterator[tuple[Sender, Sender]]:
    one, other = Sender(database, clock), Sender(database, clock)
    async with one.process, other.process:
        yield one, other


async def test_two_senders_send_each_row_once_and_each_chat_in_order(database: Database, clock: ManualClock):
    async with two(database, clock) as (one, other):
        running = [asyncio.create_task(each.outbox.run()) for each in (one, other)]
        for number in range(20):
            for chat in ("a", "b", "c"):
                await one.put(f"{chat}{number:02}", chat)
            one.outbox.wake()
            other.outbox.wake()
        while (await database.read(lambda tx: outbox.counts(tx, 1))).get("sent") != 60:
            clock.set(clock.now() + timedelta(seconds=1))
            await asyncio.sleep(0)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        sent = [text for each in (one, other) for _, _, text in each.edge.log]
        assert sorted(sent) == sorted(f"{chat}{number:02}" for number in range(20) for chat in ("a", "b", "c"))
        for each in (one, other):
            for chat in ("a", "b", "c"):
                texts = [text for _, place, text in each.edge.log if place == chat]
                assert texts == sorted(texts)


async def test_what_comes_while_another_sends_is_sent_by_that_one(database: Database, clock: ManualClock):
    async with two(database, clock) as (one, other):
        one.edge.closed["a"] = asyncio.Event()
        await one.put("first")
        await one.outbox.send_due()
        await database.read(lambda tx: outbox.counts(tx, 1))
        while not await database.read(lambda tx: outbox.has(tx, 1, one.process.name)):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await other.put("second")
        assert not await other.outbox.send_due()
        await other.outbox.flush()
        one.edge.closed["a"].set()
        await one.outbox.flush()
        assert (one.edge.texts(), other.edge.texts()) == (["first", "second"], [])
        await other.put("third")
        await other.outbox.flush()
        assert other.edge.texts() == ["third"]


async def test_what_a_process_was_sending_that_is_gone_is_sent_by_the_other(database: Database, clock: ManualClock):
    killed = Sender(database, clock, Edge(troubles=[asyncio.CancelledError() for _ in range(9)]))
    await killed.process.renew()
    post, reply = await killed.put("tip", "a", "post"), await killed.put("answer", "b")
    for _ in range(2):
        with contextlib.suppress(asyncio.CancelledError):
            await killed.outbox.flush()
    other = Sender(database, clock)
    async with other.process:
        await other.outbox.flush()
        assert (await killed.state(post), await killed.state(reply)) == ("sending", "ready")
        assert await other.outbox.recover() == 0
        clock.set(clock.now() + LIFE)
        async with Sender(database, clock).process:
            await other.outbox.inherit()
            await other.outbox.flush()
        assert (await killed.state(post), await killed.state(reply)) == ("unknown", "sent")
        assert other.edge.texts() == ["answer"]


async def test_who_stood_still_for_long_does_not_go_on_with_what_another_took(database: Database, clock: ManualClock):
    async with two(database, clock) as (one, other):
        one.edge.closed["a"] = asyncio.Event()
        rows = [await one.put(f"{number}") for number in range(3)]
        await one.outbox.send_due()
        while not await database.read(lambda tx: outbox.has(tx, 1, one.process.name)):  # noqa: ASYNC110
            await asyncio.sleep(0)
        clock.set(clock.now() + LIFE)
        await other.process.renew()
        async with Sender(database, clock).process:  # one that starts finds `one` gone
            await other.outbox.flush()
            assert other.edge.texts() == ["0", "1", "2"]
        one.edge.closed["a"].set()
        await one.outbox.flush()
        assert one.edge.texts() == ["0"]  # which was on its way
        assert {await one.state(row) for row in rows} == {"sent"}


async def test_one_ticks_until_it_ends_or_is_gone(database: Database, clock: ManualClock):
    other = Process(database, 1, clock)
    async with other:
        async with Process(database, 1, clock) as one:
            assert (await one.leads(), await other.leads()) == (True, False)
            clock.set(clock.now() + timedelta(seconds=RENEW + 1))
            await one.renew()
            clock.set(clock.now() + timedelta(seconds=RENEW + 1))
            assert (await other.leads(), await one.leads()) == (False, True)
        assert await other.leads()
        late = Process(database, 1, clock)
        clock.set(clock.now() + LIFE)
        assert await late.leads()
        with pytest.raises(LeaseLost):
            await other.fenced().write(lambda tx: members.enter(tx, 1, "test", "x", "x", False))
        assert not await other.leads()


async def test_it_says_that_it_runs_for_as_long_as_it_does(database: Database, clock: ManualClock):
    other = Process(database, 1, clock)
    async with other, Process(database, 1, clock) as one:
        heard: list[str] = []

        async def inherit() -> None:
            heard.append("looked")

        one.heirs.append(inherit)
        running = asyncio.create_task(one.run())
        await asyncio.sleep(0)
        for number in range(1, 6):
            clock.set(clock.now() + timedelta(seconds=RENEW))
            while len(heard) < number:  # noqa: ASYNC110
                await asyncio.sleep(0)
            await other.renew()
        assert one.sure
        assert (one.term, other.term) == (1, 1)
        running.cancel()


class Worker:
    """An intake in what stands for a process of its own."""

    def __init__(self, database: Database, clock: ManualClock, platforms: tuple[str, ...] = ("test",)) -> None:
        self.database, self.handled = database, []
        self.process = Process(database, 1, clock)
        self.intake = Intake(database, 1, clock, self._handle, process=self.process, platforms=platforms)

    async def _handle(self, inbox_id: int, one: Message, _found: object) -> None:
        self.handled.append(one.text)
        await self.database.write(lambda tx: inbox.done(tx, inbox_id))

    async def work(self) -> list[str]:
        async with self.process, self.intake:
            self.intake.begin()
            await self.intake.idle()
        return self.handled


async def test_a_message_that_another_process_has_is_left_to_it(database: Database, clock: ManualClock):
    first = Worker(database, clock)
    async with first.process:
        async with first.intake:
            await first.intake.put(message("hello"))
            assert await Worker(database, clock).work() == []
        assert await Worker(database, clock).work() == []
    assert await Worker(database, clock, ("other",)).work() == []
    assert await Worker(database, clock).work() == ["hello"]


async def test_what_is_left_is_taken_up_by_one(database: Database, clock: ManualClock):
    killed = Worker(database, clock)
    await killed.process.renew()
    for number in range(9):
        await killed.intake.put(message(str(number), f"chat {number % 3}"))
    some = [Worker(database, clock) for _ in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        for each in some:
            await stack.enter_async_context(each.process)
            await stack.enter_async_context(each.intake)
            each.intake.begin()
        clock.set(clock.now() + LIFE)
        for each in some:
            await each.process.renew()
        async with Process(database, 1, clock):  # whoever looks first finds it gone
            await asyncio.gather(*(each.intake.inherit() for each in some))
            await asyncio.gather(*(each.intake.idle() for each in some))
    assert sorted(text for each in some for text in each.handled) == [str(number) for number in range(9)]


def started() -> subprocess.Popen[bytes]:
    """A process that waits."""
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


async def test_processes_that_open_a_new_database_together_open_one_shop(tmp_path: Path, clock: ManualClock):
    url = f"sqlite:///{tmp_path}/shop.db"
    settings = load({"DATABASE_URL": url}, env_file=None)
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, url) for _ in range(3)))
    async with Database(url) as one, Database(url) as two, Database(url) as three:
        opened = await asyncio.gather(*(open_shop(each, settings, clock, demo=True) for each in (one, two, three)))
        assert {shop.id for shop in opened} == {1}
        assert await one.read(lambda tx: products.count(tx, 1)) > 10
        versions = [await each.read(lambda tx: shops.version(tx, 1)) for each in (one, two, three)]
        assert len(set(versions)) == 1


async def test_who_stood_still_for_long_does_not_work_on_what_another_took(database: Database, clock: ManualClock):
    slow, other = Worker(database, clock), Worker(database, clock)
    async with slow.process, slow.intake:
        for number in range(3):
            await slow.intake.put(message(str(number)))
        clock.set(clock.now() + LIFE)
        assert await other.work() == ["0", "1", "2"]
        await slow.intake.put(message("3"))
        slow.intake.begin()
        await slow.intake.idle()
    assert slow.handled == ["3"]


@ON_PROC
def test_a_machine_knows_which_of_its_processes_are_gone():
    here = place()
    assert here
    assert not gone(here)
    with started() as child:
        there = place(child.pid)
        assert not gone(there)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert gone(there)  # its parent has not asked yet
    assert gone(there)
    other = " ".join([there.split()[0], "pid:[1]", *there.split()[2:]])
    assert not gone(other)  # of another container
    assert not gone("")
    assert gone(" ".join([*here.split()[:3], "1"]))  # another one with the same number


@ON_PROC
async def test_after_a_kill_a_process_of_the_same_machine_goes_on_at_once(database: Database, clock: ManualClock):
    with started() as child:
        killed = Worker(database, clock)
        killed.process._place = place(child.pid)
        await killed.process.renew()
        await killed.intake.put(message("hello"))
        assert await Worker(database, clock).work() == []
        child.kill()
    assert await Worker(database, clock).work() == ["hello"]
