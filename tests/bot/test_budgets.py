"""Whoever asks more than their share costs no step of an engine, hears of it once, and is answered again later."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.budgets import ALL, CHAT, WINDOW, Budgets, Cost
from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Kind, Role
from llm.engines.scripted import ScriptedEngine
from storage import interactions
from tests.conftest import Group, open_group

ASKED = "How much is the Porcelain Gaiwan?"
WAIT = "That was a lot in a short time."
BUDGET = 3


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def room(settings: Settings, clock: ManualClock, engine: ScriptedEngine) -> AsyncIterator[Group]:
    async with open_group(settings.model_copy(update={"member_budget": BUDGET}), clock, engine) as opened:
        yield opened


async def test_a_member_over_budget_is_told_once_and_costs_no_step(room: Group, engine: ScriptedEngine) -> None:
    for _ in range(BUDGET):
        assert WAIT not in await room.say("ann", ASKED)
    steps = len(engine.seen)
    assert WAIT in await room.say("ann", ASKED)
    for text in (f"/ask {ASKED}", ASKED, "/help"):
        assert not await room.say("ann", text)
    assert len(engine.seen) == steps
    assert "£" in await room.say("bob", ASKED)
    row = await room.app.database.read(lambda tx: interactions.talk(tx, 1, 20))
    assert sum(one.text == ASKED for one in row) == BUDGET + 3  # what was not answered is kept all the same, once


async def test_it_is_answered_again_after_a_while(room: Group, clock: ManualClock) -> None:
    for _ in range(BUDGET + 1):
        said = await room.say("ann", ASKED)
    assert WAIT in said
    clock.set(clock.now() + WINDOW)
    assert "£" in await room.say("ann", ASKED)
    said = [await room.say("ann", ASKED) for _ in range(BUDGET + 2)]
    assert sum(WAIT in one for one in said) == 1  # once each time


async def test_commands_and_buttons_count(room: Group) -> None:
    for text in ("/suggest", "/me", "/product gaiwan"):
        await room.say("ann", text)
    assert WAIT in await room.say("ann", "/help", kind=Kind.BUTTON)


async def test_admins_and_talk_among_members_are_free(room: Group) -> None:
    for _ in range(2 * BUDGET):
        assert WAIT not in await room.say("boss", ASKED)
        await room.say("ann", "lovely weather", addressed=False)
    assert "£" in await room.say("ann", ASKED)


def test_a_chat_and_all_together_have_their_own() -> None:
    budgets, now = Budgets(BUDGET, 100, 10.0), datetime(2026, 5, 4, tzinfo=UTC)

    def ask(member: int, chat: int) -> str:
        keys = (("member", str(member)), ("chat", str(chat)), ("all", ""))
        over = budgets.over(keys, now)
        if over is None:
            budgets.spend(keys, now, Cost(1, 0.1), 1.0)
        return over.scope if over else ""

    assert {ask(member, 0) for member in range(CHAT * BUDGET)} == {""}
    assert ask(1000, 0) == "chat"
    assert {ask(member, member) for member in range(2000, 2000 + (ALL - CHAT) * BUDGET)} == {""}
    assert ask(1000, 1000) == "all"


async def test_zero_is_no_budget(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings.model_copy(update={"member_budget": 0}), clock) as group:
        for _ in range(40):
            assert WAIT not in await group.say("ann", "/help", role=Role.MEMBER)


SPENT = st.tuples(st.floats(0, 100), st.integers(0, 500), st.floats(0, 60), st.sampled_from((0.1, 1.0)))


@given(steps=st.lists(SPENT, max_size=40))
def test_nobody_gets_more_than_their_share(steps: list[tuple[float, int, float, float]]) -> None:
    """Within any window that began empty, a member gets at most twice their budget, and waiting as told is enough."""
    budgets, now, got = Budgets(5, 100, 10.0), datetime(2026, 5, 4, tzinfo=UTC), 0.0
    keys = (("member", "ann"), ("chat", "shop"), ("all", ""))
    until = now + WINDOW
    for seconds, tokens, took, answers in steps:
        now += timedelta(seconds=seconds)
        over = budgets.over(keys, now)
        if over is None:
            budgets.spend(keys, now, Cost(tokens, took), answers)
            got += answers * (now <= until)
        else:
            assert over.scope == "member"
            assert over.wait > timedelta()
            assert budgets.over(keys, now + over.wait + timedelta(milliseconds=1)) is None
            now += over.wait + timedelta(milliseconds=1)
    assert got <= 2 * 5


def test_what_is_kept_is_bounded() -> None:
    budgets, now = Budgets(5, 100, 10.0), datetime(2026, 5, 4, tzinfo=UTC)
    for number in range(10_500):
        budgets.spend((("member", str(number)),), now, Cost(1, 1.0), 1.0)
    assert len(budgets._held) == 10_000
