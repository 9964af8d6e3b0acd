"""The values that the page shows. The app fills them; nothing here knows where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.messages import Button, Card, Message, Outgoing

BOT = "bot"  # the sender id of what the bot says
GROUP = "group"  # the id of the one group
DIRECT = "direct:"  # a direct chat's id is this and the seat's id


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody to speak as. An admin seat is taken with the token only."""

    id: str
    name: str
    admin: bool = False


SEATS = (
    Seat("maya", "Maya"),
    Seat("tom", "Tom"),
    Seat("xiaolin", "小林"),
    Seat("priya", "Priya"),
    Seat("alex", "Alex", admin=True),
)


@dataclass(frozen=True, slots=True)
class ShopInfo:
    """The shop whose group this is; `questions` to begin with, by language."""

    name: str
    language: str
    questions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it. `sender` is a seat's id or BOT; a reaction is (emoji, sender)."""

    id: str
    chat: str
    sender: str
    text: str
    at: datetime
    reply_to: str = ""
    private_to: str = ""
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()
    files: tuple[str, ...] = ()
    reactions: tuple[tuple[str, str], ...] = ()
    done: bool = True
    document: tuple[str, ...] = ()  # a file's name and its text


def member_said(message: Message) -> Shown:
    """What a member's text or file looks like on the page."""
    return Shown(
        id=message.id,
        chat=message.chat.id,
        sender=message.sender.id,
        text=message.text,
        at=message.at,
        reply_to=message.reply_to,
        files=tuple(file.name for file in message.files),
    )


def bot_said(message_id: str, chat_id: str, outgoing: Outgoing, at: datetime) -> Shown:
    """What a message of the bot's looks like on the page."""
    return Shown(
        id=message_id,
        chat=chat_id,
        sender=BOT,
        text=outgoing.text,
        at=at,
        reply_to=outgoing.reply_to,
        private_to=outgoing.private_to,
        buttons=outgoing.buttons,
        cards=outgoing.cards,
        done=outgoing.done,
        document=outgoing.document,
    )
