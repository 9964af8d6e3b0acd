import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.members.profiles import Profile, profile
from llm.engine import EngineError, Request
from llm.engines.scripted import Answer
from llm.protocol import Act
from storage import handoffs, members, outbox
from tests.bot.running_shop import NOON, RunningShop, running_shop

MORNING = NOON.replace(hour=9, minute=5)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


async def known(shop: RunningShop, member_id: int, chat_id: int | None = None, policy: str = "notice") -> Profile:
    return await shop.database.read(
        lambda tx: profile(tx, shop.shop_id, member_id, shop.clock.now(), chat_id=chat_id, policy=policy)
    )


async def test_a_profile_says_what_was_asked_about_and_forgets_by_halves(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Beacon 800", ago=timedelta(days=60))
    await shop.ask(maya, "Gripstone", ago=timedelta(days=30))
    await shop.ask(maya, "Butyl Inner Tube")
    await shop.ask(maya, kind="said", text="lovely weather")
    found = await known(shop, maya)
    assert [(one.name, one.score, one.because) for one in found.interests] == [
        ("Tires", 1.5, "Butyl Inner Tube"),
        ("Lights", 0.25, "Beacon 800 Front Light"),
    ]
    assert found.product_ids[0] == await shop.product("Butyl Inner Tube")
    assert (found.name, found.messages, found.language) == ("Maya", 4, "en")
    assert (found.first_seen, found.last_seen) == (NOON - timedelta(days=60), NOON)


async def test_complaints_and_things_of_children_are_no_interests(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Steadfast Chain", kind="complained", text="my chain broke")
    await shop.ask(maya, "Sprout Balance Bike")
    found = await known(shop, maya)
    assert (found.interests, found.product_ids, found.messages) == ((), (), 2)


async def test_a_group_sees_only_what_was_said_in_it(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    direct = await shop.chat("direct:maya", direct=True)
    await shop.ask(maya, "Beacon 800", chat=direct)
    assert (await known(shop, maya, shop.group.id)).interests == ()
    assert await shop.suggestions.suggest(maya, "Maya", "en", chat_id=shop.group.id) is None
    suggested = await shop.suggestions.suggest(maya, "Maya", "en", chat_id=None)
    assert suggested is not None
    assert suggested.product.title == "Beacon Tail Light"


@pytest.mark.parametrize(
    ("policy", "subscribed", "has"),
    [("notice", False, True), ("optin", False, False), ("optin", True, True), ("off", True, False)],
)
async def test_profiles_follow_the_policy(shop: RunningShop, policy: str, subscribed: bool, has: bool) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, subscribed)
    assert bool((await known(shop, maya, policy=policy)).product_ids) is has


async def test_after_an_optout_nothing_is_derived(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.database.write(lambda tx: members.change(tx, maya, opted_out=True))
    assert (await known(shop, maya)).product_ids == ()


REASON = 'You asked about Gripstone 29" Tire.'
PRICE = "$12.00 (250 ml) or $34.00 (1 L)"


async def test_a_suggestion_gives_its_true_reason(tmp_path: Path) -> None:
    async with running_shop(tmp_path, answers=["<member>, look at <name1> for <price1>. <reason1>"]) as shop:
        maya = await shop.member("Maya")
        await shop.ask(maya, "Gripstone")
        suggested = await shop.suggestions.suggest(maya, "Maya", "en", chat_id=shop.group.id)
        assert suggested is not None
        assert suggested.text == f"Maya, look at Tubeless Sealant for {PRICE}. {REASON}"
        assert (suggested.by, suggested.reason, suggested.sources) == ("model", REASON, (suggested.product.row,))
        assert shop.engine.seen[-1].plan.act is Act.SUGGEST


@pytest.mark.parametrize("answer", ["<name1> is half price today. <reason1>", EngineError("no model"), "Buy <name1>!"])
async def test_what_fails_the_check_is_said_in_the_rows_words(tmp_path: Path, answer: Answer) -> None:
    async with running_shop(tmp_path, answers=[answer, answer]) as shop:
        maya = await shop.member("Maya")
        await shop.ask(maya, "Gripstone")
        suggested = await shop.suggestions.suggest(maya, "Maya", "en", chat_id=shop.group.id)
        assert suggested is not None
        assert suggested.by == "quote"
        assert suggested.text == f"{REASON} Tubeless Sealant might suit you too: {PRICE}."


async def test_what_is_sold_out_is_not_suggested(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Fix-17")  # the wrench, the other tool, is sold out
    assert await shop.suggestions.suggest(maya, "Maya", "en", chat_id=None) is None


async def test_a_stranger_gets_no_suggestion(shop: RunningShop) -> None:
    assert await shop.suggestions.suggest(await shop.member("Tom"), "Tom", "en", chat_id=None) is None


async def test_only_subscribers_are_sent_something_and_once_a_day(shop: RunningShop) -> None:
    maya, tom = await shop.member("Maya"), await shop.member("Tom")
    await shop.ask(maya, "Gripstone")
    await shop.ask(tom, "Gripstone")
    assert await shop.suggestions.push(MORNING) == 0
    await shop.suggestions.subscribe(maya, True)
    assert await shop.suggestions.push(MORNING) == 1
    assert await shop.suggestions.push(MORNING + timedelta(minutes=1)) == 0
    (row,) = await shop.rows("suggestion")
    assert (row.member_id, row.platform_id, row.direct) == (maya, "direct:maya", True)
    assert row.key == f"suggestion:{maya}:2026-05-04"
    assert 'You asked about Gripstone 29" Tire.' in row.text
    labels = ["Tell me more", "More like this", "Not for me", "Hide this brand", "No more suggestions"]
    assert [label for label, _ in row.extra["buttons"]] == labels
    assert row.extra["buttons"][-1] == ["No more suggestions", "/subscribe off"]


async def test_it_goes_to_the_direct_chat_that_the_member_uses(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone", chat=await shop.chat("dm-77", direct=True))
    await shop.suggestions.subscribe(maya, True)
    await shop.suggestions.push(MORNING)
    assert [row.platform_id for row in await shop.rows("suggestion")] == ["dm-77"]


async def test_nothing_is_suggested_where_a_human_talks_with_the_member(shop: RunningShop) -> None:
    maya, place = await shop.member("Maya"), await shop.chat("dm-77", direct=True)
    await shop.ask(maya, "Gripstone", chat=place)
    await shop.suggestions.subscribe(maya, True)
    until = MORNING + timedelta(minutes=30)
    await shop.database.write(lambda tx: handoffs.begin(tx, shop.shop_id, place.id, maya, "request", MORNING, until))
    assert await shop.suggestions.push(MORNING) == 0
    assert await shop.suggestions.push(until) == 1


async def test_nothing_is_sent_in_quiet_hours(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    assert await shop.suggestions.push(NOON.replace(hour=22)) == 0
    assert await shop.suggestions.push(NOON.replace(hour=8, minute=59)) == 0


async def test_the_next_day_brings_another_product(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    for day in range(5):
        await shop.suggestions.push(MORNING + timedelta(days=day))
    titles = [row.sources for row in await shop.rows("suggestion")]
    assert len(titles) == 2  # as many as are like it
    assert titles[0] != titles[1]


async def test_ending_the_subscription_cancels_what_waits_and_gives_the_place_back(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    await shop.suggestions.push(MORNING)
    await shop.suggestions.subscribe(maya, False)
    assert await shop.rows("suggestion") == []
    assert await shop.database.read(lambda tx: outbox.counts(tx, shop.shop_id)) == {"cancelled": 1}
    refusal, target = shop.suggestions.attention.refusal, f"member:{maya}"
    assert await shop.database.read(lambda tx: refusal(tx, target, "another", MORNING)) is None


async def test_consent_withdrawn_while_it_is_worded_counts(tmp_path: Path) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    def answer(request: Request) -> str:
        begun.set()
        return "<name1> <price1> <reason1>"

    async with running_shop(tmp_path, answers=[answer], gate=gate) as shop:
        maya = await shop.member("Maya")
        await shop.ask(maya, "Gripstone")
        await shop.suggestions.subscribe(maya, True)
        pushing = asyncio.create_task(shop.suggestions.push(MORNING))
        await begun.wait()
        await shop.suggestions.subscribe(maya, False)
        gate.set()
        assert await pushing == 0
        assert await shop.rows("suggestion") == []


async def test_a_chinese_shop_suggests_in_chinese(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "wenju") as shop:
        lin = await shop.member("小林")
        await shop.ask(lin, "活页本", text="活页本多少钱？")
        assert (await known(shop, lin)).language == "zh"
        suggested = await shop.suggestions.suggest(lin, "小林", "zh", chat_id=None)
        assert suggested is not None
        assert suggested.product.title == "活页替芯"
