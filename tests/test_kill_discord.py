"""kill -9 while Discord talks: nothing is lost or answered twice, also of what was said while the bot was down.

Members of two servers, a thread and two direct chats talk to `python -m bot run` on the fake Discord. The process is
killed again and again at seeded moments and stays down for a while. What counts is what members see.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.discord import FakeDiscord

ROOT = Path(__file__).parent.parent
START = 60.0  # seconds that a start may take, and a backlog after it
CHATS = ("shop", "shop/evening", "other", "direct:ann", "direct:tom")
COMMANDS = "shop#commands"  # the channel in which slash commands are used
TAKEN = "discord:interaction:%"
QUESTIONS = (
    "how much is the moka pot?",
    "when is delivery free?",
    "is the copper gooseneck kettle in stock?",
    "满多少包邮？",
    "can the moka pot go on an induction hob?",
)


class Bot:
    """`python -m bot run` on Discord alone, with its own database, or on one that others share, with some shards."""

    def __init__(self, folder: Path, fake: FakeDiscord, database: str = "", shards: str = "") -> None:
        self.log, self.file = folder / f"log{shards}.txt", folder / "shop.db"
        values = {"DATABASE_URL": database or f"sqlite:///{self.file}", "UPLOADS": folder / "up", "EMBED_MODEL": "off"}
        values["MEMBER_BUDGET"] = 0  # a few members say everything
        overrides = [
            part for name, value in (values | dict(fake.settings())).items() for part in ("--set", f"{name}={value}")
        ]
        self.command = (sys.executable, "-m", "bot", "run", "--only", "discord", "--engine", "scripted", *overrides)
        self.command += ("--shards", shards) if shards else ()
        self.fake = fake
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        before = self.fake.gateway.identified
        with self.log.open("a") as log:
            self.process = await asyncio.create_subprocess_exec(*self.command, cwd=ROOT, stdout=log, stderr=log)
        await self.until(lambda: self.fake.gateway.identified > before, "on Discord")

    async def end(self, how: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        async with asyncio.timeout(START):
            return await self.process.wait()

    def commands(self) -> int:
        """How many slash commands were taken in; what was used while it was down never reaches it."""
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM inbox WHERE key LIKE '{TAKEN}'").fetchone()[0])

    async def until(self, reached, what: str) -> None:  # type: ignore[no-untyped-def]
        try:
            async with asyncio.timeout(START):
                while not reached():
                    assert self.process.returncode is None, self.log.read_text("utf-8", "replace")[-3000:]
                    await asyncio.sleep(0.02)  # between two looks
        except TimeoutError:
            pytest.fail(f"not {what}. The bot:\n{self.log.read_text('utf-8', 'replace')[-3000:]}")


class Talk:
    """What was asked, and what members see of the answers."""

    def __init__(self, fake: FakeDiscord, seed: int) -> None:
        self.fake, self.chance = fake, random.Random(seed)
        self.asked: dict[str, list[str]] = {chat: [] for chat in CHATS}

    async def greet(self) -> None:
        """Everybody says something everywhere: of a first direct message while the bot is away Discord tells nobody."""
        for chat in CHATS:
            await self._say(chat)

    async def ask(self, count: int) -> None:
        for _ in range(count):
            await self._say(self.chance.choice(CHATS))
            if self.chance.random() < 0.3 and self.fake.gateway.served and self.fake.interactions.put:
                await self.fake.use(COMMANDS, "ann", "ask", question=self.chance.choice(QUESTIONS))
            await asyncio.sleep(self.chance.uniform(0, 0.05))  # the moments themselves

    async def _say(self, chat: str) -> None:
        member = (
            chat.removeprefix("direct:") if chat.startswith("direct:") else self.chance.choice(("ann", "tom", "zoe"))
        )
        called = "" if chat.startswith("direct:") else self.fake.mention
        self.asked[chat].append(await self.fake.say(chat, member, called + self.chance.choice(QUESTIONS)))

    def answers(self, chat: str) -> list[str]:
        """What each message of the bot's answers, in the order in which they appeared."""
        first = {one.id: one.reply_to for one in reversed(self.fake.log) if one.chat == chat and not one.edit}
        return list(first.values())[::-1]

    def lost(self) -> int:
        return sum(max(0, len(asked) - len(self.answers(chat))) for chat, asked in self.asked.items())

    def doubled(self) -> int:
        twice = sum(
            count - 1
            for chat in CHATS
            if not chat.startswith("direct:")
            for count in Counter(self.answers(chat)).values()
        )
        alone = [chat for chat in CHATS if chat.startswith("direct:")]
        return twice + sum(max(0, len(self.answers(chat)) - len(self.asked[chat])) for chat in alone)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.long)])
async def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path, kills: int) -> None:
    async with FakeDiscord() as fake:
        bot, talk = Bot(tmp_path, fake), Talk(fake, kills)
        for chat in (*CHATS, COMMANDS):
            await fake.place(chat)
        try:
            await bot.start()
            await talk.greet()
            await talk.ask(5)
            await bot.until(lambda: not talk.lost() and fake.interactions.put, "all of the first answered")
            for _ in range(kills):
                seen, moment = len(fake.log), talk.chance.randint(1, 6)
                asking = asyncio.create_task(talk.ask(8))
                await bot.until(lambda seen=seen, moment=moment: len(fake.log) >= seen + moment, "answering")  # type: ignore[misc]
                assert await bot.end(signal.SIGKILL) == -signal.SIGKILL
                await asking
                await talk.ask(4)
                await bot.start()
            await bot.until(lambda: not talk.lost(), "everything answered")
            await bot.until(lambda: len(talk.answers(COMMANDS)) >= bot.commands(), "every command answered")
            assert await bot.end(signal.SIGTERM) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                await bot.end(signal.SIGKILL)
        assert (talk.lost(), talk.doubled()) == (0, 0)
        assert len(talk.answers(COMMANDS)) == bot.commands() > 0
        for chat, asked in talk.asked.items():
            if not chat.startswith("direct:"):
                assert talk.answers(chat) == asked, f"out of order in {chat}"
        assert all(one["content"] for chat in CHATS for one in fake.history(chat))
