"""The frames of the websocket: JSON objects with a `type`.

From the page, `id` a UUID that it makes, so that a frame sent twice counts once:
  {type: seat, seat, token?}                                       take a seat; answered by `seated`
  {type: say, id, chat, seat, text, reply_to?, language?, token?}  answered by `ack`, or `refused` with a reason
  {type: press, id, chat, seat, command, message, language?, token?}  a button under a message
  {type: react, id, chat, seat, emoji, message, token?}            a reaction under a message
To the page: hello (shop, seats, commands), seated (what the seat's chats hold), message (new, or in place of the one
with the same id), reaction, removed (a message was taken away), typing, ack, refused.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.language import wanted
from bot.messages import Kind
from bot.platforms.base import CommandHelp
from bot.platforms.web.views import SEATS, ShopInfo, Shown

TEXT_LIMIT = 4000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# frame type -> the kind of message, the field that is its text, the field that names the message it is on
_SAYINGS = {
    "say": (Kind.TEXT, "text", "reply_to"),
    "press": (Kind.BUTTON, "command", "message"),
    "react": (Kind.REACTION, "emoji", "message"),
}


class RefusedError(ValueError):
    """What a page sent is not taken. `reason` is one of: token, seat, chat, long, bad; the page words it."""

    def __init__(self, reason: str, text: str, message_id: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Take:
    """A page wants to see and speak as a seat."""

    seat: str
    token: str


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said, pressed, reacted or dropped something."""

    id: str
    chat: str
    seat: str
    token: str
    kind: Kind
    text: str
    reply_to: str = ""
    language: str = ""  # of the page


def made_by_page(message_id: str) -> bool:
    """Pages name their messages by UUID; the bot's are named by the key of what caused them."""
    return _UUID.fullmatch(message_id) is not None


def read(raw: str) -> Take | Said:
    """A frame of a page's. Raises RefusedError."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RefusedError("bad", "a frame is not JSON") from error
    if not isinstance(frame, dict):
        raise RefusedError("bad", f"a frame is a {type(frame).__name__}, not an object")
    if frame.get("type") == "seat":
        return Take(_field(frame, "seat"), _field(frame, "token", "", limit=200))
    if not isinstance(frame.get("type"), str) or frame["type"] not in _SAYINGS:
        raise RefusedError("bad", "a frame's type is not one of: seat, say, press, react")
    kind, text, on = _SAYINGS[frame["type"]]
    limit = 16 if kind is Kind.REACTION else TEXT_LIMIT
    said = Said(
        id=checked_id(_field(frame, "id")),
        chat=_field(frame, "chat"),
        seat=_field(frame, "seat"),
        token=_field(frame, "token", "", limit=200),
        kind=kind,
        text=_field(frame, text, limit=limit).strip(),
        reply_to=_field(frame, on, "" if kind is Kind.TEXT else None, limit=200),
        language=wanted(_field(frame, "language", "")),
    )
    if not said.text:
        raise RefusedError("bad", f"{text} is empty", said.id)
    return said


def checked_id(value: str) -> str:
    """The id, where it is a UUID in lower case. Raises RefusedError."""
    if not made_by_page(value):
        raise RefusedError("bad", "id is not a UUID in lower case")
    return value


def _field(frame: dict[str, Any], name: str, default: str | None = None, limit: int = 64) -> str:
    value = frame.get(name, default)
    message_id = frame["id"] if made_by_page(str(frame.get("id"))) else ""
    if not isinstance(value, str):
        raise RefusedError("bad", f"{name} is {type(value).__name__}, not a string", message_id)
    if len(value) > limit:
        raise RefusedError("long", f"{name} has {len(value)} characters, more than {limit}", message_id)
    # neither a lone surrogate nor a NUL can be stored everywhere
    return value.encode(errors="replace").decode().replace("\0", "")


def write(frame_type: str, **fields: object) -> str:
    """A frame for a page."""
    return json.dumps({"type": frame_type, **fields}, ensure_ascii=False)


def hello(shop: ShopInfo, commands: dict[str, list[CommandHelp]]) -> str:
    """What a page learns first: the shop, the seats, the commands by language."""
    return write(
        "hello",
        shop={"name": shop.name, "language": shop.language, "questions": dict(shop.questions)},
        seats=[asdict(seat) for seat in SEATS],
        commands={language: [asdict(command) for command in some] for language, some in commands.items()},
    )


def fields(shown: Shown) -> dict[str, Any]:
    """A message as the page reads it."""
    cards = [asdict(card) | {"picture": _address(card.picture)} for card in shown.cards]
    return asdict(shown) | {"at": shown.at.isoformat(), "cards": cards}


def _address(picture: str) -> str:
    """Where the page finds a picture of ours."""
    return f"/pictures/{Path(picture).name}" if picture else ""
