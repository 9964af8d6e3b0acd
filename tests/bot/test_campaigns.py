"""A campaign as its admin and the members see it: looked at, sent once to each, stopped, gone on with, told of."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Chat, Kind, Outgoing, SendError
from storage import campaigns, members
from storage import outbox as rows
from tests.conftest import Group, open_group

NEWS = "We are open on Sunday, come and see us!"


class Town(Group):
    """A network on which chats can be shut, and the sends counted."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.shut: dict[str, SendError] = {}

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if chat.id in self.shut:
            raise self.shut[chat.id]
        return await super().send(chat, outgoing, key)

    async def meet(self, *chats: str) -> None:
        for chat in chats:
            await self.say("ann", "hello all", addressed=False, chat=chat)

    def got(self, text: str = NEWS) -> list[str]:
        """The chats in which a text was said, by the bot's hand, in order."""
        return [chat for chat, key, shown in self.log if shown.text == text and key.startswith("campaign")]

    async def press(self, label: str, chat: str = "admins") -> str:
        """The boss presses the last button of this label."""
        command = next(
            button.command for place, _, shown in reversed(self.log) if place == chat
            for button in shown.buttons if button.label.startswith(label)
        )  # fmt: skip
        return await self.say("boss", command, chat=chat, kind=Kind.BUTTON)


@pytest.fixture
async def town(settings: Settings, clock: ManualClock) -> Any:
    async with open_group(settings, clock, kind=Town) as town:
        yield town


async def test_it_is_looked_at_and_then_sent_once_to_each(town: Town):
    await town.meet("tea", "coffee", "bread")
    preview = await town.say("boss", f'/campaign new "{NEWS}" to all', chat="admins")
    assert "not sent yet" in preview
    assert "(4 in all)" in preview
    assert NEWS in preview
    assert town.got() == []
    assert "on its way" in await town.press("Send it")
    assert sorted(town.got()) == ["admins", "bread", "coffee", "tea"]
    assert "4 sent, 0 failed" in town.texts("admins")[-1]
    assert "done" in town.texts("admins")[-1]
    assert "done" in await town.say("boss", "/campaign start 1", chat="admins")
    assert len(town.got()) == 4


async def test_a_content_type_is_shown_as_it_will_be_posted(town: Town):
    await town.meet("tea")
    preview = await town.say("boss", "/campaign new tip to tea", chat="admins")
    await town.press("Send it")
    said = [shown for chat, key, shown in town.log if chat == "tea" and key.startswith("campaign")]
    assert len(said) == 1
    assert said[0].text in preview
    assert said[0].cards[0].title in said[0].text


async def test_it_goes_to_chats_by_name_number_and_in_chinese(town: Town):
    await town.meet("tea", "coffee", "bread")
    number = next(
        one.id for one in await town.app.database.read(lambda tx: members.chats(tx, town.app.shop.id))
        if one.title == "bread"
    )  # fmt: skip
    preview = await town.say("boss", f"/群发 新建 “周日照常营业” 给 tea、#{number}", chat="admins")
    assert "还没有发出" in preview
    assert "tea, bread" in preview
    await town.say("boss", "/群发 开始 1", chat="admins")
    assert town.got("周日照常营业") == ["tea", "bread"]


MISTAKES = {
    '/campaign new "hi" to nowhere': "I know no chat called “nowhere”",
    "/campaign new poem to all": "I can't write “poem”",
    "/campaign new": "Say what, and to whom.",
    '/campaign new "hi" to subscribers': "Nobody would get it",
    '/campaign new "hi" to @ann': "ann is no subscriber",
    f'/campaign new "{"x" * 1600}" to all': "longer than 1500 characters",
    "/campaign stop 7": "There is no campaign 7.",
    "/campaign stop everything": "There is no campaign everything.",
    "/campaign fly 7": "I don't know “fly” here.",
    "/campaign": "There is no campaign yet.",
}


async def test_what_is_not_understood_is_told(town: Town):
    for said, told in MISTAKES.items():
        assert told in await town.say("boss", said, chat="admins")
    assert "is for admins" in await town.say("ann", "/campaign list", chat="tea")


async def test_members_get_it_only_where_they_subscribed_and_can_stop_it(town: Town):
    await town.say("ann", "/subscribe", chat="ann", direct=True)
    await town.say("bob", "hello", chat="bob", direct=True)
    await town.say("boss", f'/campaign new "{NEWS}" to subscribers', chat="admins")
    await town.press("Send it")
    assert town.got() == ["ann"]
    shown = town.log[[text.text for _, _, text in town.log].index(NEWS)][2]
    assert shown.buttons[0].command == "/subscribe off"
    await town.say("ann", shown.buttons[0].command, chat="ann", direct=True, kind=Kind.BUTTON)
    later = town.clock.now() + timedelta(days=1)
    town.clock.set(later)
    await town.say("boss", f'/campaign new "{NEWS} Again!" to @ann', chat="admins")
    assert "ann is no subscriber" in town.texts("admins")[-1]


async def test_what_is_refused_is_reported_with_its_reason(town: Town):
    await town.meet("tea", "coffee", "bread")
    town.shut = {"tea": SendError("the bot was removed", blocked=True), "coffee": SendError("no rights")}
    await town.say("boss", f'/campaign new "{NEWS}" to all', chat="admins")
    await town.press("Send it")
    told = town.texts("admins")[-1]
    assert "2 sent, 1 failed, 1 blocked, 0 unknown" in told
    assert "1 × no rights" in told
    assert "1 × the bot was removed" in told
    town.shut = {}
    town.clock.set(town.clock.now() + timedelta(minutes=5))
    await town.say("boss", '/campaign new "Better now" to tea', chat="admins")  # its place of the day was given back
    await town.press("Send it")
    assert town.got("Better now") == ["tea"]


async def test_stopped_nothing_more_goes_and_resumed_the_rest(town: Town):
    await town.meet("tea", "coffee", "bread")
    town.shut = {chat: SendError("wait", 3600.0) for chat in ("tea", "coffee")}
    await town.say("boss", f'/campaign new "{NEWS}" to tea, coffee, bread', chat="admins")
    await town.press("Send it")
    assert town.got() == ["bread"]
    town.shut = {}
    told = await town.press("Stop it")
    assert "stopped" in told
    assert "1 sent" in told
    assert "2 waiting" in told
    town.clock.set(town.clock.now() + timedelta(hours=2))
    await town.settle()
    assert town.got() == ["bread"]
    await town.press("Go on")
    assert town.got() == ["bread", "tea", "coffee"]
    assert "3 sent" in town.texts("admins")[-1]


async def test_a_chat_that_had_a_post_just_now_waits_a_little(town: Town):
    await town.meet("tea")
    for text in (NEWS, "And another thing"):
        await town.say("boss", f'/campaign new "{text}" to tea', chat="admins")
        await town.press("Send it")
    assert town.got("And another thing") == []
    told = await town.say("boss", "/campaign show 2", chat="admins")
    assert "1 waiting" in told
    assert "1 × too soon after the post before" in told
    town.clock.set(town.clock.now() + timedelta(minutes=11))
    await town.settle()
    assert town.got("And another thing") == ["tea"]


async def test_it_waits_out_quiet_hours(town: Town):
    await town.meet("tea")
    town.clock.set(datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    await town.say("boss", f'/campaign new "{NEWS}" to tea', chat="admins")
    await town.press("Send it")
    assert town.got() == []
    town.clock.set(datetime(2026, 3, 3, 9, 15, tzinfo=UTC))
    await town.settle()
    assert town.got() == ["tea"]


async def test_a_draft_can_be_dropped_and_is_never_sent(town: Town):
    await town.meet("tea")
    await town.say("boss", f'/campaign new "{NEWS}" to tea', chat="admins")
    assert "dropped" in await town.press("Drop it")
    await town.say("boss", "/campaign start 1", chat="admins")
    await town.settle()
    assert town.got() == []
    assert "There is no campaign yet." in await town.say("boss", "/campaign list", chat="admins")


async def test_after_the_catalogue_changed_the_preview_is_shown_anew(town: Town):
    await town.meet("tea")
    first = await town.say("boss", "/campaign new tip to tea", chat="admins")
    town.clock.set(town.clock.now() + timedelta(days=2))
    second = await town.press("Send it")
    assert "not sent yet" in first
    assert "not sent yet" in second
    await town.press("Send it")
    assert len([key for _, key, _ in town.log if key.startswith("campaign:1:")]) == 2  # the post, and the report


async def crowd(town: Town, count: int) -> list[str]:
    """So many groups that the bot is in; their names."""
    names = [f"group{number}" for number in range(count)]

    async def enter(tx: Any) -> None:
        for name in names:
            await members.enter(tx, town.app.shop.id, town.name, name, name, False)

    await town.app.database.write(enter)
    return names


async def test_more_chats_than_go_at_once_all_get_it(town: Town):
    names = await crowd(town, 100)
    await town.say("boss", f'/campaign new "{NEWS}" to all', chat="admins")
    await town.press("Send it")
    assert sorted(town.got()) == sorted([*names, "admins"])
    assert re.search("101 sent, 0 failed, 0 blocked, 0 unknown, 0 left out, 0 waiting", town.texts("admins")[-1])


async def test_the_same_command_run_twice_makes_one(town: Town):
    await town.meet("tea")
    chat = next(
        one for one in await town.app.database.read(lambda tx: members.chats(tx, town.app.shop.id))
        if one.title == "tea"
    )  # fmt: skip
    tools = town.app.router.tools
    made = [await tools.campaigns.prepare(chat, 77, "all", text=NEWS) for _ in range(2)]
    assert made[0] == made[1]
    assert await tools.database.read(lambda tx: campaigns.counts(tx, made[0])) == {"waiting": 1}
    assert not await tools.database.read(lambda tx: rows.by_key(tx, town.app.shop.id, f"campaign:{made[0]}:{chat.id}"))


async def test_many_chats_that_had_their_post_hold_up_no_other(town: Town):
    await crowd(town, 40)
    await town.say("boss", f'/campaign new "{NEWS}" to all', chat="admins")
    await town.press("Send it")
    await town.meet("tea")
    await town.say("boss", '/campaign new "One more" to all', chat="admins")
    await town.press("Send it")
    assert town.got("One more") == ["tea"]
    assert "41 waiting" in await town.say("boss", "/campaign show 2", chat="admins")
