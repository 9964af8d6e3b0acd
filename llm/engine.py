"""What every language-model engine offers. Knows nothing of chats, members or SQL.

EngineError
├── EngineBusy        the queue is full; says how long to wait
├── EngineDeadline    the request ran out of its time
└── ModelNotUsable    the weights can't be loaded; says what would do
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

from llm.protocol import Plan


class EngineError(Exception):
    """Any failure of an engine."""


class EngineBusy(EngineError):
    """The queue is full. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the model is busy, try again in {retry_after:.0f} s")
        self.retry_after = retry_after


class EngineDeadline(EngineError):
    """The request was not finished in the time that it was given."""


class ModelNotUsable(EngineError):
    """The weights can't be loaded. The message says why, and what would do."""


class Priority(IntEnum):
    """Who goes first when requests wait: a member in a chat before anything made ahead of time."""

    REPLY = 0
    SUGGESTION = 1
    POST = 2
    PROFILE = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """One model message. `name` is the speaker's name where it is known."""

    role: Literal["system", "user", "assistant"]
    content: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen. Temperature 0 is greedy; top_k 0 and top_p 1 switch those filters off."""

    temperature: float = 0.7
    top_k: int = 50
    top_p: float = 0.95
    max_tokens: int = 96
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to say (`plan`) after what was said (`turns`, oldest first). `deadline` is in seconds from now."""

    turns: tuple[Turn, ...]
    plan: Plan
    params: SamplingParams = field(default_factory=SamplingParams)
    priority: Priority = Priority.REPLY
    deadline: float = 30.0


class Engine(Protocol):
    """Words plans. Facts come back as slots (`<price1>`), never as values: see llm/protocol.py."""

    @property
    def name(self) -> str:
        """Which model this is: kept with every message that it words."""

    async def start(self) -> None:
        """Load what is needed. Raises ModelNotUsable."""

    def stream(self, request: Request) -> AsyncIterator[str]:
        """Pieces of the reply as they come. Closing the iterator cancels. Raises EngineError."""

    async def close(self) -> None:
        """Free everything; requests under way end with EngineError."""
