"""Two members become one: nothing of either is lost, the stricter choice holds, and once is as good as twice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from storage import interactions, links, members, ratings, shops
from storage.database import Database, Transaction
from storage.tables import Base, Identity, Interaction, Member, Outbox, Reservation
from tests.tables import make_tables

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NUMBER = count(1)


@pytest.fixture(scope="module")
def url(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if kind == "postgresql":
        return str(request.getfixturevalue("postgres").new())
    url = f"sqlite:///{tmp_path_factory.mktemp('links') / Path('shop.db')}"
    make_tables(url)
    return url


@dataclass(frozen=True)
class Person:
    """What a member chose, and what there is of them. Messages are by number, so that both may have rated one."""

    subscribed: bool = False
    opted_out: bool = False
    trains: bool = False
    language: str = ""
    days: int = 0  # since they were first seen
    said: int = 0
    thumbs: dict[int, tuple[int, int]] = field(default_factory=dict)  # message -> minute, value
    reserved: int = 0


persons = st.builds(
    Person, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["", "en", "zh"]), st.integers(0, 9),
    st.integers(0, 4), st.dictionaries(st.integers(0, 3), st.tuples(st.integers(0, 59), st.sampled_from([1, -1]))),
    st.integers(0, 2),
)  # fmt: skip


async def add(tx: Transaction, shop_id: int, chat_id: int, messages: list[int], person: Person) -> int:
    number, seen = next(NUMBER), NOON - timedelta(days=person.days)
    member = await members.meet(tx, shop_id, f"network{number}", str(number), f"m{number}", seen)
    flags = {"subscribed": person.subscribed, "opted_out": person.opted_out, "trains": person.trains}
    await members.change(tx, member, language=person.language, **flags)
    for which in range(person.said):
        await interactions.add(tx, shop_id, member, chat_id, "said", NOON, text=f"{which}", message_id=f"{which}")
    for message, (minute, value) in person.thumbs.items():
        await ratings.rate(tx, shop_id, messages[message], member, value, NOON + timedelta(minutes=minute))
    for which in range(person.reserved):
        values = {"key": f"suggestion:{member}:{which}", "target": f"member:{member}", "kind": "suggestion"}
        await tx.execute(insert(Reservation).values(shop_id=shop_id, at=NOON, data={}, **values))
    return member


async def begin(tx: Transaction, people: list[Person]) -> list[int]:
    shop = await shops.get(tx) or await shops.create(tx, "Shop", "USD", "UTC", "en")
    shop_id = getattr(shop, "id", shop)
    chat = await members.enter(tx, shop_id, "test", f"chat{next(NUMBER)}", "", False)
    out = {"shop_id": shop_id, "chat_id": chat.id, "kind": "reply", "text": "", "created": NOON, "due": NOON}
    messages = []
    for _ in range(4):
        added = await tx.execute(insert(Outbox).values(key=f"k{next(NUMBER)}", **out).returning(Outbox.id))
        messages.append(int(added.scalar_one()))
    return [await add(tx, shop_id, chat.id, messages, person) for person in people]


Held = dict[str, dict[int, Any]]


async def held(tx: Transaction, ids: list[int]) -> Held:
    """Every row of these members, by table and id, with whose it is."""
    found: Held = {}
    for table in Base.metadata.sorted_tables:
        if "member_id" in table.c:
            rows = await tx.execute(select(table).where(table.c.member_id.in_(ids)))
            found[table.name] = {row.id: row for row in rows}
    targets = [f"member:{one}" for one in ids]
    rows = await tx.execute(select(Reservation.__table__).where(Reservation.target.in_(targets)))
    return found | {"reservation": {row.id: row for row in rows}}


def run(url: str, job: Callable[[Database], Any]) -> None:
    async def inside() -> None:
        async with Database(url) as database:
            await job(database)

    asyncio.run(inside())


@settings(max_examples=40, deadline=None)
@given(people=st.tuples(persons, persons), swapped=st.booleans(), again=st.integers(0, 2))
def test_nothing_is_lost_and_the_stricter_choice_holds(
    url: str, people: tuple[Person, Person], swapped: bool, again: int
) -> None:
    async def check(database: Database) -> None:
        ids = await database.write(lambda tx: begin(tx, list(people)))
        before = await database.read(lambda tx: held(tx, ids))
        for _ in range(again + 1):
            kept = await database.write(lambda tx: links.merge(tx, *(reversed(ids) if swapped else ids)))
        after = await database.read(lambda tx: held(tx, ids))
        assert kept == min(ids)
        both = set(people[0].thumbs) & set(people[1].thumbs)
        for name, rows in before.items():
            lost = set(rows) - set(after[name])
            assert len(lost) == (len(both) if name == "rating" else 0)
        for name, rows in after.items():
            whose = {row.target if name == "reservation" else row.member_id for row in rows.values()}
            assert whose <= {kept, f"member:{kept}"}
        thumbs = [max(p.thumbs[one][0] for p in people if one in p.thumbs) for one in both]
        thumbs += [p.thumbs[one][0] for p in people for one in p.thumbs if one not in both]
        assert sorted(thumbs) == sorted((row.at - NOON).seconds // 60 for row in after["rating"].values())
        member = await database.read(lambda tx: members.get(tx, kept))
        one, other = people
        out = one.opted_out or other.opted_out
        assert member.opted_out is out
        assert member.subscribed is (one.subscribed and other.subscribed and not out)
        assert member.trains is (one.trains and other.trains)
        assert member.first_seen == NOON - timedelta(days=max(one.days, other.days))
        assert member.language == one.language or other.language

    run(url, check)


@settings(max_examples=20, deadline=None)
@given(people=st.tuples(persons, persons))
def test_what_ends_in_the_middle_changed_nothing(url: str, people: tuple[Person, Person]) -> None:
    async def check(database: Database) -> None:
        ids = await database.write(lambda tx: begin(tx, list(people)))
        everything = (*ids,)

        async def rows(tx: Transaction) -> tuple[Held, list[Any]]:
            return await held(tx, ids), [await members.get(tx, one) for one in everything]

        before = await database.read(rows)

        async def ends(tx: Transaction) -> None:
            await links.merge(tx, *ids)
            raise InterruptedError

        with pytest.raises(InterruptedError):
            await database.write(ends)
        assert await database.read(rows) == before

    run(url, check)


@settings(max_examples=20, deadline=None)
@given(people=st.tuples(persons, persons, persons), order=st.permutations([0, 1, 2]))
def test_three_become_one_in_any_order(url: str, people: tuple[Person, ...], order: list[int]) -> None:
    async def check(database: Database) -> None:
        ids = await database.write(lambda tx: begin(tx, list(people)))
        first = await database.write(lambda tx: links.merge(tx, ids[order[0]], ids[order[1]]))
        kept = await database.write(lambda tx: links.merge(tx, first, ids[order[2]]))
        rows = await database.read(lambda tx: _all(tx, select(Member.__table__).where(Member.id.in_(ids))))
        assert {row.id: row.merged_into for row in rows} == {one: None if one == kept else kept for one in ids}
        assert len(await database.read(lambda tx: _all(tx, select(Identity).filter_by(member_id=kept)))) == 3
        said = await database.read(lambda tx: _all(tx, select(Interaction).filter_by(member_id=kept)))
        assert len(said) == sum(person.said for person in people)
        member = await database.read(lambda tx: members.get(tx, kept))
        assert member.opted_out is any(person.opted_out for person in people)
        assert member.trains is all(person.trains for person in people)

    run(url, check)


async def _all(tx: Transaction, query: Any) -> list[Any]:
    return list(await tx.execute(query))


def test_what_was_under_way_comes_after(url: str) -> None:
    async def check(database: Database) -> None:
        ids = await database.write(lambda tx: begin(tx, [Person(subscribed=True), Person(subscribed=True, said=1)]))
        shop = await database.read(shops.get)
        chat = (await database.read(lambda tx: members.chats(tx, shop.id)))[0]
        await database.write(lambda tx: links.offer(tx, shop.id, ids[0], chat.id, "CODE", NOON))
        link = await database.read(lambda tx: links.by_code(tx, shop.id, "CODE", NOON - timedelta(seconds=1)))
        await database.write(lambda tx: links.change(tx, link.id, state=links.DONE, other_id=ids[1]))
        kept = await database.write(lambda tx: links.merge(tx, *ids))
        await database.write(lambda tx: interactions.add(tx, shop.id, ids[1], chat.id, "said", NOON, text="late"))
        await database.write(lambda tx: links.settle(tx, shop.id, NOON))
        said = await database.read(lambda tx: interactions.of_member(tx, kept))
        assert [row.text for row in said] == ["late", "0"]
        member = await database.read(lambda tx: members.get(tx, kept))
        assert member.subscribed
        gone = await database.read(lambda tx: members.get(tx, ids[1]))
        found = await database.read(lambda tx: members.find(tx, shop.id, gone.name))
        assert found is not None
        assert found.id == kept

    run(url, check)


@settings(max_examples=8, deadline=None)
@given(people=st.tuples(persons, persons))
def test_what_was_said_on_a_network_goes_with_its_account(url: str, people: tuple[Person, Person]) -> None:
    async def check(database: Database) -> None:
        ids = await database.write(lambda tx: apart(tx, people))
        before = [await database.read(lambda tx, one=one: said_by(tx, one)) for one in ids]
        kept = await database.write(lambda tx: links.merge(tx, *ids))
        networks = [said[0].partition(" ")[0] for said in before]
        shop = await database.read(shops.get)
        place = (shop.id, kept, networks[1], "new name", NOON)
        parted = await database.write(lambda tx: links.part(tx, *place))
        assert parted is not None
        new, others = parted
        assert others == [networks[0]]
        assert [await database.read(lambda tx, one=one: said_by(tx, one)) for one in (kept, new)] == before
        old, fresh = [await database.read(lambda tx, one=one: members.get(tx, one)) for one in (kept, new)]
        assert [getattr(old, one) for one in links.CHOICES] == [getattr(fresh, one) for one in links.CHOICES]
        assert fresh.name == "new name"
        assert await database.write(lambda tx: links.part(tx, *place)) is None
        sent = await database.read(lambda tx: _all(tx, select(Reservation.target).filter_by(key=f"key{networks[1]}")))
        assert [row.target for row in sent] == [f"member:{new}"]

    run(url, check)


async def apart(tx: Transaction, people: tuple[Person, Person]) -> list[int]:
    """Both on networks of their own, each with a chat in which they said something and were answered."""
    ids = await begin(tx, [])
    shop = await shops.get(tx)
    for person in people:
        network = f"own{next(NUMBER)}"
        chat = await members.enter(tx, shop.id, network, f"chat{network}", "", False)
        out = {"shop_id": shop.id, "chat_id": chat.id, "kind": "reply", "text": "", "created": NOON, "due": NOON}
        one = await members.meet(tx, shop.id, network, network, network, NOON)
        await tx.execute(insert(Outbox).values(key=f"key{network}", member_id=one, **out))
        values = {"key": f"key{network}", "target": f"member:{one}", "kind": "suggestion", "data": {}, "at": NOON}
        await tx.execute(insert(Reservation).values(shop_id=shop.id, **values))
        for which in range(person.said + 1):
            await interactions.add(tx, shop.id, one, chat.id, "said", NOON, text=f"{network} {which}")
        ids.append(one)
    return ids


async def said_by(tx: Transaction, member_id: int) -> list[str]:
    said = await tx.execute(select(Interaction.text).filter_by(member_id=member_id).order_by(Interaction.id))
    sent = await tx.execute(select(Outbox.key).filter_by(member_id=member_id))
    return [row.text for row in said] + [row.key for row in sent]


def test_every_table_that_names_a_member_is_moved() -> None:
    assert {table.name for table in Base.metadata.sorted_tables if "member_id" in table.c} >= {
        "identity", "interaction", "outbox", "handoff", "alias", "rating", "question", "audit", "link",
    }  # fmt: skip
