"""What is taught, as rows: bounded, kept in step by a version, gone with what it is about."""

import asyncio
from datetime import UTC, datetime, timedelta

from alembic import command
from sqlalchemy import Connection, text

from storage import aliases, articles, interactions, lessons, members, migrate, outbox, questions, ratings, shops
from storage.database import Database

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_a_database_from_before_is_taught_nothing_yet(empty_url: str) -> None:
    def before(connection: Connection) -> None:
        command.upgrade(migrate.config(connection), "0003")
        columns = "name, currency, timezone, language, demo, catalogue_version"
        connection.execute(text(f"INSERT INTO shop ({columns}) VALUES ('Old', 'GBP', 'UTC', 'en', false, 7)"))

    migrate.inside(empty_url, before)
    migrate.upgrade(empty_url)

    async def version() -> tuple[int, int]:
        async with Database(empty_url) as database:
            return await database.read(lambda tx: shops.version(tx, 1))

    assert asyncio.run(version()) == (7, 0)


async def test_every_change_moves_the_version_and_nothing_else_does(database: Database) -> None:
    seen = []

    async def after(job: object) -> None:
        await database.write(job)  # type: ignore[arg-type]
        seen.append((await database.read(lambda tx: shops.version(tx, 1)))[1])

    await after(lambda tx: articles.teach(tx, 1, "a", "A?", "Yes.", "en"))
    await after(lambda tx: articles.teach(tx, 1, "a", "A?", "Yes.", "en"))  # the same again
    await after(lambda tx: articles.teach(tx, 1, "a", "A?", "No.", "en"))
    await after(lambda tx: aliases.add(tx, 1, "article:1", "is it a", "en", "thumbs", NOW))
    await after(lambda tx: aliases.add(tx, 1, "article:1", "is it a", "en", "thumbs", NOW))  # the same again
    await after(lambda tx: aliases.remove(tx, 1, 99))  # there is none
    await after(lambda tx: articles.forget(tx, 1, 99, NOW))
    assert seen == [1, 1, 2, 3, 3, 3, 3]
    await after(lambda tx: articles.forget(tx, 1, 1, NOW))
    assert seen[-1] > 3
    assert await database.read(lambda tx: aliases.every(tx, 1)) == []


async def test_a_row_keeps_its_newest_wordings(database: Database) -> None:
    for number in range(aliases.OF_A_ROW + 3):
        await database.write(lambda tx, n=number: aliases.add(tx, 1, "product:1", f"w {n}", "en", "thumbs", NOW))
    await database.write(lambda tx: aliases.add(tx, 1, "product:2", "w", "en", "thumbs", NOW))
    kept = [row.text for row in await database.read(lambda tx: aliases.every(tx, 1, "product:1"))]
    assert kept == [f"w {number}" for number in range(3, aliases.OF_A_ROW + 3)]


async def test_a_question_is_listed_once_and_goes_with_the_words(database: Database) -> None:
    member = await database.write(lambda tx: members.meet(tx, 1, "test", "ann", "Ann", NOW))
    chat = await database.write(lambda tx: members.enter(tx, 1, "test", "shop", "shop", False))
    place = (1, chat.id, member, "m1", "why?", "en")
    for cause in ("unknown", "disliked"):
        await database.write(lambda tx, cause=cause: questions.add(tx, *place, cause, NOW))
    listed = await database.read(lambda tx: questions.unsettled(tx, 1, 10))
    assert [(row.text, row.cause) for row in listed] == [("why?", "unknown")]
    await database.write(lambda tx: questions.liked(tx, 1, chat.id, "m1"))  # it was not the answer that was disliked
    await database.write(lambda tx: questions.forget(tx, 1, NOW))
    assert len(await database.read(lambda tx: questions.unsettled(tx, 1, 10))) == 1
    await database.write(lambda tx: questions.forget(tx, 1, NOW + timedelta(seconds=1)))
    assert await database.read(lambda tx: questions.unsettled(tx, 1, 10)) == []


async def test_what_was_answered_is_answered_for_its_own_command_alone(database: Database) -> None:
    member = await database.write(lambda tx: members.meet(tx, 1, "test", "ann", "Ann", NOW))
    chat = await database.write(lambda tx: members.enter(tx, 1, "test", "shop", "shop", False))
    for number in (1, 2):
        place = (1, chat.id, member, f"m{number}", "why?", "en")
        await database.write(lambda tx, place=place: questions.add(tx, *place, "unknown", NOW))
    await database.write(lambda tx: questions.set_topics(tx, {1: [1, 2]}))
    await database.write(lambda tx: questions.settle(tx, [1, 2], "answered", 77))
    again = await database.read(lambda tx: questions.of_topic(tx, 1, 1, 77))
    assert [(row.id, row.name, row.direct) for row in again] == [(1, "Ann", False), (2, "Ann", False)]
    assert await database.read(lambda tx: questions.of_topic(tx, 1, 1, 78)) == []


async def test_the_last_thumb_of_each_member_counts(database: Database) -> None:
    chat = await database.write(lambda tx: members.enter(tx, 1, "test", "shop", "shop", False))
    row = await database.write(lambda tx: outbox.put(tx, 1, chat.id, "reply:1", "reply", "Yes.", NOW))
    for name, value in (("ann", 1), ("bob", 1), ("ann", 1), ("ann", -1)):
        member = await database.write(lambda tx, name=name: members.meet(tx, 1, "test", name, name, NOW))
        await database.write(lambda tx, m=member, v=value: ratings.rate(tx, 1, row, m, v, NOW))
    assert await database.read(lambda tx: ratings.thumbs(tx, row)) == (1, 1)


async def test_a_command_drafts_once(database: Database) -> None:
    about = {"outbox_id": 1, "command": 7, "now": NOW}
    made = [await database.write(lambda tx: lessons.draft(tx, 1, "q", "a", "en", **about)) for _ in range(2)]
    assert made == [1, 1]
    await database.write(lambda tx: lessons.settle(tx, 1, "refused"))
    assert await database.read(lambda tx: lessons.drafts(tx, 1, 5)) == []


async def test_words_that_were_emptied_are_no_question_any_more(database: Database) -> None:
    member = await database.write(lambda tx: members.meet(tx, 1, "test", "ann", "Ann", NOW))
    chat = await database.write(lambda tx: members.enter(tx, 1, "test", "shop", "shop", False))
    said = {"text": "why?", "message_id": "m1"}
    await database.write(lambda tx: interactions.add(tx, 1, member, chat.id, "asked", NOW, **said))
    found = await database.read(lambda tx: interactions.said(tx, chat.id, "m1"))
    assert found is not None
    assert found.text == "why?"
    await database.write(lambda tx: interactions.forget_texts(tx, 1, NOW + timedelta(days=1)))
    assert await database.read(lambda tx: interactions.said(tx, chat.id, "m1")) is None
