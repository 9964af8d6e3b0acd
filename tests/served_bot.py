"""`python -m bot run` in a process of its own, and pages that talk to it over the real websocket, as socket.js does."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).parent.parent
SEATS = ("maya", "tom", "xiaolin", "priya", "alex")  # alex is the admin
TOKEN = "a token of tests"
START = 60.0  # seconds that a start may take, and a backlog after it
Shown = dict[str, dict[str, Any]]  # message id -> the message


class Bot:
    """`python -m bot run` with its own files and port."""

    def __init__(self, folder: Path, database: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url, self.file, self.log = f"http://127.0.0.1:{self.port}", folder / "shop.db", folder / "log.txt"
        starter = ROOT / "llm" / "weights" / "starter"
        self.model = (starter / "model.safetensors").exists()
        engine = "local" if self.model else "scripted"
        values = {
            "DATABASE_URL": database or f"sqlite:///{self.file}", "UPLOADS": folder / "up", "WEB_PORT": self.port,
            "WEB_TOKEN": TOKEN, "LLM_MODEL": starter, "CHAT_MODE": "mention",
            "MEMBER_BUDGET": 0,  # a few members say everything
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
        self.seated = False
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
            self.shown, self.seated = {message["id"]: message for message in frame["messages"]}, True
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


@contextlib.asynccontextmanager
async def pages(
    url: str, seen: Callable[[dict[str, Any]], None] = lambda _: None, seats: Sequence[str] = SEATS
) -> AsyncIterator[list[Page]]:
    """A page for each of the seats, connected for as long as it is entered."""
    some = [Page(url, seat, seen) for seat in seats]
    living = [asyncio.create_task(page.live()) for page in some]
    try:
        yield some
    finally:
        for task in living:
            task.cancel()
        ended = await asyncio.gather(*living, return_exceptions=True)
        assert not [one for one in ended if isinstance(one, Exception)], ended
