"""Rules over what is known of members: what can be said, what is wrong and where, and who a rule holds for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.config import Settings
from bot.members.rfm import fifths
from bot.members.rules import (
    KEYED,
    NAMES,
    NUMBER,
    TIME,
    VALUES,
    YES_NO,
    BadRule,
    Comparison,
    Joined,
    Rule,
    holds,
    named,
    parse,
    written,
)  # fmt: skip
from bot.members.segments import matching, people
from storage import settings as stored
from tests.bot.running_shop import RunningShop, running_shop
from tests.conftest import Group, open_group

NUMBERS = st.integers(0, 10_000).map(float)
SIGNS = st.sampled_from(("=", "!=", ">", ">=", "<", "<="))


def comparisons() -> st.SearchStrategy[Comparison]:
    def of(name: str) -> st.SearchStrategy[Comparison]:
        equal = st.sampled_from(("=", "!="))
        if name in KEYED:
            key = st.text("abcz 0-9灯轮", min_size=1, max_size=8).map(str.strip).filter(bool)
            return st.builds(Comparison, st.just(name), key, SIGNS, NUMBERS)
        values: dict[str, tuple[Any, Any]] = {
            NUMBER: (SIGNS, NUMBERS),
            TIME: (SIGNS, st.integers(0, 9_000).map(lambda hours: timedelta(hours=hours))),
            YES_NO: (equal, st.booleans()),
        }
        signs, value = values.get(NAMES[name], (equal, st.sampled_from(VALUES.get(name, ("x",)))))
        return st.builds(Comparison, st.just(name), st.just(""), signs, value)

    return st.sampled_from((*NAMES, *KEYED)).flatmap(of)


RULES: st.SearchStrategy[Rule] = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(lambda part: Joined("not", (part,)), inner),
        st.builds(Joined, st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(RULES)
def test_a_rule_written_down_is_read_as_the_same(rule: Rule) -> None:
    text = written(rule)
    if len(text) <= 500:
        assert parse(text) == rule


WORDS = (
    "bought", ">", "0", "30d", "and", "or", "not", "(", ")", "category", '"Lights"', "stage", "=", "lapsed", ",",
    "购买", "且",
)  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_whatever_is_typed_is_a_rule_or_an_error_that_says_where(text: str) -> None:
    try:
        rule = parse(text)
    except BadRule as error:
        rule, at = None, int(str(error.values["at"]))
    else:
        at = 1
    assert 1 <= at <= len(text) + 1
    if rule is not None:
        assert holds(rule, {}) in (True, False)
        assert named(rule)


@pytest.mark.parametrize(
    ("text", "at", "right"),
    [
        ("", 1, "something is missing"),
        ("bougth > 0", 1, "I don't know “bougth”. Right would be one of: bought"),
        ("bought 3", 8, "a comparison is right here, for example: bought > 0"),
        ("bought > many", 10, "bought can't be compared with “many”. Right would be: bought > 0"),
        ("last_seen > 30", 13, "Right would be: last_seen > 30d"),
        ("bought > 30d", 10, "Right would be: bought > 0"),
        ("stage = gone", 9, "stage = new | stage = active | stage = quiet | stage = lapsed"),
        ("stage > new", 7, "stage takes = or != only"),
        ("category > 1", 10, 'say which, for example: category "Lights"'),
        ("(bought > 0", 12, "a closing parenthesis is right here"),
        ("bought > 0 last_seen > 30d", 12, "“last_seen” can't stand here. Right would be: and, or"),
        ("bought > 0; drop", 11, "I can't read “;”"),
        ("(" * 40, 22, "no more than 20 parentheses"),
        ("x" * 501, 501, "at most 500 signs"),
    ],
)
def test_an_error_says_where_and_what_would_be_right(text: str, at: int, right: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse(text)
    assert caught.value.values["at"] == at
    assert right in str(caught.value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("bought>0 and last_seen>30d", "bought > 0 and last_seen > 720h"),
        ("购买>0且最近出现>30天", "bought > 0 and last_seen > 720h"),
        ("消费≥100，非 订阅", "spent >= 100 and not subscribed = yes"),
        ("阶段＝流失 或 喜欢 battery", 'stage = lapsed or liked "battery" > 0'),
        ('category "Bike Lights"', 'category "bike lights" > 0'),
        ("bought > 1 or asked > 2 and buying", "bought > 1 or (asked > 2 and buying = yes)"),
    ],
)
def test_rules_in_both_languages(text: str, same: str) -> None:
    assert written(parse(text)) == same


def test_what_is_not_known_is_nothing() -> None:
    assert holds(parse("bought = 0 and category Lights = 0"), {})
    assert not holds(parse("last_bought > 1d"), {})
    assert not holds(parse("budget < 100"), {})
    assert holds(parse("not language = zh"), {})


@pytest.fixture
async def shop(tmp_path: Path) -> Any:
    async with running_shop(tmp_path) as opened:
        yield opened


async def who(shop: RunningShop, rule: str, policy: str = "notice") -> list[str]:
    now = shop.clock.now()
    known = await shop.database.read(lambda tx: people(tx, shop.shop_id, now, policy))
    return [one.name for one in matching(parse(rule), known)]


async def test_who_a_rule_holds_for(shop: RunningShop) -> None:
    maya, tom, lin = await shop.member("Maya"), await shop.member("Tom"), await shop.member("小林")
    await shop.ask(maya, "Gripstone", text="I'm looking for a tyre under £60", ago=timedelta(days=1))
    await shop.ask(tom, "Beacon 800", ago=timedelta(days=45))
    await shop.ask(lin, "Beacon 800", text="续航怎么样？")
    await shop.ask(lin, kind="said", text="电池不行")
    assert await who(shop, "last_seen > 30d") == ["Tom"]
    assert await who(shop, "category Lights") == ["Tom", "小林"]
    assert await who(shop, "category Lights > 0.5") == ["小林"]
    assert await who(shop, "buying and budget <= 60") == ["Maya"]
    assert await who(shop, "disliked battery or stage = quiet") == ["Tom", "小林"]
    assert await who(shop, "语言 = 中文") == ["小林"]
    assert await who(shop, "recency = 1") == ["Tom"]  # three members: each has a third below them more
    assert await who(shop, "近度 >= 4 且 频度 >= 2") == ["小林"]
    assert await who(shop, "money > 1 or frequency > 4") == []
    assert await who(shop, "messages >= 1", "optin") == []
    await shop.suggestions.subscribe(tom, True)
    assert await who(shop, "messages >= 1", "optin") == ["Tom"]
    assert await who(shop, "messages >= 1", "off") == []


@given(st.lists(st.integers(0, 20).map(float), max_size=60))
def test_fifths_follow_the_order_and_the_same_stand_together(values: list[float]) -> None:
    found = fifths(values)
    assert all(1 <= one <= 5 for one in found)
    for value, fifth in zip(values, found, strict=True):
        below = sum(other < value for other in values)
        assert fifth == 1 + 5 * below // len(values)


async def test_an_admin_keeps_a_segment_and_sees_who_is_in_it(group: Group) -> None:
    await group.say("ann", "how much is the Oak Wave Tray?")
    assert "There is no segment yet." in await group.say("boss", "/segment")
    wrong = await group.say("boss", "/segment keen: askd > 0")
    assert "At sign 1: I don't know “askd”." in wrong
    assert "⟨!⟩askd > 0" in wrong
    shown = await group.say("boss", "/segment keen: asked > 0 and last_seen < 1d")
    assert "It holds for 1 members now.\n- ann: asked 1, last_seen 0h" in shown
    await group.say("bob", "how much is the Oak Wave Tray?")
    assert "keen (2): asked > 0 and last_seen < 1d" in await group.say("boss", "/segment")
    audited = await group.app.database.read(lambda tx: stored.audited(tx, group.app.shop.id))
    assert [row.data["members"] for row in audited if row.action == "segment preview"]
    assert "Done: segment keen is dropped." in await group.say("boss", "/segment drop keen")
    assert "There is no segment called keen." in await group.say("boss", "/segment keen")
    assert "for admins" in await group.say("ann", "/segment")


async def test_without_profiles_there_are_no_segments(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings.model_copy(update={"profiles": "off"}), clock) as group:
        assert "PROFILES=off" in await group.say("boss", "/segment keen: asked > 0")


async def test_a_campaign_goes_to_those_of_a_segment_that_subscribed(group: Group) -> None:
    for name in ("ann", "bob", "cat"):
        await group.say(name, "how much is the Bamboo Tea Tray?", chat=f"with-{name}", direct=True)
    await group.say("boss", "/segment keen: asked > 0")
    nobody = await group.say("boss", '/campaign new "Tea on Sunday" to segment keen', chat="admins")
    assert "Nobody would get it" in nobody
    for name in ("ann", "dan"):
        await group.say(name, "/subscribe", chat=f"with-{name}", direct=True)
    assert "no segment called kene" in await group.say("boss", '/campaign new "Tea" to segment kene', chat="admins")
    preview = await group.say("boss", '/campaign new "Tea on Sunday" to segment keen', chat="admins")
    assert "(1 in all)" in preview
    await group.say("boss", "/campaign start 1", chat="admins")
    got = {chat for chat, _, shown in group.log if shown.text == "Tea on Sunday"}
    assert got == {"with-ann"}
