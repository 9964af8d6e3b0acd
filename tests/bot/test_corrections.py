"""Messages that state what is no longer so are corrected: exactly those, once each, whatever is killed in between."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.config import load
from bot.conversation.corrections import Corrections
from bot.knowledge.importers import import_paths
from bot.messages import Capabilities, Chat, Outgoing, SendError
from bot.outbox import Outbox
from bot.texts import Texts
from storage.database import Database
from tests.bot.changing_shop import ASKED, LAMP, MUG, TEAPOT, TRAY, Catalogue
from tests.conftest import START, open_group

EDITS = Capabilities(edits=True, idempotent=True)
BESIDE = Capabilities(edits=False, idempotent=True)


class Killed(BaseException):
    """The process is gone: nothing after this is done."""


@dataclass
class Fuse:
    """Burns one with every step; at none left the process dies. None: it lives."""

    left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class Mortal(Database):
    """A database whose process may die before a transaction, or after it."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self.fuse = fuse

    async def read(self, job: Any) -> Any:
        self.fuse.burn()
        return await super().read(job)

    async def write(self, job: Any) -> Any:
        self.fuse.burn()
        done = await super().write(job)
        self.fuse.burn()
        return done


@dataclass
class Chatroom:
    """A platform without a network: what its members see. It may die before a message is shown, or after it.

    What is in `old` can't be edited any more.
    """

    capabilities: Capabilities
    old: set[str] = field(default_factory=set)
    fuse: Fuse = field(default_factory=Fuse)
    shown: dict[str, Outgoing] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)  # id and text of everything shown since the start

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        await self.edit(chat, key, outgoing)
        return key

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        self.fuse.burn()
        if message_id in self.old:
            raise SendError("message can't be edited")
        if self.shown.get(message_id) != outgoing:  # the same again is nothing that anybody sees
            self.log.append((message_id, outgoing.text))
        self.shown[message_id] = outgoing
        self.fuse.burn()


class Place:
    """A shop's file, the files it imports, and the chat room; `settle` is a process that lives until it is killed."""

    def __init__(self, folder: Path, room: Chatroom, within: timedelta = timedelta(hours=24)) -> None:
        self.folder, self.room, self.within = folder, room, within
        self.clock = ManualClock(START + timedelta(hours=1))
        self.url = f"sqlite:///{folder}/shop.db"

    async def change(self, catalogue: Catalogue) -> None:
        async with Database(self.url) as database:
            await import_paths(database, 1, catalogue.write(self.folder), clock=self.clock, currency="GBP")

    async def settle(self, fuse: Fuse | None = None) -> None:
        """Correct and send all that there is. Raises Killed."""
        self.room.fuse = burning = fuse or Fuse()
        async with Mortal(self.url, burning) as database:
            outbox = Outbox(database, 1, self.clock, {"test": self.room})
            corrections = Corrections(
                database=database, shop_id=1, clock=self.clock, texts=Texts(), within=self.within,
                abilities={"test": self.room.capabilities}, wake_outbox=outbox.wake,
            )  # fmt: skip
            while await corrections.correct():
                await outbox.flush()
            await outbox.flush()  # what an earlier process decided


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a shop's database in which every question was asked and answered."""
    folder = tmp_path_factory.mktemp("told")

    async def ask() -> None:
        values = {"DATABASE_URL": f"sqlite:///{folder}/shop.db", "UPLOADS": str(folder), "EMBED_MODEL": "off"}
        async with open_group(load(values, env_file=None), ManualClock(START), demo=False) as group:
            files = Catalogue().write(folder)
            await import_paths(group.app.database, 1, files, clock=group.clock, currency="GBP")
            for text, _ in ASKED:
                assert await group.say("ann", text)

    asyncio.run(ask())
    return folder


@asynccontextmanager
async def opened(told: Path, folder: Path, capabilities: Capabilities = EDITS) -> AsyncIterator[Place]:
    shutil.copytree(told, folder, dirs_exist_ok=True)
    yield Place(folder, Chatroom(capabilities))


def message(number: int) -> str:
    return f"reply:{number + 1}"


Change = Callable[[Catalogue], None]


def priced(title: str, size: str) -> st.SearchStrategy[Change]:
    def change(price: int) -> Change:
        return lambda c: c.variants.update({(title, size): (price, c.variants[title, size][1])})

    return st.sampled_from([10, 12, 30, 45, 60]).map(change)


def stocked(title: str, size: str) -> st.SearchStrategy[Change]:
    def change(stock: int) -> Change:
        return lambda c: c.variants.update({(title, size): (c.variants[title, size][0], stock)})

    return st.sampled_from([0, 2, 3, 9, 20]).map(change)


def left(title: str) -> Change:
    return lambda c: c.gone.symmetric_difference_update({title})


VARIANTS = list(Catalogue().variants)
CHANGE = st.one_of(
    st.sampled_from(VARIANTS).flatmap(lambda one: priced(*one)),
    st.sampled_from(VARIANTS).flatmap(lambda one: stocked(*one)),
    st.sampled_from([left(MUG), left(LAMP)]),
    st.sampled_from([40, 45, 50]).map(lambda sum_: lambda c: setattr(c, "threshold", sum_)),
    st.sampled_from([14, 30]).map(lambda days: lambda c: setattr(c, "days", days)),
    st.just(lambda c: setattr(c, "words", c.words + 1)),
)
# Some changes in one import or in several, then a process that is killed after so many steps, and again.
ROUND = st.tuples(
    st.lists(st.lists(CHANGE, min_size=1, max_size=3), min_size=1, max_size=2),
    st.lists(st.integers(0, 12), max_size=3),
)


ROUNDS = st.lists(ROUND, min_size=1, max_size=4)
either = pytest.mark.parametrize("capabilities", [EDITS, BESIDE], ids=["edits", "beside"])


@either
@given(rounds=ROUNDS)
@settings(max_examples=10, deadline=None)
def test_the_messages_corrected_are_those_whose_statements_changed(
    told: Path, tmp_path_factory: pytest.TempPathFactory, capabilities: Capabilities, rounds: Any
) -> None:
    asyncio.run(check_rounds(told, tmp_path_factory.mktemp("rounds"), capabilities, rounds))


@pytest.mark.long
@pytest.mark.timeout(900)
@either
@given(rounds=ROUNDS)
@settings(max_examples=200, deadline=None)
def test_the_same_with_many_more_changes_and_kills(
    told: Path, tmp_path_factory: pytest.TempPathFactory, capabilities: Capabilities, rounds: Any
) -> None:
    asyncio.run(check_rounds(told, tmp_path_factory.mktemp("rounds"), capabilities, rounds))


async def check_rounds(told: Path, folder: Path, capabilities: Capabilities, rounds: Any) -> None:
    catalogue = Catalogue()
    async with opened(told, folder, capabilities) as place:
        stated = [states(catalogue) for _, states in ASKED]
        for imports, kills in rounds:
            for changes in imports:
                for change in changes:
                    change(catalogue)
                await place.change(catalogue)
            place.room.log.clear()
            for steps in kills:
                try:
                    await place.settle(Fuse(steps))
                except Killed:
                    continue
            await place.settle()
            now = [states(catalogue) for _, states in ASKED]
            wanted = [message(number) for number, one in enumerate(now) if one != stated[number]]
            corrected = [shown if capabilities.edits else reply_to(place, shown) for shown, _ in place.room.log]
            assert sorted(corrected) == sorted(wanted), place.room.log
            stated = now
        if capabilities.edits and stated == [states(Catalogue()) for _, states in ASKED]:
            assert not any("Update" in one.text for one in place.room.shown.values()), "all is as it was first said"


def reply_to(place: Place, message_id: str) -> str:
    return place.room.shown[message_id].reply_to


async def after(told: Path, folder: Path, change: Change, capabilities: Capabilities = EDITS) -> dict[str, str]:
    """What the messages corrected show after a change, by the question."""
    catalogue = Catalogue()
    async with opened(told, folder, capabilities) as place:
        change(catalogue)
        await place.change(catalogue)
        await place.settle()
        questions = {message(number): text for number, (text, _) in enumerate(ASKED)}
        shown = place.room.shown
        return {questions[one if capabilities.edits else shown[one].reply_to]: out.text for one, out in shown.items()}


def set_to(title: str, size: str, price: int, stock: int) -> Change:
    return lambda c: c.variants.update({(title, size): (price, stock)})


async def test_a_value_that_stands_there_is_replaced(told: Path, tmp_path: Path):
    assert await after(told, tmp_path, set_to(TEAPOT, "Large", 50, 0)) == {
        "how much is the Willow Teapot?": "Here: £30.00 (Small) or £50.00 (Large).",
        "how much is the Willow Teapot in Large?": "Here: £50.00.",
    }


async def test_a_state_is_said_in_a_line_below(told: Path, tmp_path: Path):
    assert await after(told, tmp_path, set_to(MUG, "", 10, 0)) == {
        "is the Amber Mug in stock?": "Amber Mug is in stock.\nUpdate: Amber Mug is now sold out."
    }


async def test_a_count_that_was_said_is_replaced_and_few_that_are_many_are_said(told: Path, tmp_path: Path):
    question = "is the Cedar Lamp in stock?"
    assert (await after(told, tmp_path / "a", set_to(LAMP, "", 60, 2))) == {question: "Here: 2."}
    many = await after(told, tmp_path / "b", set_to(LAMP, "", 60, 50))
    assert many == {question: "Here: 3.\nUpdate: Cedar Lamp is now in stock."}


async def test_an_article_and_what_it_now_says(told: Path, tmp_path: Path):
    assert await after(told, tmp_path, lambda c: setattr(c, "days", 14)) == {
        "how long can I return things?": "Here: You have 14 days from the day of delivery."
    }


async def test_what_left_the_shop(told: Path, tmp_path: Path):
    texts = await after(told, tmp_path, left(LAMP))
    assert texts == {
        "is the Cedar Lamp in stock?": "Here: 3.\nUpdate: Cedar Lamp is no longer in the shop.",
        "/product Cedar Lamp": "Cedar Lamp · £60.00 · in stock\nUpdate: Cedar Lamp is no longer in the shop.",
    }


async def test_in_chinese(told: Path, tmp_path: Path):
    texts = await after(told, tmp_path, set_to(MUG, "", 12, 20))
    assert texts["你们的 Amber Mug 多少钱？"] == "这里：£12.00。"
    gone = await after(told, tmp_path / "gone", left(MUG))
    assert gone["你们的 Amber Mug 多少钱？"] == "这里：£10.00。\n更正：Amber Mug已下架。"


async def test_where_a_platform_cant_edit_it_is_answered(told: Path, tmp_path: Path):
    assert await after(told, tmp_path, set_to(TRAY, "", 20, 4), BESIDE) == {
        "is the Slate Tray in stock?": "Update: Slate Tray is now in stock.",
        "which is cheaper, the Amber Mug or the Slate Tray?": "Update: Slate Tray now costs £20.00.",
    }


async def test_what_the_platform_refuses_to_edit_is_answered(told: Path, tmp_path: Path):
    async with opened(told, tmp_path) as place:
        place.room.old = {message(0)}
        catalogue = Catalogue()
        set_to(MUG, "", 12, 20)(catalogue)
        await place.change(catalogue)
        await place.settle()
        await place.settle()
    [(key, note)] = [one for one in place.room.log if "correction" in one[0]]
    assert (note, reply_to(place, key)) == ("Update: Amber Mug now costs £12.00.", message(0))
    assert len(place.room.log) == len([one for one in ASKED if "Amber Mug" in one[0]]) - 1


async def test_what_was_never_said_changes_nothing(told: Path, tmp_path: Path):
    def restock(c: Catalogue) -> None:
        c.words += 1
        c.variants[MUG, ""] = (10, 1)  # "in stock" was said, no number
        c.variants[TEAPOT, "Small"] = (30, 4)

    assert await after(told, tmp_path, restock) == {}


async def test_an_old_message_stays_as_it_is(told: Path, tmp_path: Path):
    async with opened(told, tmp_path) as place:
        catalogue = Catalogue()
        catalogue.threshold = 45
        await place.change(catalogue)
        place.clock.set(START + timedelta(hours=30))
        await place.settle()
        place.clock.set(START)
        await place.settle()
    assert place.room.shown == {}


async def test_it_can_be_switched_off(told: Path, tmp_path: Path):
    async with opened(told, tmp_path) as place:
        place.within = timedelta(0)
        catalogue = Catalogue()
        catalogue.threshold = 45
        await place.change(catalogue)
        await place.settle()
    assert place.room.shown == {}
