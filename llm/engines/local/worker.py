"""The one thread that owns torch: it loads the model and takes every step of the batch.

Everything else in the process only adds to the jobs and marks those that nobody waits for any more. What a step gave
goes to the event loop in one call.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llm.digest import digest, name_of
from llm.engine import (
    EngineDeadline,
    EngineError,
    EngineMemory,
    ModelNotUsable,
    Report,
    Request,
    SamplingParams,
    Turn,
)
from llm.engines.local.jobs import Clock, Job, Jobs, Said, Wish
from llm.protocol import Act, Plan

if TYPE_CHECKING:
    from llm.engines.local.batch import Batch
    from llm.engines.local.model import LocalModel
    from llm.engines.local.work import Read, Work

    Loader = Callable[[str], LocalModel]

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
Told = tuple["asyncio.Queue[Said]", Said]


@dataclass(frozen=True, slots=True)
class Swap:
    """Other weights to load, and who waits for it."""

    model: str
    ready: asyncio.Future[None]


class Worker:
    """Runs jobs for the event loop that started it. `clock` gives seconds; deadlines are measured by it."""

    def __init__(
        self, model: str, threads: int, queue: int, slots: int, clock: Clock, loader: "Loader | None" = None
    ) -> None:
        self.name = name_of(model)  # with the digest of its weights once they are loaded
        self.jobs = Jobs(queue)
        self._model = model
        self._threads = threads
        self._slots = slots
        self._clock = clock
        self._loader = loader
        self._swap: Swap | None = None
        self._changed = threading.Condition()  # guards jobs, _swap and _running
        self._running = self._forget = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batch: Batch | None = None
        self._busy = 0.0  # seconds of steps
        self._written = 0

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

    def submit(self, request: Request, wish: Wish = Wish.REPLY, text: str = "") -> Job:
        """Raises EngineBusy if there are too many, EngineError if the engine doesn't run."""
        with self._changed:
            if not self._running:
                raise EngineError("the engine is not running")
            job = self.jobs.add(request, self._clock(), wish, text)
            self._changed.notify()
            return job

    def withdraw(self, job: Job) -> None:
        """Nobody waits for it any more. Its place is free at once; a step of it that is under way is the last."""
        with self._changed:
            self.jobs.end(job, "cancelled")

    def forget(self) -> None:
        """Drop what the prefix cache holds, once the step under way is over."""
        with self._changed:
            self._forget = True
            self._changed.notify()

    def report(self) -> Report:
        """See Engine."""
        with self._changed:
            batch, jobs = self._batch, self.jobs
            return Report(
                name=self.name,
                device=batch.model.device if batch else "",
                active=len(jobs.under_way),
                waiting=len(jobs.waiting),
                slots=jobs.slots,
                outcomes=dict(jobs.outcomes),
                written=self._written,
                read=batch.prefixes.missed if batch else 0,
                reused=batch.prefixes.reused if batch else 0,
                speed=self._written / self._busy if self._busy else 0.0,
                held=batch.prefixes.held if batch else 0,
                waits=jobs.medians(),
            )

    def _run(self, ready: asyncio.Future[None]) -> None:
        """The thread. Whatever ends it, nobody is left waiting."""
        failed = self._try(self._model)
        try:
            if not failed:
                self._call(resolve, ready, None)
                self._serve()
        except Exception:
            logger.exception("the thread of the model failed; the bot has to be started again")
        finally:
            self._stop()
            self._call(resolve, ready, failed)

    def _serve(self) -> None:
        under_way: list[Job] = []
        while (found := self._next(under_way)) is not None:
            if isinstance(found, Swap):
                self._call(resolve, found.ready, self._try(found.model))
            else:
                under_way = found
                self._step(under_way)

    def _stop(self) -> None:
        """Nothing more is taken, what is left ends, the memory is given back."""
        with self._changed:
            self._running = False
            self._batch = None
            swap, self._swap = self._swap, None
            left = [*self.jobs.under_way, *self.jobs.waiting]
        closed = EngineError("the engine was closed")
        self._deliver([said for job in left for said in self._end(job, "failed", closed)])
        if swap:
            self._call(resolve, swap.ready, closed)

    def _try(self, model: str) -> ModelNotUsable | None:
        """Loads a model, or says why it can't be used: whoever waits must hear of it."""
        try:
            self._load(model)
        except ModelNotUsable as error:
            return error
        except Exception as error:  # whatever it is
            logger.exception("model %r could not be started", model)
            return ModelNotUsable(f"model {model!r} can't be run: {error}")
        return None

    def _load(self, model: str) -> None:
        try:
            import torch

            from llm.engines.local.batch import Batch, replies
            from llm.engines.local.model import load
        except ImportError as error:
            raise ModelNotUsable(f"model {model!r}: {error}; install the requirements") from error
        if self._threads > 0:
            torch.set_num_threads(self._threads)  # counts for the calling thread only
        loaded, folder = (self._loader or load)(model), Path(model)
        name = name_of(model, digest(folder) if folder.is_dir() else "")
        loaded = replace(loaded, name=name)
        warm = Request((Turn("user", "Hello", "Ada"),), Plan(Act.GREET), SamplingParams(max_tokens=2))
        for _ in replies(loaded, [warm]):
            pass
        batch = Batch(loaded, self._slots)
        with self._changed:
            self._batch, self.name, self._model, self.jobs.slots = batch, name, model, batch.slots

    def _next(self, under_way: Sequence[Job]) -> list[Job] | Swap | None:
        """Waits for something to do: a swap, or the jobs of the next step. None once the engine is closed."""
        said: list[Told] = []
        with self._changed:
            self._changed.wait_for(
                lambda: len(self.jobs) or under_way or self._swap or self._forget or not self._running
            )
            if not self._running:
                return None
            if self._forget and self._batch:
                self._forget = False
                self._batch.forget()
            if self._swap:
                swap, self._swap = self._swap, None
                return swap
            now = self._clock()
            for job in self.jobs.late(now):
                said += self._end(job, "expired", EngineDeadline(f"not finished within {job.request.deadline:g} s"))
        self._deliver(said)
        for job in under_way:
            if job.outcome:
                self._leave(job)
        return self._admit([job for job in under_way if not job.outcome], now)

    def _admit(self, under_way: list[Job], now: float) -> list[Job]:
        """Begins jobs as far as slots are free; all that are under way, those that go first in front."""
        batch = self._batch
        assert batch
        while batch.free:
            with self._changed:
                job = self.jobs.next(now)
            if job is None:
                break
            try:
                self._begin(job, batch)
            except Exception as error:  # noqa: BLE001 - a failed request must not take the thread, and so all others, with it
                self._failed([job], error)
            else:
                under_way.append(job)
        return sorted(under_way, key=lambda job: job.rank)

    def _begin(self, job: Job, batch: "Batch") -> None:
        from llm.engines.local.generation import Generation
        from llm.engines.local.work import Embedding, Scoring

        model = batch.model
        work: Work
        match job.wish:
            case Wish.REPLY:
                work = Generation(model, job.request)
            case Wish.SCORE:
                work = Scoring(model, job.request, job.text)
            case Wish.VECTOR:
                work = Embedding(model, job.text)
        batch.join(work)
        job.work, job.batch = work, batch

    def _step(self, under_way: Sequence[Job]) -> None:
        """One pass of each model that has work: after a swap, replies begun before go on with the old one."""
        start = time.perf_counter()
        for batch in {job.batch for job in under_way if job.batch}:
            jobs = {job.work: job for job in under_way if job.batch is batch and job.work and not job.work.done}
            try:
                reads = batch.forward(list(jobs)) if jobs else []
            except Exception as error:  # noqa: BLE001 - as above
                self._failed(self._shed(batch, jobs, error), error)
            else:
                self._deliver([said for read in reads for said in self._heard(jobs[read.work], read)])
        self._deliver([said for job in under_way if job.work and job.work.done for said in self._done(job)])
        self._busy += time.perf_counter() - start

    def _shed(self, batch: "Batch", jobs: "dict[Work, Job]", error: Exception) -> list[Job]:
        """Whose end a failed pass is: for lack of memory that of one, else of all that took part."""
        from llm.engines.local.network import Lost, out_of_memory

        if isinstance(error, Lost):
            return [jobs[batch.at(error.slot)]]
        return [max(jobs.values(), key=lambda job: job.number)] if out_of_memory(error) else list(jobs.values())

    def _heard(self, job: Job, read: "Read") -> list[Told]:
        try:
            before = len(read.work.written)
            piece = read.work.read(read)
            self._written += max(0, len(read.work.written) - before)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed([job], error)
            return []
        return [(job.pieces, piece)] if piece or piece.logprobs else []

    def _done(self, job: Job) -> list[Told]:
        said = self._end(job, "done", None)
        if said:
            self.jobs.took(self._clock() - job.started)
        return said

    def _failed(self, jobs: Sequence[Job], error: Exception) -> None:
        from llm.engines.local.network import out_of_memory

        told: EngineError
        if isinstance(error, EngineError):
            told = error
        elif out_of_memory(error):
            told = EngineMemory("memory ran out, and this was the newest request; fewer at a time would fit")
        else:
            logger.error("a step of model %r failed", self._model, exc_info=error)
            told = EngineError(f"the model failed: {error}")
        self._deliver([said for job in jobs for said in self._end(job, "failed", told)])

    def _leave(self, job: Job) -> None:
        if job.batch and job.work:
            job.batch.leave(job.work)
            job.batch = None

    def _end(self, job: Job, outcome: str, last: EngineError | None) -> list[Told]:
        """What is to be said of a job that is over, nothing if it was over before."""
        with self._changed:
            return [(job.pieces, last)] if self.jobs.end(job, outcome) else []

    def _deliver(self, said: Sequence[Told]) -> None:
        if said:
            self._call(hand_out, said)

    def _call(self, function: Callable[..., object], *values: object) -> None:
        """Runs `function` in the event loop; nobody waits for it any more if that is closed."""
        assert self._loop
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *values)


def hand_out(said: Sequence[Told]) -> None:
    """Put each where it is waited for."""
    for pieces, piece in said:
        pieces.put_nowait(piece)


def resolve(ready: asyncio.Future[None], error: EngineError | None) -> None:
    """Wakes start() or swap(), unless it was cancelled meanwhile."""
    if ready.done():
        return
    if error:
        ready.set_exception(error)
    else:
        ready.set_result(None)
