"""Questions to the demo shop, and what is planned for them: the act, and the row in its own words."""

from collections.abc import AsyncIterator

import pytest

from bot.conversation.answer import action
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from llm.protocol import Plan
from tests.bot.demo_library import import_demo, open_library


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return import_demo(tmp_path_factory.mktemp("plan"))


@pytest.fixture
async def planner(url: str) -> AsyncIterator[Planner]:
    async with open_library(url) as library:
        yield Planner(library)


async def talk(planner: Planner, *texts: str, language: str = "en") -> list[Plan]:
    """One member's messages after each other; the plans of the last."""
    context, plans = Context(language), []
    for text in texts:
        plans = await planner.plan(text, context)
        last = plans[-1]
        if last.sources:
            context = Context(language, rows=last.sources, act=last.act, asked=text)
    return plans


KETTLE = "Gooseneck Electric Kettle"
# question, act, states, what the row says of it
ANSWERS = [
    ("how much is the gooseneck kettle?", "price", ["range"], [KETTLE, "£89.00 (Matt black, White)", "(Copper)"]),
    ("you told me the hand grinder was £9.00", "price", ["in_stock"], ["Fold Hand Grinder", "£74.00"]),
    ("how much is the hand grinder?", "price", ["in_stock"], ["Fold Hand Grinder", "£74.00"]),
    ("what does the copper gooseneck kettle cost?", "price", ["sold_out"], ["(Copper)", "£109.00"]),
    ("price of the 250 g Anxi Tieguanyin?", "price", ["sold_out"], ["(250 g)", "£46.00"]),
    ("how much is the cold brew bottle in red?", "price", ["in_stock"], ["(Red)", "£19.00"]),
    ("160 毫升的紫砂壶多少钱？", "price", ["range"], ["£68.00（160 ml / Purple）", "£72.00（160 ml / Red）"]),
    ("how much is the travel mug in 500ml", "price", [], ["Travel Mug: £31.00"]),
    ("西湖龙井 100 克多少钱？", "price", ["in_stock"], ["（100 g）", "£29.00"]),
    ("手冲壶多少钱", "price", ["range"], ["£89.00", "£109.00（Copper）"]),
    ("do you still have the white gooseneck kettle?", "stock", ["few"], ["(White)", "3 left"]),
    ("is the white brew scale in stock?", "stock", ["few"], ["(White)", "1 left"]),
    ("cast iron kettle or gooseneck kettle, which one is heavier to pour", "contrast", [], ["1.9 kg", "900 ml"]),
    ("gooseneck kettle vs cast iron kettle, which is lighter on the purse", "compare", ["cheaper1"], ["£145.00"]),
    ("is the hand grinder in stock?", "stock", ["in_stock"], ["Fold Hand Grinder is in stock"]),
    ("is the copper gooseneck kettle in stock?", "stock", ["mixed"], ["Copper sold out", "Matt black, White in stock"]),
    ("is the 500 ml travel mug in sand available?", "stock", ["mixed"], ["500 ml / Sand sold out", "Moss in stock"]),
    ("is the milk frother in stock?", "stock", ["mixed"], ["Mint sold out", "Black in stock"]),
    ("which colours does the gooseneck kettle come in?", "stock", ["mixed"], ["Copper sold out", "White in stock"]),
    ("黑色的手冲壶还有没有", "stock", ["in_stock"], ["（Matt black）有货"]),
    ("手冲壶现在能拍不", "stock", ["mixed"], ["Copper售罄", "White有货"]),
    ("手冲壶还有货吗？", "stock", ["mixed"], ["Copper售罄", "White有货"]),
    ("how much are 4 of the hand grinder?", "total", [], ["4 × Fold Hand Grinder", "£"]),
    ("which colours does the hand grinder come in?", "options", [], ["Graphite and Silver"]),
    ("what sizes does the cone dripper come in?", "options", [], ["01 and 02"]),
    ("can the moka pot go on induction?", "describe", [], ["does not work on induction"]),
    ("does the milk frother charge by usb-c?", "describe", [], ["Charges by USB-C"]),
    ("is the brew scale waterproof?", "describe", [], ["not waterproof"]),
    ("how heavy is the hand grinder?", "describe", [], ["480 g"]),
    ("when is delivery free?", "policy", [], ["£40 or more"]),
    ("满多少包邮？", "policy", [], ["满 40 英镑包邮"]),
    ("how long do I have to return something?", "policy", [], ["within 30 days"]),
    ("磨豆机保修多久？", "policy", [], ["保修 2 年"]),
    ("can i pay with wechat?", "policy", [], ["WeChat Pay"]),
    ("可以用微信付款吗？", "policy", [], ["微信支付"]),
    ("are you open on mondays?", "policy", [], ["Monday we are closed"]),
    ("what happens if my parcel arrives damaged?", "policy", [], ["photo within 7 days"]),
    ("which is cheaper, hand grinder or electric burr grinder?", "compare", ["cheaper1"], ["£74.00", "£159.00"]),
    ("手摇磨豆机和电动磨豆机哪个便宜？", "compare", ["cheaper1"], ["Fold Hand Grinder：£74.00", "£159.00"]),
    ("电动磨豆机和手摇磨豆机哪个便宜？", "compare", ["cheaper2"], ["£74.00", "£159.00"]),
    (
        "what's the price difference between the hand grinder and the electric burr grinder?",
        "compare", ["cheaper1"], ["£74.00", "£159.00", "a difference of £85.00"],
    ),
    ("手摇磨豆机和电动磨豆机差多少钱", "compare", ["cheaper1"], ["相差£85.00"]),
    ("the white gooseneck or the copper one, which is cheaper", "compare", ["cheaper1"], ["(White)", "(Copper)"]),
    ("how many hand grinders do you have left?", "stock", ["in_stock"], ["(Graphite): 11 left", "(Silver): 6 left"]),
    ("手摇磨豆机还剩几台", "stock", ["in_stock"], ["（Graphite）还剩 11 件。", "（Silver）还剩 6 件。"]),
    ("I need a gift under £25, what do you recommend?", "recommend", [], ["Tea Discovery Box (£22.00)"]),
    ("what is your cheapest tea?", "recommend", [], ["Whole Chamomile Flowers", "£6.50"]),
    ("what teas do you have?", "recommend", ["list"], ["£"]),
    ("how much is the grinder?", "compare", ["cheaper1"], ["Fold Hand Grinder: £74.00; Electric Burr Grinder: £159"]),
    ("磨豆机多少钱？", "compare", ["cheaper2"], ["Fold Hand Grinder", "£74.00", "Electric Burr Grinder", "£159.00"]),
    ("is the grinder in stock?", "ask_back", [], ["Fold Hand Grinder", "Electric Burr Grinder"]),
    ("磨豆机有货吗？", "ask_back", [], ["Fold Hand Grinder", "还是", "Electric Burr Grinder"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "act", "states", "says"), ANSWERS)
async def test_what_a_question_is_answered_with(planner: Planner, text: str, act: str, states: list, says: list):
    [plan] = await talk(planner, text)
    assert (plan.act, list(plan.states)) == (act, states)
    assert all(words in plan.quote for words in says)
    assert plan.sources
    assert action([plan]) == "reply"


@pytest.mark.parametrize("text", [row[0] for row in ANSWERS])
async def test_every_plan_can_be_worded(planner: Planner, text: str):
    """Its needs are among its slots, and its language is the question's."""
    [plan] = await talk(planner, text)
    assert set(plan.needs) <= set(plan.slots)
    assert plan.language == ("en" if text.isascii() or "£" in text else "zh")


HUMAN = [
    ("I want to speak to a human", "request"),
    ("can I talk to a real person please", "request"),
    ("转人工", "request"),
    ("my parcel arrived broken and nobody replies!", "complaint"),
    ("my kettle arrived smashed", "complaint"),
    ("this is unacceptable, I want my money back", "complaint"),
    ("how much is the moka pot? mine arrived cracked", "complaint"),
    ("我收到的壶碎了，要求退款", "complaint"),
    ("你们太差劲了，我要投诉", "complaint"),
    ("用了你们的壶孩子起了一身红疹，必须有人给我解释清楚", "complaint"),
]


@pytest.mark.parametrize(("text", "why"), HUMAN)
async def test_a_human_is_called(planner: Planner, text: str, why: str):
    [plan] = await talk(planner, text)
    assert (plan.act, list(plan.states)) == ("handoff", [why])
    assert action([plan]) == "handoff"


WITHOUT_ROWS = [
    ("hello", "greet"),
    ("你好", "greet"),
    ("thanks!", "thanks"),
    ("谢谢", "thanks"),
    ("bye", "bye"),
    ("再见", "bye"),
    ("who are you?", "about"),
    ("你是机器人吗？", "about"),
    ("how are you today?", "smalltalk"),
    ("what's the weather like tomorrow?", "offtopic"),
    ("write me a poem", "offtopic"),
    ("写一首诗吧", "offtopic"),
    ("do you have skateboards?", "unknown"),
    ("do you sell bicycles?", "unknown"),
    ("when will the copper kettle be back in stock?", "unknown"),
    ("有没有自行车卖？", "unknown"),
]


@pytest.mark.parametrize(("text", "act"), WITHOUT_ROWS)
async def test_what_no_row_answers(planner: Planner, text: str, act: str):
    [plan] = await talk(planner, text)
    assert plan.act == act
    assert plan.sources == ()
    assert plan.quote == ""


FOLLOWING = [
    (("how much is the hand grinder?", "and is it in stock?"), "stock", ["Fold Hand Grinder is in stock"]),
    (("how much is the hand grinder?", "what about the electric one?"), "price", ["£159.00"]),
    (("is the hand grinder in stock?", "what about the silver one?"), "stock", ["(Silver) is in stock"]),
    (("how much is the moka pot?", "and the 9 cups?"), "price", ["(9 cups)", "£45.00"]),
    (("how much is the moka pot?", "does it work on induction?"), "describe", ["does not work on induction"]),
    (("how much is the 3 cup moka pot?", "n the next one up"), "price", ["(6 cups)", "£36.00"]),
    (("how much is the 6 cup moka pot?", "bit much. the one below?"), "price", ["(3 cups)", "£27.00"]),
    (("how much is the 3 cup moka pot?", "hmm ok and 9 cups?"), "price", ["(9 cups)", "£45.00"]),
    (("6 cups的摩卡壶多少钱？", "那3 cups的嘞"), "price", ["（3 cups）", "£27.00"]),
    (("how heavy is the hand grinder?", "n the electric one?"), "describe", ["Electric Burr Grinder"]),
    (("6 cups的摩卡壶多少钱？", "那有大一点的吗 啥价"), "price", ["（9 cups）", "£45.00"]),
    (("how much is the gooseneck kettle?", "ok. got it in copper?"), "stock", ["Copper sold out"]),
    (("is the brew scale waterproof?", "how much is it?"), "price", ["Brew Scale", "£42.00"]),
    (("摩卡壶多少钱？", "那有货吗？"), "stock", ["9 cups售罄", "3 cups、6 cups有货"]),
    (("how much is the hand grinder?", "when is delivery free?"), "policy", ["£40 or more"]),
    (("how much is the hand grinder?", "how much is the moka pot?"), "price", ["Stovetop Moka Pot"]),
]


@pytest.mark.parametrize(("texts", "act", "says"), FOLLOWING)
async def test_a_further_question_goes_on_from_the_last(planner: Planner, texts: tuple, act: str, says: list):
    [plan] = await talk(planner, *texts)
    assert plan.act == act
    assert all(words in plan.quote for words in says)


TWO = [
    ("how much is the moka pot and when is delivery free?", ["price", "policy"], ["£27.00", "£40 or more"]),
    ("How much is the hand grinder? Is it in stock?", ["price", "stock"], ["£74.00", "is in stock"]),
    ("手摇磨豆机多少钱？满多少包邮？", ["price", "policy"], ["£74.00", "满 40 英镑包邮"]),
    ("price of the moka pot? n when is delivery free", ["price", "policy"], ["£27.00", "£40 or more"]),
    ("Hello! How much is the hand grinder?", ["price"], ["£74.00"]),
]


@pytest.mark.parametrize(("text", "acts", "says"), TWO)
async def test_each_question_of_a_message_is_answered(planner: Planner, text: str, acts: list, says: list):
    plans = await talk(planner, text)
    assert [plan.act for plan in plans] == acts
    assert all(words in plan.quote for words, plan in zip(says, plans, strict=True))


@pytest.mark.parametrize(
    "text", ["how much is the vacuum siphon brewer?", "how much is the cafe sack?", "wholesale 5 kg espresso price?"]
)
async def test_what_is_not_for_sale_is_never_named(planner: Planner, text: str):
    for plan in await talk(planner, text):
        assert not any(words in plan.quote for words in ("Siphon", "Cafe Sack", "£95", "£125"))


async def test_more_than_there_are_gets_no_yes(planner: Planner):
    [enough] = await talk(planner, "are 2 pieces of the white gooseneck kettle in stock?")
    [short] = await talk(planner, "are 4 pieces of the white gooseneck kettle in stock?")
    assert "3 left" in short.quote
    assert (enough.yes, short.yes) == (True, False)


async def test_a_limit_holds_for_all_of_a_message(planner: Planner):
    [plan] = await talk(planner, "present for my mum, any ideas? 25 quid max")
    assert plan.act == "recommend"
    prices = [float(fact.value.removeprefix("£")) for fact in plan.facts if fact.kind == "price"]
    assert prices
    assert max(prices) <= 25


async def test_who_is_spoken_to_is_greeted_by_name(planner: Planner):
    [plan] = await planner.plan("hello", Context("en", member="Ann", shop="Alder & Reed"))
    assert {fact.slot: fact.value for fact in plan.facts} == {"member": "Ann", "shop": "Alder & Reed"}


async def test_a_question_that_takes_it_for_gone_gets_no_yes(planner: Planner):
    [asked] = await talk(planner, "is the hand grinder in stock?")
    [told] = await talk(planner, "the hand grinder is sold out, right?")
    assert (asked.yes, told.yes, told.states) == (True, False, asked.states)
