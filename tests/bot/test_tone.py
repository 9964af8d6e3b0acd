"""SHOP_TONE, as members hear it; and a name that is not said in every message."""

import pytest

from bot.clock import ManualClock
from bot.config import Settings
from bot.knowledge.tone import EMOJI, Tone
from llm.engines.local.prompt import chat_messages
from llm.engines.scripted import ScriptedEngine
from llm.protocol import Act, Fact, Plan
from tests.conftest import open_group

HELLO = "Hi <member>! 👋 Ask away 😊"


async def greeted(settings: Settings, clock: ManualClock, tone: str, *answers: str, text: str = "hello") -> str:
    toned = settings.model_copy(update={"shop_tone": tone})
    async with open_group(toned, clock, ScriptedEngine(answers)) as group:
        return await group.say("ann", text)


async def test_plain_has_no_emoji_and_no_name(settings: Settings, clock: ManualClock) -> None:
    assert await greeted(settings, clock, "plain", "Hi there! 👋 Ask away 😊") == "Hi there! Ask away"


async def test_a_plain_shop_never_says_a_name(settings: Settings, clock: ManualClock) -> None:
    assert "ann" not in await greeted(settings, clock, "plain", HELLO, HELLO)


async def test_warm_is_as_the_model_words_it(settings: Settings, clock: ManualClock) -> None:
    assert await greeted(settings, clock, "warm", HELLO) == "Hi ann! 👋 Ask away 😊"


async def test_playful_ends_a_greeting_with_an_emoji(settings: Settings, clock: ManualClock) -> None:
    assert await greeted(settings, clock, "playful", "Hi <member>!") == "Hi ann! 👋"


async def test_playful_leaves_what_has_one_and_what_is_serious(settings: Settings, clock: ManualClock) -> None:
    assert await greeted(settings, clock, "playful", HELLO) == "Hi ann! 👋 Ask away 😊"


async def test_a_complaint_gets_no_emoji(settings: Settings, clock: ManualClock) -> None:
    assert not EMOJI.search(await greeted(settings, clock, "playful", text="my kettle arrived smashed"))


async def test_a_name_is_not_said_twice_in_a_row(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings, clock, ScriptedEngine(["Hi <member>!", "Hi there!", "Hi <member>!"])) as group:
        assert await group.say("ann", "hello") == "Hi ann!"
        assert await group.say("ann", "hello again") == "Hi there!"
        assert await group.say("bob", "hello") == "Hi bob!"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_that_follows_instructions_reads_it(language: str) -> None:
    plan = Plan(Act.GREET, language)
    for tone, said in (("warm", False), ("plain", True), ("like a sailor", True)):
        [system, *_] = chat_messages(list(Tone(tone).turns(plan)), plan)
        assert ("Tone of the shop" in system["content"] or "店铺的语气" in system["content"]) is said
    assert "like a sailor" in Tone("like a sailor").turns(plan)[0].content


def test_facts_stay_as_they_are() -> None:
    plan = Plan(Act.PRICE, "en", (Fact("name1", "Mug ✨", "product:1", "title"),))
    assert Tone("plain").dressed("The <name1> 👍!", plan) == "The <name1>!"
