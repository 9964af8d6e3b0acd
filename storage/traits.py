"""Traits: rows of a member, a chat and a name. What they mean, and how they fade, is `bot/members/traits.py`'s."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, case, delete, exists, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Interaction, Member, Question, Trait, table
from storage.tables.base import Number

HELD, WHO, DID = table(Trait), table(Member), table(Interaction)
LONG: Any = literal_column("2.5e8")  # eight years, in seconds: PostgreSQL takes a power that is next to 0 for an error
NAMES = 4  # that are looked for at once
CONSENT = Prepared(select(WHO.c.subscribed, WHO.c.opted_out).where(WHO.c.id == bindparam("member")))
FIND = Prepared(
    select(HELD.c.name, HELD.c.score, HELD.c.at, HELD.c.events)
    .where(HELD.c.member_id == bindparam("member"), HELD.c.chat_id == bindparam("chat"))
    .where(HELD.c.name.in_([bindparam(f"name{place}") for place in range(NAMES)]))
)
COLUMNS = ("member_id", "chat_id", "name", "shop_id", "score", "at", "events", "last_id")
Values = tuple[int, int, str, int, float, float, int, int]  # of a row, in the order of COLUMNS
Added = tuple[int, int, str, int, float, float, int, int, float]  # with its `rate`
CHANGED = ("score", "at", "events", "last_id")


def _put(dialect: Any, *, add: bool) -> Prepared:
    statement = dialect.insert(HELD)
    new = statement.excluded
    changed = {name: new[name] for name in CHANGED}
    if add:
        newer = new.at >= HELD.c.at
        older, later = case((newer, HELD.c.score), else_=new.score), case((newer, new.score), else_=HELD.c.score)
        # The older score is worth less by half for each half-life between them; `rate` is half-lives in a second.
        apart = func.abs(new.at - HELD.c.at)
        half_lives = case((apart > LONG, LONG), else_=apart) * bindparam("rate", type_=Number)
        changed["score"] = older * func.power(literal_column("0.5"), half_lives) + later
        changed["events"] = HELD.c.events + new.events
        changed["at"] = case((newer, new.at), else_=HELD.c.at)
    return Prepared(statement.on_conflict_do_update(index_elements=["member_id", "chat_id", "name"], set_=changed))


DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
PUT = {name: _put(dialect, add=False) for name, dialect in DIALECTS.items()}
ADD = {name: _put(dialect, add=True) for name, dialect in DIALECTS.items()}


async def consent(tx: Transaction, member_id: int) -> Any:
    """Whether the member is `subscribed`, and `opted_out`."""
    return await CONSENT.run(tx, {"member": member_id})


async def find(tx: Transaction, member_id: int, chat_id: int, names: Sequence[str]) -> dict[str, Any]:
    """Those that are there, by name: score, at, events."""
    found: dict[str, Any] = {}
    for start in range(0, len(names), NAMES):
        part = [*names[start : start + NAMES], *[""] * NAMES][:NAMES]
        values = {"member": member_id, "chat": chat_id} | {f"name{place}": name for place, name in enumerate(part)}
        found |= {row.name: row for row in await FIND.rows(tx, values)}
    return found


async def put(tx: Transaction, rows: Sequence[Values]) -> None:
    """Write these in place of those of the same member, chat and name."""
    if rows:
        await PUT[tx.dialect.name].many(tx, COLUMNS, rows)


async def add(tx: Transaction, rows: Sequence[Added]) -> None:
    """Add the scores and numbers of events of these to those of the same member, chat and name, which fade by `rate`,
    in half-lives of a second: of three days or more, or 0."""
    if rows:
        await ADD[tx.dialect.name].many(tx, (*COLUMNS, "rate"), rows)


async def of_member(tx: Transaction, member_id: int, chat_id: int | None = None) -> list[Row[Any]]:
    """A member's, of all chats or of one."""
    query = select(HELD).where(HELD.c.member_id == member_id)
    if chat_id is not None:
        query = query.where(HELD.c.chat_id == chat_id)
    return list(await tx.execute(query.order_by(HELD.c.name, HELD.c.chat_id)))


async def of_shop(tx: Transaction, shop_id: int, *, subscribed_only: bool) -> list[Row[Any]]:
    """Everybody's, by member."""
    query = select(HELD).join(WHO, WHO.c.id == HELD.c.member_id).where(HELD.c.shop_id == shop_id)
    query = query.where(~WHO.c.opted_out, *([WHO.c.subscribed] if subscribed_only else []))
    return list(await tx.execute(query.order_by(HELD.c.member_id)))


async def of_subscribers(tx: Transaction, shop_id: int, names: Sequence[str]) -> list[Row[Any]]:
    """Those of these names, of everybody that wants suggestions."""
    query = select(HELD).join(WHO, WHO.c.id == HELD.c.member_id).where(HELD.c.shop_id == shop_id)
    return list(await tx.execute(query.where(WHO.c.subscribed, ~WHO.c.opted_out, HELD.c.name.in_(names))))


async def activity(tx: Transaction, shop_id: int, *, subscribed_only: bool) -> list[Row[Any]]:
    """Of every member of whom there are traits: when they did something last (seconds since 1970), how often, and what
    they spent."""
    did, spent = HELD.c.name.startswith("did:"), HELD.c.name.startswith("money:")
    columns = (
        HELD.c.member_id,
        func.max(case((did, HELD.c.at), else_=0.0)).label("last"),
        func.sum(case((did, HELD.c.score), else_=0.0)).label("often"),
        func.sum(case((spent, HELD.c.score), else_=0.0)).label("spent"),
    )
    query = select(*columns).join(WHO, WHO.c.id == HELD.c.member_id).where(HELD.c.shop_id == shop_id)
    query = query.where(~WHO.c.opted_out, *([WHO.c.subscribed] if subscribed_only else []))
    return list(await tx.execute(query.group_by(HELD.c.member_id).order_by(HELD.c.member_id)))


async def people(tx: Transaction, shop_id: int, *, subscribed_only: bool) -> list[Row[Any]]:
    """Members of whom traits may be kept."""
    query = select(WHO).where(WHO.c.shop_id == shop_id, ~WHO.c.opted_out, WHO.c.merged_into.is_(None))
    return list(await tx.execute((query.where(WHO.c.subscribed) if subscribed_only else query).order_by(WHO.c.id)))


async def unanswered(tx: Transaction, shop_id: int) -> list[int]:
    """The member of each question that is open."""
    return list(await tx.scalars(select(Question.member_id).filter_by(shop_id=shop_id, state="open")))


async def unanswered_of(tx: Transaction, shop_id: int, member_id: int, chat_id: int | None = None) -> int:
    """How many questions of a member are open."""
    query = select(func.count()).select_from(Question).filter_by(shop_id=shop_id, member_id=member_id, state="open")
    return int(await tx.scalar(query if chat_id is None else query.where(Question.chat_id == chat_id)))


async def drop(tx: Transaction, member_id: int) -> None:
    await tx.execute(delete(Trait).where(Trait.member_id == member_id))


async def underived(tx: Transaction, shop_id: int, *, subscribed_only: bool) -> list[int]:
    """Members of whom traits may be kept who did something and have none."""
    did, has = exists().where(DID.c.member_id == WHO.c.id), exists().where(HELD.c.member_id == WHO.c.id)
    query = select(WHO.c.id).where(WHO.c.shop_id == shop_id, ~WHO.c.opted_out, did, ~has)
    return list(await tx.scalars((query.where(WHO.c.subscribed) if subscribed_only else query).order_by(WHO.c.id)))


async def withdrawn(tx: Transaction, shop_id: int, *, subscribed_only: bool, nobody: bool = False) -> list[int]:
    """Members of whom there are traits, and may be none; `nobody`: there may be none of anybody."""
    query = select(HELD.c.member_id).distinct().join(WHO, WHO.c.id == HELD.c.member_id)
    query = query.where(HELD.c.shop_id == shop_id)
    may = ~WHO.c.opted_out & WHO.c.subscribed if subscribed_only else ~WHO.c.opted_out
    return list(await tx.scalars(query if nobody else query.where(~may)))
