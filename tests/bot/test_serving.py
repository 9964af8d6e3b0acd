"""`python -m bot run` with tokens: what it serves, and what it says where one is refused."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.config import SettingsError, load
from bot.tools.edges import abilities, wanted
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram
from tests.served_bot import START, Bot

ROOT = Path(__file__).parents[2]
REFUSED = "9999999:refused-0123456789"
WRONG = {"telegram": REFUSED, "discord": "OTk5OTk5OTk5.refused-0.123456789"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(SystemClock()) as fake:
        yield fake


class Serving(Bot):
    """A bot with these settings, without a model."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        super().__init__(folder)
        settings |= {"EMBED_MODEL": "off"}  # nobody asks for a meaning here
        overrides = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        at = self.command.index("run") + 1
        given = [part for part in self.command[at:] if part not in ("local", "scripted", "--engine")]
        self.command = (*self.command[:at], "--engine", "scripted", *arguments, *given, *overrides)


async def until(so: Callable[[], bool]) -> None:
    """Look again and again what the other process did, for a bounded time."""
    async with asyncio.timeout(START):
        while not so():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)


async def test_a_refused_token_is_said_and_the_page_goes_on(tmp_path: Path, fake: FakeTelegram) -> None:
    bot = Serving(tmp_path, **fake.settings() | {"TELEGRAM_TOKEN": REFUSED})
    await bot.start()
    await until(lambda: "TELEGRAM_TOKEN: Telegram refuses it" in bot.said())
    async with aiohttp.ClientSession() as client, client.get(f"{bot.url}/healthz") as answer:
        assert answer.status == 200
    assert await bot.end(signal.SIGTERM) == 0
    assert REFUSED not in bot.said()
    assert "refused-" not in bot.said()


@pytest.mark.parametrize("kind", [FakeTelegram, FakeDiscord])
async def test_refused_alone_it_ends_at_once(tmp_path: Path, kind: type[FakeTelegram | FakeDiscord]) -> None:
    async with kind(SystemClock()) as fake:
        told, name = fake.settings(), f"{fake.name.upper()}_TOKEN"
        code, said = await ended(Serving(tmp_path, "--only", fake.name, **told | {name: WRONG[fake.name]}))
    assert code == 2
    assert f"{name}: {fake.name.capitalize()} refuses it" in said
    assert "refused-0" not in said


async def ended(bot: Bot) -> tuple[int | None, str]:
    """How it ends by itself, and what it says until then."""
    process = await asyncio.create_subprocess_exec(
        *bot.command, cwd=ROOT, env=dict(os.environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_both_are_served_by_one_process(tmp_path: Path, fake: FakeTelegram) -> None:
    bot = Serving(tmp_path, **fake.settings())
    await bot.start()
    await fake.say("direct:ann", "ann", "/start")
    await until(lambda: bool(fake.shown("direct:ann")))
    assert fake.shown("direct:ann")[0].startswith("Hello! Ask me about the products of")
    async with aiohttp.ClientSession() as client, client.get(f"{bot.url}/healthz") as answer:
        assert answer.status == 200
    assert await bot.end(signal.SIGTERM) == 0
    assert "Telegram is on" in bot.said()


@pytest.mark.parametrize("name", ["telegram", "discord"])
def test_only_one_of_them_needs_its_token(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name.upper()}_TOKEN: --only {name} needs it"):
        wanted(load(env_file=None), name)
    settings = load({"TELEGRAM_TOKEN": "123456:abcdef", "DISCORD_TOKEN": "abc.def.ghi"}, env_file=None)
    assert wanted(settings) == ["telegram", "discord", "web"]
    assert wanted(settings, name) == [name]
    assert wanted(load(env_file=None)) == ["web"]


def test_whose_words_may_train_a_model_is_known_of_every_network() -> None:
    assert {name: one.may_train for name, one in abilities().items()} == {
        "telegram": "optin", "discord": "never", "web": "yes",
    }  # fmt: skip
