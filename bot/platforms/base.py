"""The edge. To add a platform:

1. Write `bot/platforms/NAME.py` (or a folder once it outgrows one file) with a subclass of `Platform`.
2. `run` translates its events into `Message` and awaits `receive(message)` before it confirms them: when `receive`
   returns, the message is durable. A key seen before is ignored, so replays are harmless.
3. `send` and `edit` show an `Outgoing`; `act` does one of the actions below, and of moderation what it can; `ask`
   says who is an admin.
4. Say what it can do in `capabilities`; nothing else in the bot asks for a platform's name.
5. `check` looks at its token, intents and rights for `python -m bot check`, and says what to click where one is off.
6. Name it in `bot/app.py` and its settings in `bot/config.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.messages import Capabilities, Chat, Measure, Message, Outgoing, SendError

__all__ = ["Action", "CommandHelp", "Commands", "Finding", "Platform", "React", "Receive", "SendError", "Typing"]

Receive = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """A slash command as a platform lists it: `name` without the slash, `usage` its arguments only. `typed`: what it is
    called in the language of the list, where that has a name of its own."""

    name: str
    usage: str
    help: str
    admin: bool = False
    typed: str = ""


Commands = Callable[[str], list[CommandHelp]]  # every command, in a language


@dataclass(frozen=True, slots=True)
class Typing:
    """Show that a reply is being written."""


@dataclass(frozen=True, slots=True)
class React:
    """Put a reaction under a message."""

    message_id: str
    emoji: str


Action = Typing | React | Measure  # the last are those of moderation, in bot/messages.py


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a platform's set-up needs. Where it isn't right, `off` says what doesn't work meanwhile, and `fix`
    what to click."""

    what: str
    right: bool
    off: str = ""
    fix: str = ""


class Platform(ABC):
    """One chat network."""

    name: str
    capabilities: Capabilities

    @abstractmethod
    async def run(self, receive: Receive) -> None:
        """Deliver events until cancelled."""

    def take(self, chat: Chat) -> float:
        """Take a turn within the platform's limits for the next message to this chat. 0: it is taken, and `send` uses
        it; else the seconds until it is worth to ask again."""
        return 0.0

    @abstractmethod
    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        """Show a message and return its id. `key` makes it idempotent where the platform can. Raises SendError."""

    @abstractmethod
    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """Replace what a message shows. Raises SendError."""

    @abstractmethod
    async def act(self, chat: Chat, action: Action) -> None:
        """Do one action; what the platform can't do is left out (capabilities say so). Raises SendError."""

    @abstractmethod
    async def ask(self, chat: Chat, member: str) -> bool:
        """Is this member an admin of the chat, as the platform sees it?"""

    async def check(self) -> list[Finding]:
        """How its set-up is, looked at without serving: tokens, intents, rights. A dead network is a finding too."""
        return []

    def direct_link(self, payload: str) -> str:
        """An address that opens a direct chat with the bot and hands it this word; '' where there is none."""
        return ""
