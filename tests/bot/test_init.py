"""`python -m bot init` as a merchant meets it: each answer is looked at, the settings are written whole."""

import contextlib
import os
import pty
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from bot import config
from bot.tools import init

ROOT = Path(__file__).parents[2]
TELEGRAM = "1234567890:AAF-abc_defghijklmnopqrstuvwxyz0123"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz-_0123456789"
COMMAND = (sys.executable, "-m", "bot", "init")
ALL = ("1", "Alder & Sons", "London", "", TELEGRAM, DISCORD)


def answer(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """What it says to these answers."""
    return subprocess.run(
        COMMAND, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, input="".join(f"{line}\n" for line in lines),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def settings(folder: Path) -> config.Settings:
    return config.load(env_file=folder / ".env")


def test_six_answers_make_settings_that_only_the_owner_can_read(tmp_path: Path) -> None:
    done = answer(tmp_path, *ALL)
    assert (done.returncode, done.stderr) == (0, "")
    found = settings(tmp_path)
    assert (found.shop_name, found.shop_timezone, found.shop_language) == ("Alder & Sons", "Europe/London", "en")
    assert found.telegram_token.get_secret_value() == TELEGRAM
    assert found.discord_token.get_secret_value() == DISCORD
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
    for part in ("Written: .env", "python -m bot check", "python -m bot run"):
        assert part in done.stdout
    assert TELEGRAM not in done.stdout
    meaning = "# IANA time zone, such as Europe/London; empty is the shop.json's, else UTC\nSHOP_TIMEZONE=Europe/London"
    assert meaning in (tmp_path / ".env").read_text("utf-8")


def test_every_question_may_be_left_open_but_the_name(tmp_path: Path) -> None:
    done = answer(tmp_path, "1", "", "Alder", "", "", "", "")
    assert "A shop needs a name" in done.stdout
    found = settings(tmp_path)
    assert (found.shop_timezone, found.telegram_token.get_secret_value()) == ("UTC", "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("3",), "1 / 2"),
        (("1", "x" * 81), "At most 80 characters"),
        (("1", "Alder", "Atlantis"), "I know no such place"),
        (("1", "Alder", "America/Ken"), "Which one? America/Kentucky/Louisville, America/Kentucky/Monticello"),
        (("1", "Alder", "", "nowhere.csv"), "There is no nowhere.csv."),
        (("1", "Alder", "", str(ROOT / "pyproject.toml")), "pyproject.toml:"),
        (("1", "Alder", "", "", "my bot's token"), "as @BotFather gives it"),
        (("1", "Alder", "", "", TELEGRAM, TELEGRAM), "three parts with dots"),
    ],
)
def test_a_wrong_answer_is_told_at_once_and_asked_again(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    done = answer(tmp_path, *lines)
    assert f"  {said}" in done.stdout or said in done.stdout
    assert done.stdout.rstrip().endswith("Stopped. Nothing was written.")
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_is_read_and_its_currency_asked_for_where_it_names_none(tmp_path: Path) -> None:
    file = tmp_path / "my goods.csv"
    file.write_text("title,price\nKettle,58.00\nTeapot,31.50\n")
    done = answer(tmp_path, "1", "Alder", "london", f"'{file.name}'", "abc", "gbp", "", "")
    assert "names no currency" in done.stdout
    assert "│ products │ 2 " in done.stdout
    assert f"-m bot import '{file.name}'" in done.stdout
    assert settings(tmp_path).shop_currency == "GBP"


def test_it_speaks_chinese(tmp_path: Path) -> None:
    done = answer(tmp_path, "2", "星河店", "shanghai", "", "", "")
    assert "您的店叫什么？" in done.stdout
    assert "已写入 .env" in done.stdout
    assert (settings(tmp_path).shop_name, settings(tmp_path).shop_language) == ("星河店", "zh")


def test_what_is_there_already_is_kept_unless_its_owner_says_otherwise(tmp_path: Path) -> None:
    path, before = tmp_path / ".env", f"# mine\nWEB_PORT=99\nTELEGRAM_TOKEN={TELEGRAM}\nSHOP_NAME=Old\nTYPO=1\n"
    path.write_text(before)
    done = answer(tmp_path, "1", "no")
    assert "Nothing was changed." in done.stdout
    assert path.read_text() == before
    done = answer(tmp_path, "1", "yes", "New", "", "", "", DISCORD)
    found = settings(tmp_path)
    assert (found.web_port, found.shop_name) == (99, "New")
    assert found.telegram_token.get_secret_value() == TELEGRAM
    assert "kept as .env.old" in done.stdout
    assert (tmp_path / ".env.old").read_text() == before
    assert stat.S_IMODE((tmp_path / ".env.old").stat().st_mode) == 0o600


def test_at_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(COMMAND, cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as asked:
        os.close(theirs)
        for line in ALL:
            until(ours, b"> ")
            os.write(ours, f"{line}\r".encode())
        shown = until(ours, b"bot run")
        assert asked.wait(60) == 0
    os.close(ours)
    assert b"Written: .env" in shown
    assert settings(tmp_path).shop_name == "Alder & Sons"


def until(terminal: int, wanted: bytes) -> bytes:
    """What is shown up to this."""
    shown = b""
    while wanted not in shown:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, shown
        with contextlib.suppress(OSError):  # the other end was closed
            shown += os.read(terminal, 1000)
    return shown


@tried(deadline=None)  # other work may share the cores
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=80))
def test_every_name_is_read_back_as_it_was_typed(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    if "${" in name:
        return  # refused
    path = tmp_path_factory.getbasetemp() / "names.env"
    init.write(path, {"SHOP_NAME": name, "BOT_NAMES": "a,b"})
    assert config.load(env_file=path).shop_name == name
    assert config.written(path).get("SHOP_NAME", "") == name
