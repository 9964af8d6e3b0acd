"""Other weights for a running engine: asked between two replies, or while one is under way."""

from pathlib import Path

import pytest

from llm.engine import EngineError, ModelNotUsable, SamplingParams
from llm.engines.local import LocalEngine
from tests.llm.tiny_models import ask, bytewise, running, save_wishful, say

LONG = SamplingParams(temperature=0, max_tokens=64)


async def test_other_weights_word_the_next_reply(tmp_path: Path) -> None:
    first = save_wishful(tmp_path / "first", bytewise("one"))
    second = save_wishful(tmp_path / "second", bytewise("two"))
    async with running(first) as engine:
        before = engine.name
        assert await say(engine, ask()) == "one"
        await engine.swap(second)
        assert await say(engine, ask()) == "two"
        assert before.startswith("first-")
        assert engine.name.startswith("second-")


async def test_a_reply_under_way_ends_as_it_began(tmp_path: Path) -> None:
    first = save_wishful(tmp_path / "first", bytewise("ab"), endless=True)
    second = save_wishful(tmp_path / "second", bytewise("two"))
    async with running(first) as engine:
        pieces = engine.stream(ask(params=LONG))
        said = [await anext(pieces)]
        await engine.swap(second)
        said += [piece async for piece in pieces]
        assert set("".join(said)) == {"a", "b"}
        assert {piece.model.partition("-")[0] for piece in said} == {"first"}
        assert await say(engine, ask()) == "two"


async def test_weights_that_can_not_be_loaded_change_nothing(tmp_path: Path) -> None:
    first = save_wishful(tmp_path / "first", bytewise("one"))
    async with running(first) as engine:
        with pytest.raises(ModelNotUsable, match="no such directory"):
            await engine.swap(str(tmp_path / "none"))
        assert await say(engine, ask()) == "one"
        assert engine.name.startswith("first-")


async def test_an_engine_that_does_not_run_loads_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not running"):
        await LocalEngine(str(tmp_path)).swap(str(tmp_path))
