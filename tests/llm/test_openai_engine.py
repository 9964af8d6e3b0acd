"""The engine for OpenAI-compatible servers, against one that speaks the API over real sockets."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from llm.engine import EngineBusy, EngineDeadline, EngineError, ModelNotUsable, Request, SamplingParams, Turn
from llm.engines.openai import FAILURES, LINE_BYTES, REST_SECONDS, TRIES, OpenAIEngine
from llm.engines.scripted import ScriptedEngine
from llm.instructions import in_words
from tests.llm.openai_server import Handler, Server, begin, breaks, event, fails, says, serving
from tests.llm.tiny_models import PLAN

ASKED = Request((Turn("user", "how much <price3> is it", "Ada"),), PLAN, SamplingParams(0.2, seed=5, stop=("\n",)))

NUMBER = b'data: {"choices": [{"delta": {"content": 5}}]}\n\n'
LONG = b"data: " + b"x" * 3 * LINE_BYTES + b"\n\n"


async def hangs(server: Server, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    """Says a word and waits until the other side goes away."""
    response = await begin(request)
    with contextlib.suppress(ConnectionError):
        for _ in range(10_000):
            await response.write(event({"content": "word "}))
            await asyncio.sleep(0.01)
    server.gone.set()
    return response


@contextlib.asynccontextmanager
async def asking(*answers: Handler, **settings: Any) -> AsyncIterator[tuple[OpenAIEngine, Server]]:
    server = Server(*answers)
    async with serving(server) as url:
        engine = OpenAIEngine(url, pause=0.001, **settings)
        await engine.start()
        try:
            yield engine, server
        finally:
            await engine.close()


async def collect(engine: OpenAIEngine, request: Request = ASKED) -> list[str]:
    return [piece async for piece in engine.stream(request)]


async def test_the_plan_travels_in_words_and_slots_come_back_whole() -> None:
    async with asking(says("It costs <pr", "ice", "1> for ", "<name1>."), key="secret") as (engine, server):
        assert await collect(engine) == ["It costs ", "<price1> for ", "<name1>."]
        assert engine.name == "served@127.0.0.1"
        assert engine.report().outcomes == {"done": 1}
    (body,) = server.seen
    assert server.keys == ["Bearer secret"]
    assert body["model"] == "served"
    assert body["messages"][0] == {"role": "system", "content": in_words(PLAN)}
    assert body["messages"][1] == {"role": "user", "content": "Ada: how much < price3> is it"}
    wanted = {"stream": True, "temperature": 0.2, "top_p": 0.95, "max_tokens": 96, "seed": 5, "stop": ["\n"]}
    assert {name: body[name] for name in wanted} == wanted
    assert {*body} == {*wanted, "model", "messages"}


@pytest.mark.parametrize("answer", [fails(503), fails(429)], ids=["down", "busy"])
async def test_a_server_that_is_back_soon_is_asked_again(answer: Handler) -> None:
    async with asking(answer, answer, says("fine")) as (engine, server):
        assert await collect(engine) == ["fine"]
        assert len(server.seen) == 3


async def test_what_will_not_pass_is_said_at_once() -> None:
    async with asking(fails(401, "wrong key")) as (engine, server):
        with pytest.raises(EngineError, match="says 401: wrong key"):
            await collect(engine)
        assert len(server.seen) == 1
        assert engine.report().outcomes == {"failed": 1}


async def test_a_reply_that_breaks_off_is_not_begun_again() -> None:
    async with asking(breaks, says("fine"), fallback=ScriptedEngine(["other"])) as (engine, server):
        heard = []
        with pytest.raises(EngineError):  # noqa: PT012 - what came before it matters
            async for piece in engine.stream(ASKED):
                heard.append(piece)
        assert heard == ["It is"]
        assert len(server.seen) == 1


async def test_the_fallback_words_what_the_server_does_not() -> None:
    async with asking(fails(500), fallback=ScriptedEngine(["mine"])) as (engine, server):
        (piece,) = [piece async for piece in engine.stream(ASKED)]
        assert (piece, piece.model) == ("mine", "scripted")
        assert len(server.seen) == TRIES
        assert engine.report().note == "1 replies by the model of this machine"


async def test_a_server_that_always_fails_is_left_alone_and_found_again() -> None:
    now = [0.0]
    async with asking(fails(500), clock=lambda: now[0]) as (engine, server):
        for _ in range(4):
            with pytest.raises(EngineError):
                await collect(engine)
        assert len(server.seen) == FAILURES
        with pytest.raises(EngineError, match="left alone"):
            await collect(engine)
        assert "does not answer" in engine.report().note
        now[0] += REST_SECONDS
        with pytest.raises(EngineError):
            await collect(engine)
        assert len(server.seen) == FAILURES + 1  # one try tells
        now[0] += REST_SECONDS
        server.answers = [says("back")]
        assert await collect(engine) == ["back"]
        assert engine.report().note == ""


async def test_closing_the_stream_closes_the_connection() -> None:
    async with asking(hangs, at_once=1) as (engine, server):
        stream = engine.stream(ASKED)
        assert await anext(stream) == "word "
        with pytest.raises(EngineBusy):
            await collect(engine)
        await stream.aclose()
        await asyncio.wait_for(server.gone.wait(), 10)
        assert engine.report().outcomes == {"refused": 1, "cancelled": 1}


async def test_a_deadline_ends_a_reply_under_way() -> None:
    async with asking(hangs) as (engine, _):
        with pytest.raises(EngineDeadline, match=r"within 0\.2 s"):
            await collect(engine, Request(ASKED.turns, PLAN, deadline=0.2))
        assert engine.report().outcomes == {"expired": 1}


async def test_a_deadline_never_ends_what_its_reader_does_meanwhile() -> None:
    async with asking(hangs) as (engine, _):
        stream, busy = engine.stream(dataclasses.replace(ASKED, deadline=0.2)), asyncio.Event()
        await anext(stream)
        asyncio.get_running_loop().call_later(0.4, busy.set)
        await busy.wait()  # as a slow chat network, while a sentence is shown
        with pytest.raises(EngineDeadline):
            async for _piece in stream:
                pass


async def test_how_likely_each_token_was_comes_with_its_text() -> None:
    async with asking(says("It costs <pr", "ice1>", likely=-0.5)) as (engine, server):
        pieces = [piece async for piece in engine.stream(dataclasses.replace(ASKED, logprobs=True))]
        assert [(piece, piece.logprobs, piece.model) for piece in pieces] == [
            ("It costs ", (-0.5,), "served@127.0.0.1"),
            ("<price1>", (-0.5,), "served@127.0.0.1"),
        ]
        assert server.seen[0]["logprobs"] is True


async def test_what_it_cannot_is_said() -> None:
    async with asking(says("fine")) as (engine, _):
        with pytest.raises(EngineError, match="gives no log-probabilities"):
            await collect(engine, dataclasses.replace(ASKED, logprobs=True))
        with pytest.raises(EngineError, match=r"served@127\.0\.0\.1 can't score"):
            await engine.score(ASKED, "fine")
        with pytest.raises(EngineError, match=r"can't embed a text; a model of this machine \(LLM_MODEL\) can"):
            await engine.embed("fine")


@pytest.mark.parametrize(
    "sent", [b"data: {}}\n\n", b"data: []\n\n", b'data: {"error": "overloaded"}\n\n', NUMBER, b"\xff" * 9, LONG]
)
async def test_what_is_no_chat_completion_is_an_error(sent: bytes) -> None:
    async def answer(_: Server, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        await response.write(sent)
        return response

    async with asking(answer) as (engine, _):
        with pytest.raises(EngineError):
            await collect(engine)


async def test_an_address_where_nobody_listens() -> None:
    async with serving(Server(says("fine"))) as url:
        pass
    engine = OpenAIEngine(url, pause=0.001)
    with pytest.raises(ModelNotUsable, match="LLM_URL: http"):
        await engine.start()
    engine = OpenAIEngine(url, pause=0.001, fallback=ScriptedEngine(["mine"]))
    await engine.start()
    assert await collect(engine) == ["mine"]
    await engine.close()
    with pytest.raises(EngineError, match="not running"):
        await collect(engine)
