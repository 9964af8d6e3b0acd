"""A message as Telegram shows it: plain text with cards beneath it, buttons, and a picture where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, User

from bot.language import cut, units
from bot.messages import Button, Card, Mention, Outgoing, SendError

TEXT, CAPTION = 4096, 1024  # UTF-16 code units
DATA = 64  # bytes that a button carries
ROW = 32  # characters of the labels that stand in one line
LABEL = 60
QUESTION, CHOICE, CHOICES = 300, 100, 12  # characters of a poll's question and answers, and how many of these
CHAT = "chat:"  # in front of the id of a sender who is a chat: never to be taken for one to write to
STORED = "#"  # in front of a button's number in its message: what it means stands in the tables


@dataclass(frozen=True, slots=True)
class Shown:
    """`picture` is an address, or the path of a file; the text fits under it. `poll`: what may be chosen. `document`: a
    file's name and what is in it. `named`: who is called by name, and where in the text."""

    text: str
    keyboard: InlineKeyboardMarkup | None
    picture: str = ""
    poll: tuple[str, ...] = ()
    document: tuple[str, ...] = ()
    named: tuple[MessageEntity, ...] = ()


def shown(outgoing: Outgoing, key: str = "") -> Shown:
    """`key` is the row's, for buttons of a message that has no id yet."""
    if outgoing.poll:
        return _poll(outgoing, key)
    names, named = _called(outgoing.mentions)
    text = names + _with_cards(outgoing.text, outgoing.cards)
    rows = [*_rows(outgoing.buttons, key), *_links(outgoing.cards)]
    pictures = (card.picture or (card.image if is_address(card.image) else "") for card in outgoing.cards)
    picture = next(filter(None, pictures), "")
    keyboard = InlineKeyboardMarkup(rows) if rows else None
    picture = picture if units(text) <= CAPTION else ""
    return Shown(text, keyboard, picture, document=outgoing.document, named=named)


def _called(mentions: Sequence[Mention]) -> tuple[str, tuple[MessageEntity, ...]]:
    """What stands in front of a text that calls these, and where in it each is meant. Who hides has no account."""
    text, found = "", list[MessageEntity]()
    for one in mentions:
        text, name = f"{text}, " if text else "", one.name or one.id
        if one.id.isdecimal():
            user, place = User(int(one.id), name, is_bot=False), (units(text), units(name))
            found.append(MessageEntity(MessageEntity.TEXT_MENTION, *place, user=user))
        text += name
    return f"{text}: " if text else "", tuple(found)


def _poll(outgoing: Outgoing, key: str) -> Shown:
    """A poll has no picture, and its question is shorter than a message."""
    rows = _rows(outgoing.buttons, key)
    choices = tuple(one[:CHOICE] for one in outgoing.poll[:CHOICES])
    return Shown(cut(outgoing.text, QUESTION)[0], InlineKeyboardMarkup(rows) if rows else None, poll=choices)


def is_address(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def place(chat_id: str) -> tuple[int, int | None]:
    """A chat's id and topic, from `-100…/7`. Raises SendError where it is nobody's direct chat."""
    if chat_id.startswith(CHAT):
        raise SendError("who speaks as a group or channel has no direct chat")
    chat, _, topic = chat_id.partition("/")
    return int(chat), int(topic) if topic else None


def reply_of(message_id: str) -> int | None:
    """The message to reply to: a pressed button has its message's number in front of its own."""
    number = message_id.partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() else None


def caption(text: str) -> str:
    """As much of a text as fits under a picture."""
    return cut(text, CAPTION)[0]


def _with_cards(text: str, cards: Sequence[Card]) -> str:
    """What the cards say besides the text, as far as there is room."""
    for card in cards:
        head = " · ".join(part for part in (card.title, card.subtitle) if part and part not in text)
        for part in (head, card.text):
            if part and part not in text and units(text) + units(part) + 2 <= TEXT:
                text = f"{text}\n\n{part}" if part == head or not head else f"{text}\n{part}"
    return text


def _rows(buttons: Sequence[Button], key: str) -> list[list[InlineKeyboardButton]]:
    """Buttons side by side as long as their labels are short."""
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for at, button in enumerate(buttons):
        label = button.label[:LABEL]
        if len(label) > room:
            rows.append([])
            room = ROW
        rows[-1].append(InlineKeyboardButton(label, callback_data=_data(button.command, at, key)))
        room -= len(label) + 2
    return rows


def _data(command: str, at: int, key: str) -> str:
    if len(command.encode()) <= DATA and not command.startswith(STORED):
        return command
    data = f"{STORED}{at}:{key}"
    return data if len(data.encode()) <= DATA else f"{STORED}{at}:"


def _links(cards: Sequence[Card]) -> list[list[InlineKeyboardButton]]:
    linked = [card for card in cards if is_address(card.link)]
    return [[InlineKeyboardButton(card.title[:LABEL], url=card.link)] for card in linked]
