"""This process among those that share the database: known to the others while it runs, and maybe the one that ticks.

Chats and inbox rows are claimed under its name. What a process had claimed is free again once it says that it ends, its
machine knows that it is gone (soon after a kill), or its word is over (after `LIFE`, where it ran elsewhere).
"""

import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Self

from bot.clock import Clock
from storage import lease
from storage.database import Database, Transaction
from storage.lease import Fenced, LeaseLost

__all__ = ["LeaseLost", "Process"]
log = logging.getLogger(__name__)
LIFE = timedelta(seconds=15)
RENEW = 5.0  # seconds
TICKS = "ticks"
PROC = Path("/proc")


class Process:
    """`async with` it, and `run` it. `heirs` are asked to take up what processes that are gone have left."""

    def __init__(self, database: Database, shop_id: int, clock: Clock) -> None:
        self._database, self._shop_id, self._clock = database, shop_id, clock
        self.name, self._place = secrets.token_hex(8), place()
        self.heirs: list[Callable[[], Awaitable[None]]] = []
        self.term = 0  # how often others may have taken this process to be gone, and what it had claimed
        self._until = self._led = clock.now()
        self._leads = False

    async def __aenter__(self) -> Self:
        await self.renew()
        await self._bury()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """What it had claimed is free, and the lease handed back."""
        await self._database.write(lambda tx: lease.bury(tx, self._shop_id, self._clock.now(), [self.name]))

    async def run(self) -> None:
        """Until cancelled: renew the word that it runs, and the lease if it has it; take up what others left."""
        while True:
            await self._clock.sleep(RENEW)
            await self.renew()
            await self._bury()
            for inherit in self.heirs:
                await inherit()

    @property
    def sure(self) -> bool:
        """Its word holds: nobody can have taken its claims."""
        return self._clock.now() < self._until

    async def renew(self) -> None:
        now = self._clock.now()
        known = await self._database.write(lambda tx: self._renew(tx))
        if now >= self._until or not known:
            self.term += 1
        self._until = now + LIFE

    async def _renew(self, tx: Transaction) -> bool:
        until = self._clock.now() + LIFE
        if self._leads:
            now = self._clock.now()
            self._leads = await lease.take(tx, self._shop_id, TICKS, self.name, now, until)
            self._led = now + timedelta(seconds=RENEW)
        return await lease.renew(tx, self._shop_id, self.name, self._place, until)

    async def _bury(self) -> None:
        now = self._clock.now()
        others = await self._database.read(lambda tx: lease.others(tx, self._shop_id, self.name))
        dead = [one.name for one in others if gone(one.place)]
        if dead or any(one.until <= now for one in others):
            buried = await self._database.write(lambda tx: lease.bury(tx, self._shop_id, now, dead))
            log.warning("%d processes are gone; what they left is taken up", len(buried))

    async def leads(self) -> bool:
        """Is it this process that ticks? It takes the lease where nobody has it, and renews it in time."""
        now = self._clock.now()
        if self._leads and now < self._led:
            return True
        holder = await self._database.read(lambda tx: lease.holder(tx, self._shop_id, TICKS, now))
        if holder not in (None, self.name):
            self._leads = False
            return False
        self._leads = await self._database.write(
            lambda tx: lease.take(tx, self._shop_id, TICKS, self.name, now, now + LIFE)
        )
        self._led = now + timedelta(seconds=RENEW)
        return self._leads

    def fenced(self) -> Fenced:
        """The database for what is done under the lease: a write of who lost it raises LeaseLost and is not made."""
        return Fenced(self._database, lambda tx: lease.check(tx, self._shop_id, TICKS, self.name))


def place(pid: int | None = None) -> str:
    """A running process, so that its own machine can say later whether it still runs; "" where nobody could say."""
    pid = os.getpid() if pid is None else pid
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        state, *numbers = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ended = state in "ZX"  # its parent has not asked for its exit code yet
        return "" if ended else f"{boot} {os.readlink(PROC / 'self/ns/pid')} {pid} {numbers[18]}"
    except (OSError, IndexError):
        return ""


def gone(there: str) -> bool:
    """Does this machine know that the process ended? Of another machine, or another container, it knows nothing."""
    here = place()
    if not there or not here or there.split()[:2] != here.split()[:2]:
        return False
    return place(int(there.split()[2])) != there
