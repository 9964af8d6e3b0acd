"""What stands behind an answer, and an answer that is longer than its platform takes: as members see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.app import build
from bot.clock import ManualClock
from bot.config import Settings
from bot.language import cut, units
from bot.messages import Button, Chat, Outgoing
from llm.engines.scripted import ScriptedEngine
from tests.conftest import Group

VALUES = ["£1,299.00 (Copper, 9 cups)", "£74.00", "https://a.example/x. y", "（大, 红）"]
LETTERS = st.text(alphabet="ab1 .。！,，\n🙂字", max_size=200)


@given(text=LETTERS, limit=st.integers(2, 40))
@example(text="🙂🙂🙂", limit=2)
def test_no_sign_is_lost_and_no_part_is_too_long(text: str, limit: int) -> None:
    parts = cut(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(units(part) <= limit for part in parts)


@given(
    values=st.lists(st.sampled_from(VALUES), max_size=8),
    words=st.lists(st.sampled_from(["It costs", "好的。", "Yes!", "and then", "，"]), min_size=8, max_size=8),
    limit=st.integers(27, 60),
)  # fmt: skip
def test_a_value_stays_whole(values: list[str], words: list[str], limit: int) -> None:
    text = " ".join(f"{word} {value}" for word, value in zip(words, values, strict=False))
    parts = cut(text, limit, values)
    for value in values:
        assert sum(part.count(value) for part in parts) >= values.count(value)


def test_it_is_cut_where_a_sentence_ends() -> None:
    assert cut("One is here. Two is there! Three, four.", 30) == ["One is here. Two is there!", "Three, four."]
    assert cut("一共三款。都有现货！要哪个？", 10) == ["一共三款。都有现货！", "要哪个？"]


async def test_an_answer_names_its_source_and_shows_it(group: Group) -> None:
    await group.say("ann", "how much is the hand grinder?")
    [button] = [one for one in group.log[-1][2].buttons if one.label == "Source"]
    assert button.command.startswith("/source product:")
    assert await group.say("ann", button.command) == "Fold Hand Grinder"
    shown = group.log[-1][2]
    assert shown.cards[0].subtitle == "£74.00"
    assert shown.private_to == "ann"


async def test_an_article_is_shown_with_its_heading(group: Group) -> None:
    await group.say("ann", "how long do I have to return something?")
    text = await group.say("ann", "/source")
    assert text.startswith("How do I return something?\nYou can return unused items")


async def test_in_chinese_it_is_called_so(group: Group) -> None:
    await group.say("ann", "手摇磨豆机多少钱")
    assert [one.label for one in group.log[-1][2].buttons] == ["出处"]
    assert "Fold Hand Grinder" in await group.say("ann", "/出处")


async def test_small_talk_has_no_source(group: Group) -> None:
    await group.say("ann", "thanks!")
    assert not group.log[-1][2].buttons
    assert "No row" in await group.say("ann", "/source")


@pytest.mark.parametrize("words", ["product:99999", "article:x", "nonsense", "product:-1", "product:²"])
async def test_a_row_that_is_not_there_is_not_shown(group: Group, words: str) -> None:
    assert "No row" in await group.say("ann", f"/source {words}")


class Bare(Group):
    """A platform without buttons."""

    capabilities = replace(Group.capabilities, buttons=False)


class Narrow(Group):
    """A platform of short messages, whose line breaks after so many of them."""

    capabilities = replace(Group.capabilities, max_length=60, streams=False)
    line = 99

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if len(self.log) >= self.line:
            raise ConnectionError("the line is gone")
        return await super().send(chat, outgoing, key)


@asynccontextmanager
async def opened(group: Group, settings: Settings) -> AsyncIterator[Group]:
    async with build(settings, group.clock, ScriptedEngine(), lambda parts: [group]) as app:
        group.app = app
        await app.load()
        yield group


RETURNS = "how long do I have to return something?"


async def test_without_buttons_a_line_beneath_names_it(settings: Settings, clock: ManualClock) -> None:
    async with opened(Bare(clock), settings) as group:
        text = await group.say("ann", RETURNS)
        assert text.splitlines()[-1] == "Source: How do I return something?"


async def test_what_is_too_long_comes_in_parts_in_order_each_once(settings: Settings, clock: ManualClock) -> None:
    async with opened(Narrow(clock), settings) as group:
        await group.say("ann", RETURNS)
        shown = [out for _, _, out in group.log]
        assert len(shown) > 2
        assert all(units(out.text) <= 60 for out in shown)
        assert "30 days" in " ".join(out.text for out in shown)
        assert [bool(out.reply_to) for out in shown] == [True, *[False] * (len(shown) - 1)]
        assert [bool(out.buttons) for out in shown] == [*[False] * (len(shown) - 1), True]
        assert shown[-1].buttons[0].command.startswith("/source article:")
        assert "Decided: policy" in await group.say("boss", "/trace", reply_to=group.log[len(shown) - 1][1])


async def test_parts_that_were_not_sent_are_sent_by_the_next_process(settings: Settings, clock: ManualClock) -> None:
    """The rows stand before anything is sent: who ends after the first part is followed by the second."""
    broken, whole = Narrow(clock), Narrow(clock)
    broken.line = 1
    async with opened(broken, settings) as group:
        await group.say("ann", RETURNS)
    clock.set(clock.now() + timedelta(hours=1))
    async with opened(whole, settings) as group:
        await group.settle()
    sent = [key for _, key, _ in (*broken.log, *whole.log)]
    assert len(broken.log) == 1
    assert len(sent) == len(set(sent)) > 2
    assert sent == sorted(sent, key=lambda key: int(f"{key}:1".split(":")[2]))


async def test_asking_back_keeps_its_choices(group: Group) -> None:
    await group.say("ann", "is the grinder in stock?")
    assert group.log[-1][2].buttons
    assert all(isinstance(one, Button) and one.command.startswith("/product") for one in group.log[-1][2].buttons)
