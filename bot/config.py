"""Settings, from the environment and `.env`: the only reader of the environment.

`python -m bot env` prints them all with their defaults and meanings; that text is `.env.example`.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_FILE = Path(".env")
TELEGRAM_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{3,100}", re.ASCII)
DISCORD_TOKEN = re.compile(r"[A-Za-z0-9_-]{3,100}(\.[A-Za-z0-9_-]{1,100}){2}", re.ASCII)
PLAIN = re.compile(r"[\w@%+=:,./~-]*", re.ASCII)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingsError(Exception):
    """A setting is wrong. The message names it and says what would be right; it never shows a value."""


def _setting(default: Any, meaning: str, section: str, **limits: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"section": section}, **limits)


class Settings(BaseSettings):
    """Every setting. Names in the environment are the same in capitals."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    shop_name: str = _setting("", "the shop's name; empty takes it from an imported shop.json", "Shop")
    shop_currency: str = _setting("", "ISO 4217 code for prices that an export gives without one, such as USD", "Shop")
    shop_timezone: str = _setting(
        "", "IANA time zone, such as Europe/London; empty is the shop.json's, else UTC", "Shop"
    )
    shop_language: Literal["", "en", "zh"] = _setting("", "default language of the bot's texts", "Shop")
    shop_tone: str = _setting(
        "warm",
        "how replies sound: plain, warm, playful, or in your own words for a model that follows instructions",
        "Shop",
        max_length=200,
    )
    database_url: str = _setting(
        "sqlite:///data/shopkeeper.db",
        "where everything is kept: a SQLite file, or postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
        "Storage",
    )
    uploads: Path = _setting(
        Path("data/uploads"), "where files dropped into the chat page are kept until imported", "Storage"
    )
    pictures: Path = _setting(
        Path("data/pictures"), "where pictures that the bot draws are kept, for RETENTION_DAYS", "Storage"
    )
    retention_days: int = _setting(
        30, "raw words of members are emptied after this many days", "Storage", ge=1, le=3650
    )
    llm_model: str = _setting(
        "llm/weights/starter", "directory or hub name of any causal model with safetensors weights", "Model"
    )
    llm_url: str = _setting(
        "",
        "an OpenAI-compatible server that words replies, such as http://host:8000/v1; then LLM_MODEL stands in",
        "Model",
    )
    llm_url_model: str = _setting("", "the model's name there; empty takes the first that it lists", "Model")
    llm_key: SecretStr = _setting(SecretStr(""), "its API key", "Model")
    models: Path = _setting(Path("data/models"), "where models that were promoted are kept", "Model")
    llm_threads: int = _setting(0, "CPU threads of the model; 0 leaves it to torch", "Model", ge=0, le=256)
    llm_temperature: float = _setting(0.7, "0 always takes the likeliest word", "Model", ge=0, le=2)
    llm_post_temperature: float = _setting(
        0.5,
        "the same for posts and suggestions, at most: nobody asked for them, and all read them",
        "Model",
        ge=0,
        le=2,
    )
    llm_reply_tokens: int = _setting(96, "tokens that a reply may have", "Model", ge=8, le=1024)
    llm_post_tokens: int = _setting(96, "tokens that a post or a suggestion may have", "Model", ge=8, le=1024)
    llm_banned: str = _setting("", "words that the model may not write, with commas", "Model")
    llm_deadline: float = _setting(
        20.0, "seconds a reply may take before the row is quoted instead", "Model", gt=0, le=600, allow_inf_nan=False
    )
    embed_model: str = _setting(
        "bundled",
        "what finds rows by their meaning: bundled (English and Chinese), off, or the folder of a BERT-like encoder",
        "Model",
    )
    embed_languages: str = _setting("en", "languages that the encoder of a folder knows, with commas", "Model")
    llm_seed: int | None = _setting(None, "a number makes the same message get the same reply", "Model")
    chat_mode: Literal["", "off", "mention", "questions", "lively"] = _setting(
        "",
        "when the bot speaks until an admin sets /mode; empty: questions on the chat page, mention elsewhere",
        "Manners",
    )
    gate_precision: float = _setting(
        0.98, "how many of a hundred unasked replies shall be right, as a share; more means silent more often",
        "Manners", ge=0.5, le=0.99,
    )  # fmt: skip
    gate_wait: float = _setting(
        30.0,
        "seconds at most that an unasked question waits for a human; twenty for each other member who is there",
        "Manners",
        ge=0,
        le=600,
        allow_inf_nan=False,
    )
    member_budget: int = _setting(
        30, "answers and commands that a member may have in ten minutes; a chat: 10 times, all: 100 times; 0: any",
        "Manners", ge=0, le=10_000,
    )  # fmt: skip
    unasked_per_hour: int = _setting(
        20, "unasked replies in a chat in an hour; lively: three times", "Manners", ge=0, le=1000
    )
    bot_names: str = _setting(
        "shopkeeper,店小二", "what the bot is called by besides the shop's name, with commas", "Manners"
    )
    answer_bots: str = _setting("", "names or ids of other bots that are answered when they address it", "Manners")
    quiet_hours: str = _setting(
        "21:00-09:00", "nothing is sent unasked in these hours of the shop's, or the chat's, time zone", "Manners"
    )
    daily_cap: int = _setting(1, "suggestions that a subscriber may get in a day", "Manners", ge=0, le=20)
    weekly_cap: int = _setting(5, "the same in a week, from Monday", "Manners", ge=0, le=140)
    chat_daily_cap: int = _setting(12, "posts that a chat may get in a day", "Manners", ge=0, le=1000)
    chat_weekly_cap: int = _setting(60, "the same in a week, from Monday", "Manners", ge=0, le=7000)
    kept_places: int = _setting(1, "of both, places that schedules leave to campaigns", "Manners", ge=0, le=100)
    post_gap: int = _setting(5, "minutes at least between two posts in a chat", "Manners", ge=0, le=1440)
    weekly_report: Literal["on", "off"] = _setting("on", "the week's figures, for the admins on Mondays", "Manners")
    schedules: str = _setting(
        "", "a TOML file of schedules, for those who prefer files to /schedule; read at start", "Manners"
    )
    holdout: float = _setting(
        0.1,
        "share of subscribers that get nothing unasked, by chance, so that /lift can tell what suggestions do",
        "Manners",
        ge=0,
        le=0.5,
    )
    handoff_words: str = _setting(
        "", "words at which a human is called, with commas, such as lawyer, chargeback, 投诉", "Manners"
    )
    handoff_mute: int = _setting(
        30,
        "minutes for which the bot says nothing to a member after a human was called or spoke to them; 0: not at all",
        "Manners",
        ge=0,
        le=10_080,
    )
    correct_within: int = _setting(
        24,
        "hours in which a message of the bot's is corrected when a price, stock or article changes; 0: not at all",
        "Manners",
        ge=0,
        le=720,
    )
    profiles: Literal["", "optin", "notice", "off"] = _setting(
        "",
        "whose interactions become a profile: of who opted in, of all who were told, none; empty: as the platform asks",
        "Manners",
    )
    privacy_url: str = _setting("", "the shop's privacy notice, shown by /privacy", "Manners")
    allowed_links: str = _setting(
        "", "hosts that the bot may link to besides those of the catalogue, with commas", "Manners"
    )
    safety_strictness: Literal["relaxed", "normal", "strict"] = _setting(
        "normal", "how much counts as abuse or harm: relaxed, normal, strict", "Safety"
    )
    safety_chats: str = _setting(
        "", "chats that differ from it, with commas, as PLATFORM:ID=LEVEL, such as telegram:-100123=strict", "Safety"
    )
    safety_dry_run: str = _setting(
        "", "rules that only log what they would have stopped, with commas: names of bot/safety/rules", "Safety"
    )
    safety_competitors: str = _setting("", "names of other shops that the bot doesn't speak of, with commas", "Safety")
    safety_wording: Literal["", "known", "free"] = _setting(
        "",
        "known: what the model says has to be like the replies that the shipped one was taught; free: its own words; "
        "empty: known for the shipped model, free for any other",
        "Safety",
    )
    safety_help: str = _setting(
        "", "said to members who may harm themselves, such as a crisis line of your country", "Safety", max_length=300
    )
    public_url: str = _setting(
        "",
        "https address that leads to PUBLIC_LISTEN: links in posts are then short, and clicks are counted; empty: not",
        "Public address",
    )
    public_listen: str = _setting(
        "127.0.0.1:8090", "where short links are served, behind the server that speaks https; never the chat page",
        "Public address",
    )  # fmt: skip
    web_port: int = _setting(8080, "port of the chat page on this computer", "Chat page", ge=0, le=65535)
    web_token: SecretStr = _setting(
        SecretStr(""), "token of the admin seat; empty makes one at every start", "Chat page"
    )
    telegram_token: SecretStr = _setting(
        SecretStr(""), "token of your bot, from @BotFather; empty: no Telegram", "Telegram and Discord"
    )
    telegram_webhook_url: str = _setting(
        "",
        "https address at which Telegram reaches this computer; empty: the bot fetches its updates itself",
        "Telegram and Discord",
    )
    telegram_webhook_listen: str = _setting(
        "127.0.0.1:8443", "where the bot listens for it, behind the server that speaks https", "Telegram and Discord"
    )
    telegram_api_url: str = _setting(
        "", "a Bot API server of your own, such as http://host:8081; empty: Telegram's", "Telegram and Discord"
    )
    discord_token: SecretStr = _setting(
        SecretStr(""), "token of your bot, from discord.com/developers; empty: no Discord", "Telegram and Discord"
    )
    discord_api_url: str = _setting(
        "", "another server that speaks Discord's API, for tests; empty: Discord's", "Telegram and Discord"
    )
    discord_gateway_url: str = _setting("", "the same for its gateway, ws:// or wss://", "Telegram and Discord")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting("WARNING", "how much is logged", "Running")

    @field_validator("shop_timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value and value not in available_timezones():
            raise ValueError("an IANA name such as Europe/London is right")
        return value

    @field_validator("shop_currency")
    @classmethod
    def _currency(cls, value: str) -> str:
        if value and not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
            raise ValueError("an ISO 4217 code such as USD is right")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if not value.startswith(("sqlite://", "sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("sqlite:///PATH or postgresql+asyncpg://USER:PASSWORD@HOST/NAME is right")
        with contextlib.suppress(ValueError):
            _ = urlsplit(value).port
            return value
        # What it could not read as a port may be part of the password, which is not shown.
        raise ValueError("the port is no number; in a password, / is written %2F, @ %40, : %3A, # %23 and % %25")

    @field_validator("llm_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("http://HOST:PORT/v1 is right")
        return value

    @field_validator("telegram_token")
    @classmethod
    def _telegram_token(cls, value: SecretStr) -> SecretStr:
        if (text := value.get_secret_value()) and not TELEGRAM_TOKEN.fullmatch(text):
            raise ValueError("digits, a colon, letters and digits, as @BotFather gives it, are right")
        return value

    @field_validator("discord_token")
    @classmethod
    def _discord_token(cls, value: SecretStr) -> SecretStr:
        if (text := value.get_secret_value()) and not DISCORD_TOKEN.fullmatch(text):
            raise ValueError(
                "three parts with dots between them are right: “Reset Token” on the page “Bot” shows it once; "
                "the client secret and the public key are others"
            )
        return value

    @field_validator("telegram_webhook_listen", "public_listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("HOST:PORT such as 127.0.0.1:8443 is right")
        return value

    @field_validator("telegram_api_url", "discord_api_url", "telegram_webhook_url", "discord_gateway_url", "public_url")
    @classmethod
    def _platform_url(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        schemes = ("ws", "wss") if info.field_name == "discord_gateway_url" else ("http", "https")
        try:
            url = urlsplit(value)
            right = url.scheme in schemes and bool(url.hostname) and url.port != 0
        except ValueError:
            right = False
        if not right or url.username or url.password or url.query or url.fragment or re.search(r"\s", value):
            raise ValueError(f"{schemes[1]}://HOST or {schemes[0]}://HOST:PORT/PATH is right, and nothing else in it")
        if info.field_name == "telegram_webhook_url" and url.scheme != "https" and url.hostname not in LOOPBACK:
            raise ValueError("https://HOST/PATH is right: Telegram sends to no other address")
        return value.rstrip("/")

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        quiet(value)
        return value


def listed(value: str) -> tuple[str, ...]:
    """What stands between the commas of a setting, Chinese commas too."""
    return tuple(one for part in value.replace("，", ",").split(",") if (one := part.strip()))


def quiet(hours: str) -> tuple[int, int] | None:
    """`21:00-09:00` as minutes of the day from and to; None where it is empty. Raises ValueError."""
    if not hours:
        return None
    try:
        first, last = (
            int(hour) * 60 + int(minute) for hour, minute in (part.split(":") for part in hours.strip().split("-"))
        )
    except ValueError:
        raise ValueError("two times such as 21:00-09:00 are right") from None
    if not (0 <= first < 24 * 60 and 0 <= last < 24 * 60):
        raise ValueError("two times such as 21:00-09:00 are right")
    return first, last


def load(overrides: dict[str, str] | None = None, *, env_file: Path | None = ENV_FILE) -> Settings:
    """The settings, with `NAME=VALUE` overrides of the command line on top. Raises SettingsError."""
    known = Settings.model_fields
    given = {name.lower(): value for name, value in (overrides or {}).items()}
    if unknown := [name for name in given if name not in known]:
        raise SettingsError(f"{unknown[0].upper()}: no such setting; `python -m bot env` lists them")
    try:
        values: dict[str, Any] = {**given, "_env_file": env_file}
        return Settings(**values)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])).upper()}: {_advice(one)}" for one in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _advice(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "no such setting; `python -m bot env` lists them"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{error['msg']} (given: a {type(error.get('input')).__name__})"


def secrets(settings: Settings) -> list[str]:
    """Every value that no log may show: tokens, keys, and passwords in addresses."""
    values = [getattr(settings, name) for name in Settings.model_fields]
    hidden = [one.get_secret_value() for one in values if isinstance(one, SecretStr)]
    passwords = [urlsplit(one).password or "" for one in (settings.database_url, settings.llm_url)]
    return [one for one in (*hidden, *passwords, *map(unquote, passwords)) if one]


def written(path: Path) -> dict[str, str]:
    """The settings that stand in an env file, as they are written there, without those that nobody knows."""
    found = dotenv_values(path, interpolate=False)
    return {name.upper(): value for name, value in found.items() if value and name.lower() in Settings.model_fields}


def example(values: Mapping[str, str] = MappingProxyType({})) -> str:
    """`.env.example`: every setting with its meaning and default, or what it is in `values`."""
    lines = ["# Settings of Shopkeeper. Copy to .env and change what you need; every line may stay out."]
    section = ""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        here = str(extra["section"]) if isinstance(extra, dict) else ""
        if here != section:
            section = here
            lines += ["", f"# {section}"]
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        line = _quoted(values[name.upper()]) if name.upper() in values else "" if value is None else value
        lines += [f"# {field.description}", f"{name.upper()}={line}"]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    """A value as an env file gives it back."""
    if PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def prepare_process() -> None:
    """What has to stand in the environment before torch is imported: its threads wait without burning a core."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
