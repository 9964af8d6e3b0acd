"""What every language-model engine offers. Knows nothing of chats, members or SQL.

EngineError
├── EngineBusy        the queue is full; says how long to wait
├── EngineDeadline    the request ran out of its time
├── EngineMemory      memory ran out; the newest request gives way
└── ModelNotUsable    the weights can't be loaded; says what would do
"""

from collections.abc import AsyncIterator, Mapping, Sequence
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


class EngineMemory(EngineError):
    """Memory ran out, and this request was the newest. The others go on."""


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
    """How the next token is chosen. Temperature 0 is greedy; top_k 0, top_p 1 and repetition 1 switch those off.

    `repetition` divides the scores of tokens that were read or written already (Keskar et al. 2019). A reply ends
    before the first of the texts in `stop`.
    """

    temperature: float = 0.7
    top_k: int = 50
    top_p: float = 0.95
    max_tokens: int = 96
    seed: int | None = None
    repetition: float = 1.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What to say (`plan`) after what was said (`turns`, oldest first). `deadline` is in seconds from now.

    `chat`: whose request it is; a chat has only so many at a time, '' has no such limit. With `logprobs` the pieces
    say how likely each of their tokens was.
    """

    turns: tuple[Turn, ...]
    plan: Plan
    params: SamplingParams = field(default_factory=SamplingParams)
    priority: Priority = Priority.REPLY
    deadline: float = 30.0
    chat: str = ""
    logprobs: bool = False


class Delta(str):
    """A piece of a reply. `model`: the name of the one that wrote it, which may change from reply to reply.

    `logprobs`: natural logarithms of the chance of each of its tokens, where the request asks for them: as the model
    has them, before temperature and everything else that chooses.
    """

    model: str
    logprobs: tuple[float, ...]

    def __new__(cls, text: str, model: str, logprobs: Sequence[float] = ()) -> "Delta":
        made = super().__new__(cls, text)
        made.model, made.logprobs = model, tuple(logprobs)
        return made


OUTCOMES = ("done", "cancelled", "refused", "expired", "failed")


@dataclass(frozen=True, slots=True)
class Report:
    """How an engine is doing, since its start.

    `waits`: median and 95th percentile of the seconds until a request was begun, by priority, over the latest ones.
    `speed` is in tokens a second while it had something to do; `device` names device and number format.
    """

    name: str
    device: str = ""
    active: int = 0
    waiting: int = 0
    slots: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    written: int = 0
    read: int = 0
    reused: int = 0  # prompt tokens that did not have to be read, for the prefix cache held them
    speed: float = 0.0
    held: int = 0  # bytes of keys and values that the prefix cache holds
    waits: Mapping[Priority, tuple[float, float]] = field(default_factory=dict)
    note: str = ""  # what an admin should know, such as an endpoint that does not answer


class Engine(Protocol):
    """Words plans. Facts come back as slots (`<price1>`), never as values: see llm/protocol.py."""

    @property
    def name(self) -> str:
        """Which model this is, as far as is known before a reply: each piece names the one that wrote it."""

    async def start(self) -> None:
        """Load what is needed. Raises ModelNotUsable."""

    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Pieces of the reply as they come. Closing the iterator cancels. Raises EngineError."""

    async def score(self, request: Request, text: str) -> tuple[float, ...]:
        """How likely `text` is as the reply to a request: the natural logarithm of the chance of each of its tokens.

        Raises what `stream` raises, and EngineError where the engine can't.
        """
        raise EngineError(f"{self.name} can't score a text; a model of this machine (LLM_MODEL) can")

    async def embed(self, text: str, *, deadline: float = 30.0) -> tuple[float, ...]:
        """What the model makes of a text, as a vector of length 1: near each other for texts that it reads alike.

        It waits behind replies and posts, as work on profiles does. Raises what `stream` raises, and EngineError where
        the engine can't.
        """
        raise EngineError(f"{self.name} can't embed a text; a model of this machine (LLM_MODEL) can")

    def report(self) -> Report:
        """How it is doing."""

    def forget(self) -> None:
        """Drop what is kept of prompts that were read; an engine that keeps none has nothing to do."""
        return

    async def close(self) -> None:
        """Free everything; requests under way end with EngineError."""
