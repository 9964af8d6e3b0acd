"""A server that speaks OpenAI's chat completions over real sockets, as far as a test tells it to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[["Server", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


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


def event(delta: dict[str, str], likely: float | None = None) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    if likely is not None:
        choice["logprobs"] = {"content": [{"token": "?", "logprob": likely}]}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(event({"role": "assistant"}))
    return response


def says(*pieces: str, likely: float | None = None) -> Handler:
    async def answer(_: Server, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        for piece in pieces:
            await response.write(event({"content": piece}, likely))
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
