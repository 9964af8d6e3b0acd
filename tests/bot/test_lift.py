"""Chances of suggestions, what they did, and when they stop by themselves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.members.bandit import FLOOR, Pressed, draw, floored, generator, held_out, rates
from bot.members.lift import difference, harm, policy_value
from storage import interactions, suggestions
from storage.database import Transaction
from tests.bot.running_shop import NOON, RunningShop, running_shop

MORNING = NOON.replace(hour=9, minute=5)
DAY = timedelta(days=1)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10).filter(lambda wins: sum(wins) > 0.1))
def test_chances_have_a_floor_and_sum_up_to_one(wins: list[float]) -> None:
    chances = floored(np.array(wins) / sum(wins))
    assert chances.sum() == pytest.approx(1.0)
    assert chances.min() >= FLOOR - 1e-12


def nothing_pressed(items: int) -> Pressed:
    return Pressed(np.zeros(0, np.int64), np.zeros((0, 1)), np.zeros(0))


def test_the_likeliest_is_chosen_most_and_others_too() -> None:
    learnt = rates(nothing_pressed(3), np.array([1.0]), 3)
    values = np.array([[1.0], [0.6], [0.1]])
    chances = learnt.propensities(np.arange(3), values, generator("key"))
    assert chances[0] > chances[1] > chances[2] >= FLOOR
    taken = np.bincount([draw(chances, generator(f"push {one}")) for one in range(2_000)], minlength=3) / 2_000
    assert taken == pytest.approx(chances, abs=0.04)


def test_what_is_pressed_is_chosen_more_often_from_then_on() -> None:
    put = np.repeat([0, 1], 200)
    pressed = np.concatenate([np.zeros(200), np.tile([1.0, 0.0, 0.0, 0.0], 50)])
    learnt = rates(Pressed(put, np.ones((400, 1)), pressed), np.array([1.0]), 2)
    chances = learnt.propensities(np.arange(2), np.ones((2, 1)), generator("key"))
    assert chances[1] > 0.9
    assert learnt.quality()[1] > 1 > learnt.quality()[0]


def test_the_holdout_stays_and_has_its_size() -> None:
    held = [member for member in range(10_000) if held_out(1, member, 0.1)]
    assert 900 < len(held) < 1_100
    assert held == [member for member in range(10_000) if held_out(1, member, 0.1)]
    assert held != [member for member in range(10_000) if held_out(2, member, 0.1)]
    assert not any(held_out(1, member, 0.0) for member in range(100))


def test_the_interval_holds_the_true_difference() -> None:
    rng = np.random.default_rng(3)
    right = 0
    for _ in range(200):
        found = difference(rng.poisson(1.5, 900).astype(float), rng.poisson(1.0, 100).astype(float))
        assert found is not None
        right += found.low <= 0.5 <= found.high
    assert right >= 182
    assert difference(np.ones(5), np.ones(1)) is None
    level = difference(np.ones(5), np.ones(5))
    assert level is not None
    assert (level.value, level.low, level.high) == (0.0, 0.0, 0.0)


def test_another_policy_is_judged_from_the_log() -> None:
    rng = np.random.default_rng(6)
    true, chances = np.array([0.05, 0.1, 0.3]), np.array([0.6, 0.3, 0.1])
    chosen = rng.choice(3, 4_000, p=chances)
    rewards = (rng.random(4_000) < true[chosen]).astype(float)
    last = np.array([0.0, 0.0, 1.0])
    found = policy_value(rewards, chosen.tolist(), [chances] * 4_000, [last] * 4_000, lambda at: np.full(3, 0.1))
    for one in found:
        assert one is not None
        assert one.low < 0.3 < one.high
        assert 0.22 < one.value < 0.38


def test_harm_is_found_and_no_harm_is_not() -> None:
    rng = np.random.default_rng(8)
    held = rng.random(3_000) < 0.1
    none = harm(held.tolist(), (rng.random(3_000) < 0.02).tolist(), 0.1)
    assert not none.significant
    bad = harm(held.tolist(), (rng.random(3_000) < np.where(held, 0.02, 0.2)).tolist(), 0.1)
    assert bad.significant
    assert bad.found_at is not None
    assert bad.found_at < 600
    assert not harm([], [], 0.1).significant
    assert not harm([False] * 50, [True] * 50, 0.0).significant  # nobody to compare with


async def log(shop: RunningShop) -> list[suggestions.Slot]:
    return await shop.suggestions.slots()


async def test_a_push_is_logged_with_its_candidates_and_chances(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    assert await shop.suggestions.push(MORNING) == 1
    (slot,) = await log(shop)
    (sent,) = await shop.rows("suggestion")
    assert f"product:{slot.chosen}" in sent.sources
    assert slot.chosen in slot.candidates
    assert len(slot.candidates) == len(slot.propensities) == len(slot.expected) == 2  # as many as are like it
    assert sum(slot.propensities) == pytest.approx(1.0)
    assert (slot.holdout, slot.pressed, slot.gone) == (False, False, False)


async def test_who_is_held_out_is_sent_nothing_but_answered(shop: RunningShop) -> None:
    shop.suggestions.holdout = 1.0
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    assert await shop.suggestions.push(MORNING) == await shop.suggestions.push(MORNING) == 0
    assert [(slot.holdout, slot.chosen) for slot in await log(shop)] == [(True, None)]
    assert await shop.suggestions.suggest(maya, "Maya", "en", chat_id=None) is not None


async def test_what_follows_a_suggestion_is_seen(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    await shop.suggestions.push(MORNING)
    (slot,) = await log(shop)
    shop.clock.set(MORNING + timedelta(hours=1))

    async def asked(tx: Transaction) -> None:
        at = shop.clock.now()
        await interactions.add(tx, shop.shop_id, maya, shop.group.id, "asked", at, product_id=slot.chosen)

    await shop.database.write(asked)
    assert [(one.pressed, one.gone) for one in await log(shop)] == [(True, False)]
    await shop.suggestions.subscribe(maya, False)
    assert [(one.pressed, one.gone) for one in await log(shop)] == [(True, True)]


async def fill(shop: RunningShop, members: int, leaving: float) -> None:
    """Slots of the last days: every tenth is held out; of the others, this share ends the subscription."""

    async def job(tx: Transaction) -> None:
        for one in range(members):
            at, held = MORNING - 3 * DAY + timedelta(seconds=one), one % 10 == 9
            ids = {} if held else {"candidates": [1], "propensities": [1.0], "expected": [0.1], "chosen": 1}
            await suggestions.add(tx, shop.shop_id, maya, f"slot:{one}", at, **ids)
            if not held and one % 100 < 100 * leaving:
                await suggestions.stop(tx, shop.shop_id, maya, at + timedelta(hours=1))

    maya = await shop.member("Filler")
    await shop.database.write(job)


@pytest.mark.parametrize(("leaving", "sent"), [(0.0, 1), (0.3, 0)])
async def test_pushes_pause_where_they_drive_members_away(shop: RunningShop, leaving: float, sent: int) -> None:
    await fill(shop, 500, leaving)
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    assert await shop.suggestions.push(MORNING) == sent
    await shop.database.write(lambda tx: suggestions.resume(tx, shop.shop_id))
    assert await shop.suggestions.push(MORNING + DAY) == 1


async def test_an_admin_sees_what_suggestions_do(group) -> None:
    assert await group.say("boss", "/lift") == "No suggestion was sent unasked yet."
    assert await group.say("ann", "/lift") == "/lift is for admins of this chat."
    now, place = group.app.clock.now() - 2 * DAY, group.app.shop.id

    async def job(tx: Transaction) -> None:
        members = (await tx.scalars(suggestions.select(suggestions.DID.c.member_id).distinct())).all()
        for one in range(40):
            for member in members:
                sent = {"candidates": [1, 2], "propensities": [0.5, 0.5], "expected": [0.2, 0.1], "chosen": 1 + one % 2}
                await suggestions.add(
                    tx, place, member, f"{one}:{member}", now, **(sent if member != members[0] else {})
                )

    await group.app.database.write(job)
    text = await group.say("boss", "/lift")
    assert "get none by chance" in text
    assert "Buttons pressed" in text
    assert "Asked about within a day: 0.0%" in text
    assert "Evidence that they drive members away: 1.0; at 20 they pause by themselves." in text
    assert "go out again" in await group.say("boss", "/lift resume")
    assert "Try: /lift" in await group.say("boss", "/lift what")
