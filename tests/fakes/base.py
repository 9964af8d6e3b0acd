"""What the fakes of chat networks have in common, so that the kill and chaos runs name none of them.

A chat is named by the test: `direct:ann` is Ann's direct chat with the bot, `shop/news` a topic or thread of the group
`shop`, anything else a group. Groups, topics and members are there at their first use; `boss` is an admin of every
group.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from types import TracebackType
from typing import Self

BOSS = "boss"
DIRECT = "direct:"


@dataclass(frozen=True, slots=True)
class Seen:
    """One change of what members of a chat see, by the bot's hand. `id` and `reply_to` are messages' ids as `say`
    returns them; an edit has the id of what it changes."""

    at: datetime
    chat: str
    id: str
    text: str
    reply_to: str = ""
    edit: bool = False
    private_to: str = ""  # the only member who sees it
    buttons: tuple[str, ...] = ()  # their labels
    picture: bool = False
    poll: tuple[str, ...] = ()  # what may be chosen


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on; shares are of calls, or of events, between 0 and 1."""

    limits: bool = False  # the true limits are enforced
    refuse_every: int = 0  # of every so many sends one is answered 429; 0: none
    retry_after: int = 1  # seconds, of those
    broken: float = 0.0  # calls answered 5xx or cut off, half of them after they took effect
    slow: float = 0.0  # calls answered a second late
    malformed: float = 0.0  # events beside which one goes out that no client can read
    chance: Random = field(default_factory=lambda: Random(1))


class Fake(ABC):
    """`async with` it: a server on a loopback port until it is left. Give it a clock from outside."""

    name: str  # of the platform that it stands for
    mention: str  # in front of a text, it addresses the bot

    def __init__(self) -> None:
        self.log: list[Seen] = []  # in the order in which members saw it
        self.faults = Faults()
        self.refused = 0  # calls answered 429 so far
        self.refused_twice = 0  # of those, ones right behind another 429 on the same route

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """The settings that point the bot here, by name."""

    @abstractmethod
    async def say(self, chat: str, member: str, text: str, *, reply_to: str = "") -> str:
        """A member says something; the message's id. What is said while no bot is there waits as on the network."""

    @abstractmethod
    async def drop(self) -> None:
        """Cut every open connection of the bot's."""

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def hear_all(self) -> None:  # noqa: B027 - most networks keep nothing from it
        """The bot gets everything that is said in groups, where the network would keep it from it otherwise."""

    def shown(self, chat: str) -> list[str]:
        """What a chat shows of the bot's now, in the order in which it first appeared."""
        now: dict[str, str] = {}
        for one in self.log:
            if one.chat == chat:
                now[one.id] = one.text
        return list(now.values())
