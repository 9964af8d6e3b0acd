"""What a job is, whatever database runs it: a function of an open transaction, asked for and answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Dialect, Executable

T = TypeVar("T")
QUEUE = 10_000  # jobs under way; beyond it callers wait, which is the back pressure
READERS = 4


class DatabaseNotUsable(Exception):
    """The database can't be reached or does not let us in: which and why, without the password."""


class Transaction(Protocol):
    """What query functions get: an open transaction of whichever database."""

    @property
    def dialect(self) -> Dialect: ...

    async def execute(self, statement: Executable, parameters: Any = None) -> Any: ...

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any: ...

    async def scalars(self, statement: Executable, parameters: Any = None) -> Any: ...


Job = Callable[[Transaction], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Failed:
    """What a job raised."""

    error: Exception


Asked = tuple[Job[Any], asyncio.Future[Any]]


class Backend(Protocol):
    """How jobs reach one kind of database."""

    async def read(self, job: Job[T]) -> T: ...

    async def write(self, job: Job[T]) -> T: ...

    async def compact(self, *, vacuum: bool) -> None: ...

    async def close(self) -> None: ...


def tell(asked: Sequence[Asked], outcomes: Sequence[Any]) -> None:
    """Give every caller that still waits what its job returned or raised."""
    for (_, done), outcome in zip(asked, outcomes, strict=True):
        if done.done():
            continue
        if isinstance(outcome, Failed):
            done.set_exception(outcome.error)
        else:
            done.set_result(outcome)
