"""A human takes over: who is told what, how long the bot says nothing, and that it never talks over anybody."""

from datetime import timedelta
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Chat, Kind, Message, Role, Sender
from llm.engines.scripted import ScriptedEngine
from storage import interactions, outbox
from tests.conftest import START, Group, open_group

PRICE = "how much is the gooseneck kettle?"
HUMAN = "I want to talk to a real person"
NONSENSE = ("do you know when the 49 bus leaves?", "do you sell surfboards?", "do you sell skateboards for dogs?")
WAIT = "Somebody from the team will answer you here; I keep out of it until then."


async def later(group: Group, minutes: float) -> None:
    group.clock.set(group.clock.now() + timedelta(minutes=minutes))


async def heard(group: Group, chat: str = "shop") -> list[str]:
    """What is recorded of members, newest first."""
    rows = await group.app.database.read(lambda tx: interactions.shown(tx, group.app.shop.id, "test", chat, 20))
    return [row.text for row in rows]


def ping(group: Group) -> Any:
    """The last message to the admins."""
    return [out for chat, _, out in group.log if chat == "admins"][-1]


async def test_the_admins_learn_who_where_what_and_what_was_said_before(group: Group):
    await group.say("ann", PRICE)
    await group.say("tom", "I like mine a lot", addressed=False)
    await group.say("ann", HUMAN)
    lines = ping(group).text.splitlines()
    assert lines[:3] == [f"ann needs a human in shop: {HUMAN}", "They asked for one.", "Before that:"]
    assert f"ann: {PRICE}" in lines
    assert "tom: I like mine a lot" in lines
    assert any(line.startswith("Bot: ") and "£" in line for line in lines)
    assert lines[-2] == "What the shop says of it:"
    assert lines[-1].startswith("- Gooseneck Electric Kettle | ")
    assert [button.command for button in ping(group).buttons] == ["/profile ann", "/resume #1"]


async def test_a_summary_is_bounded(group: Group):
    for number in range(8):
        await group.say("tom", f"{number} " + "so much to say about tea " * 30, addressed=False)
    await group.say("ann", HUMAN + " now" * 300)
    assert len(ping(group).text) <= 1500
    assert len(ping(group).text.splitlines()) <= 14


async def test_a_complaint_is_told_as_one(group: Group):
    await group.say("ann", "my parcel arrived broken and nobody helps me")
    assert "It sounds like a complaint." in ping(group).text


async def test_the_bot_is_mute_for_the_member_and_says_so_once(group: Group):
    await group.say("ann", HUMAN)
    assert await group.say("ann", PRICE) == WAIT
    assert await group.say("ann", "hello? " + PRICE) == ""
    assert await group.say("ann", PRICE, addressed=False) == ""
    assert (await heard(group))[:3] == [PRICE, "hello? " + PRICE, PRICE]
    assert "£" in await group.say("tom", PRICE), "others are answered as before"
    assert "£" in await group.say("ann", PRICE, chat="another"), "so is she elsewhere"
    assert len([chat for chat, _, _ in group.log if chat == "admins"]) == 1


async def test_it_answers_again_after_its_time(group: Group):
    await group.say("ann", HUMAN)
    await later(group, 28)
    assert await group.say("ann", PRICE) == WAIT
    await later(group, 2)
    assert "£" in await group.say("ann", PRICE)


async def test_a_question_by_command_waits_for_the_human_too(group: Group):
    await group.say("ann", HUMAN)
    assert await group.say("ann", f"/ask {PRICE}") == WAIT
    assert "£" in await group.say("ann", "/product gooseneck kettle")


ADMIN_SPEAKS = [
    ({"text": "let me look into it", "reply_to": "1"}, True),
    ({"text": "Ann, let me look into it"}, True),
    ({"text": "let me look into it"}, True),  # right after her message
    ({"text": "welcome, Tom!", "reply_to": "2"}, False),
    ({"text": "/mode"}, False),
    ({"text": "how much is the moka pot?", "addressed": True}, False),
]


@pytest.mark.parametrize(("said", "longer"), ADMIN_SPEAKS)
async def test_an_admins_word_to_the_member_makes_it_last(group: Group, said: dict, longer: bool):
    await group.say("ann", HUMAN)
    if said.get("reply_to") == "2":
        await group.say("tom", "hi all", addressed=False)
    await later(group, 25)
    await group.say("boss", **({"addressed": False} | said))
    await later(group, 20)
    assert ("£" not in await group.say("ann", PRICE)) is longer


async def test_all_that_an_admin_says_in_a_row_counts(group: Group):
    await group.say("ann", HUMAN)
    for minutes in (20, 20, 20):
        await later(group, minutes)
        await group.say("boss", "one more moment", addressed=False)
    assert await group.say("ann", PRICE) == WAIT


async def test_an_admins_word_to_the_group_does_not(group: Group):
    await group.say("ann", HUMAN)
    await group.say("tom", "lovely light today", addressed=False)
    await later(group, 25)
    await group.say("boss", "it is, isn't it", addressed=False)
    await later(group, 20)
    assert "£" in await group.say("ann", PRICE)


async def test_it_survives_a_restart(settings: Settings, clock: ManualClock):
    async with open_group(settings, clock) as group:
        await group.say("ann", HUMAN)
    async with open_group(settings, clock) as group:
        group.numbers = iter(range(100, 200))
        assert await group.say("ann", PRICE) == WAIT
        await later(group, 30)
        assert "£" in await group.say("ann", PRICE)


async def test_resume_here(group: Group):
    await group.say("ann", HUMAN)
    assert await group.say("ann", "/resume") == "/resume is for admins of this chat."
    assert await group.say("boss", "/resume") == "Done. I answer again: ann in shop."
    assert "£" in await group.say("ann", PRICE)
    assert await group.say("boss", "/resume") == "Nobody was with a human here, so nothing changes."


async def test_resume_one_member_by_name_or_by_the_button(group: Group):
    await group.say("ann", HUMAN)
    await group.say("tom", HUMAN)
    assert await group.say("boss", "/恢复 tom") == "好的，我重新开始回答：“shop”的tom。"
    assert "£" in await group.say("tom", PRICE)
    assert await group.say("ann", PRICE) == WAIT
    pressed = next(out for chat, _, out in group.log if chat == "admins").buttons[1].command
    await group.say("boss", pressed, chat="admins", direct=True, kind=Kind.BUTTON)
    assert "£" in await group.say("ann", PRICE)
    assert "nobody" in await group.say("boss", "/resume nobody")


async def test_a_direct_chat_is_muted_as_a_whole(group: Group):
    await group.say("ann", HUMAN, chat="ann", direct=True)
    assert await group.say("ann", PRICE, chat="ann", direct=True) == WAIT
    assert "£" in await group.say("ann", PRICE)
    await later(group, 25)
    assert await group.say("boss", "hello, this is Boss", chat="ann", direct=True) == ""
    await later(group, 20)
    assert await group.say("ann", PRICE, chat="ann", direct=True) == ""


async def test_twice_in_a_row_without_an_answer_a_human_is_called(group: Group):
    assert "called somebody" not in await group.say("ann", NONSENSE[1])
    assert "called somebody" not in await group.say("tom", NONSENSE[2])
    assert "called somebody" in await group.say("ann", NONSENSE[2])
    assert "Twice in a row I knew no answer." in ping(group).text
    assert await group.say("ann", PRICE) == WAIT


async def test_an_answer_between_two_unknown_ones_keeps_the_human_out(group: Group):
    for text in (NONSENSE[1], PRICE, NONSENSE[2]):
        assert "called somebody" not in await group.say("ann", text)
    await later(group, 40)
    assert "called somebody" not in await group.say("ann", NONSENSE[1])
    assert group.texts("admins") == []


async def test_the_merchants_words_call_a_human(settings: Settings, clock: ManualClock):
    here = settings.model_copy(update={"handoff_words": "chargeback, 投诉，how much"})
    async with open_group(here, clock) as group:
        assert "called somebody" in await group.say("ann", PRICE)
        assert "They said “how much”" in ping(group).text
        assert "I would have said: " in ping(group).text
        assert "£" in ping(group).text
        assert await group.say("小林", "手冲壶有货吗？不然我要投诉了")
        assert "小林 needs a human" in ping(group).text
        assert "called somebody" not in await group.say("tom", "is the moka pot in stock? I had two chargebacks")


async def test_it_can_be_told_not_to_mute(settings: Settings, clock: ManualClock):
    async with open_group(settings.model_copy(update={"handoff_mute": 0}), clock) as group:
        await group.say("ann", HUMAN)
        assert [button.command for button in ping(group).buttons] == ["/profile ann"]
        assert "£" in await group.say("ann", PRICE)


async def test_mute_and_resume_a_whole_chat(group: Group):
    assert "/mute 30" in await group.say("boss", "/mute soon")
    assert "10 minutes" in await group.say("boss", "/mute 10")
    assert await group.say("ann", PRICE) == ""
    assert "£" in await group.say("ann", "/product gooseneck kettle")
    assert "£" in await group.say("ann", PRICE, chat="another")
    assert await group.say("boss", "/resume") == "Done. I answer here again."
    assert "£" in await group.say("ann", PRICE)
    await group.say("boss", "/mute 10")
    await later(group, 11)
    assert "£" in await group.say("ann", PRICE)


async def test_mute_one_member(group: Group):
    await group.say("ann", PRICE)
    assert "leave ann to you" in await group.say("boss", "/mute 10 ann")
    assert await group.say("ann", PRICE) == WAIT
    assert "£" in await group.say("tom", PRICE)
    assert "carl" in await group.say("boss", "/mute 10 carl")


class Slow(ScriptedEngine):
    """An engine in whose pause something is said in the group."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Any = None

    async def stream(self, request: Any) -> Any:
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        async for piece in super().stream(request):
            yield piece


def saying(group: Group, name: str, text: str, reply_to: str = "") -> Any:
    """Takes a message in while another is being answered, without waiting for anything."""

    async def put() -> None:
        role = Role.ADMIN if name == "boss" else Role.MEMBER
        number, place = str(next(group.numbers)), Chat("test", "shop", "shop")
        at = group.clock.now() + timedelta(seconds=1)
        await group.app.intake.put(Message(number, number, place, Sender(name, name, role), text, at, False, reply_to))

    return put


MEANWHILE = [
    ("boss", "£129, and it's in stock", "1", True),
    ("boss", "£129, and it's in stock", "", True),
    ("boss", "which one of them?", "", True),  # a question, so that it waits behind in the inbox
    ("boss", "hello Tom", "77", False),
    ("tom", "I'd like to know too", "", False),
]


@pytest.mark.parametrize(("name", "text", "reply_to", "dropped"), MEANWHILE)
async def test_an_unasked_answer_is_dropped_where_a_human_was_faster(
    settings: Settings, clock: ManualClock, name: str, text: str, reply_to: str, dropped: bool
):
    engine = Slow()
    async with open_group(settings, clock, engine) as group:
        engine.meanwhile = saying(group, name, text, reply_to)
        assert (await group.say("ann", PRICE, addressed=False) == "") is dropped
        assert PRICE in await heard(group)


async def test_an_asked_answer_is_given_though_a_human_was_faster(settings: Settings, clock: ManualClock):
    engine = Slow()
    async with open_group(settings, clock, engine) as group:
        engine.meanwhile = saying(group, "boss", "£129, and it's in stock", "1")
        assert "£" in await group.say("ann", PRICE)


async def test_an_unasked_answer_that_waits_to_be_sent_is_withdrawn(group: Group):
    await group.say("tom", "hi", addressed=False)
    database, shop = group.app.database, group.app.shop.id
    due = START + timedelta(hours=1)

    async def wait(tx: Any) -> None:
        for key, extra in (("reply:901", {"unasked": True}), ("reply:902", {})):
            await outbox.put(tx, shop, 1, key, "reply", key, due, extra=extra, reply_to="1")

    await database.write(wait)
    await group.say("boss", "it's £129", addressed=False, reply_to="1")
    left = await database.read(lambda tx: outbox.by_key(tx, shop, "reply:902"))
    withdrawn = await database.read(lambda tx: outbox.by_key(tx, shop, "reply:901"))
    assert (withdrawn.state, left.state) == ("cancelled", "ready")
