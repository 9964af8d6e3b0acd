"""One process of several that post from the same database, or spend from the same ledger: started by `schedules.py`.

What members would see is a line in a file, written at once. The process can be told to kill itself at a step.
"""

import argparse
import asyncio
import contextlib
import fcntl
import os
import random
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bot.attention import Attention, Limits
from bot.clock import Clock, FileClock, SystemClock
from bot.lease import Process
from bot.messages import Capabilities, Chat, Outgoing
from bot.outbox import Outbox
from bot.runs import DueRun, Over, Runs
from bot.texts import Texts
from storage import outbox
from storage.database import Database, Job, T, Transaction

TICK = 0.05  # seconds between two looks
TASKS = 64  # intents under way in a process
START = datetime(2026, 5, 4, tzinfo=UTC)
DAYS = 21  # over which intents are spread
MEMBERS, CHATS = 300, 100
CAPS = {"member": Limits(2, 6), "chat": Limits(4, 15, 30, kept={"campaign": 1})}
QUIET = (22 * 60, 7 * 60)
ZONE = "Europe/London"
KINDS = {"member": ("suggestion", "reminder", "campaign"), "chat": ("post", "campaign", "reminder")}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fragile(Database):
    """Kills its process at `WRITE:before` or `WRITE:after` the commit of its so-manyth write."""

    def __init__(self, url: str, step: str) -> None:
        super().__init__(url)
        number, _, self._side = step.partition(":")
        self._left = int(number) if number.isdecimal() else 0

    async def write(self, job: Job[T]) -> T:
        self._left -= 1
        if self._left != 0:
            return await super().write(job)

        async def dying(tx: Transaction) -> T:
            result = await job(tx)
            if self._side == "before":
                die()
            return result

        result = await super().write(dying)
        die()
        return result


class Wall:
    """A network whose chats are lines of a file. Kills its process before or after a send if told to."""

    capabilities = Capabilities()

    def __init__(self, log: Path, step: str) -> None:
        self._log, self._step = log, step

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if self._step == "send:before":
            die()
        line = f"{key} {chat.id}\n".encode()
        file = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line)
        os.close(file)
        if self._step == "send:after":
            die()
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """Nothing is edited here."""

    def take(self, chat: Chat) -> float:
        """There is always room."""
        return 0.0


class Plain:
    """Posts the run's own name, into the outbox as every producer does."""

    def __init__(self, database: Database, shop_id: int, clock: Clock) -> None:
        self._database, self._shop_id, self._clock = database, shop_id, clock

    async def prepare(self, run: DueRun) -> None:
        """There is nothing to draft."""

    async def publish(self, run: DueRun) -> Over | None:
        now = self._clock.now()
        put = (self._shop_id, run.chat_id, f"post:{run.id}", "post", f"run {run.id}", now)
        await self._database.write(lambda tx: outbox.put(tx, *put))
        return "done", ""


def runs_of(database: Database, shop_id: int, clock: Clock) -> Runs:
    return Runs(
        database=database, shop_id=shop_id, clock=clock, producer=Plain(database, shop_id, clock),
        attention=Attention(shop_id, "UTC", 1, None), texts=Texts(), default_language="en",
    )  # fmt: skip


async def post(given: argparse.Namespace) -> None:
    """Tick until killed. Every process begins and ends runs. On the machine's clock all send, each the chats that it
    claims; on one that jumps by hours, which would make each take the other to be gone, one does at a time."""
    clock: Clock = FileClock(given.clock) if given.clock else SystemClock()
    async with Fragile(given.url, given.step) as database, contextlib.AsyncExitStack() as leaving:
        process = None if given.clock else await leaving.enter_async_context(Process(database, given.shop, clock))
        runs = runs_of(database, given.shop, clock)
        sender = Outbox(database, given.shop, clock, {"wall": Wall(given.log, given.step)}, process)
        if process:
            process.heirs.append(sender.inherit)
            leaving.callback(asyncio.create_task(process.run()).cancel)
        lock = os.open(given.log.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
        sends = process is not None
        given.log.with_suffix(f".{os.getpid()}").touch()  # ready
        while True:
            await asyncio.sleep(given.wait or TICK)
            if await database.read(runs.waiting):
                await runs.step()
            await runs.settle()
            if not sends:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    sends = True
                    await sender.recover()
            if sends:
                await sender.flush()


def intents(seed: int, count: int) -> list[tuple[str, str, str, datetime]]:
    """(key, target, kind, moment) of what somebody wants to send."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        noun = draw.choice(("member", "chat"))
        target = f"{noun}:{draw.randint(1, MEMBERS if noun == 'member' else CHATS)}"
        at = START + timedelta(seconds=draw.randint(0, DAYS * 86_400))
        found.append((f"{seed}:{number}", target, draw.choice(KINDS[noun]), at))
    return found


def ledger(shop_id: int) -> Attention:
    member = CAPS["member"]
    return Attention(shop_id, ZONE, member.day or 0, QUIET, weekly_cap=member.week, chats=CAPS["chat"])


async def spend(given: argparse.Namespace) -> None:
    """Reserve what chance wants; a third of it is not sent and given back. Each is noted in the same transaction."""
    attention, draw = ledger(given.shop), random.Random(-given.seed)
    waiting = iter(intents(given.seed, given.count))

    async def one(database: Database, key: str, target: str, kind: str, at: datetime, back: bool) -> None:
        async def note(tx: Transaction, what: str) -> None:
            values: Mapping[str, Any] = {"key": key, "target": target, "kind": kind, "at": at.isoformat(), "what": what}
            sql = "INSERT INTO event (key, target, kind, moment, what) VALUES (:key, :target, :kind, :at, :what)"
            await tx.execute(text(sql), values)

        async def reserve(tx: Transaction) -> bool:
            if await attention.reserve(tx, target, kind, key, at):
                return False
            await note(tx, "taken")
            return True

        async def give_back(tx: Transaction) -> None:
            await attention.give_back(tx, key)
            await note(tx, "back")

        if await database.write(reserve) and back:
            await database.write(give_back)

    async def worker(database: Database) -> None:
        for key, target, kind, at in waiting:
            await one(database, key, target, kind, at, draw.random() < 1 / 3)

    async with Database(given.url) as database:
        await asyncio.gather(*(worker(database) for _ in range(TASKS)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    posting = verbs.add_parser("post")
    posting.add_argument("--log", type=Path, required=True)
    posting.add_argument("--clock", type=Path)
    posting.add_argument("--step", default="")
    posting.add_argument("--wait", type=float, default=0)
    posting.set_defaults(work=post)
    spending = verbs.add_parser("spend")
    spending.add_argument("--seed", type=int, required=True)
    spending.add_argument("--count", type=int, required=True)
    spending.set_defaults(work=spend)
    for verb in (posting, spending):
        verb.add_argument("--url", required=True)
        verb.add_argument("--shop", type=int, required=True)
    asked = parser.parse_args()
    asyncio.run(asked.work(asked))
