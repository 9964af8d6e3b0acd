"""Clients that nobody here wrote take the fake for Telegram. `make crosscheck` puts them where they are looked for."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from tests.bot.telegram_shop import until
from tests.crosscheck.test_discord_clients import HERE, THERE, Peer
from tests.fakes.telegram import FakeTelegram

NODE = Path(shutil.which("node") or "node")
CLIENTS = {
    "aiogram": (THERE / "aiogram" / "bin" / "python", HERE / "aiogram_bot.py", THERE / "aiogram"),
    "grammY": (NODE, HERE / "grammy_bot.js", THERE / "node_modules" / "grammy"),
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(SystemClock()) as fake:
        fake.world.place("shop")[0].bot = "administrator"
        yield fake


@pytest.fixture(params=CLIENTS)
async def peer(fake: FakeTelegram, request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    runs, script, library = CLIENTS[request.param]
    if not library.exists():
        pytest.skip("`make crosscheck` installs it")
    command = (str(runs), str(script), fake.url, fake.token)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"NODE_PATH": str(library.parent)},
    )
    try:
        yield Peer(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_it_reads_every_payload(fake: FakeTelegram, peer: Peer) -> None:
    await peer.says("started shop_bot")
    await peer.says("commands 1")
    await until(lambda: fake.updates.polls, bool)
    said = await fake.say("shop/news", "ann", "hello")
    await peer.says("message hello supergroup True")
    await peer.says("admins boss shop_bot")
    await peer.says("unmodified Bad Request: message is not modified")
    await until(lambda: fake.log, lambda log: len(log) == 3)
    assert [(one.text, one.reply_to == said, one.picture) for one in fake.log] == [
        ("pong", True, False), ("pong!", True, False), ("a picture", False, True),
    ]  # fmt: skip
    assert {one.chat for one in fake.log} == {"shop/news"}
    fake.press("shop", "ann", fake.log[0].id, "Press")
    await peer.says("pressed pressed it pong!")
    await until(lambda: fake.answered, lambda answered: answered == ["done"])
    fake.react("shop", "ann", fake.log[0].id, "👍")
    await peer.says("reaction 👍")
    fake.move("shop", "zoe", "member")
    await peer.says("member zoe member")
    await fake.say("direct:ann", "ann", "between us")
    await peer.says("message between us private False")
    await until(lambda: fake.drafts, lambda drafts: drafts == [("direct:ann", "Thinking about it")])
    await fake.drop_file("shop", "ann", "a.csv", b"x" * 90)
    await peer.says("file a.csv 90")
    fake.world.place("direct:bob")
    await fake.say("direct:ann", "ann", f"write {fake.world.user('bob').id}")
    await peer.says("forbidden")
    fake.faults.refuse_every, fake.faults.retry_after = 1, 17
    await fake.say("direct:ann", "ann", "wait")
    await peer.says("retry 17")
    await fake.drop()
    fake.faults.refuse_every = 0
    await fake.say("direct:ann", "ann", "back again")
    await peer.says("message back again private False")
    assert not [line for line in peer.lines if "Traceback" in line or "Error" in line.split(" ")[0]]
