"""A language model in this process: any causal model of transformers, from a directory or by its hub name.

LocalEngine is the door and worker.py the thread behind it. model.py loads: the starter by llama.py, anything else by
huggingface.py. prompt.py renders a request, generation.py takes the steps of one reply with sampling.py, text.py turns
tokens into pieces. torch is imported by `start`, in the thread.
"""

import time
from collections.abc import AsyncGenerator, Callable

from llm.engine import EngineError, Request
from llm.engines.local.worker import Worker

# To be put into the environment before torch is imported: its threads otherwise spin while they wait and take the cores
# from the event loop.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


class LocalEngine:
    """Streams from a model in this process, one request after another, a higher priority first.

    `threads`: of torch for one step, 0 for its own choice. `queue`: requests under way and waiting, together.
    `clock`: seconds, for deadlines.
    """

    def __init__(
        self, model: str, *, threads: int = 0, queue: int = 64, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._worker = Worker(model, threads, queue, clock)

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

        Raises EngineBusy at the first piece if the queue is full, EngineDeadline, and EngineError if the model fails
        or the engine is closed.
        """
        job = self._worker.submit(request)
        try:
            while (piece := await job.pieces.get()) is not None:
                if isinstance(piece, EngineError):
                    raise piece
                yield piece
        finally:
            self._worker.withdraw(job)

    async def close(self) -> None:
        """Stop the thread; open streams end with EngineError."""
        await self._worker.close()
