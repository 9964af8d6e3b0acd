"""Settings: a mistake is named, its value never shown."""

from pathlib import Path

import pytest

from bot.config import Settings, SettingsError, example, load, quiet

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def wrong(overrides: dict[str, str], env_file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(overrides, env_file=env_file)
    return str(caught.value)


def test_the_example_loads_as_the_defaults(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text(example())
    assert load(env_file=path) == load(env_file=None)


def test_an_unknown_setting_is_named():
    assert "CHAT_MOOD" in wrong({"CHAT_MOOD": SECRET})


def test_an_unknown_line_of_the_file_is_named_and_its_value_is_not_shown(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text(f"WEB_TOKNE={SECRET}\n")
    message = wrong({}, path)
    assert "WEB_TOKNE" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "name",
    ["WEB_PORT", "CHAT_MODE", "LLM_SEED", "LLM_DEADLINE", "QUIET_HOURS", "PROFILES", "SHOP_LANGUAGE", "DAILY_CAP"],
)
def test_a_bad_value_is_named_and_never_shown(name: str, tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text(f"{name}={SECRET}\n")
    for message in (wrong({name: SECRET}), wrong({}, path)):
        assert message.startswith(f"{name}: ")
        assert SECRET not in message


def test_every_mistake_is_said_at_once():
    assert wrong({"WEB_PORT": "x", "CHAT_MODE": "loud"}).count("\n") == 1


def test_a_secret_is_never_printed():
    settings = load({"WEB_TOKEN": SECRET}, env_file=None)
    assert settings.web_token.get_secret_value() == SECRET
    for shown in (repr(settings), str(settings), settings.model_dump_json(), example()):
        assert SECRET not in shown


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / ".env"
    path.write_text("WEB_PORT=1001\nDAILY_CAP=2\nSHOP_NAME=File\n")
    monkeypatch.setenv("WEB_PORT", "1002")
    monkeypatch.setenv("DAILY_CAP", "3")
    settings = load({"WEB_PORT": "1003"}, env_file=path)
    assert (settings.web_port, settings.daily_cap, settings.shop_name) == (1003, 3, "File")


def test_an_override_may_be_written_in_any_case():
    assert load({"web_port": "99"}, env_file=None).web_port == load({"WEB_PORT": "99"}, env_file=None).web_port == 99


TELEGRAM = "1234567890:AAF-abc_defghijklmnopqrstuvwxyz0123"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz-_0123456789"


def test_tokens_and_addresses_of_platforms_are_taken_as_they_are_given():
    settings = load({"TELEGRAM_TOKEN": TELEGRAM, "DISCORD_TOKEN": DISCORD}, env_file=None)
    assert settings.telegram_token.get_secret_value() == TELEGRAM
    assert settings.discord_token.get_secret_value() == DISCORD
    assert load({"DISCORD_GATEWAY_URL": "ws://127.0.0.1:99/"}, env_file=None).discord_gateway_url == "ws://127.0.0.1:99"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("TELEGRAM_TOKEN", DISCORD, "@BotFather"),
        ("TELEGRAM_TOKEN", TELEGRAM + " ", "@BotFather"),
        ("TELEGRAM_TOKEN", "@shop_bot", "@BotFather"),
        ("DISCORD_TOKEN", TELEGRAM, "Reset Token"),
        ("DISCORD_TOKEN", f"Bot {DISCORD}", "Reset Token"),
        ("TELEGRAM_API_URL", "host:8081", "https://HOST"),
        ("TELEGRAM_WEBHOOK_LISTEN", "somewhere", "HOST:PORT"),
        ("TELEGRAM_API_URL", f"http://host/bot?{SECRET}", "https://HOST"),
        ("TELEGRAM_WEBHOOK_URL", f"https://me:{SECRET}@host", "https://HOST"),
        ("TELEGRAM_WEBHOOK_URL", "http://shop.example/hook", "no other address"),
        ("DISCORD_API_URL", "http://host:port", "https://HOST"),
        ("DISCORD_GATEWAY_URL", "https://gateway.example", "wss://HOST"),
    ],
)
def test_a_bad_token_or_address_of_a_platform_is_told_what_would_be_right(name: str, value: str, right: str):
    message = wrong({name: value})
    assert message.startswith(f"{name}: ")
    assert right in message
    assert value not in message


@pytest.mark.parametrize(
    ("hours", "wanted"),
    [("21:00-09:00", (1260, 540)), ("00:30-06:15", (30, 375)), (" 1:00-2:00 ", (60, 120)), ("", None)],
)
def test_quiet_hours(hours: str, wanted: tuple[int, int] | None):
    assert quiet(hours) == wanted


@pytest.mark.parametrize("hours", ["21:00", "21-09", "night", "21:00-09:00-10:00", "21:00:00-09:00", "a:b-c:d"])
def test_bad_quiet_hours_are_told_what_would_be_right(hours: str):
    assert "21:00-09:00" in wrong({"QUIET_HOURS": hours})
