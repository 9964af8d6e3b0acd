"""How the bot behaves in a group of several: it waits for humans, takes bursts as one, and never talks to bots."""

import asyncio
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.config import Settings, load
from bot.conversation.bursts import PART, joined, unfinished
from bot.messages import Chat, Kind, Message, Sender
from storage import inbox, interactions
from tests.conftest import START, Group, open_group

MOKA = "how much is the moka pot?"


class Talk:
    """A group whose members talk at given seconds. `said` is what the bot has said so far."""

    def __init__(self, group: Group) -> None:
        self.group, self.clock, self.start = group, group.clock, group.clock.now()

    async def at(self, seconds: float, name: str, text: str, **more: object) -> list[str]:
        """Let the clock run, say something, and return what the bot says then."""
        await self.until(seconds)
        before = len(self.said)
        number = str(next(self.group.numbers))
        sender = more.pop("sender", Sender(name, name))
        addressed = bool(more.pop("addressed", False))
        message = Message(
            f"test:{number}", number, Chat("test", "shop", "shop"), sender, text, self.clock.now(), addressed, **more
        )  # type: ignore[arg-type]
        await self.group.app.intake.put(message)
        await self.group.settle()
        return self.said[before:]

    async def until(self, seconds: float) -> list[str]:
        """Let the clock run from one parked message to the next; what the bot says meanwhile."""
        before, end, app = len(self.said), self.start + timedelta(seconds=seconds), self.group.app
        while True:
            due = await app.database.read(lambda tx: inbox.parked(tx, app.shop.id))
            if due is None or due > end:
                break
            self.clock.set(max(due, self.clock.now()))
            await self.group.settle()
        self.clock.set(max(end, self.clock.now()))
        await self.group.settle()
        return self.said[before:]

    @property
    def said(self) -> list[str]:
        return self.group.texts("shop")


@pytest.fixture
async def talk(group: Group) -> Talk:
    return Talk(group)


async def test_alone_a_question_is_answered_at_once(talk: Talk):
    assert "£27" in (await talk.at(0, "ann", MOKA))[0]


async def test_where_others_talk_a_question_waits_for_them(talk: Talk):
    await talk.at(0, "bo", "morning all")
    assert await talk.at(30, "ann", MOKA) == []
    assert await talk.until(45) == []
    assert "£27" in (await talk.until(90))[0]


@pytest.mark.parametrize(
    "answer", ["about 27 I think", "27", "ann: 27 quid", "it's 27 for the small one", "the moka pot was 27"]
)
async def test_a_human_who_answers_first_is_not_talked_over(talk: Talk, answer: str):
    await talk.at(0, "bo", "morning all")
    await talk.at(30, "ann", MOKA)
    await talk.at(40, "bo", answer)
    assert await talk.until(200) == []


@pytest.mark.parametrize("remark", ["haha", "👍", "Cy, see you tonight", "good morning"])
async def test_a_remark_about_something_else_is_no_answer(talk: Talk, remark: str):
    await talk.at(0, "bo", "morning all")
    await talk.at(5, "cy", "morning")
    await talk.at(30, "ann", MOKA)
    await talk.at(40, "bo", remark)
    assert len(await talk.until(200)) == 1


async def test_a_reply_to_the_question_answers_it_whatever_it_says(talk: Talk):
    await talk.at(0, "bo", "morning all")
    await talk.at(30, "ann", MOKA)
    await talk.at(40, "bo", "haha", reply_to="2")
    assert await talk.until(200) == []


@pytest.mark.parametrize("word", ["never mind", "found it", "thanks Bo", "算了"])
async def test_who_takes_the_question_back_gets_no_answer(talk: Talk, word: str):
    await talk.at(0, "bo", "morning all")
    await talk.at(30, "ann", MOKA)
    await talk.at(40, "ann", word)
    assert await talk.until(200) == []


async def test_a_question_that_waits_outlives_a_restart(settings: Settings, clock: ManualClock):
    async with open_group(settings, clock) as group:
        first = Talk(group)
        await first.at(0, "bo", "morning all")
        assert await first.at(30, "ann", MOKA) == []
    async with open_group(settings, clock) as group:
        second = Talk(group)
        assert len(await second.until(60)) == 1
        assert await second.until(600) == []


async def test_what_waited_too_long_is_not_answered(settings: Settings, clock: ManualClock):
    async with open_group(settings, clock) as group:
        first = Talk(group)
        await first.at(0, "bo", "morning all")
        await first.at(30, "ann", MOKA)
    clock.set(clock.now() + timedelta(hours=2))
    async with open_group(settings, clock) as group:
        assert await Talk(group).until(60) == []


async def test_an_unfinished_address_waits_for_its_rest(talk: Talk):
    assert await talk.at(0, "ann", "@shop hi", addressed=True) == []
    assert await talk.at(4, "ann", "how much is") == []
    said = await talk.at(8, "ann", "the moka pot?")
    assert len(said) == 1
    assert "£27" in said[0]
    assert await talk.until(120) == []


async def test_a_greeting_alone_is_returned(talk: Talk):
    assert await talk.at(0, "ann", "@shop hi", addressed=True) == []
    assert len(await talk.until(PART.total_seconds() + 1)) == 1


async def test_alone_with_the_bot_a_greeting_is_returned_at_once(group: Group):
    assert await group.say("ann", "hi", chat="ann", direct=True)


async def test_parts_of_others_are_not_mixed(talk: Talk):
    await talk.at(0, "ann", "@shop how much is", addressed=True)
    assert await talk.at(3, "bo", "the gooseneck kettle looks great") == []
    said = await talk.at(6, "ann", "the moka pot?")
    assert "£27" in said[0]


async def test_a_burst_that_is_not_addressed_is_one_question(talk: Talk):
    await talk.at(0, "bo", "morning all")
    await talk.at(30, "ann", "how much is the")
    await talk.at(35, "ann", "moka pot?")
    said = await talk.until(200)
    assert len(said) == 1
    assert "£27" in said[0]


async def test_the_budget_of_unasked_replies(settings: Settings, clock: ManualClock):
    async with open_group(settings.model_copy(update={"unasked_per_hour": 2}), clock) as group:
        talk = Talk(group)
        for number in range(4):
            await talk.at(number * 300, "ann", MOKA)
        assert len(talk.said) == 2
        assert len(await talk.at(1300, "ann", MOKA, addressed=True)) == 1
        assert len(await talk.at(4000, "ann", MOKA)) == 1


async def test_lively_waits_less(group: Group):
    await group.say("boss", "/mode lively")
    talk = Talk(group)
    await talk.at(10, "bo", "morning all")
    await talk.at(30, "ann", MOKA)
    assert len(await talk.until(50)) == 1


async def test_thumbs_down_make_it_wary(settings: Settings, clock: ManualClock):
    asked = "how long does the travel mug keep drinks hot?"
    async with open_group(settings.model_copy(update={"gate_precision": 0.95}), clock) as group:
        talk = Talk(group)
        assert len(await talk.at(0, "ann", asked)) == 1
        on = next(key for chat, key, _ in group.log if chat == "shop")
        for second, name in enumerate(("bo", "cy"), 10):
            await talk.at(second, name, "👎", kind=Kind.REACTION, reply_to=on)
        assert await talk.at(700, "ann", asked) == []
        assert len(await talk.at(760, "ann", asked, addressed=True)) == 1
        for second, name in enumerate(("di", "ed", "flo", "gil"), 800):
            await talk.at(second, name, "👍", kind=Kind.REACTION, reply_to=on)
        assert len(await talk.at(1500, "ann", asked)) == 1


BOT = Sender("b1", "DealBot", bot=True)


async def test_bots_are_not_answered_unless_listed(settings: Settings, clock: ManualClock):
    async with open_group(settings, clock) as group:
        assert await Talk(group).at(0, "", MOKA, sender=BOT, addressed=True) == []
    listing = {"answer_bots": "helper, DEALBOT", "database_url": settings.database_url.replace("shop.db", "b.db")}
    async with open_group(settings.model_copy(update=listing), clock) as group:
        talk = Talk(group)
        assert len(await talk.at(0, "", MOKA, sender=BOT, addressed=True)) == 1
        assert await talk.at(60, "", MOKA, sender=BOT) == []
        assert await talk.at(120, "", MOKA, sender=BOT, addressed=True) == []  # no human has spoken since
        await talk.at(180, "ann", "haha")
        assert len(await talk.at(240, "", MOKA, sender=BOT, addressed=True)) == 1


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("listing", ["", "one, two"])
async def test_two_shopkeepers_in_one_chat_never_loop(settings: Settings, tmp_path: Path, flagged: bool, listing: str):
    clock = ManualClock(START)
    changed = settings.model_copy(update={"answer_bots": listing, "chat_mode": "lively"})
    other = changed.model_copy(update={"database_url": f"sqlite:///{tmp_path}/other.db"})
    async with open_group(changed, clock) as one, open_group(other, clock) as two:
        await asyncio.gather(Talk(one).at(0, "ann", MOKA), Talk(two).at(0, "ann", MOKA))
        told = [0, 0]
        for turn in range(30):
            clock.set(clock.now() + timedelta(seconds=20))
            for at, (here, there) in enumerate(((one, two), (two, one))):
                await here.settle()
                new = here.texts("shop")[told[at] :]
                told[at] += len(new)
                for text in new:
                    name = ("one", "two")[at]
                    key = f"{name}:{turn}:{told[at]}:{text[:5]}"
                    place = Chat("test", "shop", "shop")
                    sender = Sender(name, name, bot=flagged)
                    await there.app.intake.put(
                        Message(key, key, place, sender, text, clock.now(), addressed=flagged, reply_to="1")
                    )
                    await there.settle()
        assert len(one.texts("shop")) <= 2
        assert len(two.texts("shop")) <= 2


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "@shop",
        "how much is",
        "how much is the",
        "do you have",
        "你好",
        "在吗",
        "请问",
        "我想问一下",
        "moka pot and",
    ],
)
def test_unfinished(text: str):
    assert unfinished(text)


@pytest.mark.parametrize(
    "text",
    ["how much is it?", "the moka pot", "is it in stock", "多少钱？", "白色的有货吗", "thanks", "what do you have"],
)
def test_finished(text: str):
    assert not unfinished(text)


def test_greetings_are_left_out_of_what_is_asked():
    assert joined(["@shop hi", "how much is…", "the moka pot?"]) == "how much is the moka pot?"


LINES = st.tuples(
    st.integers(1, 40),
    st.sampled_from(["ann", "bo", "cy"]),
    st.sampled_from(
        ["hi", "how much is", "the moka pot?", MOKA, "haha", "thanks", "never mind", "多少钱", "手冲壶还有货吗？", ""]
    ),
    st.booleans(),
)


@hypothesis.given(st.lists(LINES, min_size=1, max_size=8))
@hypothesis.settings(max_examples=10, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
async def test_every_line_is_kept_once_and_decided(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple]):
    url = f"sqlite:///{tmp_path_factory.mktemp('lines')}/shop.db"
    settings = load({"DATABASE_URL": url, "EMBED_MODEL": "off"}, env_file=None)
    async with open_group(settings, ManualClock(START)) as group:
        talk, at = Talk(group), 0
        for gap, name, text, addressed in lines:
            at += gap
            await talk.at(at, name, text, addressed=addressed)
        await talk.until(at + 120)
        shop_id = group.app.shop.id
        kept = await group.app.database.read(lambda tx: interactions.shown(tx, shop_id, "test", "shop", 99))
        assert sorted(row.message_id for row in kept) == sorted(str(one + 1) for one in range(len(lines)))
        assert await group.app.database.read(lambda tx: inbox.parked(tx, shop_id)) is None
        assert await group.app.database.read(lambda tx: inbox.waiting(tx, shop_id)) == []
        assert len(talk.said) <= len(lines)
        addressed_last = [
            text for _, _, text, addressed in lines[-1:] if addressed and text not in ("hi", "how much is", "")
        ]
        assert not addressed_last or talk.said
