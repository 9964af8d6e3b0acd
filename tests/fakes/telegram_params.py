"""What each method of the Bot API takes, read as strictly as the server does; names that it skips are errors.

A type's `!` says that the parameter must be there.
"""

import contextlib
import json
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

_TO = "chat_id:chat! message_thread_id:int disable_notification:bool protect_content:bool "
_REPLY = "reply_parameters:json reply_markup:json "
_TEXT = "parse_mode:str entities:json link_preview_options:json "
_CAPTION = "caption:str parse_mode:str caption_entities:json show_caption_above_media:bool "
METHODS = {
    "getMe": "",
    "getUpdates": "offset:int limit:int timeout:int allowed_updates:json",
    "setWebhook": "url:str! max_connections:int allowed_updates:json drop_pending_updates:bool secret_token:str",
    "deleteWebhook": "drop_pending_updates:bool",
    "getWebhookInfo": "",
    "sendMessage": _TO + _REPLY + _TEXT + "text:str",
    "sendMessageDraft": "chat_id:chat! message_thread_id:int draft_id:int! text:str parse_mode:str entities:json",
    "sendPhoto": _TO + _REPLY + _CAPTION + "photo:file! has_spoiler:bool",
    "sendDocument": _TO + _REPLY + _CAPTION + "document:file! disable_content_type_detection:bool",
    "sendPoll": _TO + _REPLY + "question:str! options:json! is_anonymous:bool type:str allows_multiple_answers:bool",
    "sendChatAction": "chat_id:chat! message_thread_id:int action:str!",
    "editMessageText": "chat_id:chat! message_id:int! text:str! reply_markup:json " + _TEXT,
    "editMessageCaption": "chat_id:chat! message_id:int! reply_markup:json " + _CAPTION,
    "editMessageReplyMarkup": "chat_id:chat! message_id:int! reply_markup:json",
    "deleteMessage": "chat_id:chat! message_id:int!",
    "restrictChatMember": "chat_id:chat! user_id:int! permissions:json! use_independent_chat_permissions:bool "
    "until_date:int",
    "banChatMember": "chat_id:chat! user_id:int! until_date:int revoke_messages:bool",
    "unbanChatMember": "chat_id:chat! user_id:int! only_if_banned:bool",
    "answerCallbackQuery": "callback_query_id:str! text:str show_alert:bool url:str cache_time:int",
    "setMessageReaction": "chat_id:chat! message_id:int! reaction:json is_big:bool",
    "getChat": "chat_id:chat!",
    "getChatAdministrators": "chat_id:chat!",
    "getChatMember": "chat_id:chat! user_id:int!",
    "getFile": "file_id:str!",
    "setMyCommands": "commands:json! scope:json language_code:str",
    "getMyCommands": "scope:json language_code:str",
    "deleteMyCommands": "scope:json language_code:str",
    "leaveChat": "chat_id:chat!",
}
_CASE = {name.lower(): name for name in METHODS}  # the server knows methods in any case
Values = dict[str, Any]


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


async def read(request: web.Request, method: str) -> tuple[str, Values]:
    """The method's own name, and its parameters from query, form, multipart form or JSON body. Raises ApiError."""
    name = _CASE.get(method.lower())
    if name is None:
        raise ApiError(404, "Not Found")
    given: Values = dict(request.query)
    if request.content_type == "application/json":
        try:
            given |= json.loads(await request.text() or "{}")
        except (ValueError, TypeError):
            raise bad("can't parse request: expected a JSON object") from None
    elif request.can_read_body:
        given |= dict(await request.post())
    wanted = dict(part.split(":") for part in METHODS[name].split())
    attached = {key: given.pop(key) for key in list(given) if isinstance(given[key], FileField) and key not in wanted}
    if unknown := [key for key in given if key not in wanted]:
        raise bad(f"the fake knows no parameter {unknown[0]!r} of {name}")
    values: Values = {key: _typed(key, kind.rstrip("!"), given[key]) for key, kind in wanted.items() if key in given}
    for key, kind in wanted.items():
        if kind.endswith("!") and values.get(key) in (None, ""):
            raise bad("chat_id is empty" if key == "chat_id" else f"parameter {key!r} is required")
        if kind == "file!" and isinstance(values[key], str) and values[key].startswith("attach://"):
            found = attached.get(values[key].removeprefix("attach://"))
            if found is None:
                raise bad("wrong remote file identifier specified: can't unserialize it")
            values[key] = found
    return name, values


def _typed(key: str, kind: str, value: Any) -> Any:
    if kind == "file":
        return value
    if kind in ("json", "int", "bool") and isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    right = {
        "str": isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "json": isinstance(value, dict | list),
        "chat": isinstance(value, int | str) and not isinstance(value, bool),
    }
    if not right[kind]:
        raise bad(f"invalid parameter {key!r} specified, {kind} expected")
    if kind == "chat":
        try:
            return int(value)
        except ValueError:
            raise bad("chat not found") from None
    return value


def entities_of(values: Values, text: str) -> None:
    """Check the entities that go with a text. Raises ApiError."""
    mode = values.get("parse_mode", "")
    if mode.lower() == "html":
        _check_html(text)
    elif mode.lower() == "markdownv2":
        for at, sign in enumerate(text):
            if sign in "_*[]()~`>#+-=|{}.!" and text[at - 1 : at] != "\\":
                told = f"Character '{sign}' is reserved and must be escaped with the preceding '\\'"
                raise bad(f"can't parse entities: {told}")
    elif mode.lower() == "markdown":
        if text.count("*") % 2 or text.count("_") % 2:
            raise bad("can't parse entities: Can't find end of the entity starting at byte offset 0")
    elif mode:
        raise bad("unsupported parse_mode")
    size = len(text.encode("utf-16-le")) // 2
    for one in values.get("entities") or values.get("caption_entities") or ():
        if not isinstance(one, dict) or one.get("offset", -1) < 0 or one["offset"] + one.get("length", 0) > size:
            raise bad("can't parse entities: the entity is out of the text")


def _check_html(text: str) -> None:
    open_tags: list[str] = []
    for part in text.split("<")[1:]:
        tag = part.partition(">")[0].split(" ")[0]
        if tag.startswith("/"):
            if not open_tags or open_tags.pop() != tag[1:]:
                raise bad(f"can't parse entities: Unexpected end tag at byte offset {text.index('</')}")
        elif tag not in ("b", "i", "u", "s", "a", "code", "pre", "blockquote"):
            raise bad(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {text.index("<")}')
        else:
            open_tags.append(tag)
    if open_tags:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\"")


def keyboard_of(values: Values) -> list[list[dict[str, Any]]]:
    """The inline keyboard of a message. Raises ApiError."""
    markup = values.get("reply_markup") or {}
    rows = markup.get("inline_keyboard", []) if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("object expected as reply markup")
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100:
        raise bad("REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        data, url = button.get("callback_data"), button.get("url")
        if not button.get("text"):
            raise bad('can\'t parse inline keyboard button: Field "text" must be of type String')
        if (data is None) == (url is None):
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if data is not None and not 0 < len(data.encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
        if url is not None and not url.startswith(("http://", "https://", "tg://")):
            raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return [row for row in rows if row]
