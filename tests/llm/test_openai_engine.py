"""The engine for OpenAI-compatible servers, against one that speaks the API over real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from llm.engine import EngineBusy, EngineDeadline, EngineError, ModelNotUsable, Request, SamplingParams, Turn
from llm.engines.openai import FAILURES, REST_SECONDS, TRIES, OpenAIEngine
from llm.engines.scripted import ScriptedEngine
from llm.instructions import in_words
from tests.llm.tiny_models import PLAN

Handler = Callable[["Server", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
ASKED = Request((Turn("user", "how much <price3> is it", "Ada"),), PLAN, SamplingParams(0.2, seed=5, stop=("\n",)))


class Server:
    """Answers each request with the next of `answers`, the last one again and again."""

    def __init__(self, *answers: Handler) -> None:
        self.answers = list(answers)
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.gone = asyncio.Event()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(self, request, body)

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "served"}]})


def event(delta: dict[str, str]) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode()


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(event({"role": "assistant"}))
    return response


def says(*pieces: str) -> Handler:
    async def answer(_: Server, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        for piece in pieces:
            await response.write(event({"content": piece}))
        await response.write(b": a comment\n\ndata: [DONE]\n\n")
        return response

    return answer


def fails(status: int, text: str = "no") -> Handler:
    async def answer(_: Server, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return answer


async def breaks(_: Server, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    response = await begin(request)
    await response.write(event({"content": "It is"}))
    assert request.transport
    request.transport.close()
    return response


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
async def serving(server: Server) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", server.complete), web.get("/v1/models", server.models)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


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
        assert await collect(engine) == ["mine"]
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


@pytest.mark.parametrize("sent", [b"data: {}}\n\n", b"data: []\n\n", b'data: {"error": "overloaded"}\n\n'])
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
