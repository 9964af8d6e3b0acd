"""kill -9 in the middle of replies: no message is lost, none is answered twice.

Five members talk over the page's real websocket to `python -m bot run`, with the shipped model where there is one. The
process is killed again and again at seeded moments; the pages come back and send again what was not acknowledged, as
socket.js does. What counts is what a page shows after a reload, and the file that is left.
"""

import asyncio
import contextlib
import json
import random
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

ROOT = Path(__file__).parent.parent
KILLS = 8
SEATS = ("maya", "tom", "xiaolin", "priya", "alex")
TOKEN = "kill-test"
START = 60.0  # seconds that a start may take, and a backlog after it
ASKED = (
    "@shop how much is the small purple zisha teapot?",
    "@shop when is delivery free?",
    "@shop can the moka pot go on an induction hob?",
    "@shop 满多少包邮？",
    "@shop are you open on Mondays?",
    "@shop is the copper gooseneck kettle in stock?",
    "@shop how much is the moka pot? And when is delivery free?",
)
CHATTED = ("haha yes", "the light over the harbour was lovely today", "今天天气真好", "see you on Saturday")
Shown = dict[str, dict[str, Any]]  # message id -> the message


class Bot:
    """`python -m bot run` with its own files and port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url, self.file, self.log = f"http://127.0.0.1:{self.port}", folder / "shop.db", folder / "log.txt"
        starter = ROOT / "llm" / "weights" / "starter"
        self.model = (starter / "model.safetensors").exists()
        engine = "local" if self.model else "scripted"
        values = {
            "DATABASE_URL": f"sqlite:///{self.file}", "UPLOADS": folder / "up", "WEB_PORT": self.port,
            "WEB_TOKEN": TOKEN, "LLM_MODEL": starter, "CHAT_MODE": "mention",
        }  # fmt: skip
        overrides = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
        self.command = (sys.executable, "-m", "bot", "run", "--engine", engine, *overrides)
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Until the page is served."""
        with self.log.open("a") as log:
            self.process = await asyncio.create_subprocess_exec(*self.command, cwd=ROOT, stdout=log, stderr=log)
        async with asyncio.timeout(START), aiohttp.ClientSession() as client:
            while self.process.returncode is None:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with client.get(f"{self.url}/healthz"):
                        return
                await asyncio.sleep(0.05)  # between two looks whether it is there
        pytest.fail(f"the bot ended with {self.process.returncode} at its start:\n{self.said()}")

    async def end(self, how: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        async with asyncio.timeout(START):
            return await self.process.wait()

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:]


class Page:
    """One member's open page. `seen` is called with every frame."""

    def __init__(self, url: str, seat: str, seen: Callable[[dict[str, Any]], None]) -> None:
        self.url, self.seat, self.seen = url, seat, seen
        self.unsent: dict[str, dict[str, str]] = {}
        self.acked: dict[str, dict[str, str]] = {}
        self.shown: Shown = {}
        self.changed = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def say(self, frame: dict[str, str]) -> None:
        """Send now, or with the next connection."""
        whole = frame | {"type": "say", "seat": self.seat, "token": TOKEN}
        self.unsent[frame["id"]] = whole
        if self._socket:
            await self._send(whole)

    async def live(self) -> None:
        """Stay connected until cancelled, over any number of restarts."""
        async with aiohttp.ClientSession(self.url) as client:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.ws_connect("/ws", origin=self.url) as line:
                        await line.send_json({"type": "seat", "seat": self.seat, "token": TOKEN})
                        async for frame in line:
                            await self._read(line, json.loads(frame.data))
                self._socket = None
                await asyncio.sleep(0.1)  # before the next try, as the page waits

    async def until(self, reached: Callable[[], bool], what: str, bot: Bot) -> None:
        """Wait until something is so on this page. Fails after a bounded time, saying what was not."""
        try:
            async with asyncio.timeout(START):
                while not reached():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            unsent = len(self.unsent)
            pytest.fail(f"{self.seat}'s page after {START:.0f} s: not {what}; {unsent} unsent. The bot:\n{bot.said()}")

    async def _read(self, line: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["type"] == "seated":
            self.shown = {message["id"]: message for message in frame["messages"]}
            for waiting in list(self.unsent.values()):
                await line.send_json(waiting)
            self._socket = line
        elif frame["type"] == "message":
            self.shown[frame["message"]["id"]] = frame["message"]
        elif frame["type"] == "ack" and frame["id"] in self.unsent:
            self.acked[frame["id"]] = self.unsent.pop(frame["id"])
        assert frame["type"] != "refused", frame
        self.changed.set()
        self.seen(frame)

    async def _send(self, frame: dict[str, str]) -> None:
        assert self._socket
        with contextlib.suppress(ConnectionError):  # it stays unsent and goes with the next connection
            await self._socket.send_json(frame)


class Moment:
    """When to kill: once so many versions of replies were seen, or so many first parts of replies not yet whole."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.cut = 0  # replies of which a part was shown when the kill came
        self._versions: set[tuple[str, str]] = set()
        self._parts: set[str] = set()

    def set(self, versions: int, parts: int) -> None:
        self._left = (len(self._versions) + versions, len(self._parts) + parts)
        self.reached.clear()

    def see(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "message" or frame["message"]["sender"] != "bot" or self.reached.is_set():
            return
        said = frame["message"]
        self._versions.add((said["id"], said["text"]))
        if not said["done"]:
            self._parts.add(said["id"])
        if len(self._versions) >= self._left[0] or len(self._parts) >= self._left[1]:
            self.cut += not said["done"]
            self.reached.set()


@contextlib.asynccontextmanager
async def pages(url: str, seen: Callable[[dict[str, Any]], None]) -> AsyncIterator[list[Page]]:
    """A page for each member, connected for as long as it is entered."""
    some = [Page(url, seat, seen) for seat in SEATS]
    living = [asyncio.create_task(page.live()) for page in some]
    try:
        yield some
    finally:
        for task in living:
            task.cancel()
        ended = await asyncio.gather(*living, return_exceptions=True)
        assert not [one for one in ended if isinstance(one, Exception)], ended


def round_of(chance: random.Random, seat: str) -> list[dict[str, str]]:
    """What a member says in one round: two questions in the group, one alone with the bot, and small talk."""
    texts = [(chance.choice(ASKED), "group"), (chance.choice(CHATTED), "group"), (chance.choice(ASKED), "group")]
    texts.append((chance.choice(ASKED).removeprefix("@shop "), f"direct:{seat}"))
    chance.shuffle(texts)
    return [{"id": str(UUID(int=chance.getrandbits(128))), "chat": chat, "text": text} for text, chat in texts]


def addressed(frame: dict[str, str]) -> bool:
    return frame["chat"] != "group" or "@shop" in frame["text"]


def answered(page: Page) -> bool:
    """Everything said on this page is acknowledged and has a whole reply."""
    said = [frame for frame in page.acked.values() if addressed(frame)]
    done = [one for one in page.shown.values() if one["sender"] == "bot" and one["done"]]
    replied = {one["reply_to"] for one in done}
    alone = sum(one["chat"] != "group" for one in done)
    group = all(one["id"] in replied for one in said if one["chat"] == "group")
    return not page.unsent and group and alone >= sum(one["chat"] != "group" for one in said)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_kill_9_in_the_middle_of_replies(tmp_path: Path) -> None:
    chance, moment, bot = random.Random(2), Moment(), Bot(tmp_path)
    try:
        await bot.start()
        async with pages(bot.url, moment.see) as talking:
            for number in range(KILLS):
                # half of the kills wait for a part of a reply, or for most of the 15 replies where few come in parts
                moment.set(*((chance.randint(1, 8), 99) if number % 2 else (12, chance.randint(1, 3))))
                for page in talking:
                    for frame in round_of(chance, page.seat):
                        await page.say(frame)
                async with asyncio.timeout(START):
                    await moment.reached.wait()
                await asyncio.sleep(chance.uniform(0, 0.02))  # the moment itself: between two frames, or in one
                assert await bot.end(signal.SIGKILL) == -signal.SIGKILL
                await bot.start()
            for page in talking:
                await page.until(lambda page=page: answered(page), "everything acknowledged and answered", bot)  # type: ignore[misc]
            acked = {one: frame for page in talking for one, frame in page.acked.items()}
        assert await bot.end(signal.SIGTERM) == 0, bot.said()
        left = Left(bot.file)
        await bot.start()
        async with pages(bot.url, moment.see) as reloaded:
            for page in reloaded:
                await page.until(lambda page=page: bool(page.shown), "showing its history", bot)  # type: ignore[misc]
            views = {page.seat: list(page.shown.values()) for page in reloaded}
        assert len(acked) == KILLS * len(SEATS) * 4
        assert moment.cut or not bot.model, "no kill came while a reply was written"
        left.check(acked)
        for seat, view in views.items():
            check(seat, view, acked, left)
    finally:
        with contextlib.suppress(ProcessLookupError):
            await bot.end(signal.SIGKILL)


class Left:
    """The file after an orderly stop, read only."""

    def __init__(self, file: Path) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            self.sound = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            self.inbox = list(connection.execute("SELECT id, key, chat, state, error FROM inbox ORDER BY id"))
            self.outbox = list(connection.execute("SELECT id, chat_id, key, kind, state, text, action FROM outbox"))
            self.heard = [row[0] for row in connection.execute("SELECT message_id FROM interaction")]
        self.questions = {row["key"].removeprefix("web:"): row["id"] for row in self.inbox}
        self.texts = {row["key"]: row["text"] for row in self.outbox}

    def check(self, acked: dict[str, dict[str, str]]) -> None:
        assert self.sound == ["ok"]
        assert [dict(row) for row in self.inbox if row["state"] != "done"] == [], "not brought to an end"
        assert set(self.questions) == set(acked), "acknowledged and taken in are not the same"
        assert sorted(self.heard) == sorted(acked), "recorded twice, or not at all"
        wanted = {f"reply:{self.questions[one]}" for one, frame in acked.items() if addressed(frame)}
        replies = [row["key"] for row in self.outbox if row["kind"] == "reply"]
        assert sorted(replies) == sorted(wanted), "replies and questions are not the same"
        half = [dict(row) for row in self.outbox if row["state"] != "sent" or not row["text"] or not row["action"]]
        assert half == [], "half a reply was left"


def check(seat: str, view: list[dict[str, Any]], acked: dict[str, dict[str, str]], left: Left) -> None:
    """One page after its reload: each question once, each with one whole reply, in order."""
    for chat in ("group", f"direct:{seat}"):
        shown = [one for one in view if one["chat"] == chat]
        said = [one["id"] for one in shown if one["sender"] != "bot"]
        mine = {one for one, frame in acked.items() if frame["chat"] == chat}
        assert sorted(said) == sorted(mine), f"{seat} sees other messages in {chat} than were acknowledged"
        asked = [left.questions[one] for one in said if addressed(acked[one])]
        replies = [one for one in shown if one["sender"] == "bot"]
        numbers = [int(one["id"].removeprefix("reply:")) for one in replies]
        assert asked == sorted(asked), f"{seat} sees questions in {chat} out of order"
        assert numbers == asked, f"{seat} sees replies in {chat} lost, doubled or out of order"
        for one in replies:
            assert one["done"], one
            assert one["text"] == left.texts[one["id"]], "what is shown is not what was decided"
            if chat == "group":
                assert left.questions[one["reply_to"]] == int(one["id"].removeprefix("reply:"))
