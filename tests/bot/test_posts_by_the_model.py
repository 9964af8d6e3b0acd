"""What the shipped model makes of each content type: read by code for wrong amounts and near-copies."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks import posts
from llm.engines.local import LocalEngine


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    made = LocalEngine(str(posts.ROOT / "llm" / "weights" / "starter"), threads=1)
    await made.start()
    yield made
    await made.close()


@pytest.mark.long
@pytest.mark.parametrize(("language", "shop"), [("en", "cycling"), ("zh", "wenju")])
async def test_a_fortnight_of_posts(engine: LocalEngine, tmp_path: Path, language: str, shop: str) -> None:
    made = await posts.posts(engine, tmp_path / shop, shop, language, 17)
    assert [one.strange for one in made if one.strange] == []
    found = {row.name.partition(": ")[2]: row.value for row in posts.counted(language, made)}
    assert found["near-copies, facts taken out"] < 10
    assert found["worded by the model"] >= 40
    assert all(one.draft.card or one.draft.poll or one.content == "welcome" for one in made)
