"""/forgetme: a member is asked once, removed everywhere, and told what was removed; also across a kill."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.clock import ManualClock
from bot.config import Settings
from bot.members.rights import Rights
from bot.messages import Button, Chat, Kind, Message, Sender
from storage import aliases, forget, models, questions
from storage import settings as stored
from storage.database import Database
from storage.tables import Base, Interaction, Member
from tests.conftest import Group, open_group

NAME = "Zuleika Quarle"
WORDS = "does the heron teapot of my aunt Ottoline fit a 17 cm shelf"
PLANTED = ("Zuleika", "Quarle", "Ottoline", "heron teapot of my aunt")


async def tables(group: Group, *, but: tuple[str, ...] = ()) -> str:
    """Every row of every table, as text."""

    async def look(tx: Any) -> str:
        found = []
        for table in Base.metadata.sorted_tables:
            if table.name not in but:
                found += [f"{table.name}: {row}" for row in await tx.execute(select(table))]
        return "\n".join(found)

    return await group.app.database.read(look)


def planted(text: str) -> list[str]:
    return [line[:300] for line in text.splitlines() if any(word in line for word in PLANTED)]


async def plant(group: Group) -> None:
    """All that may be held of somebody: talk, a question on the list, a handoff, a wording learnt, an audit entry."""
    await group.say(NAME, f"hello, I am {NAME}")
    await group.say(NAME, WORDS)
    await group.say(NAME, "I want to speak to a human please, says Ottoline")
    await group.say(NAME, "/me", chat="dm", direct=True)
    await group.say("ann", f"ask {NAME}, she said: {WORDS}", addressed=False)
    await group.say("boss", f"/profile {NAME}")
    await group.say("boss", "/unanswered")
    shop, now = group.app.shop.id, group.app.clock.now()

    async def more(tx: Any) -> None:
        who = await tx.scalar(select(Member.id).where(Member.name == NAME))
        chat = await tx.scalar(select(Interaction.chat_id).where(Interaction.member_id == who).limit(1))
        await aliases.add(tx, shop, "product:1", WORDS, "en", "thumbs", now, member_id=who)
        await questions.add(tx, shop, chat, who, "q1", WORDS, "en", "unknown", now)
        await stored.audit(tx, shop, "/mute", now, member_id=1, chat_id=chat, data={"args": f"10 {NAME}"})

    await group.app.database.write(more)


async def test_somebody_is_asked_once_and_then_gone_everywhere(group: Group) -> None:
    await plant(group)
    assert planted(await tables(group))
    asked = await group.say(NAME, "/forgetme")
    assert "Shall I forget you?" in asked
    assert Button("Yes, forget me", "/forgetme yes") in group.log[-1][2].buttons
    assert planted(await tables(group))
    told = await group.say(NAME, "/forgetme yes", kind=Kind.BUTTON)
    assert told.startswith("Done. I have forgotten you.")
    assert "- what you said and did: " in told
    assert "- questions on the shop's list: " in told
    assert "- wordings learnt from you: 1" in told
    assert group.log[-1][2].private_to == NAME
    await group.settle()
    assert planted(await tables(group)) == []


async def test_others_keep_what_is_theirs(group: Group) -> None:
    await plant(group)
    await group.say(NAME, "/forgetme yes")
    text = await tables(group)
    assert "ask •••, she said: •••" in text
    assert "needs a human" in text
    assert "'ann'" in text
    assert "Messages:" in await group.say("ann", "/me")


async def test_who_speaks_again_is_somebody_new(group: Group) -> None:
    await plant(group)
    await group.say(NAME, "/forgetme yes", chat="dm", direct=True)
    await group.say(NAME, "is the moka pot in stock?", chat="dm", direct=True)
    text = await group.say(NAME, "/me", chat="dm", direct=True)
    assert "Messages: 1." in text
    assert "heron" not in text


async def test_what_was_said_before_is_not_taken_in_again(group: Group) -> None:
    await plant(group)
    earlier = group.clock.now()
    await group.say(NAME, "/forgetme yes")
    late = Message("test:late", "late", Chat("test", "shop", "shop"), Sender(NAME, NAME), WORDS, earlier, True)
    await group.app.intake.put(late)
    await group.settle()
    assert planted(await tables(group)) == []
    assert "This is what I know" in await group.say(NAME, "/me")
    await group.app.intake.put(Message("test:later", "later", late.chat, late.sender, WORDS, earlier))
    await group.settle()
    assert not any("heron" in line for line in (await tables(group)).splitlines())


class Killed(Exception):
    """The process ends here."""


class Dying(Database):
    """A database that takes so many writes, and then no more."""

    def __init__(self, database: Database, writes: int) -> None:
        super().__init__(str(database.url))
        self.database, self.left = database, writes

    async def read(self, job: Any) -> Any:
        return await self.database.read(job)

    async def write(self, job: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return await self.database.write(job)


@pytest.mark.parametrize("writes", [4, 20])
async def test_a_kill_in_the_middle_is_gone_on_with(settings: Settings, clock: ManualClock, writes: int) -> None:
    """As a kill leaves it: the work is begun and some of its steps are done, the command is not."""
    async with open_group(settings, clock) as group:
        await plant(group)
        app = group.app
        rights = Rights(
            database=Dying(app.database, writes), shop_id=app.shop.id, clock=clock, texts=app.texts,
            suggestions=app.router.tools.suggestions,
        )  # fmt: skip
        with pytest.raises(Killed):
            await rights.forget(await member(group), 10**6, ("test", NAME, NAME), "en")
        assert planted(await tables(group))
    async with open_group(settings, clock) as group:
        await group.settle()
        assert planted(await tables(group)) == []
        assert any(text.startswith("Done. I have forgotten you.") for text in group.texts(NAME))


async def member(group: Group) -> int:
    return await group.app.database.read(lambda tx: tx.scalar(select(Member.id).where(Member.name == NAME)))


async def test_the_files_hold_nothing_of_them(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    async with open_group(settings, clock) as group:
        await plant(group)
        await group.say(NAME, "/forgetme yes")
        await group.settle()
        await group.app.router.tools.rights.clean(clock.now())
        files = [*tmp_path.rglob("shop.db*")]
        assert len(files) >= 2
        for file in files:
            held = file.read_bytes()
            assert [word for word in PLANTED if word.encode() in held] == [], file.name
        assert await group.app.database.read(lambda tx: forget.uncleaned(tx, group.app.shop.id)) == []


async def test_what_training_learnt_from_is_removed_and_retired(group: Group, tmp_path: Path) -> None:
    """Files with their words, by who was in them or by the words themselves; models made of these."""
    await plant(group)
    who, shop, now = await member(group), group.app.shop.id, group.clock.now()
    files = {name: tmp_path / f"{name}.jsonl" for name in ("theirs", "quoting", "others", "changed")}
    texts = {"theirs": "disguised", "quoting": f'["Ada", "{WORDS}"]', "others": "nothing", "changed": "disguised too"}
    digests = {}
    for name, path in files.items():
        path.write_text(texts[name])
        digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()

    async def made(tx: Any) -> None:
        for name, path in files.items():
            ids = [who] if name in ("theirs", "changed") else [10**6]
            await forget.exported(tx, shop, str(path), digests[name], ids, now)
        values = {"path": "tuned", "base": "starter", "digest": "t", "state": "live"}
        await models.add(tx, shop, **values, scores={"export": digests["theirs"]}, now=now)

    await group.app.database.write(made)
    files["changed"].write_text("another file of this name")
    told = await group.say(NAME, "/forgetme yes")
    assert "- files for training with your words: 3" in told
    assert "- models that learnt from you, retired: 1" in told
    assert [name for name, path in files.items() if path.exists()] == ["others", "changed"]
    assert await group.app.database.read(lambda tx: models.live(tx, shop, "starter")) is None
