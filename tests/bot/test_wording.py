"""What a member sees while a reply is made: whole sentences that passed, or the row in its own words."""

from dataclasses import replace

import pytest

from bot.knowledge.agreement import plural
from bot.knowledge.wording import CALM, LONG, Strategy, Voice, Worded
from bot.safety.rules.base import Terms
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engine import EngineBusy, EngineDeadline, EngineError, Priority, SamplingParams, Turn
from llm.engines.scripted import Answer, ScriptedEngine
from llm.protocol import Act, Fact, Plan, State

NAME, PRICE = Fact("name1", "Kettle", "product:1", "title"), Fact("price1", "£9.00", "variant:1", "price")
KETTLE = Plan(Act.PRICE, "en", (NAME, PRICE), needs=("price1",), quote="Kettle: £9.00")


class Member:
    """Somebody who watches a reply grow; `engine` remembers what was asked of it."""

    def __init__(self, *answers: Answer, deadline: float = 20.0) -> None:
        self.engine = ScriptedEngine(answers)
        safety = Safety.of(Terms(frozenset({"shop.example"})))
        self.voice = Voice(self.engine, safety, Texts(), Strategy(), deadline)
        self.shown: list[str] = []

    async def hear(self, plan: Plan = KETTLE, seed: int | None = None) -> Worded:
        async def show(text: str) -> None:
            self.shown.append(text)

        return await self.voice.say(plan, (), show, seed=seed)


async def test_sentences_are_shown_as_they_pass():
    member = Member("The <name1> is lovely. It comes at <price1>. Ask me anything!")
    worded = await member.hear()
    assert member.shown == ["The Kettle is lovely.", "The Kettle is lovely. It comes at £9.00."]
    assert worded.text == "The Kettle is lovely. It comes at £9.00. Ask me anything!"
    assert worded.by == "model"


@pytest.mark.parametrize("priority", [Priority.POST, Priority.SUGGESTION, Priority.REPLY])
async def test_what_nobody_asked_for_is_worded_calmly(priority: Priority):
    member = Member()
    await member.voice.say(KETTLE, priority=priority)
    wanted = SamplingParams().temperature if priority is Priority.REPLY else CALM
    assert member.engine.seen[0].params.temperature == wanted


async def test_a_single_sentence_is_only_seen_whole():
    member = Member("The <name1> comes at <price1>.")
    assert (await member.hear()).text == "The Kettle comes at £9.00."
    assert member.shown == []


async def test_chinese_sentences_are_shown_as_they_pass():
    plan = Plan(Act.PRICE, "zh", (NAME, PRICE), needs=("price1",), quote="Kettle：£9.00")
    member = Member("您好！ 这款<name1>卖<price1>。 喜欢吗？")
    assert (await member.hear(plan)).by == "model"
    assert member.shown == ["您好！", "您好！ 这款Kettle卖£9.00。"]


async def test_a_bad_second_sentence_is_replaced_by_the_row():
    member = Member("The <name1> is lovely. It costs 5 dollars. <price1>!")
    worded = await member.hear()
    assert member.shown == ["The Kettle is lovely."]
    assert (worded.text, worded.by) == (KETTLE.quote, "quote")
    assert len(member.engine.seen) == 1


async def test_nothing_of_a_bad_first_sentence_is_seen_and_a_second_try_is_made():
    member = Member("It costs 5 dollars. Lovely <name1>!", "The <name1> is lovely. It comes at <price1>.")
    worded = await member.hear()
    assert worded.text == "The Kettle is lovely. It comes at £9.00."
    assert member.shown == ["The Kettle is lovely."]


async def test_two_bad_tries_are_enough():
    member = Member("It costs 5 dollars.", "It costs 6 dollars.", "The <name1> comes at <price1>.")
    assert (await member.hear()).text == KETTLE.quote
    assert len(member.engine.seen) == 2


async def test_the_second_try_has_its_own_seed_and_the_same_message_the_same_seeds():
    seeds = []
    for _ in range(2):
        member = Member("5", "6")
        await member.hear(seed=40)
        seeds.append([request.params.seed for request in member.engine.seen])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 2


@pytest.mark.parametrize("text", ["The <name1> is lovely.", "", "   "])
async def test_a_reply_that_does_not_answer_is_replaced(text: str):
    assert (await Member(text, text).hear()).text == KETTLE.quote


@pytest.mark.parametrize("error", [EngineError("down"), EngineBusy(3), EngineDeadline("late")])
async def test_a_failing_engine_is_asked_once(error: EngineError):
    member = Member(error, "The <name1> comes at <price1>.")
    worded = await member.hear()
    assert (worded.text, worded.by) == (KETTLE.quote, "quote")
    assert len(member.engine.seen) == 1


async def test_an_engine_that_fails_halfway_leaves_the_row():
    member = Member(("The <name1> is lovely. It comes at", EngineError("died")))
    assert (await member.hear()).text == KETTLE.quote
    assert member.shown == ["The Kettle is lovely."]


UNSAFE = [
    "The <name1> comes at <price1>. Call +44 20 7946 0958!",
    "The <name1> comes at <price1>. Call 138 0013 8000 now!",
    "The <name1> comes at <price1>. See https://evil.example for more.",
    "The <name1> comes at <price1>. Join tg://evil now.",
    "The <name1> comes at <price1>. Write to bob@evil.org please.",
    "The <name1> comes at <price1>, you idiot!",
]


@pytest.mark.parametrize("text", UNSAFE)
async def test_what_may_not_go_out_is_replaced(text: str):
    member = Member(text, text)
    worded = await member.hear()
    assert (worded.text, worded.by) == (KETTLE.quote, "quote")
    assert not any(word in text for text in member.shown for word in ("Call", "See", "Join", "evil.org", "idiot"))


async def test_what_the_merchant_wrote_may_go_out():
    link = Fact("link1", "https://pay.other.example/kettle", "product:1", "link")
    phone = Fact("text1", "Call us on +44 20 7946 0958.", "article:1", "body")
    plan = Plan(Act.POLICY, "en", (link, phone), needs=("text1",), quote="-")
    assert (await Member("<text1> Or see <link1>").hear(plan)).by == "model"


CODE = [
    (Plan(Act.UNKNOWN, "en"), "I don't know that."),
    (Plan(Act.UNKNOWN, "en", states=(State.NOT_SOLD,)), "I can't find that"),
    (Plan(Act.HANDOFF, "en", states=(State.COMPLAINT,)), "I'm sorry"),
    (Plan(Act.HANDOFF, "en", states=(State.REQUEST,)), "somebody from the team"),
    (Plan(Act.GREET, "en"), "Hello"),
    (Plan(Act.SMALLTALK, "en"), "Nice to hear from you"),
]


@pytest.mark.parametrize(("plan", "words"), CODE)
async def test_without_a_row_the_catalogue_speaks(plan: Plan, words: str):
    worded = await Member(EngineError("down")).hear(plan)
    assert worded.by == "code"
    assert words in worded.text


@pytest.mark.parametrize("act", [act for act in Act if act not in (Act.SUGGEST, Act.TIP)])
async def test_the_catalogue_speaks_chinese_too(act: Act):
    worded = await Member(EngineError("down")).hear(Plan(act, "zh"))
    assert any("一" <= letter <= "鿿" for letter in worded.text)
    assert worded.text.isascii() is False


@pytest.mark.parametrize(("length", "by"), [(LONG, "model"), (LONG + 1, "code")])
async def test_who_writes_a_page_gets_a_plain_no(length: int, by: str):
    voice = Member("I don't know that, I'll ask.").voice
    worded = await voice.say(Plan(Act.UNKNOWN, "en"), (Turn("user", "a" * length),))
    assert worded.by == by


async def test_the_facts_of_a_reply_are_those_that_stand_in_it():
    worded = await Member("It comes at <price1>.").hear()
    assert worded.facts == (PRICE,)
    quoted = await Member(EngineError("down")).hear()
    assert quoted.facts == (NAME, PRICE)
    assert quoted.why == "down"


BAGS = Plan(
    Act.SUGGEST, "en",
    (Fact("name1", "Cold Brew Bags", "product:2", "title"), PRICE, Fact("reason1", "You asked.", "product:1", "title")),
    needs=("name1", "reason1"), quote="You asked. Cold Brew Bags: £9.00.",
)  # fmt: skip


async def test_several_are_not_called_it() -> None:
    """Another wording is taken, and without one the row's own."""
    it, fine = "<reason1> Maybe the <name1>? It's <price1>.", "<reason1> Maybe the <name1>, for <price1>."
    assert (await Member(it, fine).voice.say(BAGS)).text == "You asked. Maybe the Cold Brew Bags, for £9.00."
    assert (await Member(it, it).voice.say(BAGS)).by == "quote"
    assert "Maybe" in (await Member("<reason1> The <name1> is <price1>.", fine).voice.say(BAGS)).text
    one = replace(BAGS, facts=(replace(BAGS.facts[0], value="Cold Brew Bag"), *BAGS.facts[1:]))
    assert (await Member(it).voice.say(one)).text == "You asked. Maybe the Cold Brew Bag? It's £9.00."


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("Cold Brew Bags", True),
        ("Holiday Drip Spikes (set of 6)", True),
        ("Basil Seeds 'Sweet Genovese'", True),
        ("Mesa Flat Pedals, pair", True),
        ("Terracotta Pots with Saucer", True),
        ("Linen Couche, 60 x 90 cm", False),
        ("String of Hearts", False),
        ("Groove Replacement Stylus", False),
        ("Amber Glass", False),
        ("Speaker Wire 50 ft", False),
        ("Ledge 2.1 Soundbar", False),
    ],
)
def test_a_plural_is_told_by_its_noun(name: str, several: bool) -> None:
    assert plural(name) is several
