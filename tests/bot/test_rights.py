"""What a member may ask about themselves: why, all that is held of them, to be left alone."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.clock import ManualClock
from bot.config import Settings
from bot.messages import Kind
from storage import members, outbox
from storage.tables import Audit, Interaction, Member, Outbox, SuggestionLog
from tests.conftest import Group, open_group

ASKED = "how much is the Glass Teapot with Infuser?"


async def interest(group: Group, name: str = "ann") -> None:
    await group.say(name, ASKED, chat=name, direct=True)


async def row(group: Group, table: Any, **which: Any) -> Any:
    return await group.app.database.read(lambda tx: one(tx, table, which))


async def one(tx: Any, table: Any, which: Any) -> Any:
    return (await tx.execute(select(table.__table__).filter_by(**which).order_by(table.id.desc()))).first()


async def morning(group: Group) -> None:
    """The hour in which the day's suggestions go out."""
    group.clock.set(group.clock.now().replace(hour=9, minute=5) + timedelta(days=1))
    await group.settle()


async def test_why_tells_each_cause_of_a_suggestion_asked_for(group: Group) -> None:
    assert "nothing to you yet" in await group.say("ann", "/why")
    await interest(group)
    assert await group.say("ann", "/suggest", chat="ann", direct=True)
    sent = await row(group, Outbox, kind="command", member_id=1)
    causes = [(about, value) for _, about, value in sent.extra["why"]]
    text = await group.say("ann", "/why", chat="ann", direct=True)
    whole = sum(value for _, value in causes)
    for about, value in causes:
        if value >= whole / 100:
            assert f"- {value / whole:.0%}: You asked about {about}" in text
    assert "You asked for it" in text
    assert text.startswith(f"{sent.extra['cards'][0][0]}, ")


async def test_why_tells_the_chance_of_one_that_came_unasked(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings.model_copy(update={"holdout": 0.0}), clock) as group:
        await interest(group)
        await group.say("ann", "/subscribe", chat="ann", direct=True)
        await morning(group)
        log = await row(group, SuggestionLog)
        chance = log.propensities[log.candidates.index(log.chosen)]
        text = await group.say("ann", "/why")
        assert f"drawn among {len(log.candidates)} that fit you, with a chance of {chance:.0%}" in text
        assert "You asked about" in text
        assert group.log[-1][2].private_to == "ann"
        assert "nothing to you yet" in await group.say("tom", "/why")


async def test_who_opted_out_gets_nothing_unasked_until_they_subscribe(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings.model_copy(update={"holdout": 0.0}), clock) as group:
        await interest(group)
        await group.say("ann", "/subscribe", chat="ann", direct=True)
        assert "nothing unasked" in await group.say("ann", "/optout")
        await morning(group)
        assert await row(group, Outbox, kind="suggestion") is None
        assert "No interests of yours are kept." in await group.say("ann", "/me", chat="ann", direct=True)
        assert await group.say("ann", "how much is the moka pot?", chat="ann", direct=True)
        await group.say("ann", "/subscribe", chat="ann", direct=True)
        await morning(group)
        assert await row(group, Outbox, kind="suggestion") is not None


async def test_what_waits_to_be_sent_is_withdrawn(group: Group) -> None:
    await interest(group)
    app, later = group.app, group.clock.now() + timedelta(hours=5)

    async def waits(tx: Any) -> None:
        chat = await members.direct_chat(tx, 1, "test")
        assert chat
        for key, kind in (("suggestion:1:x", "suggestion"), ("campaign:1:1", "post")):
            await outbox.put(tx, app.shop.id, chat.id, key, kind, "Something new", later, member_id=1)

    await app.database.write(waits)
    await group.say("ann", "/optout")
    for key in ("suggestion:1:x", "campaign:1:1"):
        assert (await row(group, Outbox, key=key)).state == "cancelled"


async def test_all_that_is_held_comes_as_a_file_to_the_member_alone(group: Group) -> None:
    await interest(group)
    await group.say("tom", "do you gift wrap at all?")
    text = await group.say("ann", "/mydata")
    assert "as a file" in text
    shown = group.log[-1][2]
    assert shown.private_to == "ann"
    name, content = shown.document
    held = json.loads(content)
    assert name == "my-data.json"
    assert held["who you are here"]["accounts"] == ["test: ann"]
    assert held["what you said and did"][0]["words"] == ASKED
    assert "Glass Teapot" in held["what you said and did"][0]["about"]
    assert held["what the bot said to you"]
    assert "gift wrap" not in content
    whole = held["every row, as it stands"]
    count = await group.app.database.read(
        lambda tx: tx.scalar(select(Interaction.id).where(Interaction.member_id == 1).limit(1))
    )
    assert whole["interaction"][0]["id"] == count


async def test_the_tables_keep_no_copy_of_the_file(group: Group) -> None:
    await interest(group)
    await group.say("ann", "/mydata")
    sent = await row(group, Outbox, kind="command")
    assert "as a file" in sent.text
    assert "document" not in sent.extra


async def test_each_speaks_chinese(group: Group) -> None:
    for line in ("/为什么", "/我的数据", "/退出", "/忘记我", "/隐私"):
        text = await group.say("小林", line)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text), line


async def test_the_choices_stand_in_the_members_row(group: Group) -> None:
    await group.say("ann", "/optout")
    member = await row(group, Member, name="ann")
    assert (member.opted_out, member.subscribed) == (True, False)


async def pressed(group: Group, label: str) -> str:
    """Ann presses a button under the last message."""
    command = next(one.command for one in group.log[-1][2].buttons if one.label == label)
    return await group.say("ann", command, chat="ann", direct=True, kind=Kind.BUTTON)


async def suggested(group: Group) -> str:
    """The product that ann is suggested."""
    await group.say("ann", "/suggest", chat="ann", direct=True)
    return group.log[-1][2].cards[0].title


async def test_what_is_not_for_a_member_is_not_suggested_again(group: Group) -> None:
    await interest(group)
    first = await suggested(group)
    text = await pressed(group, "Not for me")
    assert text.startswith(f"Good, I won't suggest {first} again.")
    assert await suggested(group) != first
    await group.say("ann", "/suggest all", chat="ann", direct=True)
    assert await suggested(group) == first


async def test_a_hidden_brand_stays_hidden(group: Group) -> None:
    await interest(group)
    first = await suggested(group)
    brands = {one.title: one.brand for one in await group.app.library.read([*range(1, 60)])}
    assert f"nothing of {brands[first]} any more" in await pressed(group, "Hide this brand")
    if cards := group.log[-1][2].cards:
        assert brands[cards[0].title] != brands[first]
    await group.say("ann", "/suggest all", chat="ann", direct=True)
    assert await suggested(group) == first


async def test_more_like_this_goes_on_from_it(group: Group) -> None:
    await interest(group)
    first = await suggested(group)
    await pressed(group, "More like this")
    assert group.log[-1][2].cards[0].title != first
    assert "You asked about" in await group.say("ann", "/why", chat="ann", direct=True)
    assert "which product you mean" in await group.say("ann", "/suggest not 99999")


async def test_an_admin_sees_what_would_be_suggested_and_that_is_audited(group: Group) -> None:
    await group.say("ann", ASKED)
    text = await group.say("boss", "/suggest preview ann")
    assert text.startswith("ann would be suggested one of these:")
    assert "You asked about Glass Teapot with Infuser." in text
    assert "have not subscribed" in text
    assert (await row(group, Audit, action="/suggest preview")).data["of"] == 1
    assert "for admins" in await group.say("ann", "/suggest preview boss")
    assert "I know nobody" in await group.say("boss", "/suggest preview nobody")
