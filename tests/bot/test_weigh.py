"""What else might be said, weighed: with the real encoders, over a shop whose questions were not learnt from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from bot.app import make_encoders
from bot.clock import SystemClock
from bot.config import load
from bot.conversation import weigh
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from llm.encoder import Encoders
from llm.protocol import Act
from storage import shops
from storage.database import Database
from tests.labelled import files
from tests.tables import make_tables

ANSWERED = {
    "is the pump still looked after when it packs up in month 20": "covered for 2 years",
    "can i bring back a dry tank i changed my mind about": "restocking fee",
}
BARLEY = "how much of that barley powder per bag.. well per 500g. last time it went all gluey inside"
NOTHING = ("hi there", "thanks, that's all", "what do you think of the new prime minister")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def encoders() -> AsyncIterator[Encoders]:
    made = make_encoders(load({}, env_file=None))  # to load them takes as long as to encode a shop
    yield made
    await made.close()


@asynccontextmanager
async def shop(folder: Path, name: str, encoders: Encoders) -> AsyncIterator[Planner]:
    url = f"sqlite:///{folder / 'shop.db'}"
    await asyncio.to_thread(make_tables, url)
    async with Database(url) as database:
        await database.write(lambda tx: shops.create(tx, "Shop", "AUD", "UTC", "en"))
        await import_paths(database, 1, files(name), clock=SystemClock())
        library = Library(database, 1, encoders)
        await library.refresh()
        await library.catch_up()
        yield Planner(library)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_article_that_answers_is_said_and_nothing_where_nothing_is_asked(
    tmp_path: Path, encoders: Encoders
) -> None:
    async with shop(tmp_path, "aquarium", encoders) as planner:
        for asked, told in ANSWERED.items():
            plan = (await planner.plan(asked, Context()))[0]
            assert (plan.act, told in plan.quote) == (Act.POLICY, True), asked
        for said in NOTHING:
            (plan,) = await planner.plan(said, Context())
            assert plan.sources == (), said
        plan = (await planner.plan("can the little shrimps live with a betta", Context()))[0]
        assert 0.0 < plan.sure < 1.0  # a guess tells how good it is


@pytest.mark.asyncio(loop_scope="module")
async def test_beside_a_price_or_a_guess_stands_what_may_be_the_answer_as_well(
    tmp_path: Path, encoders: Encoders
) -> None:
    async with shop(tmp_path, "bakery", encoders) as planner:
        price, dose = await planner.plan(BARLEY, Context())
        assert (price.act, dose.act, price.sources) == (Act.PRICE, Act.DESCRIBE, dose.sources)
        first, second = await planner.plan("son's on skye. will the wriggly rye fella get to him alive", Context())
        assert (first.act, second.act) == (Act.POLICY, Act.DESCRIBE)
        assert first.sure == second.sure < 0.5
        (plan,) = await planner.plan("how much is the doris starter", Context())
        assert plan.act is Act.PRICE


def test_probabilities_add_up_and_follow_the_evidence() -> None:
    weights = {"policy.said": 2.0, "unknown.bias": 1.0}
    plans = [{"policy.said": 0.1}, {"policy.said": 0.9}, {"unknown.bias": 1.0}, {"detail.said": 5.0}]
    chances = weigh.likely(weights, plans)
    assert sum(chances) == pytest.approx(1)
    assert sorted(range(4), key=lambda at: -chances[at]) == [1, 2, 0, 3]
