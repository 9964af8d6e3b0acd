"""Traits follow from interactions, in the same transaction; derived anew they are the same."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.members.traits import HALF_LIVES, Event, Trait, effects, fold
from bot.messages import Kind
from storage import interactions, members, traits
from storage import settings as stored
from tests.bot.running_shop import NOON, RunningShop, running_shop
from tests.conftest import Group

SIGNS = ("in:en", "in:zh", "+battery", "-battery", "=price", "buy", "budget:150", "+", "-")
EVENTS = st.lists(
    st.builds(
        lambda minutes, kind, product, said: (NOON + timedelta(minutes=minutes), kind, product, {"signs": said}),
        st.integers(0, 600_000),
        st.sampled_from(("said", "asked", "complained", "bought", "clicked", "dismissed", "joined")),
        st.none() | st.integers(1, 3),
        st.lists(st.sampled_from(SIGNS), max_size=4),
    ),
    max_size=40,
)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


async def held(shop: RunningShop, member_id: int) -> dict[str, Any]:
    rows = await shop.database.read(lambda tx: traits.of_member(tx, member_id))
    return {row.name: row for row in rows}


@given(EVENTS)
@settings(deadline=None)
def test_a_score_that_fades_step_by_step_is_the_sum_of_all_that_faded(drawn: list[Any]) -> None:
    events = [Event(number, kind, at, product, data) for number, (at, kind, product, data) in enumerate(drawn, 1)]
    found: dict[str, Trait] = {}
    for event in events:
        fold(found, event)
    moment = NOON + timedelta(days=500)
    for name, one in found.items():
        half_life = HALF_LIVES.get(name.partition(":")[0])
        if name == "budget":
            continue
        plain = 0.0
        for event in events:
            for other, amount in effects(event):
                fading = 0.5 ** ((moment - event.at).total_seconds() / half_life) if half_life else 1.0
                plain += amount * fading if other == name else 0.0
        assert one.now(moment) == pytest.approx(plain, rel=1e-9, abs=1e-9)
        assert one.events == sum(other == name for event in events for other, _ in effects(event))


@given(EVENTS, st.randoms())
@settings(deadline=None)
def test_the_order_in_which_events_arrive_does_not_matter(drawn: list[Any], random: Any) -> None:
    events = [Event(number, kind, at, product, data) for number, (at, kind, product, data) in enumerate(drawn, 1)]
    first: dict[str, Trait] = {}
    second: dict[str, Trait] = {}
    for event in events:
        fold(first, event)
    random.shuffle(events)
    for event in events:
        fold(second, event)
    assert first.keys() == second.keys()
    for name in first.keys() - {"budget"}:
        assert second[name].score == pytest.approx(first[name].score, rel=1e-9, abs=1e-9)
        assert second[name].at == first[name].at


async def test_what_stands_in_the_tables_is_what_a_rebuild_makes(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    direct = await shop.chat("direct:maya", direct=True)
    for day, (about, text) in enumerate(
        [("Gripstone", "is it grippy?"), ("Beacon 800", "the battery is great"), ("Gripstone", "我想买，预算500以内")]
    ):
        await shop.ask(maya, about, text=text, ago=timedelta(days=30 - day))
        await shop.ask(maya, kind="said", text="the delivery was slow", chat=direct, ago=timedelta(hours=day))
    before = await held(shop, maya)
    assert {"aspect:battery:+", "aspect:delivery:-", "intent:buy", "budget", "did:asked", "spoke:zh:12"} <= set(before)
    await shop.database.write(lambda tx: shop.suggestions.traits.rebuild(tx, maya))
    after = await held(shop, maya)
    assert before.keys() == after.keys()
    for name, row in before.items():
        assert after[name].score == pytest.approx(row.score, rel=1e-9)
        assert (after[name].at, after[name].events, after[name].last_id) == (row.at, row.events, row.last_id)


async def test_a_trait_says_which_interactions_it_comes_from(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.ask(maya, kind="said", text="the saddle is comfortable")
    await shop.ask(maya, "Gripstone")
    name = f"product:{await shop.product('Gripstone')}"
    found = await shop.database.read(lambda tx: shop.suggestions.traits.sources(tx, maya, name))
    rows = await shop.database.read(lambda tx: interactions.of_member(tx, maya))
    assert found == [row.id for row in reversed(rows) if row.product_id]
    row = (await held(shop, maya))[name]
    assert (row.events, row.last_id, row.score) == (2, found[-1], 2.0)


async def test_words_are_erased_and_what_they_said_is_still_known(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, kind="said", text="the battery is rubbish", ago=timedelta(days=40))
    await shop.database.write(lambda tx: interactions.forget_texts(tx, shop.shop_id, NOON))
    await shop.database.write(lambda tx: shop.suggestions.traits.rebuild(tx, maya))
    assert "aspect:battery:-" in await held(shop, maya)


async def test_of_who_did_not_consent_nothing_is_derived_until_they_do(tmp_path: Path) -> None:
    async with running_shop(tmp_path, profiles="optin") as shop:
        maya = await shop.member("Maya")
        await shop.ask(maya, "Gripstone", text="the battery is rubbish")
        assert await held(shop, maya) == {}
        (row,) = await shop.database.read(lambda tx: interactions.of_member(tx, maya))
        assert "signs" not in row.data
        await shop.suggestions.subscribe(maya, True)
        assert "aspect:battery:-" in await held(shop, maya)
        await shop.suggestions.subscribe(maya, False)
        assert await held(shop, maya) == {}
        (row,) = await shop.database.read(lambda tx: interactions.of_member(tx, maya))
        assert "signs" not in row.data


async def test_sensitive_things_become_no_trait(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Sprout Balance Bike", text="my kid loves it, the quality is great")
    assert set(await held(shop, maya)) == {"did:asked", "spoke:en:12"}


async def test_who_opted_out_meanwhile_has_no_traits_after_the_night(shop: RunningShop) -> None:
    maya, tom = await shop.member("Maya"), await shop.member("Tom")
    await shop.ask(maya, "Gripstone")
    await shop.ask(tom, "Gripstone")
    await shop.database.write(lambda tx: members.change(tx, maya, opted_out=True))
    await shop.database.write(lambda tx: traits.drop(tx, tom))  # as before traits were kept
    await shop.tick_until_idle()
    assert await held(shop, maya) == {}
    assert "did:asked" in await held(shop, tom)


async def test_a_parked_message_counts_once_as_what_it_turned_out_to_be(shop: RunningShop) -> None:
    maya, product = await shop.member("Maya"), await shop.product("Gripstone")
    place, kept = (maya, shop.group.id), {"text": "how much?", "message_id": "m1"}
    record = shop.suggestions.traits
    await shop.database.write(lambda tx: record.record(tx, *place, "said", NOON, **kept, data={"parked": "asked"}))
    assert await held(shop, maya) == {}
    await shop.database.write(lambda tx: record.settle(tx, *place, "asked", NOON, **kept, product_id=product, data={}))
    assert {name: row.score for name, row in (await held(shop, maya)).items() if name.startswith(("did", "pro"))} == {
        "did:asked": 1.0,
        f"product:{product}": 1.0,
    }


@pytest.mark.parametrize("name", ["did:asked", "product:1"])
def test_what_fades_and_what_does_not(name: str) -> None:
    one = Trait(name, 1.0, NOON.timestamp(), 1, 1)
    later: datetime = NOON + timedelta(days=30)
    assert one.now(later) == (1.0 if name.startswith("did") else pytest.approx(0.5))


async def test_a_member_reads_what_is_known_of_them_and_an_admins_look_is_audited(group: Group) -> None:
    direct = {"chat": "with-ann", "direct": True}
    for _ in range(3):
        await group.say("ann", "how much is the Bamboo Tea Tray?", **direct)
    await group.say("ann", "The quality is great but the delivery was slow", **direct)
    await group.say("ann", "I'm looking for a lamp, my budget is 150", **direct)
    mine = await group.say("ann", "/me", **direct)
    assert "because you asked about Bamboo Tea Tray (" in mine
    assert "Liked: quality" in mine
    assert "Complained of: delivery" in mine
    assert "Wants to spend at most: £150.00" in mine
    assert "Seems about to buy something" in mine
    assert "Writes in English, mostly from 10:00 to 11:00" in mine
    assert "Liked" not in await group.say("ann", "/me")  # in the group: only what was said there
    shown = await group.say("boss", "/profile ann", chat="with-boss", direct=True)
    assert "New here." in shown
    assert "Complained of: delivery" in shown
    audited = await group.app.database.read(lambda tx: stored.audited(tx, group.app.shop.id))
    assert [row.action for row in audited][:2] == ["profile looked at", "/profile"]


@pytest.mark.parametrize(("thumb", "score"), [("👍", 1.5), ("👎", -1.5)])
async def test_a_thumb_under_a_post_says_what_somebody_thinks_of_its_product(
    group: Group, thumb: str, score: float
) -> None:
    await group.say("boss", "/post now spotlight")
    posted = next(key for _, key, shown in group.log if shown.cards)
    await group.say("ann", thumb, addressed=False, reply_to=posted, kind=Kind.REACTION)
    app = group.app
    ann = await app.database.read(lambda tx: members.find(tx, app.shop.id, "ann"))
    assert ann is not None
    rows = await app.database.read(lambda tx: traits.of_member(tx, ann.id))
    assert [row.score for row in rows if row.name.startswith("product:")] == [score]
