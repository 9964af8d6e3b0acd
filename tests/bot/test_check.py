"""`python -m bot check` as a merchant meets it: what is off, what does not work meanwhile, what to click."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.clock import ManualClock, SystemClock
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "llm" / "weights" / "starter"


async def check(folder: Path, verb: Sequence[str] = ("check",), /, **settings: str) -> tuple[int, str]:
    """The exit code and everything that it prints, as one line: a table breaks lines where it needs to."""
    values = {"DATABASE_URL": f"sqlite:///{folder}/shop.db", "LLM_MODEL": str(MODEL), **settings}
    overrides = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *verb, *overrides, cwd=folder, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_with_nothing_set_there_is_nothing_to_do(tmp_path: Path) -> None:
    code, said = await check(tmp_path)
    assert "no token is set: only the chat page on this computer is served" in said
    assert code == (0 if (MODEL / "model.safetensors").exists() else 1), said


async def test_a_file_with_tokens_that_others_can_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHOP_NAME=Alder\n")
    (tmp_path / ".env").chmod(0o644)
    code, said = await check(tmp_path)
    assert code == 1
    assert "Off: other people on this computer can read the tokens in it." in said
    assert "Do:  chmod 600 .env" in said
    code, said = await check(tmp_path, ("run", "--only", "telegram"))  # which has no token, and ends
    assert code == 2
    assert ".env: other people on this computer can read the tokens in it; chmod 600 .env mends it\n" in said
    (tmp_path / ".env").chmod(0o600)
    assert "chmod" not in (await check(tmp_path, ("run", "--only", "telegram")))[1]


async def test_a_model_and_a_database_that_can_not_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = await check(tmp_path, LLM_MODEL="nowhere")
    assert code == 1
    assert "LLM_MODEL: " in said
    code, said = await check(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/file/shop.db")
    assert code == 1
    assert "DATABASE_URL names it" in said


async def test_telegram_says_what_to_click(tmp_path: Path) -> None:
    async with FakeTelegram(ManualClock(datetime(2026, 3, 2, tzinfo=UTC))) as fake:
        token = fake.settings()["TELEGRAM_TOKEN"]
        code, said = await check(tmp_path, **fake.settings())
        assert code == 1
        assert "Group Privacy, Turn off" in said
        assert "members hear of the demo shop" in said
        assert token not in said
        code, said = await check(tmp_path, **fake.settings() | {"TELEGRAM_TOKEN": "9999999:refused-0123456789"})
        assert code == 1
        assert "Telegram refuses it" in said
        assert "0123456789" not in said


async def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    settings = {"TELEGRAM_TOKEN": "9999999:any-token-0123456789", "TELEGRAM_API_URL": "http://127.0.0.1:9"}
    code, said = await check(tmp_path, **settings)
    assert code == 1
    assert "Telegram can't be reached" in said
    assert "any-token" not in said


async def test_discord_says_what_to_click(tmp_path: Path) -> None:
    async with FakeDiscord(SystemClock()) as fake:
        code, said = await check(tmp_path, **fake.settings())
    assert code == 1
    assert "discord.com/developers" in said
    assert fake.settings()["DISCORD_TOKEN"] not in said
