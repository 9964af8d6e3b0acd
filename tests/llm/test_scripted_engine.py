import asyncio

import pytest

from llm.engine import EngineBusy, EngineError, Request, Turn
from llm.engines.scripted import ScriptedEngine
from llm.protocol import Act, Plan

PRICE = Plan(Act.PRICE, needs=("name1", "price1"))


def ask(text: str = "how much", plan: Plan = PRICE) -> Request:
    return Request((Turn("user", text, "Ada"),), plan)


async def collect(engine: ScriptedEngine, request: Request) -> list[str]:
    return [piece async for piece in engine.stream(request)]


async def test_answers_come_in_order_and_then_the_needed_slots() -> None:
    engine = ScriptedEngine(["One moment.", lambda request: f"You asked: {request.turns[-1].content}"])
    await engine.start()
    assert await collect(engine, ask()) == ["One ", "moment."]
    assert "".join(await collect(engine, ask("why  not"))) == "You asked: why  not"
    assert "".join(await collect(engine, ask())) == "Here: <name1> <price1>."
    assert "".join(await collect(engine, ask(plan=Plan(Act.PRICE, "zh", needs=("price1",))))) == "这里：<price1>。"
    assert "".join(await collect(engine, ask(plan=Plan(Act.GREET)))) == "All right."


async def test_it_remembers_the_last_requests_only() -> None:
    engine = ScriptedEngine(remember=2)
    for text in ("a", "b", "c"):
        await collect(engine, ask(text))
    assert [request.turns[-1].content for request in engine.seen] == ["b", "c"]


async def test_it_raises_what_it_was_told_to() -> None:
    engine = ScriptedEngine([EngineBusy(3), ("It costs", EngineError("the model failed"))])
    with pytest.raises(EngineBusy, match="try again in 3 s"):
        await collect(engine, ask())
    heard = []
    with pytest.raises(EngineError, match="the model failed"):  # noqa: PT012 - what came before the error is the point
        async for piece in engine.stream(ask()):
            heard.append(piece)
    assert "".join(heard) == "It costs"


async def test_a_gate_holds_replies_in_the_middle() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine(["It costs <price1>."], gate=gate)
    stream = engine.stream(ask())
    assert await anext(stream) == "It "
    following = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    assert not following.done()
    gate.set()
    assert await following == "costs "
    assert [piece async for piece in stream] == ["<price1>."]


async def test_closing_ends_a_held_reply_with_an_error() -> None:
    engine = ScriptedEngine(["It costs <price1>."], gate=asyncio.Event())
    stream = engine.stream(ask())
    assert await anext(stream) == "It "
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await anext(stream)
    with pytest.raises(EngineError, match="closed"):
        await collect(engine, ask())
