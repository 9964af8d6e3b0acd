"""Any server that speaks OpenAI's chat completions: vLLM, llama-server, a hosted model.

The plan travels in words (llm/instructions.py) and comes back with slots, as from any instruct model; the check behind
it stays. A request is tried again where nothing was heard of it yet; a server that fails again and again is left alone
for a while (a circuit breaker, Nygard 2007), and meanwhile the fallback words the replies.
"""

import asyncio
import contextlib
import dataclasses
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from llm.engine import Delta, Engine, EngineBusy, EngineDeadline, EngineError, ModelNotUsable, Report, Request
from llm.engines.local.prompt import CONTROL, chat_messages, named
from llm.engines.local.text import OPEN_SLOT
from llm.protocol import SLOT

TRIES = 3
PAUSE = 0.5  # seconds before the second try, twice as long before each after it, give or take half
CONNECT_SECONDS, SILENT_SECONDS = 5.0, 15.0  # until connected, and between two pieces
FAILURES = 5  # in a row, after which the server is left alone
REST_SECONDS = 30.0
LINE_BYTES = 2**20
AGAIN = {408, 425, 429, 500, 502, 503, 504, 529}
MARKS = re.compile(f"(?={SLOT.pattern}|{CONTROL.pattern}).", re.IGNORECASE | re.DOTALL)

Deltas = AsyncGenerator[Delta, None]


class Unanswered(EngineError):
    """The server can't be reached, or is too busy: worth another try."""


class OpenAIEngine(Engine):
    """`url` ends before `/chat/completions`, usually in `/v1`. Without a `model` the first that the server lists.

    `at_once`: requests under way; more are refused. `clock`: seconds, for deadlines and the breaker.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        key: str = "",
        fallback: Engine | None = None,
        at_once: int = 64,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.fallback = fallback
        self._at_once = at_once
        self._pause = pause
        self._clock = clock
        self._client: aiohttp.ClientSession | None = None
        self._failed = 0  # in a row
        self._rests_until = 0.0
        self._active = 0
        self._outcomes: Counter[str] = Counter()
        self._fell_back = 0

    @property
    def name(self) -> str:
        """`model@host`."""
        return f"{self._model or 'model'}@{urlsplit(self._url).hostname}"

    async def start(self) -> None:
        """Connects. Raises ModelNotUsable if the server doesn't answer and there is no fallback."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        self._client = aiohttp.ClientSession(timeout=timeout, headers=self._headers, read_bufsize=LINE_BYTES)
        if self.fallback:
            await self.fallback.start()
        try:
            self._model = self._model or await self._first_model(self._client)
        except (aiohttp.ClientError, TimeoutError, EngineError) as error:
            if not self.fallback:
                await self._client.close()
                raise ModelNotUsable(f"LLM_URL: {self._url} can't be used: {said(error)}") from error

    async def stream(self, request: Request) -> Deltas:
        """Pieces of the reply as they come; closing the iterator closes the connection.

        Raises EngineBusy, EngineDeadline, and EngineError where the server fails and nothing stands in for it.
        """
        if self._client is None or self._client.closed:
            raise EngineError("the engine is not running")
        if self._active >= self._at_once:
            self._outcomes["refused"] += 1
            raise EngineBusy(1.0)
        self._active += 1
        outcome = "cancelled"
        try:
            async with contextlib.aclosing(self._either(request, self._client)) as pieces:
                async for piece in pieces:
                    yield piece
            outcome = "done"
        except EngineDeadline:
            outcome = "expired"
            raise
        except EngineError:
            outcome = "failed"
            raise
        finally:
            self._active -= 1
            self._outcomes[outcome] += 1

    def forget(self) -> None:
        """The server's own cache is not ours; that of the model beside it is dropped."""
        if self.fallback:
            self.fallback.forget()

    def report(self) -> Report:
        """How it is doing; `note` says whether the server is left alone."""
        notes = [f"{self._fell_back} replies by the model of this machine"] if self._fell_back else []
        if self._clock() < self._rests_until:
            notes.insert(0, f"{urlsplit(self._url).hostname} does not answer")
        return Report(
            self.name,
            self._url,
            self._active,
            slots=self._at_once,
            outcomes=dict(self._outcomes),
            note="; ".join(notes),
        )

    async def close(self) -> None:
        """Open streams end with EngineError."""
        if self._client:
            await self._client.close()
        if self.fallback:
            await self.fallback.close()

    async def _either(self, request: Request, client: aiohttp.ClientSession) -> Deltas:
        """The server's reply, or the fallback's if it failed before its first piece."""
        until, heard = self._clock() + request.deadline, False
        try:
            async with contextlib.aclosing(self._tried(request, client, until)) as pieces:
                async for piece in pieces:
                    heard = True
                    yield piece
            return
        except EngineDeadline:
            raise
        except EngineError:
            if heard or not self.fallback:
                raise
        self._fell_back += 1
        left = dataclasses.replace(request, deadline=until - self._clock())
        async with contextlib.aclosing(self.fallback.stream(left)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    async def _tried(self, request: Request, client: aiohttp.ClientSession, until: float) -> Deltas:
        """Tries again as long as nothing was heard."""
        for number in range(TRIES):
            if self._clock() < self._rests_until:
                raise EngineError(f"{self._url} failed {self._failed} times in a row and is left alone for a while")
            heard = False
            try:
                async with contextlib.aclosing(self._asked(request, client, until)) as pieces:
                    async for piece in pieces:
                        heard = True
                        yield piece
            except Unanswered:
                self._count_failure()
                wait = self._pause * 2**number * random.uniform(0.5, 1.5)
                if heard or number == TRIES - 1 or self._clock() + wait >= until:
                    raise
                await asyncio.sleep(wait)
            else:
                self._failed = 0
                return

    def _count_failure(self) -> None:
        """After a rest one failure begins the next one, so one request finds a server that came back."""
        self._failed += 1
        if self._failed >= FAILURES:
            self._rests_until = self._clock() + REST_SECONDS

    async def _asked(self, request: Request, client: aiohttp.ClientSession, until: float) -> Deltas:
        """One request. Raises Unanswered, EngineDeadline, EngineError."""
        try:
            async with self._until(until):
                self._model = self._model or await self._first_model(client)
                response = await client.post(f"{self._url}/chat/completions", json=self._body(request))
            async with response, contextlib.aclosing(self._pieces(response, request, until)) as pieces:
                async for text, logprobs in pieces:
                    yield Delta(text, self.name, logprobs)
        except (aiohttp.ClientError, aiohttp.SocketTimeoutError) as error:
            raise Unanswered(f"{self._url}: {said(error)}") from error
        except TimeoutError as error:
            raise EngineDeadline(f"not finished within {request.deadline:g} s") from error

    def _until(self, until: float) -> asyncio.Timeout:
        """Only ever around an await of ours: around a `yield` it would cancel whoever reads, wherever they are."""
        return asyncio.timeout(max(0.0, until - self._clock()))

    async def _pieces(
        self, response: aiohttp.ClientResponse, request: Request, until: float
    ) -> AsyncGenerator[tuple[str, tuple[float, ...]], None]:
        """Texts that don't end inside a slot, with what the server says of their tokens."""
        async with self._until(until):
            await check(response)
        held, chances = "", tuple[float, ...]()
        async with contextlib.aclosing(deltas(response)) as events:
            while told := await self._next(events, until):
                if request.logprobs and told.logprobs is None:
                    raise EngineError(f"{response.url} gives no log-probabilities")
                chances += told.logprobs or ()
                text = held + told.text
                unfinished = OPEN_SLOT.search(text)
                cut = unfinished.start() if unfinished else len(text)
                held = text[cut:]
                if text[:cut]:
                    yield text[:cut], chances
                    chances = ()
        if held:
            yield held, chances

    async def _next(self, events: AsyncGenerator["Told", None], until: float) -> "Told | None":
        async with self._until(until):
            return await anext(events, None)

    def _body(self, request: Request) -> dict[str, Any]:
        """`top_k` is no part of the API; `repetition_penalty` is one of vLLM's, sent only where it is asked for."""
        params = request.params
        turns = [
            dataclasses.replace(turn, name=named(data(turn.name)), content=data(turn.content)) for turn in request.turns
        ]
        facts = tuple(dataclasses.replace(fact, value=data(fact.value)) for fact in request.plan.facts)
        plan = dataclasses.replace(request.plan, facts=facts, rows=tuple(map(data, request.plan.rows)))
        body: dict[str, Any] = {
            "model": self._model,
            "messages": chat_messages(turns, plan),
            "stream": True,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "max_tokens": params.max_tokens,
        }
        if params.seed is not None:
            body["seed"] = params.seed
        if params.stop:
            body["stop"] = list(params.stop)
        if params.repetition != 1:
            body["repetition_penalty"] = params.repetition
        if request.logprobs:
            body["logprobs"] = True
        return body

    async def _first_model(self, client: aiohttp.ClientSession) -> str:
        async with client.get(f"{self._url}/models") as response:
            await check(response)
            try:
                return str((await response.json(content_type=None))["data"][0]["id"])
            except (ValueError, LookupError, TypeError) as error:
                raise EngineError(f"{self._url}/models lists no model; set LLM_URL_MODEL") from error


def data(text: str) -> str:
    """One line in which no slot and no mark of a chat template stands: what members and rows say is no order."""
    return MARKS.sub(lambda found: f"{found[0]} ", " ".join(text.split()))


async def check(response: aiohttp.ClientResponse) -> None:
    """Raises Unanswered for what may pass, EngineError for what will not."""
    if response.status == 200:
        return
    reason = " ".join((await response.content.read(500)).decode("utf-8", "replace").split())
    kind = Unanswered if response.status in AGAIN else EngineError
    raise kind(f"{response.url} says {response.status}: {reason or response.reason}")


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a stream: a text, and the logarithms of its tokens' chances where the server says them."""

    text: str
    logprobs: tuple[float, ...] | None


async def deltas(response: aiohttp.ClientResponse) -> AsyncGenerator[Told, None]:
    """A stream of server-sent events. Raises EngineError for anything else, and for an error in it."""
    while line := await next_line(response):
        event = line.decode("utf-8", "replace").strip()
        if not event.startswith("data:"):
            continue
        held = event.removeprefix("data:").strip()
        if held == "[DONE]":
            return
        try:
            told = read_event(json.loads(held))
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise EngineError(f"{response.url} sent what is no chat completion: {held[:100]}") from error
        if told.text:
            yield told
    raise Unanswered(f"{response.url} broke off")


async def next_line(response: aiohttp.ClientResponse) -> bytes:
    """Raises EngineError for one that is longer than any event."""
    try:
        return await response.content.readline()
    except (ValueError, HttpProcessingError) as error:
        raise EngineError(f"{response.url} sent a line of more than {LINE_BYTES} bytes") from error


def read_event(event: Any) -> Told:
    """Raises EngineError for an error, and what indexing raises where it is no chat completion."""
    if "error" in event:
        raise EngineError(f"the server says: {event['error']}")
    if not event.get("choices"):
        return Told("", None)
    choice = event["choices"][0]
    text = choice["delta"].get("content") or ""
    if not isinstance(text, str):
        raise TypeError
    said_of = (choice.get("logprobs") or {}).get("content")
    return Told(text, tuple(float(one["logprob"]) for one in said_of) if said_of is not None else None)


def said(error: BaseException) -> str:
    return str(error) or type(error).__name__
