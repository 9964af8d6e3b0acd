"""What only one member may see: shown to them alone in the group, else in a direct chat, else by a way there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Button, Chat, Kind, Outgoing, Role, SendError
from tests.conftest import Group, open_group

LINK = "https://chat.example/shop"


class Open(Group):
    """A network that shows everything in a group to everybody, and where members begin direct chats."""

    capabilities = replace(Group.capabilities, private_replies=False, direct_chat="with-{member}", admin_chat="")
    link = LINK
    admins = frozenset({"boss"})

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.started = {"with-ann"}

    async def say(self, name: str, text: str, *, chat: str = "shop", direct: bool = False, **more: Any) -> str:
        self.started |= {chat} if direct else set()
        role = Role.ADMIN if name in self.admins and not direct else Role.MEMBER  # who says something to the bot alone
        return await super().say(name, text, chat=chat, direct=direct, role=role, **more)

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        assert not outgoing.private_to
        if chat.direct and chat.id not in self.started:
            raise SendError("the bot can't begin a conversation")
        return await super().send(chat, outgoing, key)

    async def ask(self, chat: Chat, member: str) -> bool:
        return member in self.admins

    def direct_link(self, payload: str) -> str:
        return self.link and f"{self.link}?start={payload}"


class Slash(Open):
    """A network that answers one member alone where it was called by an event with a ticket, for a while."""

    capabilities = replace(Open.capabilities, private_replies=True, private_by_ticket=True)

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        if not outgoing.private_to:
            return await super().send(chat, outgoing, key)
        if outgoing.ticket != "fresh":
            raise SendError("the token of this interaction is spent")
        return await Group.send(self, chat, outgoing, key)


@pytest.fixture
async def open_(settings: Settings, clock: ManualClock) -> AsyncIterator[Group]:
    async with open_group(settings, clock, kind=Open) as group:
        yield group


@pytest.fixture
async def slash(settings: Settings, clock: ManualClock) -> AsyncIterator[Group]:
    async with open_group(settings, clock, kind=Slash) as group:
        yield group


async def test_what_is_private_is_told_in_the_direct_chat(open_: Group) -> None:
    assert await open_.say("ann", "/me") == ""
    (text,) = open_.texts("with-ann")
    assert text.startswith("This is what I know of you from this chat, ann.")


async def test_it_is_told_in_the_direct_chat_that_the_member_uses(open_: Group) -> None:
    await open_.say("ann", "/help", chat="ann-77", direct=True)
    assert await open_.say("ann", "/subscribe") == ""
    assert "Done. Now and then" in open_.texts("ann-77")[-1]


@pytest.mark.parametrize(
    ("line", "word"),
    [("/me", "me"), ("/subscribe off", "subscribe_off"), ("/订阅 关", "subscribe"), ("/unanswered", "")],
)
async def test_who_began_no_direct_chat_sees_the_way_there(open_: Group, line: str, word: str) -> None:
    name = "tom" if word else "boss"
    text = await open_.say(name, line)
    assert f"{LINK}?start={word or 'hello'}" in text
    assert len(text.splitlines()) == 1
    assert open_.log[-1][2].reply_to == str(next(open_.numbers) - 1)
    assert open_.log[-1][2].buttons == ()
    assert open_.texts(f"with-{name}") == []


async def test_without_links_the_way_is_said_in_words(open_: Group) -> None:
    open_.link = ""
    assert "Write to me there" in await open_.say("tom", "/me")


async def test_a_long_answer_leaves_one_line(open_: Group) -> None:
    open_.capabilities = replace(Open.capabilities, max_length=60)
    open_.app.router.capabilities["test"] = open_.capabilities
    await open_.say("tom", "/me")
    assert len(open_.texts("shop")) == 1


async def test_the_link_carries_on_with_what_only_shows_something(open_: Group) -> None:
    assert "This is what I know of you, tom." in await open_.say("tom", "/start me", chat="tom", direct=True)


async def test_a_link_changes_nothing_by_itself(open_: Group) -> None:
    await open_.say("tom", "/start subscribe", chat="tom", direct=True)
    assert open_.log[-1][2].buttons == (Button("/subscribe", "/subscribe"),)
    assert "You get no suggestions." in await open_.say("tom", "/me", chat="tom", direct=True)
    await open_.say("tom", "/start subscribe_off", chat="tom", direct=True)
    assert open_.log[-1][2].buttons == (Button("/subscribe off", "/subscribe off"),)


@pytest.mark.parametrize("word", ["", "hello", "trace", "start", "start_start", "nonsense", "me me", "___", "😀"])
async def test_any_other_word_is_answered_by_a_greeting(open_: Group, word: str) -> None:
    text = await open_.say("tom", f"/start {word}".strip(), chat="tom", direct=True)
    assert text.startswith("Hello! Ask me about the products of")


async def test_an_event_with_a_ticket_is_answered_in_the_group_to_its_member_alone(slash: Group) -> None:
    assert "This is what I know of you" in await slash.say("ann", "/me", ticket="fresh")
    assert slash.log[-1][2].private_to == "ann"


async def test_without_a_ticket_or_with_a_spent_one_it_goes_to_the_direct_chat(slash: Group) -> None:
    for number, more in enumerate(({}, {"ticket": "spent"}), 1):
        assert await slash.say("ann", "/me", kind=Kind.BUTTON, **more) == ""
        assert len(slash.texts("with-ann")) == number
    assert (slash.log[-1][2].private_to, slash.log[-1][2].ticket, slash.log[-1][2].reply_to) == ("", "", "")


async def test_with_a_spent_ticket_and_no_direct_chat_the_group_says_where(slash: Group) -> None:
    assert LINK in await slash.say("tom", "/me", ticket="spent")


async def test_an_admin_goes_on_in_the_direct_chat_with_what_concerns_the_group(open_: Group) -> None:
    open_.started.add("with-boss")
    assert await open_.say("boss", "/teach Do you paint? = Yes, on Sundays.") == ""
    told = open_.log[-1]
    forget = told[2].buttons[0].command
    pressed = {"chat": "with-boss", "direct": True, "kind": Kind.BUTTON, "reply_to": told[1]}
    assert "for admins" in await open_.say("boss", forget, chat="with-boss", direct=True)
    assert "for admins" not in await open_.say("boss", forget, **pressed)
    assert "for admins" in await open_.say("ann", forget, **pressed)


async def test_who_is_no_admin_there_any_more_does_not(open_: Group) -> None:
    open_.started.add("with-boss")
    await open_.say("boss", "/teach Do you paint? = Yes, on Sundays.")
    told = open_.log[-1]
    open_.admins = frozenset()
    pressed = {"chat": "with-boss", "direct": True, "kind": Kind.BUTTON, "reply_to": told[1]}
    assert "for admins" in await open_.say("boss", told[2].buttons[0].command, **pressed)


async def test_who_speaks_as_the_group_itself_is_not_told_before_all(open_: Group) -> None:
    open_.capabilities = replace(Open.capabilities, direct_chat="{member}")
    open_.app.router.capabilities["test"] = open_.capabilities
    text = await open_.say("shop", "/me")
    assert LINK in text
    assert "what I know" not in text


async def test_admins_hear_in_a_direct_chat_that_a_human_is_needed(open_: Group) -> None:
    open_.started.add("with-boss")
    await open_.say("boss", "/mode questions")
    await open_.say("ann", "i want to talk to a human")
    told = open_.texts("with-boss")[-1]
    assert told.startswith("ann needs a human in shop: i want to talk to a human")
    notice = next(one for one in reversed(open_.log) if one[0] == "with-boss")
    again = {"chat": "with-boss", "direct": True, "kind": Kind.BUTTON, "reply_to": notice[1]}
    assert notice[2].buttons[-1].command == "/resume #1"
    assert "I answer again: ann in shop" in await open_.say("boss", "/resume #1", **again)


async def test_who_added_the_bot_is_told_too_and_who_is_no_admin_any_more_is_not(open_: Group) -> None:
    open_.started |= {"with-boss", "with-kim"}
    await open_.say("kim", "", kind=Kind.ADDED, addressed=False)
    await open_.say("ann", "i want to talk to a human")
    assert open_.texts("with-kim") == []
    open_.admins = frozenset({"kim"})
    await open_.say("tom", "i want to talk to a human")
    assert open_.texts("with-kim")[-1].startswith("tom needs a human in shop")


async def test_an_admin_who_began_no_direct_chat_is_called_in_the_group(open_: Group) -> None:
    await open_.say("boss", "/mode questions")
    assert "boss, I may not write to you" in await open_.say("ann", "i want to talk to a human")
