"""The one thread that owns torch: it loads the model and takes each step of each reply.

The request that goes first (by priority, then by age) gets the next step, so a member's reply overtakes a post that is
half written, and the post goes on after it. Everything else in the process only appends to the list of jobs.
"""

import asyncio
import contextlib
import functools
import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llm.digest import digest, name_of
from llm.engine import EngineBusy, EngineDeadline, EngineError, ModelNotUsable, Request, SamplingParams, Turn
from llm.protocol import Act, Plan

if TYPE_CHECKING:
    from llm.engines.local.generation import Generation

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0


@dataclass(eq=False, slots=True)
class Job:
    """A request with what belongs to it. In `pieces`, None ends the reply."""

    request: Request
    number: int
    until: float
    pieces: asyncio.Queue[str | EngineError | None]
    started: float | None = None
    generation: "Generation | None" = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Other weights to load, and who waits for it."""

    model: str
    ready: asyncio.Future[None]


class Worker:
    """Runs jobs for the event loop that started it. `clock` gives seconds; deadlines are measured by it."""

    def __init__(self, model: str, threads: int, queue: int, clock: Callable[[], float]) -> None:
        self.name = name_of(model)  # with the digest of its weights once they are loaded
        self._model = model
        self._threads = threads
        self._queue = queue
        self._clock = clock
        self._numbers = itertools.count()
        self._pace = 1.0  # seconds a reply takes, smoothed
        self._jobs: list[Job] = []
        self._swap: Swap | None = None
        self._changed = threading.Condition()  # guards _jobs, _swap and _running
        self._running = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Returns once the model is loaded and warm. Raises ModelNotUsable."""
        self._loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = self._loop.create_future()
        self._running = True
        self._thread = threading.Thread(target=self._run, args=(ready,), name="torch", daemon=True)
        self._thread.start()
        await ready

    async def swap(self, model: str) -> None:
        """Load other weights; replies begun before end with those they began with.

        Raises ModelNotUsable, and EngineError while another swap waits or nothing runs; the weights stay as they were.
        """
        with self._changed:
            if not self._running or self._swap:
                raise EngineError("another model is being loaded" if self._swap else "the engine is not running")
            self._swap = Swap(model, asyncio.get_running_loop().create_future())
            ready = self._swap.ready
            self._changed.notify()
        await ready

    async def close(self) -> None:
        """Stops after the step under way; jobs that are left end with EngineError."""
        with self._changed:
            self._running = False
            self._changed.notify()
        if self._thread:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)

    def submit(self, request: Request) -> Job:
        """Raises EngineBusy if the queue is full, EngineError if the engine doesn't run."""
        with self._changed:
            if not self._running:
                raise EngineError("the engine is not running")
            if len(self._jobs) >= self._queue:
                raise EngineBusy(max(1.0, len(self._jobs) * self._pace))
            # A piece for each token, the rest at the end, and the end itself.
            pieces: asyncio.Queue[str | EngineError | None] = asyncio.Queue(max(request.params.max_tokens, 0) + 2)
            job = Job(request, next(self._numbers), self._clock() + request.deadline, pieces)
            self._jobs.append(job)
            self._changed.notify()
            return job

    def withdraw(self, job: Job) -> None:
        """Frees the job's place at once; a step of it that is under way is the last."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def _run(self, ready: asyncio.Future[None]) -> None:
        """The thread."""
        begin = self._try(self._model)
        if isinstance(begin, ModelNotUsable):
            with self._changed:
                self._running = False
            self._call(resolve, ready, begin)
            return
        self._call(resolve, ready, None)
        while work := self._next():
            if isinstance(work, Job):
                self._advance(work, begin)
                continue
            loaded = self._try(work.model)
            if isinstance(loaded, ModelNotUsable):
                self._call(resolve, work.ready, loaded)
            else:
                begin = loaded
                self._call(resolve, work.ready, None)
        for job in list(self._jobs):
            self._end(job, EngineError("the engine was closed"))
        if self._swap:
            self._call(resolve, self._swap.ready, EngineError("the engine was closed"))

    def _try(self, model: str) -> "Callable[[Request], Generation] | ModelNotUsable":
        """What begins the reply to a request, or why the model can't be used: whoever waits must hear of it."""
        try:
            return self._load(model)
        except ModelNotUsable as error:
            return error
        except Exception as error:  # whatever it is
            logger.exception("model %r could not be started", model)
            return ModelNotUsable(f"model {model!r} can't be run: {error}")

    def _load(self, model: str) -> "Callable[[Request], Generation]":
        try:
            import torch

            from llm.engines.local.generation import Generation
            from llm.engines.local.model import load
        except ImportError as error:
            raise ModelNotUsable(f"model {model!r}: {error}; install the requirements") from error
        if self._threads > 0:
            torch.set_num_threads(self._threads)  # counts for the calling thread only
        begin = functools.partial(Generation, load(model))
        warm = begin(Request((Turn("user", "Hello", "Ada"),), Plan(Act.GREET), SamplingParams(max_tokens=2)))
        while not warm.done:
            warm.step()
        folder = Path(model)
        self.name, self._model = name_of(model, digest(folder) if folder.is_dir() else ""), model
        return begin

    def _next(self) -> Job | Swap | None:
        """Waits for a swap or the job to go first; None once the engine is closed. Ends jobs that ran out of time."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._jobs or self._swap or not self._running)
                if not self._running:
                    return None
                if self._swap:
                    swap, self._swap = self._swap, None
                    return swap
                now = self._clock()
                for job in [job for job in self._jobs if job.until <= now]:
                    self._end(job, EngineDeadline(f"not finished within {job.request.deadline:g} s"))
                if self._jobs:
                    return min(self._jobs, key=lambda job: (job.request.priority, job.number))

    def _advance(self, job: Job, begin: "Callable[[Request], Generation]") -> None:
        try:
            if job.generation is None:
                job.started = self._clock()
                job.generation = begin(job.request)
            piece = "" if job.generation.done else job.generation.step()
        except EngineError as error:
            self._end(job, error)
        except Exception as error:  # a failed request must not take the thread, and so all others, with it
            logger.exception("a step of model %r failed", self._model)
            self._end(job, EngineError(f"the model failed: {error}"))
        else:
            if piece:
                self._call(job.pieces.put_nowait, piece)
            if job.generation.done:
                self._pace += 0.2 * (self._clock() - (job.started or 0.0) - self._pace)
                self._end(job, None)

    def _end(self, job: Job, last: EngineError | None) -> None:
        self.withdraw(job)
        self._call(job.pieces.put_nowait, last)

    def _call(self, function: Callable[..., object], *values: object) -> None:
        """Runs `function` in the event loop; nobody waits for it any more if that is closed."""
        assert self._loop
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *values)


def resolve(ready: asyncio.Future[None], error: EngineError | None) -> None:
    """Wakes start() or swap(), unless it was cancelled meanwhile."""
    if ready.done():
        return
    if error:
        ready.set_exception(error)
    else:
        ready.set_result(None)
