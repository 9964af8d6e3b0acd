"""A member links accounts of two networks: what each side sees, what can go wrong, and what becomes of both."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from bot.app import build
from bot.clock import ManualClock
from bot.commands.link import HOLDS, TRIES
from bot.config import Settings
from llm.engines.scripted import ScriptedEngine
from storage import members
from storage import settings as stored
from storage.database import Transaction
from storage.tables import Base
from tests.conftest import Group

KETTLE, POT = "Gooseneck Electric Kettle", "Moka Pot"
CODE = re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")


class Other(Group):
    """A second network."""

    name = "other"


class Two:
    """A bot on two networks, where Ann writes in direct chats."""

    def __init__(self, first: Group, second: Group) -> None:
        self.first, self.second, self.app = first, second, first.app

    async def here(self, text: str, name: str = "ann") -> str:
        return await self.first.say(name, text, chat=f"with-{name}", direct=True)

    async def there(self, text: str, name: str = "ann_99") -> str:
        return await self.second.say(name, text, chat=f"with-{name}", direct=True)

    async def code(self) -> str:
        found = CODE.search(await self.here("/link"))
        assert found
        return found[0]

    def told_here(self) -> str:
        return self.first.texts("with-ann")[-1]

    def told_there(self) -> str:
        return self.second.texts("with-ann_99")[-1]

    async def member(self, platform: str, name: str) -> int:
        now = self.app.clock.now()
        return await self.app.database.write(lambda tx: members.meet(tx, self.app.shop.id, platform, name, name, now))

    async def link(self) -> None:
        await self.there(f"/link {await self.code()}")
        await self.there("/link yes")
        await self.here("/link yes")
        assert await self.linked()

    async def linked(self) -> bool:
        return await self.member("test", "ann") == await self.member("other", "ann_99")


@asynccontextmanager
async def open_two(settings: Settings, clock: ManualClock) -> AsyncIterator[Two]:
    groups = [Group(clock), Other(clock)]
    async with build(settings, clock, ScriptedEngine(), lambda parts: groups) as app:
        for group in groups:
            group.app = app
        await app.load()
        yield Two(*groups)


@pytest.fixture
async def two(settings: Settings, clock: ManualClock) -> AsyncIterator[Two]:
    async with open_two(settings, clock) as two:
        yield two


@pytest.mark.parametrize("first", ["here", "there"])
async def test_both_sides_say_yes_and_are_one_from_then_on(two: Two, first: str) -> None:
    await two.here("/subscribe")
    await two.there("/subscribe")
    asked = await two.there(f"/link {await two.code()}")
    assert "Are you ann on Test too?" in asked
    assert "Are you ann_99 on Other too?" in two.told_here()
    yes = two.first.log[-1][2].buttons[0].command
    sides = {"here": two.here, "there": two.there}
    assert "Now say yes on" in await sides.pop(first)(yes)
    assert not await two.linked()
    (last,) = sides.values()
    assert "you are one person for me" in await last(yes)
    assert "you are one person for me" in two.told_here()
    assert "you are one person for me" in two.told_there()
    assert await two.linked()


async def test_what_was_chosen_less_freely_holds_on_both(two: Two) -> None:
    await two.here("/subscribe")
    await two.there("/training on")
    await two.there(f"/link {await two.code()}")
    await two.there("/link yes")
    assert "You get no suggestions. /subscribe starts them." in await two.here("/link yes")
    assert "You get no suggestions." in await two.here("/me")
    assert "Your messages are not used" in await two.there("/training")


async def test_what_was_asked_on_one_network_is_known_on_the_other(two: Two) -> None:
    await two.here("how much is the gooseneck kettle?")
    await two.there(f"/link {await two.code()}")
    await two.there("/link yes")
    await two.here("/link yes")
    assert "Gooseneck Electric Kettle" in await two.there("/me")


@pytest.mark.parametrize("last", ["here", "there"])
async def test_a_no_of_either_ends_it(two: Two, last: str) -> None:
    await two.there(f"/link {await two.code()}")
    await (two.there if last == "here" else two.here)("/link yes")
    assert await (two.here if last == "here" else two.there)("/link no") == "Nothing was linked."
    assert (two.told_here(), two.told_there()) == ("Nothing was linked.", "Nothing was linked.")
    assert "nothing to say yes or no to" in await two.there("/link yes")
    assert not await two.linked()


async def test_a_code_is_good_for_ten_minutes_and_for_one(two: Two) -> None:
    code = await two.code()
    two.app.clock.set(two.app.clock.now() + HOLDS)
    assert "I don't know this code" in await two.there(f"/link {code}")
    code = await two.code()
    await two.there(f"/link {code}")
    assert "I don't know this code" in await two.there(f"/link {code}", "mallory")
    newer = await two.code()
    await two.code()
    assert "I don't know this code" in await two.there(f"/link {newer}")


async def test_the_two_have_ten_minutes_to_say_yes(two: Two) -> None:
    await two.there(f"/link {await two.code()}")
    await two.there("/link yes")
    two.app.clock.set(two.app.clock.now() + HOLDS)
    assert "nothing to say yes or no to" in await two.here("/link yes")
    assert not await two.linked()


async def test_codes_can_not_be_tried_out(two: Two) -> None:
    code = await two.code()
    for _ in range(TRIES):
        assert "I don't know this code" in await two.there("/link AAAAA-AAAAA")
    assert "Too many wrong codes" in await two.there(f"/link {code}")
    entries = await two.app.database.read(lambda tx: stored.audited(tx, two.app.shop.id))
    assert [entry.allowed for entry in entries if entry.action == "/link"] == [False] * TRIES
    two.app.clock.set(two.app.clock.now() + timedelta(hours=1))
    assert "Are you ann on Test too?" in await two.there(f"/link {await two.code()}")


async def test_a_code_may_be_typed_as_people_do(two: Two) -> None:
    code = await two.code()
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert "Are you ann on Test too?" in await two.there(f"/link {typed}")


async def test_an_own_code_or_one_of_the_same_network_links_nothing(two: Two) -> None:
    code = await two.code()
    assert "is your own" in await two.here(f"/link {code}")
    assert "on the same network" in await two.here(f"/link {code}", "tom")


async def test_nobody_else_can_say_yes(two: Two) -> None:
    await two.there(f"/link {await two.code()}")
    await two.there("/link yes")
    assert "nothing to say yes or no to" in await two.here("/link yes 1", "mallory")
    assert not await two.linked()


async def test_in_a_group_no_code_is_told(two: Two) -> None:
    text = await two.first.say("ann", "/link")
    assert not CODE.search(text)
    assert "direct chat" in text
    assert two.first.log[-1][2].private_to == "ann"


async def test_no_table_keeps_a_code_once_it_was_sent(two: Two) -> None:
    code = await two.code()

    async def everything(tx: Transaction) -> str:
        return str([list(await tx.execute(one.select())) for one in Base.metadata.sorted_tables])

    held = await two.app.database.read(everything)
    assert code in two.told_here()
    assert code not in held
    assert code.replace("-", "") not in held


async def test_a_step_that_a_kill_has_run_again_says_the_same(two: Two) -> None:
    await two.there(f"/link {await two.code()}")
    await two.there("/link yes 1")
    before = len(two.first.texts("with-ann"))
    for _ in range(2):  # as after a kill between the step and its reply
        assert "you are one person for me" in await two.here("/link yes 1")
    assert len(two.first.texts("with-ann")) == before + 2
    assert [text for text in two.second.texts("with-ann_99") if "one person for me" in text] == [two.told_there()]


async def test_a_direct_chat_knows_nothing_of_links_by_others(two: Two) -> None:
    assert "nothing to say yes or no to" in await two.here("/link no")
    assert "I don't know this code" in await two.here("/link maybe")


async def test_unlinked_accounts_are_two_again_each_with_what_was_said_there(two: Two) -> None:
    await two.here("how much is the gooseneck kettle?")
    await two.link()
    await two.there("how much is the moka pot?")
    assert POT in await two.here("/me")
    assert "this account and the one on Test are two people for me" in await two.there("/unlink")
    assert "Your account on Other is not linked to this one any more" in two.told_here()
    assert not await two.linked()
    ours, theirs = await two.here("/me"), await two.there("/me")
    assert (KETTLE in ours, POT in ours) == (True, False)
    assert (KETTLE in theirs, POT in theirs) == (False, True)
    await two.there("how much is the matcha whisk?")
    assert "Whisk" in await two.there("/me")
    assert "Whisk" not in await two.here("/me")


async def test_unlinked_accounts_keep_their_choices_and_change_apart(two: Two) -> None:
    await two.here("/subscribe")
    await two.there("/subscribe")
    await two.link()
    await two.here("/unlink")
    assert "You get suggestions" in await two.here("/me")
    assert "You get suggestions" in await two.there("/me")
    await two.there("/subscribe off")
    assert "You get suggestions" in await two.here("/me")


async def test_unlinked_accounts_forget_and_show_their_own_only(two: Two) -> None:
    await two.here("how much is the gooseneck kettle?")
    await two.link()
    await two.there("how much is the moka pot?")
    await two.here("/unlink")
    before = await two.member("other", "ann_99")
    await two.here("/forgetme yes")
    assert POT in await two.there("/me")
    assert await two.member("other", "ann_99") == before
    assert KETTLE not in await two.here("/me")


async def test_unlinked_accounts_can_be_linked_again(two: Two) -> None:
    await two.here("how much is the gooseneck kettle?")
    await two.link()
    await two.there("/unlink")
    await two.link()
    assert KETTLE in await two.there("/me")


async def test_who_is_linked_to_nobody_hears_that(two: Two) -> None:
    assert await two.here("/unlink") == "This account is linked to no other. /link does that."
    await two.link()
    await two.there("/unlink")
    assert "linked to no other" in await two.there("/unlink"), "as where a kill has it run again"
    assert len([text for text in two.first.texts("with-ann") if "not linked to this one" in text]) == 1


async def test_in_a_group_nobody_else_reads_that_accounts_were_unlinked(two: Two) -> None:
    await two.link()
    assert "two people for me" in await two.first.say("ann", "/unlink")
    assert two.first.log[-1][2].private_to == "ann"
    assert not await two.linked()


async def test_an_admin_finds_both_by_their_names_again(two: Two) -> None:
    await two.first.say("ann", "how much is the gooseneck kettle?")
    await two.second.say("ann_99", "how much is the moka pot?")
    await two.link()
    await two.here("/unlink")
    assert KETTLE in await two.first.say("boss", "/profile ann")
    assert POT in await two.second.say("boss", "/profile ann_99")
