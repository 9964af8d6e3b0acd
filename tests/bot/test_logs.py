"""What is secret never stands in a log line or in an error, however it came there."""

import logging
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import load, secrets
from bot.logs import Redacting, redactor

ROOT = Path(__file__).parents[2]
TELEGRAM = "1234567890:AAF-abc_defghijklmnopqrstuvwxyz0123"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz-_0123456789"
TOKENS = st.one_of(
    st.from_regex(r"[0-9]{6,12}:[A-Za-z0-9_-]{20,40}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-]{20,30}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4, max_size=40),  # a star is what hides
)


def logged(secret: list[str], **record: object) -> str:
    """The line that the formatter makes of a record."""
    values = {"name": "a", "level": logging.INFO, "pathname": "", "lineno": 1, "args": (), "exc_info": None}
    return Redacting(redactor(secret)).format(logging.LogRecord(**values | record))  # type: ignore[arg-type]


@given(TOKENS, st.text(max_size=30), st.text(max_size=30))
def test_no_line_shows_a_secret(token: str, before: str, after: str) -> None:
    try:
        try:
            raise ValueError(f"{before}{token}{after}")
        except ValueError as first:
            raise KeyError(f"https://api/bot{token}/getMe") from first
    except KeyError:
        trace = sys.exc_info()
    lines = (
        logged([token], msg=f"{before}{token}{after}"),
        logged([token], msg="POST %s", args=(f"https://api.example/bot{token}/sendMessage",)),
        logged([token], msg="%r %s", args=({"token": token}, [token])),
        logged([token], msg="failed", exc_info=trace),
        logged([token], msg="%s", args=(quote(token, safe=""),)),
    )
    for line in lines:
        assert token not in line


@given(TOKENS)
def test_a_secret_that_holds_another_is_hidden_whole(token: str) -> None:
    assert redactor([token, token + "-tail"])(f"{token}-tail") == "***"


@pytest.mark.parametrize(
    "text",
    [
        f"HTTP Request: POST https://api.telegram.org/bot{TELEGRAM}/getUpdates",
        f"https://api.telegram.org/bot{quote(TELEGRAM, safe='')}/getMe",
        f"{{'Authorization': 'Bot {DISCORD}'}}",
        "429 on https://discord.com/api/v10/webhooks/123/aW50ZXJhY3Rpb24/messages/@original",
        "PUT /interactions/123/aW50ZXJhY3Rpb24/callback",
    ],
)
def test_what_looks_like_a_token_is_hidden_though_no_setting_holds_it(text: str) -> None:
    shown = redactor([])(text)
    assert "***" in shown
    for secret in (TELEGRAM, DISCORD, "AAF-abc", "GabcDE", "aW50ZXJhY3Rpb24"):
        assert secret not in shown


def test_the_rest_of_a_line_stays() -> None:
    text = "robots: 3 bots, bot 12 is up; /webhooks are off; price 12:30"
    assert redactor([TELEGRAM])(text) == text


def test_every_secret_of_the_settings_is_known() -> None:
    values = {
        "TELEGRAM_TOKEN": TELEGRAM,
        "DISCORD_TOKEN": DISCORD,
        "LLM_KEY": "key-of-a-model",
        "WEB_TOKEN": "seat-of-admins",
        "DATABASE_URL": "postgresql+asyncpg://shop:pass%20word@host/shop",
    }
    found = secrets(load(values, env_file=None))
    assert {TELEGRAM, DISCORD, "key-of-a-model", "seat-of-admins", "pass%20word", "pass word"} == set(found)


def test_an_error_that_nothing_caught_shows_no_token() -> None:
    program = """
import sys, threading, logging
from bot import logs
logs.prepare("INFO", [sys.argv[1]])
logging.getLogger("httpx").info("HTTP Request: GET %s", sys.argv[1])
logging.getLogger("a").info("asked %s", sys.argv[1])
def fail(): raise RuntimeError("rejected: " + sys.argv[1])
thread = threading.Thread(target=fail); thread.start(); thread.join()
fail()
"""
    done = subprocess.run([sys.executable, "-c", program, TELEGRAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert TELEGRAM not in done.stderr + done.stdout
    assert done.stderr.count("rejected: ***") == 2
    assert "asked ***" in done.stderr
    assert "HTTP Request" not in done.stderr
