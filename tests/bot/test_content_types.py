"""What each content type makes of a shop's rows, without a model: its facts, its buttons, and when it says nothing."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.content.types import holiday
from bot.content.writing import Draft
from bot.knowledge.importers import import_paths
from llm.protocol import Act
from storage import interactions, outbox
from tests.bot.running_shop import NOON, SHOPS, RunningShop, running_shop

BELL = (
    'bell,Brass Bell,"<p>A bell of solid brass with a clear tone that carries.</p>",Granite,Bells,bell,true,Title,'
    "Default Title,,,GW-BELL,5,12.00,,active\n"
)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


async def written(shop: RunningShop, content: str, language: str = "en") -> Draft:
    draft = await shop.drafts.write(content, language, shop.group.id)
    assert draft is not None
    return draft


async def posted(shop: RunningShop, content: str, key: str) -> None:
    await shop.drafts.post(content, shop.group, "en", key)


async def imported(shop: RunningShop, folder: Path) -> None:
    """A day later the next import: a price fell, a size is there again, one product is new."""
    text = (SHOPS / "cycling" / "catalog.csv").read_text()
    text = text.replace("GW-RH-SS,6,79.00", "GW-RH-SS,6,69.00").replace("GW-GS-240,0,58.00", "GW-GS-240,5,58.00")
    folder.mkdir()
    (folder / "catalog.csv").write_text(text + BELL)
    shop.clock.set(NOON + timedelta(days=1))
    await import_paths(shop.database, shop.shop_id, [folder], clock=shop.clock)


async def nothing(shop: RunningShop, *contents: str) -> bool:
    return [await shop.drafts.write(one, "en", shop.group.id) for one in contents] == [None] * len(contents)


async def test_news_are_what_the_last_import_changed_and_are_told_once(shop: RunningShop, tmp_path: Path) -> None:
    assert await nothing(shop, "arrivals", "restock", "pricedrop"), "what the shop began with is not new"
    await imported(shop, tmp_path / "new")
    new, back, fell = [await written(shop, one) for one in ("arrivals", "restock", "pricedrop")]
    assert "Brass Bell" in new.text
    assert (new.act, new.card.title if new.card else "") == (Act.ARRIVAL, "Brass Bell")
    assert 'Gripstone 29" Tire (2.4") is there again, for $58.00.' in [fact.value for fact in back.facts]
    assert [one["kind"] for one in back.rests["rests"]["claims"]] == ["stock", "card"]
    assert all(one in fell.text for one in ("Ridgeline Trail Helmet (S / Slate)", "$69.00", "$79.00"))
    assert fell.by == "code"
    for number, content in enumerate(("arrivals", "restock", "pricedrop")):
        await posted(shop, content, f"post:{number}")
    assert await nothing(shop, "arrivals", "restock", "pricedrop")


async def test_a_price_that_rose_again_is_no_news(shop: RunningShop, tmp_path: Path) -> None:
    await imported(shop, tmp_path / "new")
    await import_paths(shop.database, shop.shop_id, [SHOPS / "cycling" / "catalog.csv"], clock=shop.clock)
    assert await nothing(shop, "pricedrop", "restock", "arrivals")


async def test_a_promotion_names_both_prices_and_the_days_left(shop: RunningShop) -> None:
    plain = await written(shop, "promotion")
    assert all(one in plain.text for one in ("Workshop Floor Pump", "$64.00", "$72.00"))
    assert "left" not in plain.text
    assert (await written(shop, "promotion 2026-05-07")).text.count("⏳ 3 days left.") == 1
    assert "⏳ Today is the last day." in (await written(shop, "promotion 2026-05-04")).text
    assert await nothing(shop, "promotion 2026-05-03"), "it is over"


async def test_a_shop_without_reductions_has_no_promotion(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "roastery") as shop:
        assert await nothing(shop, "promotion")


async def test_what_is_compared_is_of_one_kind(shop: RunningShop) -> None:
    draft = await written(shop, "comparison")
    names = [fact.value for fact in draft.facts if fact.kind == "name"]
    assert len(names) == 2
    assert [one.label for one in draft.buttons] == names
    assert draft.text.startswith(f"{names[0]} or {names[1]}?\n")
    products = await shop.library.read([int(row.partition(":")[2]) for row in draft.sources])
    assert len({one.category for one in products}) == 1
    assert draft.card is not None
    assert draft.card.picture.endswith(".png")


async def test_a_poll_offers_names(shop: RunningShop) -> None:
    draft = await written(shop, "poll")
    assert 2 <= len(draft.poll) <= 3
    assert all(name in draft.text for name in draft.poll)
    assert draft.card is None


async def test_the_question_of_the_day_keeps_its_answer_behind_a_button(shop: RunningShop) -> None:
    draft = await written(shop, "question")
    (article,) = shop.library.read_articles([int(draft.sources[0].partition(":")[2])])
    assert article.title in draft.text
    assert article.body[:20] not in draft.text
    assert draft.buttons[0].command == f"/ask {article.title}"


async def test_an_article_is_said_in_its_own_sentences(shop: RunningShop) -> None:
    draft = await written(shop, "article")
    (article,) = shop.library.read_articles([int(draft.sources[0].partition(":")[2])])
    said = next(fact.value for fact in draft.facts if fact.slot == "text1")
    assert said[:40] in article.body
    assert draft.by == "code"


async def test_a_digest_tells_rows_and_numbers_and_no_members_word(shop: RunningShop) -> None:
    assert await nothing(shop, "digest"), "a quiet week has none"
    maya, tyre = await shop.member("Maya"), await shop.product("Gripstone")
    await shop.ask(maya, "Gripstone", text="my secret is 4711")
    private = {"extra": {"private_to": "maya"}}
    for number, more in enumerate(({}, {}, {}, private)):
        await answered(shop, f"product:{tyre}", number, **more)
    draft = await written(shop, "digest")
    assert draft.text.startswith("The week in the group\n")
    assert 'Gripstone 29" Tire' in draft.text
    assert "4711" not in draft.text
    assert "Maya" not in draft.text
    quote = (await shop.drafts._writer.write("digest", "en", shop.group.id) or [draft] * 2)[1]
    assert "I answered 3 questions." in quote.text, "what one member alone was shown does not count"


async def answered(shop: RunningShop, row: str, number: int, **values: object) -> None:
    now = shop.clock.now()

    async def put(tx) -> None:
        key = f"reply:{number}"
        made = await outbox.put(
            tx, shop.shop_id, shop.group.id, key, "reply", "It is in stock.", now, sources=[row], **values
        )
        await outbox.sent(tx, made, key, now)

    await shop.database.write(put)


async def test_newcomers_are_welcomed_once(shop: RunningShop) -> None:
    assert await nothing(shop, "welcome")
    for name in ("Ann", "Ben", "https://evil.example"):
        member = await shop.member(name)
        await shop.database.write(
            lambda tx, member=member: interactions.add(tx, shop.shop_id, member, shop.group.id, "joined", NOON)
        )
    draft = await written(shop, "welcome")
    assert "Ann and Ben" in draft.text
    assert "evil" not in draft.text
    await posted(shop, "welcome", "post:1")
    assert await nothing(shop, "welcome")


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-01-01", "year"), ("2026-02-17", "spring"), ("2027-02-06", "spring"), ("2026-09-25", "autumn"),
        ("2026-12-25", "christmas"), ("2026-05-04", ""), ("2050-01-30", ""),
    ],
)  # fmt: skip
def test_the_days_of_holidays(day: str, name: str) -> None:
    assert holiday.today(date.fromisoformat(day)) == name


async def test_a_greeting_on_its_day_and_on_no_other(shop: RunningShop) -> None:
    assert await nothing(shop, "holiday", "holiday national")
    assert "国庆快乐" in (await written(shop, "holiday national", "zh")).text
    shop.clock.set(NOON.replace(month=12, day=25))
    assert "Merry Christmas" in (await written(shop, "holiday")).text


async def test_every_type_says_something_in_chinese_of_a_chinese_shop(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "wenju") as shop:
        for content in ("tip", "article", "spotlight", "comparison", "poll", "question", "promotion", "holiday spring"):
            draft = await written(shop, content, "zh")
            assert not any(one in draft.text for one in (" the ", "Ask", "You", "?")), draft.text


async def test_of_three_wordings_the_one_that_repeats_least_is_taken(tmp_path: Path) -> None:
    said = "Here is a tip that we gave before: <name1>, <price1>. <text1>"
    other = "Something else entirely, <name1> for <price1>. <text1>"
    async with running_shop(tmp_path, answers=[*[said] * 7, other, *[said] * 9]) as shop:
        await posted(shop, "tip", "post:1")
        draft = await written(shop, "tip")
    assert draft.text.startswith("Something else entirely, ")
    assert draft.candidates[0].refused == "an earlier post says 100% of it"


async def test_a_text_that_asks_needs_no_question_at_its_end(tmp_path: Path) -> None:
    asks = "Which do you like, <name1> or <name2>? <text1> <text2>"
    async with running_shop(tmp_path, answers=[asks] * 6) as shop:
        assert "Which one would you take" not in (await written(shop, "comparison")).text
