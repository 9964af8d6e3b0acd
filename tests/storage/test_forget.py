"""A member is taken out of every table of either database; their planted strings are looked for in all rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

import bot.members.signals
from bot.attention import Attention
from bot.clock import ManualClock
from bot.intake import pack
from bot.knowledge.library import Library
from bot.knowledge.wording import Voice
from bot.members.rights import Rights
from bot.members.suggestions import Suggestions
from bot.messages import Chat, Message, Sender
from bot.registry import load
from bot.safety.rules.base import Terms
from bot.safety.verdict import Safety
from bot.texts import Texts
from llm.engines.scripted import ScriptedEngine
from storage import (
    aliases,
    articles,
    attention,
    clicks,
    drafts,
    forget,
    handoffs,
    inbox,
    interactions,
    lessons,
    links,
    members,
    outbox,
    questions,
    ratings,
    retention,
    stats,
    suggestions,
)
from storage import settings as stored
from storage.database import Database, Transaction
from storage.tables import Base, Outbox, Question
from storage.tables import Chat as ChatTable

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
NAME, ACCOUNT = "Zuleika Quarle", "77001234"
WORDS = "does the heron teapot of my aunt Ottoline fit a 17 cm shelf"
PLANTED = ("Zuleika", "Quarle", "Ottoline", "heron teapot", ACCOUNT)


def rights(database: Database, clock: ManualClock) -> Rights:
    library, texts = Library(database, 1), Texts()
    suggesting = Suggestions(
        database=database, shop_id=1, timezone="UTC", library=library, clock=clock, texts=texts,
        voice=Voice(ScriptedEngine(()), Safety.of(Terms()), texts), attention=Attention(1, "UTC", 1, None),
        signals=load(bot.members.signals), direct_chat=lambda platform, member: f"direct:{member}",
    )  # fmt: skip
    return Rights(database=database, shop_id=1, clock=clock, texts=texts, suggestions=suggesting)


async def plant(tx: Transaction) -> tuple[int, int]:
    """Something of a member's in every table that may hold it; the member, and the inbox id of their yes."""
    group = await members.enter(tx, 1, "test", "group", "Group", False)
    own = await members.enter(tx, 1, "test", f"direct:{ACCOUNT}", NAME, True)
    ann = await members.meet(tx, 1, "test", "ann", "Ann", NOW)
    who = await members.meet(tx, 1, "test", ACCOUNT, NAME, NOW)
    other = await members.meet(tx, 1, "two", "z-two", NAME, NOW)
    await links.offer(tx, 1, who, own.id, "CODE", NOW + timedelta(hours=1))
    await links.merge(tx, who, other)
    for chat in (group, own):
        await interactions.add(tx, 1, who, chat.id, "said", NOW, text=WORDS, message_id=f"m{chat.id}")
    await interactions.add(tx, 1, ann, group.id, "said", NOW, text=f"@{NAME}: {WORDS}?", message_id="a")
    answer = await outbox.put(
        tx, 1, group.id, "reply:1", "reply", f"{NAME}, it does.", NOW, member_id=who, state="sent"
    )
    await outbox.put(tx, 1, own.id, "notice:1", "notice", f"Hello {NAME}", NOW, state="sent")
    told = {"extra": {"buttons": [["Profile", f"/profile {NAME}"]]}, "state": "sent", "member_id": ann}
    await outbox.put(tx, 1, group.id, "handoff:1", "notice", f"{NAME} needs a human: {WORDS[:50]}…", NOW, **told)
    await ratings.rate(tx, 1, answer, ann, 1, NOW)
    await questions.add(tx, 1, group.id, who, "q", WORDS, "en", "unknown", NOW)
    await tx.execute(update(Question).values(state="answered"))
    await articles.teach(tx, 1, WORDS, WORDS, "Yes, every teapot does.", "en")
    await aliases.add(tx, 1, "article:1", WORDS, "en", "thumbs", NOW, member_id=who)
    await lessons.draft(tx, 1, WORDS, "No", "en", outbox_id=answer, command=1, now=NOW)
    await handoffs.begin(tx, 1, group.id, who, "request", NOW, NOW)
    await suggestions.add(tx, 1, who, "s", NOW)
    await attention.add(tx, 1, "s", f"member:{who}", "suggestion", NOW, {})
    await clicks.add(tx, 1, "code", "https://shop.example", "suggestion:1", who, NOW)
    greeting = {"state": "posted", "content": "welcome", "language": "en", "text": f"Welcome, {NAME}!", "created": NOW}
    await drafts.add(tx, 1, group.id, "d", data={"extra": {"greeted": 3}}, plain={}, candidates=[], **greeting)
    await stored.audit(tx, 1, "/profile", NOW, member_id=ann, data={"args": NAME})
    await stored.audit(tx, 1, "/link", NOW, member_id=who, allowed=False)
    place, sender = Chat("test", f"direct:{ACCOUNT}", NAME, True), Sender(ACCOUNT, NAME)
    said = pack(Message("test:1", "1", place, sender, "/forgetme yes", NOW))
    cause = await inbox.put(tx, 1, "test:1", f"test:direct:{ACCOUNT}", said, NOW)
    await inbox.put(
        tx, 1, f"test:joined:{ACCOUNT}", "test:group", pack(Message("k", "", place, sender, WORDS, NOW)), NOW
    )
    raw = await inbox.put(tx, 1, "test:raw", "test", {"unreadable": f'{{"id": {ACCOUNT}, "text": "{WORDS}"}}'}, NOW)
    assert cause
    assert raw
    await inbox.failed(tx, raw, f"KeyError: {NAME}", final=True)
    return who, cause


async def every(tx: Transaction) -> list[str]:
    return [f"{table.name}: {row}" for table in Base.metadata.sorted_tables for row in await tx.execute(select(table))]


def planted(rows: list[str]) -> list[str]:
    return [row for row in rows if any(word in row for word in PLANTED)]


async def test_nothing_of_a_member_is_left_in_any_row(database: Database) -> None:
    who, cause = await database.write(plant)
    clock = ManualClock(NOW + timedelta(minutes=1))
    asked = rights(database, clock)
    assert len(planted(await database.read(every))) >= 18
    counts = await asked.forget(who, cause, ("test", ACCOUNT, NAME), "en")
    assert (
        counts | {"interaction": 2, "member": 2, "identity": 2, "question": 1, "alias": 1, "lesson (words)": 1}
        == counts
    )
    held = await database.read(lambda tx: members.seen(tx, 1, "test", f"direct:{ACCOUNT}"))
    assert held is not None

    async def told(tx: Transaction) -> None:
        await inbox.done(tx, cause)
        own = {"state": "sent", "extra": {"private_to": ACCOUNT}}
        await outbox.put(tx, 1, held.id, f"reply:{cause}", "command", f"Done, {NAME}", NOW, **own)

    await database.write(told)
    assert await asked.step(clock.now())
    assert not await asked.step(clock.now())
    await asked.clean(clock.now())
    rows = await database.read(every)
    assert planted(rows) == []
    assert any("Yes, every teapot does." in row for row in rows)
    assert any("needs a human" in row for row in rows)
    assert any("Welcome, •••!" in row for row in rows)


async def test_who_was_not_told_is_told_in_their_direct_chat(database: Database) -> None:
    who, cause = await database.write(plant)
    clock = ManualClock(NOW + timedelta(minutes=1))
    await rights(database, clock).forget(who, cause, ("test", ACCOUNT, NAME), "zh")
    after = rights(database, clock)
    assert not await after.step(clock.now())  # the command is still to be handled
    await database.write(lambda tx: inbox.drop(tx, cause))
    assert await after.step(clock.now())

    async def notice(tx: Transaction) -> Any:
        query = select(Outbox.id, Outbox.text, ChatTable.platform_id).join(ChatTable, ChatTable.id == Outbox.chat_id)
        return (await tx.execute(query.where(Outbox.key.startswith("forgotten:")))).first()

    row = await database.read(notice)
    assert row.platform_id == f"direct:{ACCOUNT}"
    assert row.text.startswith("好了，我已忘记您。")
    assert not await after.step(clock.now())  # it is still to be sent
    await database.write(lambda tx: outbox.sent(tx, row.id, "5", NOW))
    assert await after.step(clock.now())
    assert planted(await database.read(every)) == []


async def test_all_that_is_held_is_found_for_its_member(database: Database) -> None:
    who, _ = await database.write(plant)
    held = await rights(database, ManualClock(NOW)).everything(who)
    assert {name: len(rows) for name, rows in held.items() if rows} | {
        "interaction": 2, "identity": 2, "member": 2, "question": 1, "alias": 1, "outbox": 1, "audit": 1, "inbox": 2,
    } == {name: len(rows) for name, rows in held.items() if rows}  # fmt: skip
    assert "Ann" not in str(held)
    assert "CODE" not in str(held)


async def test_words_are_emptied_on_both(database: Database) -> None:
    await database.write(plant)
    later = NOW + timedelta(days=40)
    for noun in (retention.forget, retention.forget_log, interactions.forget_texts, questions.forget, lessons.forget):
        await database.write(lambda tx, noun=noun: noun(tx, 1, later))
    left = planted(await database.read(every))
    assert {row.partition(":")[0] for row in left} <= {
        "alias",
        "article",
        "chat",
        "draft",
        "identity",
        "inbox",
        "member",
    }


async def test_the_numbers_are_read_on_both(database: Database) -> None:
    await database.write(plant)
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    assert len(await database.read(lambda tx: stats.spoken(tx, 1, None, since, until))) == 3
    assert len(await database.read(lambda tx: stats.came(tx, 1, None, until))) == 2
    assert len(await database.read(lambda tx: stats.answers(tx, 1, None, since, until))) == 1
    assert await database.read(lambda tx: stats.settled(tx, 1, None)) == {(1, "q")}
    assert await database.read(lambda tx: stats.asked_about(tx, 1, None, since, until, 5)) == []
    assert await database.read(lambda tx: stats.busiest(tx, 1, since)) == 1


async def test_a_file_for_training_is_known_by_whose_words_are_in_it(database: Database) -> None:
    who, _ = await database.write(plant)
    await database.write(lambda tx: forget.exported(tx, 1, "one.jsonl", "sha", [who], NOW))
    await database.write(lambda tx: forget.exported(tx, 1, "one.jsonl", "sha2", [who], NOW))
    (row,) = await database.read(lambda tx: forget.exports(tx, 1))
    assert (row.digest, row.members) == ("sha2", [who])
