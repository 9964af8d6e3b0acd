"""Taking a member out of the tables, step by step: each is a transaction, and done again it finds nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, exists, insert, or_, select, update

from storage import shops
from storage.database import Transaction
from storage.held import HELD, Held
from storage.imports import TAUGHT
from storage.tables import (
    Alias,
    Article,
    Base,
    Chat,
    Forgetting,
    Identity,
    Inbox,
    Interaction,
    Member,
    Outbox,
    Question,
    Rating,
    Schedule,
    TrainingExport,
)

OPEN, SWEPT, DONE, CLEAN = "open", "swept", "done", "clean"
Redact = Callable[[str, Mapping[str, Any]], dict[str, Any]]  # a table and a row of it: the columns that change


def table_of(held: Held) -> Table:
    return Base.metadata.tables[held.table]


def whose(held: Held, ids: Collection[int]) -> ColumnElement[bool]:
    """The rows of a table that are of these members."""
    table = table_of(held)
    wanted = [held.form.format(one) for one in ids] if held.form else list(ids)
    return or_(*(table.c[name].in_(wanted) for name in held.whose))


# Who it is.


async def accounts(tx: Transaction, member_id: int) -> tuple[list[int], list[str], list[tuple[str, str]]]:
    """A member's ids (their own, and those that were linked into it), names, and accounts (platform, id there)."""
    rows = await tx.execute(
        select(Member.id, Member.name).where(or_(Member.id == member_id, Member.merged_into == member_id))
    )
    found = {row.id: row.name for row in rows}
    known = await tx.execute(select(Identity.platform, Identity.platform_id).where(Identity.member_id.in_(found)))
    return sorted(found), sorted(set(found.values())), [(row.platform, row.platform_id) for row in known]


async def direct_chats(
    tx: Transaction, shop_id: int, ids: Collection[int], places: Collection[Sequence[str]]
) -> list[int]:
    """Chats that are the member's own: those of these (platform, id), and those in which nobody else said anything."""
    spoken = select(Interaction.chat_id).where(Interaction.member_id.in_(ids))
    named = [and_(Chat.platform == platform, Chat.platform_id == place) for platform, place in places]
    query = select(Chat.id).where(Chat.shop_id == shop_id, Chat.direct, or_(Chat.id.in_(spoken), *named))
    return list(await tx.scalars(query.order_by(Chat.id)))


async def texts(tx: Transaction, ids: Collection[int]) -> list[str]:
    """What they said, as far as it is still there."""
    found: set[str] = set()
    for noun in (Interaction, Question, Alias):
        query = select(noun.text).where(noun.member_id.in_(ids), noun.text != "").distinct()
        found |= {text for text in await tx.scalars(query) if not text.startswith("/")}
    return sorted(found)


async def answered(tx: Transaction, ids: Collection[int]) -> list[str]:
    """Their questions that an admin answered: the answer is filed under the last one's words."""
    query = select(Question.text).where(Question.member_id.in_(ids), Question.state == "answered")
    return list(await tx.scalars(query.distinct()))


# The work of it.


async def begin(tx: Transaction, shop_id: int, cause: int, data: Mapping[str, Any], now: datetime) -> int:
    """The work's number; accounts are not theirs from here on, so that who speaks again is somebody new."""
    query = insert(Forgetting).values(shop_id=shop_id, cause=cause, state=OPEN, data=dict(data), counts={}, at=now)
    number = int((await tx.execute(query.returning(Forgetting.id))).scalar_one())
    gone = await tx.execute(delete(Identity).where(Identity.member_id.in_(data["ids"])))
    await count(tx, number, "identity", gone.rowcount)
    nothing = {"subscribed": False, "trains": False, "opted_out": True}
    await tx.execute(update(Member).where(Member.id.in_(data["ids"])).values(**nothing))
    return number


async def get(tx: Transaction, number: int) -> Row[Any]:
    return (await tx.execute(select(Forgetting.__table__).where(Forgetting.id == number))).one()


async def unfinished(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    query = select(Forgetting.__table__).where(Forgetting.shop_id == shop_id, Forgetting.state.in_((OPEN, SWEPT)))
    return list(await tx.execute(query.order_by(Forgetting.id)))


async def uncleaned(tx: Transaction, shop_id: int) -> list[int]:
    """Those that are done, and after which the files were not written anew yet."""
    return list(await tx.scalars(select(Forgetting.id).filter_by(shop_id=shop_id, state=DONE)))


async def cleaned(tx: Transaction, numbers: Collection[int]) -> None:
    await tx.execute(update(Forgetting).where(Forgetting.id.in_(list(numbers))).values(state=CLEAN))


async def count(tx: Transaction, number: int, noun: str, more: int) -> None:
    """So many rows went, in the transaction in which they do."""
    if more:
        counts = dict((await get(tx, number)).counts)
        counts[noun] = counts.get(noun, 0) + more
        await tx.execute(update(Forgetting).where(Forgetting.id == number).values(counts=counts))


async def settle(tx: Transaction, number: int, state: str, **values: Any) -> None:
    await tx.execute(update(Forgetting).where(Forgetting.id == number).values(state=state, **values))


# The steps.


async def remove(tx: Transaction, held: Held, ids: Collection[int]) -> int:
    """The rows of a table that are theirs go, or name nobody any more; how many."""
    table, mine = table_of(held), whose(held, ids)
    if held.table == "campaign_target":  # what is not sent yet is not sent: it would look like a group's
        waiting = mine & table.c.state.in_(("waiting", "queued"))
        await tx.execute(update(table).where(waiting).values(state="skipped"))
    if held.stays:
        empty = dict.fromkeys(held.whose)
        return int((await tx.execute(update(table).where(mine).values(**empty))).rowcount)
    if held.table == "outbox":
        await tx.execute(delete(Rating).where(Rating.outbox_id.in_(select(Outbox.id).where(mine))))
    return int((await tx.execute(delete(table).where(mine))).rowcount)


async def empty_inbox(
    tx: Transaction,
    shop_id: int,
    places: Collection[Sequence[str]],
    direct: Collection[Sequence[str]],
    until: datetime,
    but: int = 0,
) -> int:
    """What these accounts sent until then is done, and not there any more; `but` for one row. Its key stays, so that
    it is not taken in twice, unless it holds their id. `direct`: their direct chats, as (platform, id)."""
    known: Any = {tuple(one) for one in places}
    sender, raw = Inbox.message["sender"]["id"].as_string(), Inbox.message["unreadable"].as_string()
    by = [and_(Inbox.chat.startswith(f"{platform}:", autoescape=True), sender == one) for platform, one in known]
    by.append(Inbox.chat.in_([f"{platform}:{place}" for platform, place in direct]))
    by += [
        and_(Inbox.chat == platform, raw.contains(f'"id": {one}{end}', autoescape=True))
        for platform, one in known for end in ",}"
    ]  # fmt: skip
    query = select(Inbox.id, Inbox.key).where(Inbox.shop_id == shop_id, Inbox.received <= until, Inbox.id != but)
    rows = list(await tx.execute(query.where(or_(*by))))
    for row in rows:
        values: dict[str, Any] = {"message": {}, "chat": "", "error": "", "state": "done", "due": None}
        if any(one in row.key for _, one in known):
            values["key"] = f"forgotten:{row.id}"
        await tx.execute(update(Inbox).where(Inbox.id == row.id).values(**values))
    return len(rows)


async def page(
    tx: Transaction, shop_id: int, held: Held, ids: Collection[int], after: int, size: int
) -> list[Row[Any]]:
    """Some rows of a table with the columns that may name or quote somebody, by id; none that goes with its member."""
    table = table_of(held)
    columns = [table.c[name] for name in ("id", *held.quotes, *({"kind"} & set(table.c.keys())))]
    query = select(*columns).where(table.c.shop_id == shop_id, table.c.id > after)
    if not held.stays:
        others = (or_(table.c[name].is_(None), table.c[name].not_in(list(ids))) for name in held.whose)
        query = query.where(*others)
    if held.table == "article":
        query = query.where(table.c.source == TAUGHT)
    if held.table == "inbox":  # what is still to be handled has to say whose it is
        query = query.where(table.c.state.in_(("done", "failed")))
    return list(await tx.execute(query.order_by(table.c.id).limit(size)))


async def redact(tx: Transaction, held: Held, ids: Collection[int], change: Redact) -> int:
    """Take words out of these rows, as they are by now; how many were changed."""
    table, changed = table_of(held), 0
    for row in list(await tx.execute(select(table).where(table.c.id.in_(list(ids))))):
        values = change(held.table, row._mapping)
        if not values:
            continue
        changed += 1
        if held.table == "lesson":
            await tx.execute(delete(table).where(table.c.id == row.id))
        elif held.table == "article":
            await _rename(tx, row)
        else:
            await tx.execute(update(table).where(table.c.id == row.id).values(**values))
    return changed


async def _rename(tx: Transaction, row: Any) -> None:
    """An admin's answer stays, under its own first words in place of the question that it was given to."""
    title = row.body.split("\n")[0][:60]
    values = {"title": title, "handle": f"{TAUGHT} {row.id}", "version": row.version + 1}
    await tx.execute(update(Article).where(Article.id == row.id).values(**values))
    await shops.bump_taught(tx, row.shop_id)


async def leave_chats(tx: Transaction, chats: Collection[int], upto: int) -> int:
    """What was said in their direct chats up to this outbox row goes; the chats name nobody, unless somebody is back
    in them. How many chats."""
    said = select(Outbox.id).where(Outbox.chat_id.in_(chats), Outbox.id <= upto)
    await tx.execute(delete(Rating).where(Rating.outbox_id.in_(said)))
    await tx.execute(delete(Outbox).where(Outbox.id.in_(said)))
    back = exists().where(Interaction.chat_id == Chat.id)
    left = list(await tx.scalars(select(Chat.id).where(Chat.id.in_(chats), ~back)))
    for one in left:
        await tx.execute(update(Chat).where(Chat.id == one).values(title="", platform_id=f"forgotten:{one}"))
    await tx.execute(update(Schedule).where(Schedule.chat_id.in_(left)).values(active=False))
    return len(left)


async def answers(tx: Transaction, shop_id: int, cause: int, number: int) -> list[Row[Any]]:
    """The rows (id, state) in which the member is told, by the command's own answer or beside it."""
    keys = (f"reply:{cause}", f"forgotten:{number}")
    mine = or_(*(or_(Outbox.key == one, Outbox.key.startswith(f"{one}:", autoescape=True)) for one in keys))
    return list(await tx.execute(select(Outbox.id, Outbox.state).where(Outbox.shop_id == shop_id, mine)))


async def drop(tx: Transaction, ids: Collection[int]) -> None:
    """These rows of the outbox go."""
    await tx.execute(delete(Outbox).where(Outbox.id.in_(list(ids))))


async def handled(tx: Transaction, inbox_id: int) -> bool:
    """Is a message done with?"""
    state = await tx.scalar(select(Inbox.state).where(Inbox.id == inbox_id))
    return state not in ("new", "later")


async def empty(tx: Transaction, inbox_id: int) -> None:
    """What a message said is gone."""
    await tx.execute(update(Inbox).where(Inbox.id == inbox_id).values(message={}, chat="", error=""))


# What training learnt from.


async def exported(
    tx: Transaction, shop_id: int, path: str, digest: str, members: Collection[int], now: datetime
) -> None:
    """A file was written for training, with words of these members."""
    await tx.execute(delete(TrainingExport).filter_by(shop_id=shop_id, path=path))
    values = {"path": path, "digest": digest, "members": sorted(members), "at": now}
    await tx.execute(insert(TrainingExport).values(shop_id=shop_id, **values))


async def exports(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Every such file (id, path, digest, members)."""
    return list(await tx.execute(select(TrainingExport.__table__).where(TrainingExport.shop_id == shop_id)))


async def withdraw(tx: Transaction, ids: Collection[int]) -> None:
    """These files are gone."""
    await tx.execute(delete(TrainingExport).where(TrainingExport.id.in_(list(ids))))


# What is held of a member, for themselves.


async def everything(
    tx: Transaction, shop_id: int, ids: Collection[int], places: Collection[Sequence[str]], chats: Collection[int]
) -> dict[str, list[dict[str, Any]]]:
    """Every row that is a member's, by table; what others see or what is secret left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for held in HELD:
        table = table_of(held)
        if held.whose and held.told:
            rows = await tx.execute(select(table).where(whose(held, ids)).order_by(*table.primary_key))
            found[held.table] = [dict(row._mapping) for row in rows]
    mine = select(Chat.id, Chat.platform, Chat.title, Chat.language).where(Chat.id.in_(list(chats)))
    found["chat"] = [dict(row._mapping) for row in await tx.execute(mine)]
    sender = Inbox.message["sender"]["id"].as_string()
    for platform, one in places:
        waiting = select(Inbox.id, Inbox.received, Inbox.state, Inbox.message["text"].as_string().label("text"))
        waiting = waiting.where(Inbox.shop_id == shop_id, Inbox.chat.startswith(f"{platform}:"), sender == one)
        found.setdefault("inbox", []).extend(dict(row._mapping) for row in await tx.execute(waiting))
    return found
