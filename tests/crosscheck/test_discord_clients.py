"""Clients that nobody here wrote take the fake for Discord. `make crosscheck` puts them where they are looked for."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.discord_shop import until
from tests.fakes.discord import FakeDiscord

ROOT = Path(__file__).parent.parent.parent
HERE, THERE = Path(__file__).parent, ROOT / ".crosscheck"
CLIENTS = {
    "hikari": (THERE / "hikari" / "bin" / "python", HERE / "hikari_bot.py", THERE / "hikari"),
    "discord.js": (
        Path(shutil.which("node") or "node"),
        HERE / "discordjs_bot.js",
        THERE / "node_modules" / "discord.js",
    ),
}
PATIENCE = 30.0  # seconds


class Peer:
    """The client's process, and the lines that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.lines = process, list[str]()

    async def says(self, wanted: str) -> None:
        assert self.process.stdout
        try:
            async with asyncio.timeout(PATIENCE):
                while not any(line.startswith(wanted) for line in self.lines):
                    line = await self.process.stdout.readline()
                    assert line, f"it ended before {wanted!r}: {self.lines}"
                    self.lines.append(line.decode().strip())
        except TimeoutError:
            pytest.fail(f"not {wanted!r}: {self.lines}")


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        await fake.forum("shop", "help")
        yield fake


@pytest.fixture(params=CLIENTS)
async def peer(fake: FakeDiscord, request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    runs, script, library = CLIENTS[request.param]
    if not library.exists():
        pytest.skip("`make crosscheck` installs it")
    told = fake.settings()
    command = (str(runs), str(script), told["DISCORD_API_URL"], told["DISCORD_TOKEN"])
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield Peer(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_it_reads_every_payload(fake: FakeDiscord, peer: Peer) -> None:
    await peer.says("started shopbot")
    await peer.says("guild shop 2 3")
    said = await fake.say("shop", "ann", "hello", files={"a.txt": b"x"})
    await peer.says("message hello 1")
    await peer.says("history 2")
    assert [(one.text, one.reply_to) for one in fake.log] == [("pong", said), ("pong!", said)]
    await fake.react(fake.log[0].id, "ann", "👍")
    await peer.says("reaction 👍")
    await fake.join("shop", "zoe")
    await peer.says("joined zoe")
    await fake.place("shop#help/A post")
    await peer.says("thread A post")
    await fake.say("direct:ann", "ann", "between us")
    await peer.says("message between us 0")
    await fake.use("shop", "ann", "ask", question="well?")
    await peer.says("command ask well?")
    await until(lambda: "answered" in [one.text for one in fake.log])
    answer = next(one for one in fake.log if one.text == "answered")
    await fake.press(answer.id, "ann", "Press")
    await peer.says("pressed press")
    await until(lambda: "and more" in [one.text for one in fake.log])
    assert next(one for one in fake.log if one.text == "for you").private_to == "ann"
    await fake.drop()
    await fake.say("shop", "ann", "back again")
    await peer.says("message back again 0")
    assert fake.gateway.resumed == 1
    assert not [line for line in peer.lines if "Traceback" in line or "Error" in line]
