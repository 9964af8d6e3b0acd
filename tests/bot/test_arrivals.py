"""Who comes and goes: the bot introduces itself once in a group, and greets newcomers together where it is lively."""

from datetime import timedelta

import pytest

from bot.arrivals import PAUSE
from bot.commands.base import Shop
from bot.messages import Chat, Kind, Message, Sender
from storage import interactions, members
from tests.conftest import Group


async def comes(group: Group, name: str, kind: Kind = Kind.JOINED, chat: str = "shop", **more: object) -> None:
    await group.say(name, "", kind=kind, addressed=False, chat=chat, **more)


async def kinds(group: Group, name: str, chat: str = "shop") -> list[str]:
    app = group.app
    place = await app.database.read(lambda tx: members.seen(tx, app.shop.id, "test", chat))
    member = await app.database.read(lambda tx: members.find(tx, app.shop.id, name))
    rows = await app.database.read(lambda tx: interactions.of_member(tx, member.id, chat_id=place.id))
    return [row.kind for row in reversed(rows)]


@pytest.fixture
async def lively(group: Group) -> Group:
    await group.say("boss", "/mode lively")
    group.log.clear()
    return group


async def test_added_to_a_group_it_introduces_itself_with_a_notice_of_what_is_kept(group: Group) -> None:
    await comes(group, "boss", Kind.ADDED)
    (text,) = group.texts("shop")
    assert all(part in text for part in ("assistant of Alder & Reed", "30 days", "/privacy", "/help", "/mode"))
    assert [button.command for button in group.log[-1][2].buttons] == ["/privacy", "/help"]
    assert await kinds(group, "boss") == ["added"]


async def test_it_does_so_once_in_each_chat(group: Group) -> None:
    for chat in ("shop", "shop", "other"):
        await comes(group, "boss", Kind.ADDED, chat)
    assert [chat for chat, _, _ in group.log] == ["shop", "other"]


async def test_the_notice_names_the_days_that_admins_set(group: Group) -> None:
    await group.say("boss", "/settings retention_days 7", chat="office")
    await comes(group, "boss", Kind.ADDED)
    assert "7 days" in group.texts("shop")[0]


async def test_it_speaks_the_language_of_the_shop(group: Group) -> None:
    shop = group.app.shop
    group.app.router.arrivals = type(group.app.router.arrivals)(
        Shop(shop.id, shop.name, shop.currency, shop.timezone, "zh"), group.app.router.tools, group.app.router.safety
    )
    await comes(group, "boss", Kind.ADDED)
    assert "/隐私" in group.texts("shop")[0]


async def test_in_a_direct_chat_it_waits_to_be_asked(group: Group) -> None:
    await comes(group, "ann", Kind.ADDED, "ann", direct=True)
    assert group.log == []


@pytest.mark.parametrize("kind", [Kind.JOINED, Kind.LEFT])
async def test_who_comes_and_goes_is_recorded_and_nothing_is_said(group: Group, kind: Kind) -> None:
    await comes(group, "ann", kind)
    await group.wait_out()
    assert group.log == []
    assert await kinds(group, "ann") == [kind.value]


async def test_where_it_is_lively_a_newcomer_is_greeted_a_little_later(lively: Group) -> None:
    await comes(lively, "ann")
    assert lively.log == []
    await lively.wait_out()
    assert lively.texts("shop") == ["Welcome, ann! Ask me about Alder & Reed; /help shows how."]
    assert await kinds(lively, "ann") == ["joined"]


async def test_all_who_come_in_a_few_minutes_are_greeted_with_one_message(lively: Group) -> None:
    await comes(lively, "ann")
    await lively.wait_out()
    first = lively.clock.now()
    for name in ("tom", "kim", "lee"):
        await comes(lively, name)
    await comes(lively, "kim", Kind.LEFT)
    await lively.wait_out()
    assert lively.texts("shop")[1:] == ["Welcome, tom and lee! Ask me about Alder & Reed; /help shows how."]
    assert lively.clock.now() - first >= PAUSE


async def test_a_crowd_is_greeted_without_names(lively: Group) -> None:
    for number in range(12):
        lively.clock.set(lively.clock.now() - timedelta(seconds=29))
        await comes(lively, f"m{number}")
    await lively.wait_out()
    assert lively.texts("shop") == ["Welcome, all of you! Ask me about Alder & Reed; /help shows how."]


async def test_a_name_that_advertises_is_not_called_out(lively: Group) -> None:
    await comes(lively, "buy at http://spam.example")
    await lively.wait_out()
    assert "spam" not in lively.texts("shop")[0]


async def test_bots_are_not_greeted(lively: Group) -> None:
    sender = Sender("b", "another bot", bot=True)
    chat = Chat("test", "shop", "shop")
    await lively.app.intake.put(Message("k", "", chat, sender, "", lively.clock.now(), kind=Kind.JOINED))
    await lively.settle()
    await lively.wait_out()
    assert lively.log == []


async def test_made_quiet_before_it_greets_it_stays_quiet(lively: Group) -> None:
    await comes(lively, "ann")
    await lively.say("boss", "/mode questions")
    await lively.wait_out()
    assert not any("Welcome" in text for text in lively.texts("shop"))


async def test_who_leaves_and_comes_again_is_greeted_again(lively: Group) -> None:
    await comes(lively, "ann")
    await lively.wait_out()
    await comes(lively, "ann", Kind.LEFT)
    await comes(lively, "ann")
    await lively.wait_out()
    assert await kinds(lively, "ann") == ["joined", "left", "joined"]
    assert len(lively.texts("shop")) == 2
