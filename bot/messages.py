"""The words that every part of the bot shares: who said what, where, and what goes back. Values without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal


class Role(IntEnum):
    MEMBER = 0
    ADMIN = 1


class Kind(StrEnum):
    """What a platform event is. A pressed button carries the command line that it stands for as text. `added`: the bot
    itself came into the chat, by the sender's hand; `joined` and `left`: the sender did."""

    TEXT = "text"
    BUTTON = "button"
    REACTION = "reaction"
    FILE = "file"
    ADDED = "added"
    JOINED = "joined"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Chat:
    """A group, channel, thread or direct chat, as its platform names it."""

    platform: str
    id: str
    title: str = ""
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    id: str
    name: str
    role: Role = Role.MEMBER
    bot: bool = False
    language: str = ""  # that of their client, where the platform says it and it is one of ours


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody dropped into a chat, already on disk."""

    name: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Message:
    """One event of a chat. `key` is unique per platform, bot and event; `id` is the message's own id in the chat.

    addressed: mentions the bot, replies to it, or stands in a direct chat. For a reaction, text is the emoji and
    reply_to the message that it is on.
    """

    key: str
    id: str
    chat: Chat
    sender: Sender
    text: str
    at: datetime
    addressed: bool = False
    reply_to: str = ""
    kind: Kind = Kind.TEXT
    files: tuple[File, ...] = ()
    ticket: str = ""  # what the platform needs to answer this very event: an interaction's token
    forwarded: bool = False  # said elsewhere before, by whomever


@dataclass(frozen=True, slots=True)
class Button:
    """Pressing it is the same as typing `command`."""

    label: str
    command: str


@dataclass(frozen=True, slots=True)
class Card:
    """A product as a member sees it; every text is ready to be shown. `image` is an address, `picture` the path of a
    PNG file of ours (`bot/pictures.py`), which is shown instead."""

    title: str
    subtitle: str = ""
    text: str = ""
    image: str = ""
    link: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who is called by name, so that their client tells them: their id on the platform."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the bot says. `private_to` is the platform id of the only member who may see it, where the platform can.
    `awaits` is a command line that the member's reply to it goes on with."""

    text: str
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()
    reply_to: str = ""
    private_to: str = ""
    done: bool = True  # False while more of it is being written
    awaits: str = ""
    rests: Mapping[str, Any] = field(default_factory=dict)  # what it rests on, as `knowledge/claims.py` keeps it
    ticket: str = ""  # that of the message which it answers
    secret: str = ""  # a part of the text that the tables forget once it was sent
    poll: tuple[str, ...] = ()  # what may be chosen; `text` is the question
    note: str = ""  # a line beneath it that is no part of what is said: its source, where there are no buttons
    document: tuple[str, ...] = ()  # a file's name and its text, which the tables forget once it was sent
    why: tuple[Any, ...] = ()  # of a suggestion: what `/why` tells of it
    mentions: tuple[Mention, ...] = ()  # named in front of the text, and rung up; nothing in the text rings anybody up


class SendError(Exception):
    """A message was not sent. `retry_after` (seconds) says when to try again; None: never, `str(error)` says why.
    `unsure`: the answer was lost, so that it may have been shown after all. `blocked`: nothing of the bot's is taken
    there any more, for it was blocked or removed."""

    def __init__(
        self, reason: str, retry_after: float | None = None, *, unsure: bool = False, blocked: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after, self.unsure, self.blocked = retry_after, unsure, blocked


# What moderation has done in a group. Doing one twice is doing it once; `until` None is for good.


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a member's message away."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Mute:
    """Keep a member from writing."""

    member: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Free:
    """Let a muted member write again."""

    member: str


@dataclass(frozen=True, slots=True)
class Ban:
    """Put a member out of the group and keep them out."""

    member: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unban:
    """Let somebody who was banned come again."""

    member: str


@dataclass(frozen=True, slots=True)
class Slow:
    """So many seconds between two messages of a member; 0 ends it."""

    seconds: int


Measure = Remove | Mute | Free | Ban | Unban | Slow

# Whose words may train a model. yes: everybody's, for the place is the merchant's own; optin: those of members who said
# /training on; never: nobody's, for the platform's policy forbids it.
Training = Literal["yes", "optin", "never"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do. The rest of the bot asks these, never a platform's name."""

    edits: bool = False
    streams: bool = False  # edits are cheap enough to show a reply sentence by sentence
    buttons: bool = False
    cards: bool = False
    reactions: bool = False
    private_replies: bool = False  # can show a reply in a group to one member only
    private_by_ticket: bool = False  # ... but only in answer to an event that brought a ticket
    files: bool = False
    mentions: bool = False  # can call a member by name
    polls: bool = False  # has polls of its own; elsewhere the choices are buttons
    idempotent: bool = False  # sending the same key twice shows it once
    max_length: int = 4000
    may_train: Training = "optin"  # whose words may train a model
    mode: str = "mention"  # a chat's mode until an admin sets one
    direct_chat: str = "{member}"  # the id of a member's direct chat
    admin_chat: str = ""  # the id of the chat in which admins read notices, where the platform has one
    profiles: str = "notice"  # the default of PROFILES that its policy asks for
    removes: bool = False  # can take a member's message away
    mutes: bool = False  # can keep a member from writing
    muted_press: bool = False  # who is muted can still press a button
    bans: bool = False
    bans_end: bool = False  # ends a ban by itself
    slows: bool = False  # has a slow mode that a bot can set
