"""The whole bot on a PostgreSQL that the tests start themselves: it answers, and survives a kill of either."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.postgres import Server, served
from tests.served_bot import ROOT, Bot, Page, pages
from tests.test_kill import answered

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as server:
        yield server


def bot(url: str, *verb: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *verb, "--set", f"DATABASE_URL={url}", "--set", "EMBED_MODEL=off"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


async def say(page: Page, text: str, chat: str = "group") -> str:
    frame = {"id": str(uuid4()), "chat": chat, "text": text}
    await page.say(frame)
    return frame["id"]


def shown(page: Page) -> dict[str, str]:
    """The bot's whole replies, by what they answer."""
    return {one["reply_to"]: one["text"] for one in page.shown.values() if one["sender"] == "bot" and one["done"]}


async def test_the_bot_answers_and_a_kill_or_a_restart_of_the_server_loses_nothing(server: Server, tmp_path: Path):
    url = server.empty()
    served = Bot(tmp_path, url)
    try:
        await served.start()
        async with pages(served.url, seats=("maya",)) as (page,):
            first = await say(page, "@shop how much is the moka pot?")
            await page.until(lambda: answered(page), "answered", served)
            second = [await say(page, "@shop when is delivery free?") for _ in range(3)]
            assert await served.end(signal.SIGKILL) == -signal.SIGKILL
            await served.start()
            await page.until(lambda: answered(page), "answered after the kill", served)
            await asyncio.to_thread(server.stop)
            third = await say(page, "@shop is the moka pot in stock?")
            await asyncio.to_thread(server.start)
            await page.until(lambda: answered(page), "answered after the server's restart", served)
            replies = shown(page)
            assert set(replies) >= {first, *second, third}
            assert "£" in replies[first], replies
        assert await served.end(signal.SIGTERM) == 0, served.said()
        counted = "SELECT count(*), count(DISTINCT key) FROM outbox WHERE kind = 'reply' AND state = 'sent'"
        name = url.rpartition("@/")[2].partition("?")[0]
        (row,) = server.say(counted, database=name)
        assert tuple(row) == (5, 5)
    finally:
        with contextlib.suppress(ProcessLookupError):
            await served.end(signal.SIGKILL)


def test_every_verb_works_on_it(server: Server, tmp_path: Path) -> None:
    url = server.empty()
    assert bot(url, "migrate").returncode == 0
    (tmp_path / "products.csv").write_text("Title,Price,Stock\nBlue Mug,12.50,99999999999\n", "utf-8")
    done = bot(url, "import", str(tmp_path / "products.csv"), "--set", "SHOP_CURRENCY=USD")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "products.csv").write_text("Title,Price,Stock\nBlue Mug,9999999.50,3\n", "utf-8")
    done = bot(url, "import", str(tmp_path / "products.csv"), "--set", "SHOP_CURRENCY=USD")
    assert done.returncode == 0, done.stdout + done.stderr
    done = bot(url, "ask", "How much is the Blue Mug?")
    assert done.returncode == 0, done.stderr
    assert "9,999,999.50" in done.stdout
    for verb in (["check"], ["model", "list"], ["export-training", str(tmp_path / "chats.jsonl")]):
        done = bot(url, *verb)
        assert done.returncode == 0, f"{verb}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("verb", ["run", "migrate"])
@pytest.mark.parametrize("case", ["absent", "wrong password", "no database", "no host"])
def test_what_is_wrong_is_said_without_the_password(server: Server, case: str, verb: str) -> None:
    server.say("DROP ROLE IF EXISTS locked", "CREATE ROLE locked LOGIN PASSWORD 'right horse'")
    url, told = {
        "absent": ("postgresql+asyncpg://shop:battery@127.0.0.1:9/shop", "no PostgreSQL answers at 127.0.0.1:9"),
        "wrong password": (server.url("postgres", "locked:battery"), "does not let 'locked' in"),
        "no database": (server.url("nowhere"), "has no database 'nowhere'"),
        "no host": (
            "postgresql+asyncpg://shop:battery@nowhere.invalid/shop",
            "no PostgreSQL answers at nowhere.invalid",
        ),
    }[case]
    done = bot(url, verb)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("DATABASE_URL: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "battery" not in done.stdout + done.stderr
