"""Members who talk on a fake of a chat network, the bot in a process of its own, and what became of what they said."""

import asyncio
import contextlib
import importlib
import random
import signal
import sys
import time
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bot.clock import Clock
from tests.fakes.base import Fake

ROOT = Path(__file__).parents[2]
ASKED = ("how much is the moka pot?", "when is delivery free?", "is the copper gooseneck kettle in stock?")
CHATTED = ("lovely weather today", "haha yes", "see you all on Saturday", "my train is late again")
START = 90.0  # seconds that a start may take


def fake_of(name: str, clock: Clock) -> Fake:
    """The fake of a platform, by the platform's name."""
    found: Fake = getattr(importlib.import_module(f"tests.fakes.{name}"), f"Fake{name.capitalize()}")(clock)
    return found


class Bot:
    """`python -m bot run`, serving one network alone. Its output goes to `log`."""

    def __init__(self, fake: Fake, folder: Path, engine: str = "scripted", clock: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.log = folder / "shop.db", folder / "log.txt"
        values = {
            "DATABASE_URL": f"sqlite:///{self.file}", "UPLOADS": folder / "up", "CHAT_MODE": "mention",
            "EMBED_MODEL": "off" if engine == "scripted" else "bundled", **fake.settings(),
            "MEMBER_BUDGET": 0,  # a few members say everything
        }  # fmt: skip
        overrides = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
        times = ("--clock", str(clock)) if clock else ()
        run = ("-m", "bot", "run", "--only", fake.name, "--engine", engine)
        self.command = (sys.executable, *run, *times, *overrides)
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        with self.log.open("a") as log:
            self.process = await asyncio.create_subprocess_exec(*self.command, cwd=ROOT, stdout=log, stderr=log)

    async def end(self, how: signal.Signals) -> float:
        """The seconds that it took to end. Raises RuntimeError where it had ended by itself."""
        start = time.perf_counter()
        if self.process.returncode is not None:
            raise RuntimeError(f"the bot ended with {self.process.returncode}:\n{self.said()}")
        self.process.send_signal(how)
        async with asyncio.timeout(START):
            await self.process.wait()
        return time.perf_counter() - start

    async def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, RuntimeError):
            await self.end(signal.SIGKILL)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of what was addressed to the bot: `lost` has no reply, `doubled` more than one, `disordered` one behind that of a
    later question. `at_once`: the most that were doubled in one chat by one kill."""

    asked: int
    lost: int
    doubled: int
    disordered: int
    at_once: int


class Talk:
    """Members in groups; `run` lets them talk. A share of what they say is addressed to the bot."""

    def __init__(self, fake: Fake, groups: int, seed: int = 1, share: float = 1.0, members: int = 200) -> None:
        self.fake, self.share, self.members = fake, share, members
        self.groups = [f"group{number}" for number in range(groups)]
        self.chance = random.Random(seed)
        self.asked: list[tuple[str, str]] = []  # chat, id
        self.kills: list[int] = []  # the length of the fake's log at each
        self._turn = 0

    async def say(self, group: str = "") -> None:
        """Next in turn: a few groups talk at a time, so that there is an order to lose."""
        self._turn += 1
        group = group or self.groups[(self._turn // 40 * 8 + self.chance.randrange(8)) % len(self.groups)]
        member = f"m{self._turn % self.members}"
        if self.chance.random() >= self.share:
            await self.fake.say(group, member, self.chance.choice(CHATTED))
            return
        text = self.fake.mention + self.chance.choice(ASKED)
        self.asked.append((group, await self.fake.say(group, member, text)))

    async def run(self, count: int, rate: float) -> None:
        start = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
            await self.say()

    def outcome(self) -> Outcome:
        replies = Counter((one.chat, one.reply_to) for one in self.fake.log if not one.edit)
        firsts: dict[tuple[str, str], int] = {}
        for at, one in enumerate(self.fake.log):
            firsts.setdefault((one.chat, one.reply_to), at)
        chats: dict[str, list[int]] = defaultdict(list)
        for one in self.asked:
            if one in firsts:
                chats[one[0]].append(firsts[one])
        disordered = sum(later < earlier for order in chats.values() for earlier, later in pairwise(order))
        lost = sum(not replies[one] for one in self.asked)
        doubled = sum(replies[one] > 1 for one in self.asked)
        return Outcome(len(self.asked), lost, doubled, disordered, self._at_once(firsts))

    def _at_once(self, firsts: dict[tuple[str, str], int]) -> int:
        asked, again = set(self.asked), Counter[tuple[int, str]]()
        for at, one in enumerate(self.fake.log):
            if not one.edit and (one.chat, one.reply_to) in asked and firsts[one.chat, one.reply_to] != at:
                again[bisect(self.kills, at), one.chat] += 1
        return max(again.values(), default=0)

    async def answered(self, bot: Bot, seconds: float) -> float:
        """Wait until nothing is unanswered, at most so long; how long it took."""
        start = time.perf_counter()
        await until(lambda: not self.outcome().lost or bot.process.returncode is not None, seconds, every=0.2)
        return time.perf_counter() - start


async def until(reached: Callable[[], bool], seconds: float, every: float = 0.005) -> bool:
    """Wait for it, at most so long; was it reached?"""
    end = time.perf_counter() + seconds
    while not reached():
        if time.perf_counter() > end:
            return False
        await asyncio.sleep(every)
    return True


async def killed(fake: Fake, bot: Bot, talk: Talk, *, kills: int, count: int, rate: float, drain: float) -> int:
    """Kill the bot again and again while members talk, in the middle of its work; then let it answer all that is left.
    How many kills came while something was sent or unanswered. Raises RuntimeError where it ended by itself."""
    busy, per = 0, max(1, count // kills)
    for number in range(kills):
        await bot.start()
        before = len(fake.log)
        talking = asyncio.create_task(talk.run(per, rate))
        wanted = before + talk.chance.randint(1, max(1, per // 2))
        if not await until(lambda wanted=wanted: len(fake.log) >= wanted, START):  # type: ignore[misc]
            raise RuntimeError(f"kill {number}: the bot said nothing for {START:.0f} s:\n{bot.said()}")
        await asyncio.sleep(talk.chance.uniform(0, 0.02))  # the moment itself
        await bot.end(signal.SIGKILL)
        talk.kills.append(len(fake.log))
        busy += talk.outcome().lost > 0
        await talking  # the rest of it is said while the bot is down
    await bot.start()
    await talk.answered(bot, drain)
    return busy
