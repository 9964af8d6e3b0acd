"""An engine without a model: it says what a test gave it, and plain sentences after that."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable

from llm.engine import Delta, Engine, EngineError, Report, Request
from llm.protocol import Plan

Answer = str | Callable[[Request], str] | EngineError | tuple[str, EngineError]


class ScriptedEngine(Engine):
    """Answers in the order given, then with the slots that the plan needs.

    An answer is a text, a function of the request, an error to raise, or a text with the error that follows it.
    With a `gate`, each reply stops after its first piece until the gate is set; `close` sets it.
    `seen` holds the last `remember` requests.
    """

    name = "scripted"

    def __init__(
        self, answers: Iterable[Answer] = (), *, gate: asyncio.Event | None = None, remember: int = 100
    ) -> None:
        self.seen: deque[Request] = deque(maxlen=remember)
        self._answers = deque(answers)
        self._gate = gate
        self._closed = False

    async def start(self) -> None:
        """Nothing to load."""
        self._closed = False

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply, split after spaces. Raises EngineError where the script says so, or once closed."""
        self._check_open()
        if request.logprobs:
            raise EngineError("a script has no log-probabilities")
        self.seen.append(request)
        text, error = self._next(request)
        for index, piece in enumerate(pieces(text)):
            if index == 1:
                await self._pass_gate()
            yield Delta(piece, self.name)
        await self._pass_gate()
        if error:
            raise error

    def report(self) -> Report:
        """Its name; there is nothing else to tell."""
        return Report(self.name)

    async def close(self) -> None:
        """Replies held at the gate end with EngineError."""
        self._closed = True
        if self._gate:
            self._gate.set()

    def _next(self, request: Request) -> tuple[str, EngineError | None]:
        answer = self._answers.popleft() if self._answers else plain(request.plan)
        if isinstance(answer, EngineError):
            return "", answer
        if isinstance(answer, tuple):
            return answer
        return (answer if isinstance(answer, str) else answer(request)), None

    async def _pass_gate(self) -> None:
        if self._gate:
            await self._gate.wait()
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the engine is closed")


def plain(plan: Plan) -> str:
    """The needed slots and nothing else: "Here: <name1> <price1>."."""
    slots = " ".join(f"<{slot}>" for slot in plan.needs)
    if plan.language == "zh":
        return f"这里：{slots}。" if slots else "好的。"
    return f"Here: {slots}." if slots else "All right."


def pieces(text: str) -> list[str]:
    """`text` cut after each space; joined again it is `text`."""
    words = text.split(" ")
    return [piece for piece in (*(f"{word} " for word in words[:-1]), words[-1]) if piece]
