"""`python -m bot export-training`: what is taken out of real chats for fine-tuning, and what never is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app import build
from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Kind, Training
from bot.tools.disguise import mask
from bot.tools.training import Export, collect, summary
from llm.chats import Reply, read
from llm.engines.scripted import ScriptedEngine
from storage import interactions, members
from tests.conftest import Group

KETTLE = "how much is the gooseneck kettle?"
TEAPOT = "how much is the glass teapot?"


def place(clock: ManualClock, name: str, rule: Training) -> Group:
    """A chat network of its own name and policy."""
    group = Group(clock)
    group.name = name
    group.capabilities = replace(Group.capabilities, may_train=rule)
    return group


@asynccontextmanager
async def opened(settings: Settings, clock: ManualClock, *groups: Group) -> AsyncIterator[None]:
    """One bot on all of these, with the demo shop; it words with the plan's slots."""
    async with build(settings, clock, ScriptedEngine(), lambda parts: groups) as app:
        for group in groups:
            group.app = app
        await app.load()
        yield


async def export(group: Group) -> Export:
    rules = {name: edge.capabilities for name, edge in group.app.platforms.items()}
    return await collect(group.app.database, group.app.shop.id, rules)


def asked(found: Export) -> list[str]:
    return [one.turns[-1][1] for one in found.replies]


@pytest.fixture
async def web(settings: Settings, clock: ManualClock) -> AsyncIterator[Group]:
    group = place(clock, "web", "yes")
    async with opened(settings, clock, group):
        yield group


async def test_the_verb_writes_articles_and_replies_and_says_what_it_left_out(
    settings: Settings, clock: ManualClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group, other = place(clock, "web", "yes"), place(clock, "elsewhere", "yes")
    async with opened(settings, clock, group, other):
        await group.say("ann", KETTLE)
        await group.say("bo", "thanks a lot", addressed=False)
        await group.say("bo", TEAPOT)
        await other.say("cy", KETTLE)  # a network that the verb knows nothing of

    file = tmp_path / "new" / "chats.jsonl"
    verb = ["export-training", str(file), "--set", f"DATABASE_URL={settings.database_url}"]
    assert await in_thread(verb) == 0
    told = capsys.readouterr().out
    assert "the platform allows no training │ 1" in told

    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    articles = [line for line in lines if line["kind"] == "article"]
    assert {line["language"] for line in articles} == {"en", "zh"}
    assert all(line["title"] and line["body"] for line in articles)
    first, second = (line for line in lines if line["kind"] == "reply")
    assert [text for _, text in first["turns"]] == [KETTLE]
    assert first["plan"]["act"] == "price"
    assert {"name1", "price1"} <= {*first["plan"]["slots"]}
    assert first["reply"] == "Here: <name1> <price1>."
    assert [text for _, text in second["turns"]][-2:] == ["thanks a lot", TEAPOT]
    assert second["turns"][1][0] == ""  # the bot's reply, as members saw it
    assert "£" in second["turns"][1][1]
    assert [*read(file)]

    assert await in_thread(verb) == 2
    assert "--force" in capsys.readouterr().err
    assert await in_thread([*verb, "--force"]) == 0
    assert [one.name for one in file.parent.iterdir()] == [file.name]


async def in_thread(verb: list[str]) -> int:
    """The verb opens an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(main, verb)


async def test_elsewhere_only_members_who_said_so_and_never_where_it_is_forbidden(
    settings: Settings, clock: ManualClock
) -> None:
    group, closed = place(clock, "chats", "optin"), place(clock, "closed", "never")
    async with opened(settings, clock, group, closed):
        assert "are not used" in await group.say("ann", "/training")
        assert "may be used" in await group.say("ann", "/training on")
        assert "forbids it" in await closed.say("ann", "/training on")
        assert "您的聊天内容没有被使用" in await group.say("cy", "/训练")
        assert "only after /training on" in await group.say("ann", "/privacy")
        await group.say("ann", KETTLE, chat="one")
        await group.say("bo", TEAPOT, chat="two")  # never said so
        await group.say("bo", "good morning all", addressed=False, chat="three")
        await group.say("ann", "how much is the moka pot?", chat="three")  # what bo said stands in front of it
        await closed.say("ann", "how much is the milk frother?")
        found = await export(group)
        assert asked(found) == [KETTLE]
        assert found.left_out == {"a member has not said /training on": 2, "the platform allows no training": 1}

        assert "are not used" in await group.say("ann", "/training off")
        assert asked(await export(group)) == []


async def test_members_who_opted_out_and_replies_that_were_disliked_stay_out(web: Group) -> None:
    await web.say("ann", KETTLE, chat="one")
    await web.say("bo", TEAPOT, chat="two")
    await web.say("cy", "how much is the moka pot?", chat="three")
    database, shop = web.app.database, web.app.shop.id
    bo = await database.read(lambda tx: members.find(tx, shop, "bo"))
    await database.write(lambda tx: members.change(tx, bo.id, opted_out=True, trains=True))
    disliked = next(key for place, key, _ in web.log if place == "three")
    await web.say("ann", "👎", chat="three", kind=Kind.REACTION, reply_to=disliked)
    found = await export(web)
    assert asked(found) == [KETTLE]
    assert found.left_out == {"a member opted out": 1, "a member did not like it (👎)": 1}
    assert summary(found).row_count == 4


async def test_nobody_is_known_by_what_is_exported(web: Group) -> None:
    await web.say("Rosalind", "hello, I am Rosalind, write to rosalind@mail.example or 13800138000", addressed=False)
    await web.say("Rosalind", f"hey @big_bo see https://a.example/x {KETTLE}")
    await web.say("大山", "我是大山，玻璃茶壶多少钱？", chat="two")
    found = await export(web)
    assert len(found.replies) == 2
    text = "".join(speaker + said for one in found.replies for speaker, said in one.turns)
    for real in ("rosalind", "mail.example", "13800138000", "big_bo", "a.example", "大山"):
        assert real not in text.casefold()
    names = {speaker for one in found.replies for speaker, _ in one.turns if speaker}
    assert len(names) == 2  # Rosalind's is the same in both turns
    assert all(name in text for name in names)
    assert "玻璃茶壶多少钱" in text


async def test_the_same_is_taken_once_and_erased_questions_not_at_all(web: Group) -> None:
    for number in range(3):
        await web.say("ann", KETTLE, chat=f"chat {number}")
    await web.say("ann", TEAPOT, chat="erased", direct=True)
    found = await export(web)
    assert asked(found) == [KETTLE, TEAPOT]
    assert found.left_out == {"said before in the same words": 2}
    now, shop = web.clock.now(), web.app.shop.id
    await web.app.database.write(lambda tx: interactions.forget_texts(tx, shop, now))
    left = await export(web)
    assert asked(left) == [TEAPOT]
    assert left.left_out == {"the question is erased": 3}


async def test_commands_and_their_replies_are_no_turns(web: Group) -> None:
    await web.say("ann", "/me", direct=True, chat="dm")
    await web.say("ann", KETTLE, direct=True, chat="dm")
    (only,) = (await export(web)).replies
    assert isinstance(only, Reply)
    assert [said for _, said in only.turns] == [KETTLE]


async def test_every_part_of_a_reply_is_a_line(web: Group) -> None:
    shown = await web.say("ann", "how much is the gooseneck kettle? and do you ship abroad?")
    found = await export(web)
    assert len(found.replies) == len(shown.splitlines()) == 2
    assert found.replies[0].turns == found.replies[1].turns
    assert found.replies[0].plan.act != found.replies[1].plan.act


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail me: a.b@mail.example please", "mail me: e-mail address please"),
        ("call 020 7183 8750 now", "call phone number now"),
        ("card 4111 1111 1111 1111, ok", "card number, ok"),
        ("order 123456789012 is late", "order number is late"),
        ("see www.shop.example/p/1 or @kite_bo", "see link or somebody"),
        ("我的手机是13800138000，谢谢", "我的手机是电话号码，谢谢"),
        ("@小王 这个多少钱", "某人 这个多少钱"),
        ("is 250 g for 2 people enough?", "is 250 g for 2 people enough?"),
    ],
)
def test_personal_data_becomes_neutral_words(text: str, masked: str) -> None:
    assert mask(text) == masked
