"""Who is served when, and that every request ends in exactly one way, whatever befalls it."""

import asyncio
import dataclasses
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from llm.engine import (
    OUTCOMES,
    EngineBusy,
    EngineDeadline,
    EngineError,
    EngineMemory,
    ModelNotUsable,
    Priority,
    Request,
    SamplingParams,
)
from llm.engines.local import LocalEngine
from llm.engines.local.jobs import AGING, CHAT, Jobs
from llm.engines.local.model import LocalModel, load
from llm.engines.local.network import Pass, Piece
from llm.engines.scripted import ScriptedEngine
from tests.llm.tiny_models import GREEDY, PLAN, ask, collect, running, save_wishful, say

LONG = SamplingParams(temperature=0, max_tokens=1000)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_wishful(tmp_path_factory.mktemp("endless"), ["a", "b"], endless=True)


def request(priority: Priority = Priority.REPLY, chat: str = "", deadline: float = 1000) -> Request:
    return Request((), PLAN, GREEDY, priority, deadline, chat)


async def test_a_post_that_waited_long_goes_before_a_new_reply() -> None:
    jobs = Jobs(10, slots=4)
    post = jobs.add(request(Priority.POST), 0)
    early = jobs.add(request(), Priority.POST * AGING - 1)
    late = jobs.add(request(), Priority.POST * AGING + 1)
    assert [jobs.next(20) for _ in range(4)] == [early, post, late, None]


async def test_a_slot_is_kept_for_what_members_wait_for() -> None:
    jobs = Jobs(20, slots=8)
    posts = [jobs.add(request(Priority.POST), 0) for _ in range(8)]
    begun = [jobs.next(0) for _ in range(8)]
    assert begun == [*posts[:6], None, None]
    reply = jobs.add(request(), 100)
    assert jobs.next(100) is reply
    jobs.end(posts[0], "done")
    assert jobs.next(100) is posts[6]


async def test_a_chat_has_only_so_many_and_says_how_long_to_wait() -> None:
    jobs = Jobs(100, slots=2)
    jobs.took(11)
    for _ in range(CHAT):
        jobs.add(request(chat="one"), 0)
    with pytest.raises(EngineBusy) as busy:
        jobs.add(request(chat="one"), 0)
    assert busy.value.retry_after == CHAT / 2 * jobs.pace == 12
    jobs.add(request(chat="two"), 0)
    assert jobs.outcomes == {"refused": 1}


async def test_the_first_end_counts() -> None:
    jobs = Jobs(10)
    job = jobs.add(request(deadline=5), 0)
    assert jobs.late(4.9) == []
    assert jobs.late(5) == [job]
    assert jobs.end(job, "expired")
    assert not jobs.end(job, "cancelled")
    assert jobs.outcomes == {"expired": 1}
    assert len(jobs) == 0


async def test_a_long_prompt_does_not_hold_up_a_reply_under_way(endless: str) -> None:
    async with running(endless) as engine:
        short = engine.stream(ask(params=LONG))
        await anext(short)
        heard = 0
        reading = asyncio.create_task(collect(engine, ask("how much " * 150, params=SamplingParams(0, max_tokens=1))))
        while not reading.done():
            await anext(short)
            heard += 1
        await short.aclose()
        assert heard >= 5  # a word a chunk, at least


async def test_what_is_closed_frees_its_slot_at_the_next_step(endless: str) -> None:
    async with running(endless, slots=1) as engine:
        for _ in range(5):
            stream = engine.stream(ask(params=LONG))
            await anext(stream)
            await stream.aclose()
        assert len(await say(engine, ask())) == 40
        assert engine.report().outcomes == {"cancelled": 5, "done": 1}
        assert engine.report().active == 0


async def test_each_piece_says_how_likely_its_tokens_were(endless: str) -> None:
    async with running(endless) as engine:
        asked = dataclasses.replace(ask(params=SamplingParams(0.7, max_tokens=12, seed=1)), logprobs=True)
        pieces = await collect(engine, asked)
        logprobs = [one for piece in pieces for one in piece.logprobs]
        assert len(logprobs) == 12
        assert logprobs == pytest.approx(await engine.score(asked, "".join(pieces)), abs=1e-4)
        assert not any(piece.logprobs for piece in await collect(engine, ask()))
        assert {piece.model for piece in pieces} == {engine.name}


async def test_the_starter_s_reply_has_them_all_in_one(tmp_path: Path) -> None:
    async with running(save_wishful(tmp_path, ["a", "<name1>", "b", "<price1>"])) as engine:
        (piece,) = await collect(engine, dataclasses.replace(ask(), logprobs=True))
        assert piece == "a<name1>b<price1>"
        assert piece.logprobs == pytest.approx(await engine.score(ask(), piece), abs=1e-4)


async def test_texts_are_embedded_beside_replies(endless: str) -> None:
    async with running(endless) as engine:
        reply = asyncio.create_task(say(engine, ask()))
        first, again, other = await asyncio.gather(*(engine.embed(text) for text in ("kettle", "kettle", "sure, more")))
        assert len(await reply) == 40
        assert sum(one * one for one in first) == pytest.approx(1)
        assert first == pytest.approx(again, abs=1e-5)
        assert first != pytest.approx(other, abs=1e-2)
        with pytest.raises(EngineError, match="empty"):
            await engine.embed("")


async def test_an_engine_that_cannot_says_so() -> None:
    engine = ScriptedEngine()
    with pytest.raises(EngineError, match="scripted can't score"):
        await engine.score(ask(), "a")
    with pytest.raises(EngineError, match="scripted can't embed"):
        await engine.embed("a")
    with pytest.raises(EngineError, match="no log-probabilities"):
        [piece async for piece in engine.stream(dataclasses.replace(ask(), logprobs=True))]


async def test_a_score_is_lower_for_what_the_model_would_not_say(endless: str) -> None:
    async with running(endless) as engine:
        likely, unlikely = await engine.score(ask(), "abab"), await engine.score(ask(), "sure")
        assert len(likely) == 4
        assert sum(likely) / len(likely) > sum(unlikely) / len(unlikely)
        with pytest.raises(EngineError, match="can't be scored"):
            await engine.score(ask(), "")


class Cramped:
    """A network whose memory holds `most` sequences at a time; otherwise it is the one given."""

    def __init__(self, network: object, most: int) -> None:
        self._network, self._most = network, most

    def __getattr__(self, name: str) -> object:
        return getattr(self._network, name)

    def forward(self, pieces: Sequence[Piece]) -> Pass:
        if len(pieces) > self._most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        result: Pass = self._network.forward(pieces)  # type: ignore[attr-defined]
        return result


async def test_when_memory_runs_out_the_newest_gives_way(endless: str) -> None:
    def cramped(folder: str) -> LocalModel:
        model = load(folder)
        return dataclasses.replace(model, network=Cramped(model.network, 3))  # type: ignore[arg-type]

    engine = LocalEngine(endless, threads=1, loader=cramped)
    await engine.start()
    try:
        asked = [ask(params=SamplingParams(0, max_tokens=30 + number)) for number in range(5)]
        told = await asyncio.gather(*(say(engine, one) for one in asked), return_exceptions=True)
        assert [len(one) for one in told if isinstance(one, str)] == [30, 31, 32]
        assert [type(one) for one in told[3:]] == [EngineMemory, EngineMemory]
        assert engine.report().outcomes == {"done": 3, "failed": 2}
        assert len(await say(engine, asked[0])) == 30
    finally:
        await engine.close()


class Broken:
    """A network in which one call fails, in the way given; otherwise it is the one given."""

    def __init__(self, network: object, call: str, error: Exception) -> None:
        self._network, self._call, self._error = network, call, error

    def __getattr__(self, name: str) -> object:
        return self._fail if name == self._call else getattr(self._network, name)

    def _fail(self, *_: object) -> None:
        raise self._error


def broken(call: str, error: Exception) -> Callable[[str], LocalModel]:
    def load_broken(folder: str) -> LocalModel:
        model = load(folder)
        return dataclasses.replace(model, network=Broken(model.network, call, error))  # type: ignore[arg-type]

    return load_broken


@pytest.mark.parametrize("call", ["take", "give"])
async def test_the_prefix_cache_gives_way_where_memory_runs_out(endless: str, call: str) -> None:
    engine = LocalEngine(endless, threads=1, loader=broken(call, torch.OutOfMemoryError("CUDA out of memory")))
    await engine.start()
    try:
        for _ in range(3):
            assert len(await say(engine, ask())) == 40
        report = engine.report()
        assert (report.outcomes, report.reused) == ({"done": 3}, 0)
    finally:
        await engine.close()


async def test_what_was_read_can_be_forgotten(endless: str) -> None:
    engine = LocalEngine(endless, threads=1)
    await engine.start()
    try:
        await say(engine, ask())
        await say(engine, ask())
        before = engine.report()
        assert before.reused > 0
        engine.forget()
        assert await say(engine, ask())
        assert engine.report().reused == before.reused
    finally:
        await engine.close()


async def test_nobody_is_left_waiting_by_a_thread_that_fails(endless: str) -> None:
    engine = LocalEngine(endless, threads=1, slots=1, loader=broken("forward", SystemError("no such device")))
    with pytest.raises(ModelNotUsable, match="no such device"):
        await engine.start()
    engine = LocalEngine(endless, threads=1, slots=1, loader=leaving_fails)
    await engine.start()
    told = await asyncio.gather(*(say(engine, ask()) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [str, EngineError, EngineError]
    with pytest.raises(EngineError, match="not running"):
        await say(engine, ask())
    await engine.close()


def leaving_fails(folder: str) -> LocalModel:
    """A network that can be left once, after the warm-up."""
    model, left = load(folder), itertools.count()

    class Once(Broken):
        def _fail(self, slot: object) -> None:  # type: ignore[override]
            if next(left):
                raise self._error

    return dataclasses.replace(model, network=Once(model.network, "leave", SystemError("broken")))  # type: ignore[arg-type]


async def test_who_asks_while_a_model_loads_that_fails_is_told(endless: str) -> None:
    engine = LocalEngine(endless, threads=1, loader=broken("forward", SystemError("no such device")))
    started, said = await asyncio.gather(engine.start(), say(engine, ask()), return_exceptions=True)
    assert isinstance(started, ModelNotUsable)
    assert isinstance(said, EngineError)


class Ticking:
    """A clock that goes on by a thousandth of a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


async def soak(model: str, count: int, chats: int = 40) -> Counter[str]:
    """So many requests in floods, some closed early, some with hardly any time; how they ended, for their callers."""
    drawn, seen, clock = random.Random(3), Counter[str](), Ticking()
    engine = LocalEngine(model, threads=1, queue=64, slots=8, clock=clock)

    async def one() -> None:
        text = " ".join(["how much"] * drawn.choice((1, 5, 60)))
        params = SamplingParams(drawn.choice((0, 1.0)), max_tokens=drawn.randint(1, 24), seed=1)
        asked = Request(
            ask(text).turns, PLAN, params, drawn.choice([*Priority]),
            drawn.choice((0.0, 0.05, 100, 100, 100)), str(drawn.randrange(chats)),
        )  # fmt: skip
        stop = drawn.choice((None, None, 0, 1, 5))
        stream = engine.stream(asked)
        try:
            heard = 0
            async for _ in stream:
                heard += 1
                if heard == stop:
                    break
            seen["cancelled" if stop and heard == stop else "done"] += 1
        except EngineBusy:
            seen["refused"] += 1
        except EngineDeadline:
            seen["expired"] += 1
        finally:
            await stream.aclose()

    await engine.start()
    try:
        left = count
        while left:
            flood = min(left, drawn.choice((5, 30, 150)))
            left -= flood
            tasks = [asyncio.create_task(one()) for _ in range(flood)]
            if drawn.random() < 0.3:  # some are cancelled from outside
                await asyncio.sleep(0)
                for task in drawn.sample(tasks, flood // 3):
                    task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            seen["cancelled outside"] += sum(isinstance(one, asyncio.CancelledError) for one in ended)
            assert not [one for one in ended if isinstance(one, Exception)]
        await say(engine, ask())  # a step after the last end, so that its slot is free
        report = engine.report()
        batch = engine._worker._batch
        assert batch
        assert report.active == report.waiting == 0
        assert sum(seen.values()) == count
        check(report.outcomes, seen)
        await engine.close()
        assert batch.free + len(batch._at) == batch.slots  # the last one's may still be taken
        assert len(batch._at) <= 1
    finally:
        await engine.close()
    return seen


def check(outcomes: object, seen: Counter[str]) -> None:
    """The engine counted what its callers saw. One that is closed as it ends may have been done before."""
    assert isinstance(outcomes, dict)
    assert set(outcomes) <= {*OUTCOMES}
    assert outcomes.get("failed", 0) == 0
    assert outcomes.get("refused", 0) == seen["refused"]
    assert outcomes.get("expired", 0) >= seen["expired"]
    never = seen.total() + 1 - sum(outcomes.values())  # cancelled before they came to the engine
    assert 0 <= never <= seen["cancelled outside"]
    assert outcomes["done"] - 1 >= seen["done"]
    # Some are closed as they end, but most of what is closed early has a good part still before it.
    assert outcomes.get("cancelled", 0) > (seen["cancelled"] + seen["cancelled outside"]) / 4


async def test_every_request_ends_in_exactly_one_way(endless: str) -> None:
    seen = await soak(endless, 600)
    assert {"done", "cancelled", "refused", "expired"} <= {*seen}


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_ten_thousand_requests_leave_nothing_behind(endless: str, tmp_path: Path) -> None:
    import psutil

    await soak(endless, 2000)
    before = psutil.Process().memory_info().rss
    await soak(endless, 10_000)
    assert psutil.Process().memory_info().rss - before < 64 * 2**20
