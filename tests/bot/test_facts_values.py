"""Models that were not trained on slots write values: those of the plan pass for their slots, others are refused."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.knowledge.facts import check, fill, needed, slotted
from bot.knowledge.unfit import Unfit
from bot.knowledge.wording import Voice
from bot.safety.rules.base import Terms
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engines.scripted import ScriptedEngine
from llm.protocol import SLOT, Act, Fact, Plan, State

VALUES = {
    "name1": ("Enamel Kettle", "Kettle 2000 (Walnut / M)", "大号茶壶", "T-80 Grinder"),
    "price1": ("$58.00", "£5.00 (S) or £6.50 (M)", "US$1,234.50", "£5.00 至 £8.00", "CN¥58.00", "JP¥1,200"),
    "options1": ("S, M and L", "橡木、胡桃木和白蜡木", "28 cm or 30 cm"),
    "value1": ("300 g", "3年", "2 x AA", "stainless steel, 0.8 mm"),
    "text1": ("We ship within 3 days. Returns take 14 days.", "满200元包邮。", "Open 9:00-18:00, closed on 1 May."),
    "link1": ("https://shop.example/kettle-2000?ref=1",),
}
WORDS = {
    "en": ("sure", "the", "this", "comes", "at", "here", "lovely", "choice", "and", "it", "friends", "glad", "ask"),
    "zh": ("这款", "目前", "您好", "就是", "很受欢迎", "需要", "再问", "我", "呢", "亲"),
}


@st.composite
def replies(draw: st.DrawFn) -> tuple[str, Plan]:
    """A template that passes, and its plan; facts of the plan need not all be said."""
    language = draw(st.sampled_from(("en", "zh")))
    slots = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, min_size=1))
    facts = tuple(Fact(slot, draw(st.sampled_from(VALUES[slot])), "product:1", "title") for slot in slots)
    words = draw(st.lists(st.sampled_from(WORDS[language]), max_size=8))
    said = draw(st.lists(st.sampled_from(slots), unique=True))
    parts = draw(st.permutations([*words, *(f"<{slot}>" for slot in said)]))
    stops = draw(st.lists(st.sampled_from(("", ",", ".") if language == "en" else ("", "。")), min_size=14))
    joined = (" " if language == "en" else "，").join(part + stop for part, stop in zip(parts, stops, strict=False))
    return joined, Plan(Act.DETAIL, language, facts, needs=tuple(said))


def written_out(template: str, plan: Plan) -> str:
    """The template as a model writes it that puts the values in itself, without regard to what stands around them."""
    values = {fact.slot: fact.value for fact in plan.facts}
    return SLOT.sub(lambda found: values[found.group(1)], template)


@given(replies())
def test_values_pass_as_their_slots_do(made: tuple[str, Plan]) -> None:
    template, plan = made
    assume(template.rstrip()[-1:] not in ",，:：、")
    check(template, plan)
    for text in (fill(template, plan), written_out(template, plan)):
        found = slotted(text, plan)
        check(found, plan)
        needed(found, plan)
        assert set(SLOT.findall(found)) >= set(SLOT.findall(template))
        assert all(fact.value in fill(found, plan) for fact in plan.facts if f"<{fact.slot}>" in template)
    sent = fill(template, plan)
    assert fill(slotted(sent, plan), plan) == sent


@given(replies())
def test_slots_stay_slots(made: tuple[str, Plan]) -> None:
    template, plan = made
    plain = SLOT.sub("", template)
    assert slotted(template, plan) == template
    assert slotted(plain, plan) == plain


NUMBER = re.compile(r"\d")


@given(replies(), st.integers(0, 40), st.integers(1, 9))
def test_a_value_with_another_digit_is_refused(made: tuple[str, Plan], place: int, other: int) -> None:
    template, plan = made
    text = written_out(template, plan)
    digits = list(NUMBER.finditer(text))
    assume(digits)
    digit = digits[place % len(digits)]
    wrong = str((int(digit.group()) + other) % 10)
    changed = text[: digit.start()] + wrong + text[digit.end() :]
    assume(all(changed.count(fact.value) <= text.count(fact.value) for fact in plan.facts))
    with pytest.raises(Unfit):
        check(slotted(changed, plan), plan)


@given(replies(), st.sampled_from(("$5.80", "£6.50", "$580.00", "A$58.00", "$58.001", "58.00", "https://evil.example")))
def test_a_value_that_is_not_in_the_plan_is_refused(made: tuple[str, Plan], foreign: str) -> None:
    template, plan = made
    assert foreign not in {fact.value for fact in plan.facts}
    for text in (f"{foreign} {template}", f"{written_out(template, plan)} {foreign}"):
        with pytest.raises(Unfit):
            check(slotted(text, plan), plan)


KETTLE, GRINDER = Fact("name1", "Kettle", "product:1", "title"), Fact("name2", "Grinder", "product:2", "title")
PRICES = Fact("price1", "$58.00", "product:1", "price"), Fact("price2", "$58.00", "product:2", "price")
SAME = Plan(Act.COMPARE, "en", (KETTLE, PRICES[0], GRINDER, PRICES[1]), (State.SAME_PRICE,))


def test_one_value_of_two_facts_stands_for_both_in_their_order() -> None:
    said = "The Kettle is $58.00, the Grinder is $58.00. Kettle and Grinder cost the same."
    slots = "The <name1> is <price1>, the <name2> is <price2>. <name1> and <name2> cost the same."
    assert slotted(said, SAME) == slots
    check(slots, SAME)
    assert slotted(slots, SAME) == slots


@pytest.mark.parametrize(
    "text", ["It is $58.00, yes $58.00.", "<price1> is $58.00.", "A$58.00", "$58.00k", "$58.005", "1$58.00"]
)
def test_more_than_a_slot_may_say_is_refused(text: str) -> None:
    plan = Plan(Act.PRICE, "en", (KETTLE, PRICES[0]))
    with pytest.raises(Unfit):
        check(slotted(text, plan), plan)


def test_a_bare_number_has_to_come_as_a_slot() -> None:
    plan = Plan(Act.STOCK, "en", (KETTLE, Fact("stock1", "3", "variant:1", "stock")), (State.FEW,))
    check(slotted("Only <stock1> left.", plan), plan)
    with pytest.raises(Unfit):
        check(slotted("It arrives within 3 days.", plan), plan)


@pytest.mark.parametrize("name", ["free", "$1.00", "sold out", "https://evil.example"])
def test_a_member_cannot_bring_in_facts_by_their_name(name: str) -> None:
    plan = Plan(Act.GREET, "en", (Fact("member", name, "member", "name"),))
    with pytest.raises(Unfit):
        check(slotted(f"Hello! Today the kettle is {name}", plan), plan)


TEXT = Fact("text1", "We ship within 3 days. Returns take 14 days.", "article:1", "body")
POLICY = Plan(Act.POLICY, "en", (TEXT,), needs=("text1",), quote="-")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Of course! We ship within 3 days. Returns take 14 days. Ask me anything.", 2),
        ("Of course! <text1> Ask me anything.", 1),
    ],
)
async def test_a_member_reads_the_same_whether_the_model_wrote_slots_or_values(said: str, shown: int) -> None:
    parts: list[str] = []

    async def show(text: str) -> None:
        parts.append(text)

    voice = Voice(ScriptedEngine([said]), Safety.of(Terms()), Texts())
    worded = await voice.say(POLICY, (), show)
    assert worded.text == f"Of course! {TEXT.value} Ask me anything."
    assert (worded.by, worded.facts) == ("model", (TEXT,))
    assert parts == ["Of course!", f"Of course! {TEXT.value}"][:shown]


async def test_half_of_a_text_with_a_number_is_no_fact() -> None:
    said = "Returns take 14 days."
    voice = Voice(ScriptedEngine([said, said]), Safety({}), Texts())
    assert (await voice.say(POLICY)).by == "quote"
