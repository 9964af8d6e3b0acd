"""A language model in this process: any causal model of transformers, from a directory or by its hub name.

LocalEngine is the door and worker.py the thread behind it; jobs.py says who is served when. batch.py takes a step of
all replies under way over a network: lean.py for Llama, Mistral and Qwen (with graphs.py on a GPU), huggingface.py for
any other family.
prefix.py keeps what was read for whoever begins alike. model.py loads, the starter by llama.py and marks.py without
transformers. prompt.py renders a request, generation.py goes on by a token with sampling.py, text.py turns tokens into
pieces; work.py scores and embeds texts. torch is imported by `start`, in the thread.
"""

import time
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from llm.engine import Delta, Engine, EngineError, Priority, Report, Request
from llm.engines.local.jobs import Job, Wish
from llm.engines.local.worker import Worker
from llm.protocol import Act, Plan

if TYPE_CHECKING:
    from llm.engines.local.work import Work
    from llm.engines.local.worker import Loader

# To be put into the environment before torch is imported: its threads otherwise spin while they wait and take the cores
# from the event loop.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


class LocalEngine(Engine):
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

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply as they come; closing the iterator cancels within one step.

        Raises EngineBusy at the first piece if the queue is full or the chat has too many requests, EngineDeadline,
        EngineMemory, and EngineError if the model fails or the engine is closed.
        """
        job = self._worker.submit(request)
        try:
            while (piece := await heard(job)) is not None:
                yield piece
        finally:
            self._worker.withdraw(job)

    async def score(self, request: Request, text: str) -> tuple[float, ...]:
        """See Engine. Raises what `stream` raises."""
        from llm.engines.local.work import Scoring

        work = await self._work(request, Wish.SCORE, text)
        assert isinstance(work, Scoring)
        return tuple(work.chances)

    async def embed(self, text: str, *, deadline: float = 30.0) -> tuple[float, ...]:
        """See Engine; tokens beyond the model's context are left out. Raises what `stream` raises."""
        from llm.engines.local.work import Embedding

        request = Request((), Plan(Act.GREET), priority=Priority.PROFILE, deadline=deadline)
        work = await self._work(request, Wish.VECTOR, text)
        assert isinstance(work, Embedding)
        return work.vector

    async def _work(self, request: Request, wish: Wish, text: str) -> "Work | None":
        """What came of it, once it is done."""
        job = self._worker.submit(request, wish, text)
        try:
            await heard(job)
        finally:
            self._worker.withdraw(job)
        return job.work

    def report(self) -> Report:
        """How it is doing."""
        return self._worker.report()

    def forget(self) -> None:
        """Drop what is kept of prompts, before the next step; what is under way goes on."""
        self._worker.forget()

    async def close(self) -> None:
        """Stop the thread; open streams end with EngineError."""
        await self._worker.close()


async def heard(job: Job) -> Delta | None:
    """The next piece, None at the end. Raises EngineError."""
    said = await job.pieces.get()
    if isinstance(said, EngineError):
        raise said
    return said
