"""kill -9 of processes that share a database: every row is sent, posts at most once, each chat's in order.

Two processes send what a third writes; now one, now the other is killed and started again, at seeded moments.
"""

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage import members, migrate, outbox, shops
from storage.database import Database, Transaction
from tests.postgres import served
from tests.served_bot import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
NAMES, CHATS, ROWS, KILLS = ("one", "two"), 8, 60, 10  # rows of each chat
WAIT = 120.0  # seconds


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path}/shop.db"
        await asyncio.to_thread(migrate.upgrade, made)
        yield made
        return
    with contextlib.ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, served())
        yield await asyncio.to_thread(server.new)


class Crowd:
    """The processes by name."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> None:
        command = (sys.executable, "-m", "tests.sharing", self.url, str(self.folder), name)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log)

    async def end(self, name: str, how: signal.Signals) -> None:
        self.running[name].send_signal(how)
        await self.running[name].wait()

    def seen(self) -> list[tuple[str, str, str]]:
        """(process, chat, key) in the order in which it came."""
        file = self.folder / "seen.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(parts[0], parts[1], parts[2]) for line in lines if len(parts := line.split()) == 3]

    def logs(self) -> str:
        return "\n".join(file.read_text("utf-8", "replace")[-1500:] for file in self.folder.glob("*.log"))


def kind(number: int) -> str:
    return "post" if number % 3 == 0 else "reply"


async def fill(database: Database) -> None:
    """Rows of all chats mixed, so that each chat's come while it is sent to."""
    now = datetime.now(UTC)
    for number in range(ROWS):
        for chat in range(CHATS):

            async def put(tx: Transaction, chat: int = chat, number: int = number) -> None:
                place = await members.enter(tx, 1, "test", f"c{chat}", f"c{chat}", False)
                key = f"{kind(number)}:{chat}:{number}"
                await outbox.put(tx, 1, place.id, key, kind(number), f"{number}", now)

            await database.write(put)
        await asyncio.sleep(0.02)  # a shop's pace


async def rest(database: Database) -> dict[str, int]:
    counts = await database.read(lambda tx: outbox.counts(tx, 1))
    return {state: count for state, count in counts.items() if state not in ("sent", "unknown")}


async def every(tx: Transaction) -> list[Any]:
    return list(await tx.execute(outbox.OUT.select().order_by(outbox.OUT.c.id)))


async def test_kill_9_of_processes_that_share_a_database(url: str, tmp_path: Path) -> None:
    chance, crowd = random.Random(7), Crowd(url, tmp_path)
    try:
        async with Database(url) as database:
            await database.write(lambda tx: shops.create(tx, "Shop", "USD", "UTC", "en"))
            for name in NAMES:
                await crowd.start(name)
            filling = asyncio.create_task(fill(database))
            (tmp_path / "go").touch()
            for number in range(KILLS):
                goal = (number + 1) * CHATS * ROWS // (KILLS + 2)
                async with asyncio.timeout(WAIT):
                    while len(crowd.seen()) < goal:  # noqa: ASYNC110 - a file gives no event
                        await asyncio.sleep(0.01)
                await asyncio.sleep(chance.uniform(0, 0.03))  # the moment itself
                killed = NAMES[number % 2]
                await crowd.end(killed, signal.SIGKILL)
                await crowd.start(killed)
            await filling
            async with asyncio.timeout(WAIT):
                while await rest(database):  # noqa: ASYNC110 - only the table says so
                    await asyncio.sleep(0.05)
            left = await database.read(every)
        for name in NAMES:
            await crowd.end(name, signal.SIGTERM)
    except TimeoutError:
        pytest.fail(f"not all was sent; {len(crowd.seen())} were seen:\n{crowd.logs()}")
    finally:
        for process in crowd.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    seen = crowd.seen()
    check(seen, left)
    assert {name for name, _, _ in seen} == set(NAMES), "one of the processes sent nothing"


def check(seen: list[tuple[str, str, str]], left: list[Any]) -> None:
    times = Counter(key for _, _, key in seen)
    assert len(left) == CHATS * ROWS
    doubled = [key for key, count in times.items() if count > 1]
    assert not [key for key in doubled if key.startswith("post")], "a post was sent twice"
    assert len(doubled) <= KILLS * CHATS, "more replies were sent twice than were under way at the kills"
    lost = [row.key for row in left if row.state == "sent" and row.key not in times]
    assert not lost, "said to be sent, seen by nobody"
    unknown = [row.key for row in left if row.state == "unknown"]
    assert all(key.startswith("post") for key in unknown)
    print(f"{len(left)} rows, {KILLS} kills: {len(doubled)} replies twice, {len(unknown)} posts unknown")
    order: dict[str, list[int]] = defaultdict(list)
    for _, chat, key in seen:
        number = int(key.rpartition(":")[2])
        if number not in order[chat]:
            order[chat].append(number)
    assert all(numbers == sorted(numbers) for numbers in order.values()), "a chat's rows came out of order"
