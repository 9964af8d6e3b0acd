"""`python -m bot check` as a merchant meets it: what is off, what does not work meanwhile, what to click."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.clock import ManualClock, SystemClock
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "llm" / "weights" / "starter"
Check = Callable[..., Awaitable[tuple[int, str]]]


def arguments(folder: Path, *verb: str, **settings: str) -> list[str]:
    values = {"DATABASE_URL": f"sqlite:///{folder}/shop.db", "LLM_MODEL": str(MODEL), **settings}
    return [*verb, *(part for name, value in values.items() for part in ("--set", f"{name}={value}"))]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs a verb in its own folder: the exit code and everything that it prints. A process for each would load torch
    each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")  # a table breaks lines where it needs to

    async def run(*verb: str, **settings: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, arguments(tmp_path, *(verb or ("check",)), **settings))
        return code, "".join(capsys.readouterr())

    return run


async def test_with_nothing_set_there_is_nothing_to_do(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments(tmp_path, "check"), cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, code = (await process.communicate())[0].decode(), process.returncode
    assert "no token is set: only the chat page on this computer is served" in said
    assert code == (0 if (MODEL / "model.safetensors").exists() else 1), said


async def test_a_file_with_tokens_that_others_can_read_is_told(check: Check, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHOP_NAME=Alder\n")
    (tmp_path / ".env").chmod(0o644)
    code, said = await check()
    assert code == 1
    assert "Off: other people on this computer can read the tokens in it." in said
    assert "Do:  chmod 600 .env" in said
    code, said = await check("run", "--only", "telegram")  # which has no token, and ends
    assert code == 2
    assert ".env: other people on this computer can read the tokens in it; chmod 600 .env mends it\n" in said
    (tmp_path / ".env").chmod(0o600)
    assert "chmod" not in (await check("run", "--only", "telegram"))[1]


async def test_a_model_and_a_database_that_can_not_be_used_are_told(check: Check, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = await check(LLM_MODEL="nowhere")
    assert code == 1
    assert "LLM_MODEL: " in said
    code, said = await check(DATABASE_URL=f"sqlite:///{tmp_path}/file/shop.db")
    assert code == 1
    assert "DATABASE_URL names it" in said


async def test_telegram_says_what_to_click(check: Check) -> None:
    async with FakeTelegram(ManualClock(datetime(2026, 3, 2, tzinfo=UTC))) as fake:
        token = fake.settings()["TELEGRAM_TOKEN"]
        code, said = await check(**fake.settings())
        assert code == 1
        assert "Group Privacy, Turn off" in said
        assert "members hear of the demo shop" in said
        assert token not in said
        code, said = await check(**fake.settings() | {"TELEGRAM_TOKEN": "9999999:refused-0123456789"})
        assert code == 1
        assert "Telegram refuses it" in said
        assert "0123456789" not in said


async def test_without_a_network_it_says_so(check: Check) -> None:
    settings = {"TELEGRAM_TOKEN": "9999999:any-token-0123456789", "TELEGRAM_API_URL": "http://127.0.0.1:9"}
    code, said = await check(**settings)
    assert code == 1
    assert "Telegram can't be reached" in said
    assert "any-token" not in said


async def test_discord_says_what_to_click(check: Check) -> None:
    async with FakeDiscord(SystemClock()) as fake:
        code, said = await check(**fake.settings())
    assert code == 1
    assert "discord.com/developers" in said
    assert fake.settings()["DISCORD_TOKEN"] not in said
