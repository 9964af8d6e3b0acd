"""A language model in this process: any causal model of transformers, from a directory or by its hub name.

LocalEngine is the door and worker.py the thread behind it; jobs.py says who is served when. batch.py takes a step of
all replies under way over a network: lean.py for Llama, Mistral and Qwen, huggingface.py for any other family.
prefix.py keeps what was read for whoever begins alike. model.py loads, the starter by llama.py and marks.py without
transformers. prompt.py renders a request, generation.py goes on by a token with sampling.py, text.py turns tokens into
pieces. torch is imported by `start`, in the thread.
"""

import time
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from llm.engine import EngineError, Report, Request
from llm.engines.local.worker import Worker

if TYPE_CHECKING:
    from llm.engines.local.worker import Loader

# To be put into the environment before torch is imported: its threads otherwise spin while they wait and take the cores
# from the event loop.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


class LocalEngine:
    """Streams from a model in this process, many requests at once, a higher priority first.

    `threads`: of torch for one step, 0 for its own choice. `queue`: requests under way and waiting, together.
    `slots`: those under way, 0 for as many as memory holds. `clock`: seconds, for deadlines. `loader`: reads the
    weights in the thread, in place of llm.engines.local.model.load.
    """

    def __init__(
        self,
        model: str,
        *,
        threads: int = 0,
        queue: int = 256,
        slots: int = 0,
        clock: Callable[[], float] = time.monotonic,
        loader: "Loader | None" = None,
    ) -> None:
        self._worker = Worker(model, threads, queue, slots, clock, loader)

    @property
    def name(self) -> str:
        """`starter-1a2b3c4d`: the folder and the digest of its weights, once loaded; a hub model by its name."""
        return self._worker.name

    async def swap(self, model: str) -> None:
        """Load other weights between two steps; replies under way end with the old ones.

        Raises EngineError, ModelNotUsable if they can't be loaded: then everything stays as it was.
        """
        await self._worker.swap(model)

    async def start(self) -> None:
        """Load and warm up. Raises ModelNotUsable."""
        await self._worker.start()

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """Pieces of the reply as they come; closing the iterator cancels within one step.

        Raises EngineBusy at the first piece if the queue is full or the chat has too many requests, EngineDeadline,
        EngineMemory, and EngineError if the model fails or the engine is closed.
        """
        job = self._worker.submit(request)
        try:
            while (piece := await job.pieces.get()) is not None:
                if isinstance(piece, EngineError):
                    raise piece
                yield piece
        finally:
            self._worker.withdraw(job)

    async def score(self, request: Request, text: str) -> tuple[float, ...]:
        """How likely `text` is as the reply to a request: the natural logarithm of the chance of each of its tokens.

        Raises what `stream` raises.
        """
        job = self._worker.submit(request, text)
        try:
            if error := await job.pieces.get():
                assert isinstance(error, EngineError)
                raise error
        finally:
            self._worker.withdraw(job)
        return tuple(job.chances)

    def report(self) -> Report:
        """How it is doing."""
        return self._worker.report()

    async def close(self) -> None:
        """Stop the thread; open streams end with EngineError."""
        await self._worker.close()
