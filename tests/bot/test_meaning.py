"""Rows found by what they mean, with the shipped encoders: members use other words than the merchant does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.app import make_encoders
from bot.config import load
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.knowledge.library import Library
from bot.knowledge.meaning import Part, encoded
from llm.encoder import Encoders
from llm.protocol import Act, State
from storage.database import Database
from tests.bot.demo_library import import_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the demo shop is encoded once


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return import_demo(tmp_path_factory.mktemp("meaning"))


@pytest.fixture(scope="module")
def encoders() -> Encoders:
    return make_encoders(load({}, env_file=None))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planner(url: str, encoders: Encoders) -> AsyncIterator[Planner]:
    async with Database(url) as database:
        library = Library(database, 1, encoders)
        await library.refresh()
        await library.catch_up()
        yield Planner(library)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("if it gets here smashed what do i do", "Send us a photo"),
        ("can i settle up with paypal", "PayPal"),
        ("could you make it look nice for my mum's birthday with a note in it", "Gift wrapping"),
        ("how much to wrap the gooseneck kettle as a gift?", "Gift wrapping"),  # not what the kettle costs
        ("买给客户的，能不能弄得体面点写句话", "礼品包装"),
    ],
)
async def test_an_article_is_found_though_the_words_differ(planner: Planner, asked: str, told: str) -> None:
    spoken = "en" if asked.isascii() else "zh"
    plans = await planner.plan(asked, Context(spoken))
    assert plans[0].act is Act.POLICY
    assert told in plans[0].quote


@pytest.mark.parametrize(
    "asked",
    [
        "给刚学做饭的朋友挑个礼物 送点啥好",
        "something for my dad, he lives on tea, about 40",
        "推荐一款磨豆机",
        "recommend me a kettle",
        "something under 20 pounds for my mum",
    ],
)
async def test_a_need_is_advised_on_in_either_language(planner: Planner, asked: str) -> None:
    (plan,) = await planner.plan(asked, Context("en" if asked.isascii() else "zh"))
    assert plan.act is Act.RECOMMEND


@pytest.mark.parametrize(
    ("said", "act"), [("你好", Act.GREET), ("您好", Act.GREET), ("再见", Act.BYE), ("hi", Act.GREET)]
)
async def test_a_greeting_means_no_article(planner: Planner, said: str, act: Act) -> None:
    assert [plan.act for plan in await planner.plan(said, Context("en" if said.isascii() else "zh"))] == [act]


async def test_the_sentence_that_answers_is_picked(planner: Planner) -> None:
    (plan,) = await planner.plan("will the cast iron kettle go rusty on me", Context())
    assert plan.act is Act.DESCRIBE
    assert "rust" in plan.quote


async def test_what_no_sentence_tells_is_unknown(planner: Planner) -> None:
    (plan,) = await planner.plan("what year was the cast iron kettle made", Context())
    assert plan.act is Act.UNKNOWN
    assert State.ABSENT in plan.states


async def test_a_need_finds_what_fits_it(planner: Planner) -> None:
    (plan,) = await planner.plan("something without caffeine to sip before bed, what do i get", Context())
    assert plan.act is Act.RECOMMEND
    assert any(word in plan.quote for word in ("Chamomile", "Decaf"))


async def test_without_encoders_words_alone_decide(url: str) -> None:
    async with Database(url) as database:
        library = Library(database, 1)
        await library.refresh()
        assert not library.meanings.parts
        assert await library.meaning(["hello"], "en") == [None]
        (plan,) = await Planner(library).plan("how much is the gooseneck kettle", Context())
    assert plan.act is Act.PRICE


async def test_until_a_shop_is_encoded_its_words_decide(tmp_path: Path, encoders: Encoders) -> None:
    async with Database(await asyncio.to_thread(import_demo, tmp_path, ["faq.md"])) as database:
        library = Library(database, 1, encoders)
        await library.refresh()
        assert not library.meanings.parts
        (plan,) = await Planner(library).plan("do you deliver abroad", Context())
        assert plan.act is Act.POLICY
        await library.catch_up()
        assert library.meanings.parts


async def test_known_texts_are_not_encoded_again(encoders: Encoders) -> None:
    parts = [Part("article:1", "", "hello"), Part("article:1", "", "good night"), Part("article:1", "", "你好")]
    first = await encoded(encoders, parts, {})
    assert {*first} == {"hello", "good night", "你好"}
    assert [*await encoded(encoders, parts, {"hello": first["hello"]})] == ["good night", "你好"]
