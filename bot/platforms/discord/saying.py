"""What a message of the bot's looks like on Discord."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from bot.messages import Button, Card, Outgoing
from bot.platforms.discord import attached

LENGTH = 2000  # characters of a message
CUSTOM_ID, LABEL, OPTION = 100, 80, 100  # characters
BUTTONS, OPTIONS, ROWS = 5, 25, 5
EMBEDS, EMBED_TEXT = 10, 400
ASKED, ANSWER, ANSWERS, HOURS = "🗳️", 55, 10, 72  # a poll: title, characters and number of answers, how long it is open
SUPPRESS_EMBEDS, EPHEMERAL = 1 << 2, 1 << 6
NOBODY = {"parse": [], "replied_user": False}  # is rung up
_LINK = re.compile(r"https?://\S+")
_MARKS = re.compile(r"[\\*_~|`]|<(?=[@#:/t])|\[(?=[^\]\n]*\]\()|^(?=#{1,3} |>|-# )", re.MULTILINE)
_MENTION = "<@{}>"
_COMMAND, _NUMBER = "c:", "n:"


def plain(text: str) -> str:
    """The text so that Discord shows it as it stands: no bold, no headings, no names that ring somebody up."""
    parts, end = [], 0
    for link in _LINK.finditer(text):
        parts += [_MARKS.sub(r"\\\g<0>", text[end : link.start()]), link.group()]
        end = link.end()
    shown = "".join([*parts, _MARKS.sub(r"\\\g<0>", text[end:])]).strip()
    return shown if len(shown) <= LENGTH else text.strip()[:LENGTH]


def body(outgoing: Outgoing, *, private: bool = False) -> dict[str, Any]:
    """A message as the API takes it."""
    flags = (0 if outgoing.cards else SUPPRESS_EMBEDS) | (EPHEMERAL if private else 0)
    cards, called = outgoing.cards[:EMBEDS], [one.id for one in outgoing.mentions if one.id.isdecimal()]
    pictures = [card.picture for card in cards if card.picture]
    names = f"{' '.join(map(_MENTION.format, called))}: " if called else ""
    made = {
        "content": names + plain(outgoing.text),
        "embeds": [_embed(card, pictures) for card in cards],
        "components": list(_rows(outgoing.buttons)),
        "allowed_mentions": NOBODY | ({"users": called} if called else {}),
        "flags": flags,
        **({attached.FILES: pictures} if pictures else {}),
        **({attached.DOCUMENT: list(outgoing.document)} if outgoing.document else {}),
    }
    if outgoing.poll:
        answers = [{"poll_media": {"text": one[:ANSWER]}} for one in outgoing.poll[:ANSWERS]]
        made["poll"] = {"question": {"text": ASKED}, "answers": answers, "duration": HOURS}  # the text stands above it
    return made


def edited(body: dict[str, Any]) -> dict[str, Any]:
    """The same as a change of a message: who sees it can't be changed."""
    return body | {"flags": body["flags"] & SUPPRESS_EMBEDS}


def changed(shown: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Does a message show something else than is wanted?"""
    return shown["content"] != wanted["content"] or len(shown["components"]) != len(wanted["components"])


def nonce(key: str) -> str:
    """What makes a message that is sent twice one, while Discord remembers it."""
    return hashlib.sha256(key.encode()).hexdigest()[:25]


def _embed(card: Card, pictures: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"title": card.title[:256]} if card.title else {}
    if text := "\n".join(plain(one) for one in (card.subtitle, card.text) if one):
        made["description"] = text[:EMBED_TEXT]
    if _is_web(card.link):
        made["url"] = card.link
    if card.picture:
        made["image"] = {"url": f"attachment://{attached.name(pictures.index(card.picture))}"}
    elif _is_web(card.image):
        made["image"] = {"url": card.image}
    return made


def _is_web(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https")


def _rows(buttons: Sequence[Button]) -> Iterator[dict[str, Any]]:
    """A few as buttons, more as menus to choose from."""
    choices = {_meaning(number, one): one.label for number, one in reversed(list(enumerate(buttons)))}
    some = list(reversed(choices.items()))  # of two with the same meaning the first
    if 0 < len(some) <= BUTTONS:
        made = [{"type": 2, "style": 2, "label": label[:LABEL], "custom_id": meaning} for meaning, label in some]
        yield {"type": 1, "components": made}
        return
    for row, start in enumerate(range(0, min(len(some), ROWS * OPTIONS), OPTIONS)):
        options = [{"label": label[:OPTION], "value": meaning} for meaning, label in some[start : start + OPTIONS]]
        yield {"type": 1, "components": [{"type": 3, "custom_id": f"menu:{row}", "options": options}]}


def _meaning(number: int, button: Button) -> str:
    """The command itself, which outlives any process; of a longer one its place among the message's buttons."""
    whole = _COMMAND + button.command
    return whole if len(whole) <= CUSTOM_ID else f"{_NUMBER}{number}"


def pressed(meaning: str) -> str | int:
    """The command that was pressed, or its place among the message's buttons. Raises ValueError."""
    if meaning.startswith(_COMMAND):
        return meaning.removeprefix(_COMMAND)
    return int(meaning.removeprefix(_NUMBER))
