"""Nobody's words reach another: what is said in a shop, a chat or by a member stays there. The long form is
`benchmarks/isolation.py`."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.parts.canaries import Origin, Watch
from benchmarks.parts.histories import (
    BOSS,
    DIRECT,
    GROUPS,
    MEMBERS,
    OWN,
    SAID,
    SHOPS,
    TALK,
    THUMBS,
    Step,
    Two,
    prepare,
    two_shops,
    with_and_without,
)  # fmt: skip
from bot.messages import Kind
from llm.engines.local.model import load

SPEECH = st.one_of(
    st.sampled_from(SAID).map(lambda text: (text, Kind.TEXT, True)),
    st.sampled_from(TALK).map(lambda text: (text, Kind.TEXT, False)),
    st.sampled_from((*OWN, *BOSS)).map(lambda text: (text, Kind.TEXT, True)),
    st.sampled_from(THUMBS).map(lambda text: (text, Kind.REACTION, False)),
)
STEPS = st.builds(
    lambda shop, member, chat, speech: Step(shop, member, chat, *speech),
    st.integers(0, SHOPS - 1),
    st.integers(0, MEMBERS - 1),
    st.sampled_from((DIRECT, *range(GROUPS))),
    SPEECH,
)
SHORT = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


class Played:
    """Both shops, open from the first history to the last."""

    def __init__(self, two: Two, runner: asyncio.Runner) -> None:
        self.two, self._runner = two, runner

    def play(self, steps: list[Step]) -> None:
        self._runner.run(self.two.play(steps))


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    with asyncio.Runner() as runner:
        watch, leaving = Watch(), AsyncExitStack()
        prepared = runner.run(prepare(tmp_path, watch))
        two = runner.run(leaving.enter_async_context(two_shops(tmp_path, prepared, watch)))
        yield Played(two, runner)
        runner.run(leaving.aclose())


@SHORT
@given(steps=st.lists(STEPS, min_size=2, max_size=10))
def test_no_canary_crosses_shop_chat_or_member(played: Played, steps: list[Step]) -> None:
    played.play(steps)
    assert played.two.watch.crossed == []


def test_what_crosses_is_seen() -> None:
    watch = Watch()
    mine = watch.plant(Origin(0, "group", "ann"))
    own = watch.plant(Origin(0, "direct ann", "ann", private=True))
    watch.look("message", f"so {mine} said", shop=0, chat="group")
    watch.look("message", f"you said {mine} and {own}", shop=0, chat="direct ann", to="ann")
    assert watch.crossed == []
    watch.look("message", mine, shop=1, chat="group")
    watch.look("prompt", mine, shop=0, chat="another group")
    watch.look("prompt", own, shop=0, chat="group")
    watch.look("message", own, shop=0, chat="direct bob", to="bob")
    assert len(watch.crossed) == 4


PRIVATE = (
    Step(0, 1, 0, "how much is the {p}?"),
    Step(0, 1, DIRECT, "is the {p} in stock?"),
    Step(0, 1, 0, "/me {c}"),
    Step(0, 1, 0, "/subscribe"),
    Step(0, 1, 0, "is it in stock?"),
    Step(0, 1, DIRECT, "do you ship abroad? {c}"),
    Step(0, 2, 0, "what about the {p}?"),
    Step(0, 1, 0, "and how long is the warranty?"),
)


async def test_a_reply_in_a_group_is_the_same_without_what_is_private(tmp_path: Path) -> None:
    """The same prompt, token by token."""
    watch = Watch()
    prepared = await prepare(tmp_path, watch)
    pairs = await with_and_without(tmp_path, prepared, watch, PRIVATE)
    prompts = load("llm/weights/starter").prompts
    assert pairs
    for one, less in pairs:
        assert one is not None
        assert less is not None
        assert prompts.ids(one, 400) == prompts.ids(less, 400)
        assert one == less
