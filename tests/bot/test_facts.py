"""Nothing passes for a fact but a fact: what is refused, and how values are filled in."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.knowledge.facts import Maker, check, fill, needed, needs_of, said
from bot.knowledge.rows import Article, Product, Variant
from bot.knowledge.unfit import Unfit
from llm.corpus.vary import Corpus, every
from llm.protocol import LANGUAGES, SLOT, Act, Fact, Plan, State

WORDS = {
    "en": ("sure", "the", "this", "comes", "at", "here", "lovely", "choice", "and", "it", "friends", "glad", "ask"),
    "zh": ("这款", "目前", "您好", "就是", "很受欢迎", "需要", "再问", "我", "呢", "亲"),
}
NAMES = ("name1", "price1", "label1", "value1", "text1")
FOREIGN = ("price2", "stock1", "member", "link3", "colour1", "name9")
NUMBERS = ("two", "Seven", "twenty-five", "half", "hundred", "percent", "三天", "五十块", "二十元", "百分", "%")
LINKS = ("https://a.example", "HTTP://A", "www.a", "evil.com", "a.b.cn", "Shop.io/x")
STATES = (
    "in stock", "Available", "sold out", "out of stock", "isn't available", "few left", "running low", "same price",
    "cheaper", "less expensive", "is free", "for free", "free shipping", "a discount", "guaranteed", "a refund",
    "有货", "现货", "售罄", "缺货", "只剩", "价格一样", "更便宜", "包邮", "免费", "打折", "保证",
)  # fmt: skip


def plan(*slots: str, act: Act = Act.DETAIL, language: str = "en", states: tuple[State, ...] = ()) -> Plan:
    facts = tuple(Fact(slot, f"a {slot}", "product:1", "title") for slot in slots)
    return Plan(act, language, facts, states)


@st.composite
def templates(draw: st.DrawFn, *, stops: bool = False) -> tuple[list[str], Plan]:
    """Words and slots that a plan allows, in any order, each slot once."""
    language = draw(st.sampled_from(("en", "zh")))
    slots = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    words = draw(st.lists(st.sampled_from(WORDS[language]), max_size=8))
    parts = draw(st.permutations([*words, *(f"<{slot}>" for slot in slots)]))
    if stops:
        stop = "." if language == "en" else "。"
        parts = [part + stop if draw(st.booleans()) else part for part in parts]
    return parts, plan(*slots, language=language)


def joined(parts: list[str], language: str) -> str:
    return (" " if language == "en" else "").join(parts)


def refused(text: str, held: Plan) -> bool:
    try:
        check(text, held)
    except Unfit:
        return True
    return False


@given(templates())
def test_words_around_the_plans_own_slots_pass(made):
    parts, held = made
    check(joined(parts, held.language), held)


INTRUDERS = st.one_of(
    st.sampled_from([f"<{slot}>" for slot in FOREIGN]),
    st.characters(categories=["Nd"]),
    st.sampled_from("$€£¥￥"),
    st.sampled_from(NUMBERS + LINKS + STATES),
    st.sampled_from(("<", "price1>", "<Price1>", "< price1 >")),
)


@given(templates(), INTRUDERS, st.integers(0, 20))
def test_no_foreign_slot_number_link_or_state_passes_anywhere(made, intruder, place):
    parts, held = made
    at = place % (len(parts) + 1)
    text = " ".join([*parts[:at], intruder, *parts[at:]])
    assert refused(text, held)


@given(templates())
def test_no_slot_passes_twice(made):
    parts, held = made
    assert refused(joined([*parts, f"<{held.slots[0]}>"], held.language), held)


@pytest.mark.parametrize(
    ("text", "language"), [("这款很好", "en"), ("Here you are, friends: 好的", "zh"), ("The nice thing is it", "zh")]
)
def test_the_wrong_language_is_refused(text, language):
    assert refused(text, plan(language=language))


ALLOWED = [
    ("<name1> is in stock.", (State.IN_STOCK,)),
    ("Just a few left of the <name1>: <stock1>!", (State.FEW,)),
    ("Yes, <name1> is available.", (State.IN_STOCK,)),
    ("Sorry, <name1> is sold out.", (State.SOLD_OUT,)),
    ("<name1> isn't available.", (State.SOLD_OUT,)),
    ("<name1>目前售罄。", (State.SOLD_OUT,)),
    ("<name1>有货哦。", (State.IN_STOCK,)),
    ("<name1>只剩<stock1>件。", (State.FEW,)),
    ("They cost the same: <price1>.", (State.SAME_PRICE,)),
]


@pytest.mark.parametrize(("text", "states"), ALLOWED)
def test_a_state_word_passes_only_with_its_state(text, states):
    language = "zh" if re.search("[一-鿿]", text) else "en"
    slots = ("name1", "stock1", "price1")
    check(text, plan(*slots, act=Act.STOCK, language=language, states=states))
    assert refused(text, plan(*slots, act=Act.STOCK, language=language))


OPPOSITE = [
    ("Sorry, <name1> is sold out.", (State.IN_STOCK,)),
    ("<name1> is in stock.", (State.SOLD_OUT,)),
    ("<name1> is not available.", (State.IN_STOCK,)),
    ("<name1>没有货。", (State.IN_STOCK,)),
    ("<name1>有货。", (State.SOLD_OUT,)),
    ("Yes! <name1>.", (State.SOLD_OUT,)),
    ("No, <name1>.", (State.IN_STOCK,)),
]


@pytest.mark.parametrize(("text", "states"), OPPOSITE)
def test_the_opposite_of_a_state_is_refused(text, states):
    language = "zh" if "货" in text else "en"
    assert refused(text, plan("name1", act=Act.STOCK, language=language, states=states))


CHEAPER = [
    "<name1> is cheaper: <price1>, <name2> costs <price2>.",
    "<price1> and <price2>. That makes the <name1> cheaper.",
    "The cheaper one is <name1>.",
    "<name1>更便宜，<price1>，<name2>要<price2>。",
    "便宜的是<name1>，<price1>。",
    "<name2>要<price2>，<name1>只要<price1>，更便宜。",
    "The <name2> comes to <price2>, and the <name1> to <price1>, so less for the <name1>.",
    "Price-wise I'd take the <name1> with <price1>, you'd pay more for the <name2> at <price2>.",
    "<name1>: <price1>. <name2>: <price2>. So you'd pay less for the first.",
]


@pytest.mark.parametrize("text", CHEAPER)
def test_only_the_cheaper_one_is_called_cheaper(text):
    slots = ("name1", "price1", "name2", "price2")
    language = "zh" if "便宜" in text else "en"

    def held(state: State) -> Plan:
        return plan(*slots, act=Act.COMPARE, language=language, states=(state,))

    swapped = text.translate(str.maketrans("12", "21"))
    check(text, held(State.CHEAPER1))
    check(swapped, held(State.CHEAPER2))
    assert refused(text, held(State.CHEAPER2))
    assert refused(swapped, held(State.CHEAPER1))
    assert "便宜的是" in text or refused(text, held(State.SAME_PRICE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_written_comparison_is_refused_where_the_other_is_cheaper(language):
    slots, both = ("name1", "price1", "name2", "price2"), {State.CHEAPER1, State.CHEAPER2}
    groups = [group for group in Corpus(language).groups if group.act is Act.COMPARE]
    written = [(text, group.states) for group in groups for whole in group.texts for text in every(whole)]
    wrong = [
        text
        for text, states in written
        if refused(text, plan(*slots, act=Act.COMPARE, language=language, states=states))
    ]
    assert wrong == []
    decided = [(text, one) for text, states in written for one in both & {*states}]
    passed = [
        text
        for text, one in decided
        if not refused(text, plan(*slots, act=Act.COMPARE, language=language, states=(*(both - {one}),)))
    ]
    assert len(passed) < len(decided) / 10  # those that give the two prices and leave it at that


def test_a_name_may_come_twice_in_a_comparison_only():
    text = "<name1>: <price1>. So <name1>."
    check(text, plan("name1", "price1", act=Act.COMPARE))
    assert refused(text, plan("name1", "price1", act=Act.PRICE))


VALUES = st.text("abcXYZ0189 .,-/£壶茶。°", min_size=1, max_size=20).filter(
    lambda value: value == value.strip() and value[0].isalnum() and not re.search(r"  |\.\.|。。|[.。][.。]", value)
)


@given(templates(stops=True), st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)))
def test_filling_leaves_no_slot_and_keeps_values_word_for_word(made, values):
    parts, held = made
    filled = Plan(
        held.act,
        held.language,
        tuple(Fact(slot, value, "product:1", "title") for slot, value in zip(held.slots, values, strict=False)),
    )
    text = fill(joined(parts, held.language), filled)
    assert not SLOT.search(text)
    assert all(fact.value in text for fact in filled.facts)
    assert "  " not in text
    assert not re.search(r"\.\.|。。|[.][。]", text)
    assert {fact.slot for fact in said(text, filled)} == set(filled.slots)


@pytest.mark.parametrize(
    ("text", "language", "values", "filled"),
    [
        ("<text1>想看问我。", "zh", {"text1": "Hand-made."}, "Hand-made. 想看问我。"),
        ("<text1>想看问我。", "zh", {"text1": "手工做的。"}, "手工做的。想看问我。"),
        ("Hi! <topic1>, <topic2>.", "en", {"topic1": "green tea", "topic2": "tins"}, "Hi! Green tea, tins."),
    ],
)  # fmt: skip
def test_spaces_and_capitals_come_out_right_around_a_value(text, language, values, filled):
    facts = tuple(Fact(slot, value, "product:1", "title") for slot, value in values.items())
    held = Plan(Act.DIGEST, language, facts)
    assert fill(text, held) == filled
    assert {fact.slot for fact in said(filled, held)} == set(held.slots)


@pytest.mark.parametrize("text", ["Look: <link1>.", "<link1>!", "链接：<link1>，欢迎"])
def test_a_link_ends_where_it_ends(text):
    held = Plan(Act.LINK, facts=(Fact("link1", "https://shop.example/a", "product:1", "link"),))
    assert re.search(r"https://shop\.example/a(\s|$)", fill(text, held))


def test_a_value_that_looks_like_a_slot_stays_a_value():
    held = Plan(Act.GREET, facts=(Fact("member", "<shop>", "member", "name"), Fact("shop", "Tea", "shop", "name")))
    assert fill("Hi <member>!", held) == "Hi <shop>!"


@given(templates(), st.sampled_from(NAMES))
def test_a_whole_reply_holds_what_answers(made, slot):
    parts, held = made
    text = joined(parts, held.language)
    wanted = Plan(held.act, held.language, held.facts, needs=(slot,))
    if f"<{slot}>" in text:
        needed(text, wanted)
    else:
        with pytest.raises(Unfit, match=slot):
            needed(text, wanted)


@pytest.mark.parametrize("text", ["<name1>：👉", "You want <name1>,", "<name1> is:"])
def test_a_reply_that_breaks_off_is_refused(text):
    with pytest.raises(Unfit, match="breaks off"):
        needed(text, Plan(Act.LINK, "en", needs=("name1",)))


NEEDS = [
    (Act.PRICE, ("name1", "price1"), ("price1",)),
    (Act.STOCK, ("name1",), ()),
    (Act.STOCK, ("name1", "stock1"), ("stock1",)),
    (Act.OPTIONS, ("name1", "label1", "options1"), ("options1",)),
    (Act.DETAIL, ("name1", "label1", "value1"), ("value1",)),
    (Act.POLICY, ("text1",), ("text1",)),
    (Act.LINK, ("name1", "link1"), ("link1",)),
    (Act.COMPARE, ("name1", "price1", "name2", "price2"), ("name1", "price1", "name2", "price2")),
    (Act.RECOMMEND, ("name1", "price1", "name3", "price3"), ("name1", "price1", "name3", "price3")),
    (Act.ASK_BACK, ("name1", "name2"), ("name1", "name2")),
    (Act.GREET, ("member", "shop"), ()),
    (Act.UNKNOWN, (), ()),
]


@pytest.mark.parametrize(("act", "slots", "wanted"), NEEDS)
def test_what_an_act_needs(act, slots, wanted):
    assert needs_of(act, slots) == wanted


def mug(*priced: tuple[str, str], currency: str = "GBP") -> Product:
    variants = tuple(
        Variant(number, {"Size": label} if label else {}, Decimal(price), None, currency, 3, None)
        for number, (label, price) in enumerate(priced)
    )
    return Product(7, "Mug", "", "", (), "", {"Weight": "300 g"}, "", "", 1, variants)


PRICES = [
    ([("", "5")], "GBP", "£5.00", "£5.00"),
    ([("S", "5"), ("M", "5")], "GBP", "£5.00", "£5.00"),
    ([("S", "5"), ("M", "6.5")], "GBP", "£5.00 (S) or £6.50 (M)", "£5.00（S）或£6.50（M）"),
    ([("S", "5"), ("M", "6"), ("L", "7"), ("XL", "8")], "GBP", "£5.00 to £8.00", "£5.00 至 £8.00"),
    ([("", "1234.5")], "USD", "$1,234.50", "$1,234.50"),
    ([("", "58")], "CNY", "¥58.00", "¥58.00"),
    ([("", "1200")], "JPY", "¥1,200", "¥1,200"),
]  # fmt: skip


@pytest.mark.parametrize(("priced", "currency", "english", "chinese"), PRICES)
def test_prices_as_people_write_them(priced, currency, english, chinese):
    product = mug(*priced, currency=currency)
    assert Maker("en").price(product).value == english
    assert Maker("zh").price(product).value == chinese


def test_names_choices_and_prose_as_people_write_them():
    product = mug(("S", "5"), ("M", "6"))
    assert Maker("en").name(product, product.variants[1]).value == "Mug (M)"
    assert Maker("zh").name(product, product.variants[1]).value == "Mug（M）"
    assert [fact.value for fact in Maker("en").options(product, "Size", ["S", "M", "L"])] == ["size", "S, M and L"]
    assert Maker("zh").options(product, "尺寸", ["S", "M", "L"])[1].value == "S、M和L"
    assert [fact.value for fact in Maker("en").detail(product, "Weight")] == ["weight", "300 g"]
    article = Article(1, "", "", "en")
    assert Maker("en").prose("Open daily", article, "body").value == "Open daily."
    assert Maker("zh").prose("每天营业", article, "body").value == "每天营业。"
    assert Maker("en").prose("Really?", article, "body").value == "Really?"


@given(st.decimals(0, 99_999, places=2), st.sampled_from(("GBP", "USD", "CNY", "EUR")), st.sampled_from(("en", "zh")))
def test_money_holds_the_exact_amount(amount, currency, language):
    assume(amount >= 0)
    shown = Maker(language).money(amount, currency)
    assert Decimal(re.sub(r"[^\d.]", "", shown)) == amount


@pytest.mark.parametrize(
    "text",
    [
        "<name1> is <price1>, <name2> is <price2>.",
        "<price1> for the <name1>, <price2> for the <name2>.",
        "The <name2> at <price2> next to <price1> for the <name1>.",
        "<name2> and <name1>: <price2> and <price1>.",
        "The <name1> would be cheaper: <price1>, against <price2> for the <name2>.",
    ],
)
def test_each_price_stands_with_its_own_name(text):
    slots = ("name1", "price1", "name2", "price2")
    held = plan(*slots, act=Act.COMPARE, states=(State.CHEAPER1,))
    check(text, held)
    swapped = text.replace("<price1>", "<x>").replace("<price2>", "<price1>").replace("<x>", "<price2>")
    with pytest.raises(Unfit, match="the other's name"):
        check(swapped, held)


@pytest.mark.parametrize("text", ["We don't have it.", "We don't sell the <name1>.", "这款我们不卖。"])
def test_what_is_not_known_of_a_product_is_no_word_on_whether_it_is_sold(text):
    language = "en" if text.isascii() else "zh"
    held = plan("name1", act=Act.UNKNOWN, states=(State.ABSENT,), language=language)
    assert refused(text, held)
    assert not refused("That isn't in the details of the <name1>." if language == "en" else "<name1>没写这一项。", held)


def test_no_yes_to_what_is_not_so():
    held = plan("name1", act=Act.STOCK, states=(State.IN_STOCK,))
    check("Yes, the <name1> is in stock.", held)
    with pytest.raises(Unfit, match="yes to what is not so"):
        check("Yes, the <name1> is in stock.", replace(held, yes=False))
    check("The <name1> is in stock.", replace(held, yes=False))
