"""What Discord refuses of a body, with the codes and texts that it refuses it with."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.discord_world import Json

NAME = re.compile(r"[-_'\w]{1,32}")
MANAGE = re.compile(r"\d{1,20}")
INTERACTION_GONE, ACKED = (
    (404, 10062, "Unknown interaction"),
    (400, 40060, "Interaction has already been acknowledged."),
)


class Refused(Exception):
    """An answer that is an error: HTTP status, Discord's code and text."""

    def __init__(self, status: int, code: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.more = status, code, text, more

    def response(self) -> web.Response:
        return answer({"message": self.text, "code": self.code, **self.more}, self.status)


def answer(value: Any, status: int = 200) -> web.Response:
    """JSON under the content type that Discord gives it, without a charset."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json"})


def invalid(where: str, code: str, text: str) -> Refused:
    """50035, which names the field."""
    held: Json = {"_errors": [{"code": code, "message": text}]}
    for part in reversed(where.split(".")):
        held = {part: held}
    return Refused(400, 50035, "Invalid Form Body", errors=held)


def longer(where: str, value: Any, most: int, least: int = 0) -> None:
    if value is not None and not least <= len(value) <= most:
        text = f"Must be between {least} and {most} in length." if least else f"Must be {most} or fewer in length."
        raise invalid(where, "BASE_TYPE_BAD_LENGTH" if least else "BASE_TYPE_MAX_LENGTH", text)


def check_message(data: Json, *, empty: bool = False) -> None:
    """A message that is sent; raises Refused."""
    content = data.get("content") or ""
    longer("content", content, 2000)
    has = (data.get("embeds"), data.get("components"), data.get("_files"), data.get("sticker_ids"), data.get("poll"))
    if not content.strip() and not any(has) and not empty:
        raise Refused(400, 50006, "Cannot send an empty message")
    if data.get("nonce") is not None:
        longer("nonce", str(data["nonce"]), 25)
    check_embeds(data.get("embeds") or [])
    check_components(data.get("components") or [])
    check_poll(data.get("poll"))
    mentions = data.get("allowed_mentions")
    if mentions and "users" in (mentions.get("parse") or []) and mentions.get("users"):
        raise invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "Mutually exclusive.")


def check_poll(poll: Json | None) -> None:
    if poll is None:
        return
    longer("poll.question.text", poll["question"]["text"], 300, 1)
    longer("poll.answers", poll["answers"], 10, 1)
    for at, one in enumerate(poll["answers"]):
        longer(f"poll.answers.{at}.poll_media.text", one["poll_media"]["text"], 55, 1)
    if not 1 <= poll.get("duration", 24) <= 768:
        raise invalid("poll.duration", "NUMBER_TYPE_MAX", "int value should be less than or equal to 768.")


def check_edit(data: Json) -> None:
    """What only an edit is refused; raises Refused."""
    if (data.get("flags") or 0) & ~(1 << 2):
        raise invalid("flags", "BASE_TYPE_BAD_FLAGS", "Only SUPPRESS_EMBEDS can be changed.")


def check_embeds(embeds: list[Json]) -> None:
    longer("embeds", embeds, 10)
    whole = 0
    for at, embed in enumerate(embeds):
        longer(f"embeds.{at}.title", embed.get("title"), 256)
        longer(f"embeds.{at}.description", embed.get("description"), 4096)
        whole += len(embed.get("title") or "") + len(embed.get("description") or "")
        urls = {"url": embed.get("url"), "image.url": (embed.get("image") or {}).get("url")}
        urls["thumbnail.url"] = (embed.get("thumbnail") or {}).get("url")
        for name, url in urls.items():
            if url and urlsplit(url).scheme not in ("http", "https", "attachment"):
                raise invalid(f"embeds.{at}.{name}", "URL_TYPE_INVALID_SCHEME", "Scheme must be http or https.")
    if whole > 6000:
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")


def check_components(rows: list[Json]) -> None:
    longer("components", rows, 5)
    ids: list[str] = []
    for at, row in enumerate(rows):
        inside = row.get("components")
        if row.get("type") != 1 or not inside:
            raise invalid(f"components.{at}", "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1,).')
        if len(inside) > (5 if all(one.get("type") == 2 for one in inside) else 1):
            raise invalid(f"components.{at}.components", "BASE_TYPE_BAD_LENGTH", "Too many components in a row.")
        for number, one in enumerate(inside):
            ids += check_component(f"components.{at}.components.{number}", one)
    if len(ids) != len(set(ids)):
        raise invalid("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")


def check_component(where: str, one: Json) -> Iterator[str]:
    if one.get("type") == 2:
        longer(f"{where}.label", one.get("label"), 80)
        if one.get("style") == 5:
            return
    elif one.get("type") == 3:
        options = one.get("options") or []
        longer(f"{where}.options", options, 25, 1)
        longer(f"{where}.placeholder", one.get("placeholder"), 150)
        for number, option in enumerate(options):
            longer(f"{where}.options.{number}.label", option.get("label"), 100, 1)
            longer(f"{where}.options.{number}.value", option.get("value"), 100, 1)
        if len({option["value"] for option in options}) != len(options):
            raise invalid(f"{where}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must be unique.")
    else:
        raise invalid(where, "UNION_TYPE_CHOICES", "Only buttons and string selects are known here.")
    longer(f"{where}.custom_id", one.get("custom_id") or "", 100, 1)
    yield one["custom_id"]


def check_commands(commands: list[Json]) -> None:
    """A bulk overwrite; raises Refused."""
    if sum(one.get("type", 1) == 1 for one in commands) > 100:
        raise Refused(400, 30032, "Maximum number of application commands reached (100)")
    if len({one["name"] for one in commands}) != len(commands):
        raise invalid("0.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
    for at, one in enumerate(commands):
        _named(str(at), one)
        permissions = one.get("default_member_permissions")
        if permissions is not None and not (isinstance(permissions, str) and MANAGE.fullmatch(permissions)):
            raise invalid(f"{at}.default_member_permissions", "NUMBER_TYPE_COERCE", "Value is not snowflake.")
        options = one.get("options") or []
        longer(f"{at}.options", options, 25)
        optional = False
        for number, option in enumerate(options):
            where = f"{at}.options.{number}"
            _named(where, option)
            if option.get("required") and optional:
                raise invalid(where, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options come first.")
            optional = optional or not option.get("required")
            choices = option.get("choices") or []
            longer(f"{where}.choices", choices, 25)
            if choices and option.get("autocomplete"):
                raise invalid(where, "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Choices and autocomplete.")
            for choice in choices:
                longer(f"{where}.choices.name", choice["name"], 100, 1)


def _named(where: str, one: Json) -> None:
    names = {
        "name": one["name"],
        **{f"name_localizations.{k}": v for k, v in (one.get("name_localizations") or {}).items()},
    }
    for field, name in names.items():
        if one.get("type", 1) != 2 and (not NAME.fullmatch(name) or name != name.lower()):
            raise invalid(f"{where}.{field}", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    longer(f"{where}.description", one.get("description") or "", 100, 1)
    for locale, text in (one.get("description_localizations") or {}).items():
        longer(f"{where}.description_localizations.{locale}", text, 100, 1)


def pings(message: Json, allowed: Json | None, replied: str = "") -> list[str]:
    """Whom a message of the bot's rings up: user ids, and "everyone"."""
    said, users = message["content"], [one["id"] for one in message["mentions"]]
    everyone = ["everyone"] if re.search(r"@(everyone|here)\b", said) else []
    if allowed is None:
        return [*everyone, *users, *([replied] if replied else [])]
    parse = allowed.get("parse") or []
    named = [one for one in users if "users" in parse or one in (allowed.get("users") or [])]
    return [
        *(everyone if "everyone" in parse else []),
        *named,
        *([replied] if allowed.get("replied_user") and replied else []),
    ]
