from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.content.drafts import NothingToPost
from bot.content.picture import drawn
from llm.engine import EngineError, Priority
from llm.engines.scripted import Answer
from llm.protocol import Act
from tests.bot.running_shop import RunningShop, running_shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


async def test_a_tip_names_a_product_and_says_a_sentence_of_its_own(tmp_path: Path) -> None:
    async with running_shop(tmp_path, answers=["A tip for the weekend: <name1>, <price1>. <text1>"]) as shop:
        draft = await shop.drafts.write("tip", "en", shop.group.id)
        request = shop.engine.seen[-1]
    assert draft is not None
    assert draft.by == "model"
    assert draft.card is not None
    said = {fact.kind: fact.value for fact in draft.facts}
    assert draft.text == f"A tip for the weekend: {draft.card.title}, {said['price']}. {said['text']}"
    assert (draft.card.text, draft.buttons[0].label) == ("", "More about it")
    assert (request.plan.act, request.priority) == (Act.TIP, Priority.POST)


@pytest.mark.parametrize("answer", ["<name1> is on sale. <text1>", EngineError("no model"), "Buy something!"])
async def test_what_fails_the_check_is_the_shops_own_words(tmp_path: Path, answer: Answer) -> None:
    async with running_shop(tmp_path, answers=[answer] * 12) as shop:
        draft = await shop.drafts.write("tip", "en", shop.group.id)
    assert draft is not None
    assert draft.by == "quote"
    assert draft.card is not None
    assert all(fact.value in draft.text for fact in draft.facts)
    assert [fact.kind for fact in draft.facts] == ["name", "price", "text"]


async def test_a_post_is_put_out_once_under_its_key(shop: RunningShop) -> None:
    first = await shop.drafts.post("tip", shop.group, "en", "post:1")
    assert await shop.drafts.post("tip", shop.group, "en", "post:1") == first
    (row,) = await shop.rows("post")
    assert (row.id, row.key, row.platform_id, row.worded_by) == (first, "post:1", "group", "model")
    assert len(row.extra["cards"]) == 1
    assert row.sources[0].startswith("product:")
    assert [fact[1] for fact in row.facts] == ["name", "text"]


async def test_posts_of_a_chat_go_through_the_shop_before_they_repeat(shop: RunningShop) -> None:
    for number in range(10):
        await shop.drafts.post("tip", shop.group, "en", f"post:{number}")
    sources = [row.sources[0] for row in await shop.rows("post")]
    assert len(set(sources)) == 10


async def test_the_same_draft_made_again_chooses_the_same(shop: RunningShop) -> None:
    one, two = [await shop.drafts.write("tip", "en", shop.group.id) for _ in range(2)]
    assert one == two


async def test_what_is_sold_out_is_no_tip(shop: RunningShop) -> None:
    sold_out = await shop.product("Click Torque Wrench")
    for number in range(40):
        await shop.drafts.post("tip", shop.group, "en", f"post:{number}")
    assert f"product:{sold_out}" not in {row.sources[0] for row in await shop.rows("post")}


async def test_a_shop_without_products_has_nothing_to_post(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "") as shop:
        assert await shop.drafts.write("tip", "en", shop.group.id) is None
        with pytest.raises(NothingToPost, match="nothing for 'tip'"):
            await shop.drafts.post("tip", shop.group, "en", "post:1")


async def test_an_unknown_type_says_which_there_are(shop: RunningShop) -> None:
    names = ("arrivals", "article", "comparison", "digest", "holiday", "poll", "pricedrop", "promotion", "question")
    assert shop.drafts.names == (*names, "restock", "spotlight", "tip", "welcome")
    with pytest.raises(NothingToPost, match=r"no content type 'poem'; there is: arrivals, .*, tip, welcome"):
        await shop.drafts.write("poem", "en", shop.group.id)


async def test_a_chinese_tip(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "wenju", answers=[EngineError("no model")] * 9) as shop:
        draft = await shop.drafts.write("tip", "zh", shop.group.id)
        assert draft is not None
        assert draft.card is not None
        assert draft.card.title in draft.text
        assert draft.card.subtitle in draft.text
        assert draft.buttons[0].label == "看详情"


def test_a_card_is_drawn_in_both_languages_and_without_a_font_as_far_as_it_goes() -> None:
    start = b"\x89PNG"
    assert drawn("Brass Bell", ["$12.00"], "Shop", ()).startswith(start)
    assert drawn("铜铃", ["¥12.00"], "松涧茶居", ()).startswith(start), "the price can be written"
    assert drawn("铜铃", ["十二元"], "松涧茶居", ()) == b""
    assert drawn("", [], "Shop") == b""
    long = drawn("A name that is far too long for a card " * 9, ["line"] * 9, "Shop " * 60)
    assert len(long) < 30_000
