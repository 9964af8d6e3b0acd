"""Groups that are watched, what was decided about members there, and what is to be done about it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from storage.database import Transaction
from storage.interactions import SPOKEN
from storage.tables import Chat, Guard, Interaction, Member, ModerationAction, Sanction

STRIKES = ("delete", "warn", "mute", "ban")  # kinds that count against a member
BARRED = ("mute", "ban", "ask")  # kinds that keep a member from writing


async def guards(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Every group that is watched, dry or in earnest."""
    return list(await tx.execute(select(Guard.__table__).where(Guard.shop_id == shop_id, Guard.state != "off")))


async def guard(tx: Transaction, shop_id: int, chat_id: int) -> Row[Any] | None:
    return (await tx.execute(select(Guard.__table__).filter_by(shop_id=shop_id, chat_id=chat_id))).first()


async def change(tx: Transaction, shop_id: int, chat_id: int, now: datetime, **values: Any) -> None:
    """Change how a group is watched; it has a row from the first time on."""
    found = await tx.execute(update(Guard).filter_by(shop_id=shop_id, chat_id=chat_id).values(**values))
    if not found.rowcount:
        first = {"shop_id": shop_id, "chat_id": chat_id, "since": now, "exempt": []}
        await tx.execute(insert(Guard).values(**first | values))


# What was said.


async def lately(
    tx: Transaction,
    shop_id: int,
    since: datetime,
    *,
    member_id: int | None = None,
    chat_id: int | None = None,
    count: int = 40,
) -> list[Row[Any]]:
    """Messages of a member in all chats, or of all in one (member_id, chat_id, text, at, message_id, data), oldest
    first; those that were removed among them."""
    said = select(Interaction.member_id, Interaction.chat_id, Interaction.text, Interaction.at, Interaction.message_id)
    said = said.add_columns(Interaction.data)
    said = said.where(Interaction.shop_id == shop_id, Interaction.at >= since, Interaction.kind.in_(SPOKEN))
    gone = select(Sanction.member_id, Sanction.chat_id, Sanction.text, Sanction.at, Sanction.message_id)
    gone = gone.where(Sanction.shop_id == shop_id, Sanction.at >= since, Sanction.state == "stands")
    gone = gone.where(Sanction.kind.in_(STRIKES), Sanction.message_id != "")
    if member_id is not None:
        said, gone = said.where(Interaction.member_id == member_id), gone.where(Sanction.member_id == member_id)
    if chat_id is not None:
        said, gone = said.where(Interaction.chat_id == chat_id), gone.where(Sanction.chat_id == chat_id)
    found = [*await tx.execute(said.order_by(Interaction.id.desc()).limit(count))]
    found += await tx.execute(gone.order_by(Sanction.id.desc()).limit(count))
    return sorted(found, key=lambda row: row.at)[-count:]


async def first_heard(tx: Transaction, member_id: int, chat_id: int) -> tuple[datetime | None, datetime | None, int]:
    """When somebody joined a chat last as far as known, when they were heard first, and how many of their first
    messages are on record, five at most."""
    own = select(Interaction.at).where(Interaction.member_id == member_id, Interaction.chat_id == chat_id)
    joined = await tx.scalar(own.where(Interaction.kind == "joined").order_by(Interaction.id.desc()).limit(1))
    said = list(await tx.scalars(own.where(Interaction.kind.in_(SPOKEN)).order_by(Interaction.id).limit(5)))
    return joined, said[0] if said else None, len(said)


async def names(tx: Transaction, ids: Collection[int]) -> dict[int, str]:
    """Of members, by id."""
    rows = await tx.execute(select(Member.id, Member.name).where(Member.id.in_(ids)))
    return {row.id: row.name for row in rows}


async def forget_messages(tx: Transaction, chat_id: int, message_ids: Sequence[str]) -> int:
    """These were removed: they are no part of the talk any more. How many were until now."""
    gone = (Interaction.chat_id == chat_id) & Interaction.message_id.in_(message_ids) & Interaction.kind.in_(SPOKEN)
    found = await tx.execute(update(Interaction).where(gone).values(kind="removed", text="", product_id=None))
    return int(found.rowcount)


async def forget_texts(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Empty what members wrote that is older than the retention time, and delete what was done by then: of a mute or a
    ban only where it is over, since it may have to be taken back."""
    old = (Sanction.shop_id == shop_id) & (Sanction.at < before) & or_(Sanction.text != "", Sanction.appeal != "")
    await tx.execute(update(Sanction).where(old).values(text="", appeal=""))
    past = ModerationAction.what.not_in(("mute", "ban")) | (ModerationAction.until < before)
    gone = (ModerationAction.shop_id == shop_id) & (ModerationAction.due < before) & (ModerationAction.state != "ready")
    await tx.execute(delete(ModerationAction).where(gone, past))


# What was decided.


async def decide(tx: Transaction, shop_id: int, cause: str, **values: Any) -> int | None:
    """Write a decision down; its id, or None where it was decided before."""
    if await tx.scalar(select(Sanction.id).filter_by(shop_id=shop_id, cause=cause)) is not None:
        return None
    made = insert(Sanction).values(shop_id=shop_id, cause=cause, **values).returning(Sanction.id)
    return int((await tx.execute(made)).scalar_one())


async def standing(tx: Transaction, shop_id: int, chat_id: int, who: str, now: datetime) -> Row[Any] | None:
    """What keeps this person from writing in a chat: a ban from anywhere in the shop first."""
    query = select(Sanction.__table__).where(Sanction.shop_id == shop_id, Sanction.person == who)
    query = query.where(Sanction.state == "stands", Sanction.kind.in_(BARRED))
    query = query.where(or_(Sanction.until.is_(None), Sanction.until > now))
    query = query.where(or_(Sanction.kind == "ban", Sanction.chat_id == chat_id))
    return (await tx.execute(query.order_by((Sanction.kind == "ban").desc(), Sanction.id.desc()).limit(1))).first()


async def strikes(tx: Transaction, shop_id: int, who: str, since: datetime, *, dry: bool = False) -> int:
    """How often something was decided against this person since then."""
    query = select(Sanction.id).where(Sanction.shop_id == shop_id, Sanction.person == who, Sanction.at >= since)
    query = query.where(Sanction.kind.in_(STRIKES), Sanction.state == ("dry" if dry else "stands"))
    return len(list(await tx.scalars(query.limit(20))))


async def decisions(
    tx: Transaction,
    shop_id: int,
    *,
    chat_id: int | None = None,
    member_id: int | None = None,
    since: datetime | None = None,
    state: str = "stands",
    count: int = 100,
) -> list[Row[Any]]:
    """Newest first."""
    query = select(Sanction.__table__).where(Sanction.shop_id == shop_id, Sanction.state == state)
    wanted = ((Sanction.chat_id, chat_id), (Sanction.member_id, member_id))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if since is not None:
        query = query.where(Sanction.at >= since)
    return list(await tx.execute(query.order_by(Sanction.id.desc()).limit(count)))


async def decision(tx: Transaction, shop_id: int, number: int) -> Row[Any] | None:
    return (await tx.execute(select(Sanction.__table__).filter_by(shop_id=shop_id, id=number))).first()


async def appeal(tx: Transaction, number: int, words: str) -> bool:
    """Keep what a member says about a decision; False where they did before."""
    first = (Sanction.id == number) & ~Sanction.appealed
    return bool((await tx.execute(update(Sanction).where(first).values(appeal=words, appealed=True))).rowcount)


async def lift(tx: Transaction, numbers: Collection[int]) -> None:
    """These hold no longer, and count against nobody."""
    await tx.execute(update(Sanction).where(Sanction.id.in_(numbers)).values(state="lifted"))


# What is to be done.


async def intend(tx: Transaction, shop_id: int, chat_id: int, key: str, what: str, due: datetime, **more: Any) -> None:
    """Something to do on the chat's platform from then on, once for a key."""
    if await tx.scalar(select(ModerationAction.id).filter_by(shop_id=shop_id, key=key)) is None:
        values = {"shop_id": shop_id, "chat_id": chat_id, "key": key, "what": what, "due": due}
        await tx.execute(insert(ModerationAction).values(**values | more))


async def due(
    tx: Transaction, shop_id: int, platforms: Collection[str], now: datetime, count: int = 50
) -> list[Row[Any]]:
    """What is to be done on these platforms now, in the order in which it was decided."""
    query = select(ModerationAction.__table__, Chat.platform, Chat.platform_id, Chat.title, Chat.direct)
    query = query.join(Chat, Chat.id == ModerationAction.chat_id)
    query = query.where(ModerationAction.shop_id == shop_id, ModerationAction.state == "ready")
    query = query.where(ModerationAction.due <= now, Chat.platform.in_(tuple(platforms)))
    return list(await tx.execute(query.order_by(ModerationAction.id).limit(count)))


async def next_due(tx: Transaction, shop_id: int, platforms: Collection[str]) -> datetime | None:
    """When there is something to do next."""
    query = select(ModerationAction.due).join(Chat, Chat.id == ModerationAction.chat_id)
    query = query.where(ModerationAction.shop_id == shop_id, ModerationAction.state == "ready")
    query = query.where(Chat.platform.in_(tuple(platforms)))
    found: datetime | None = await tx.scalar(query.order_by(ModerationAction.due).limit(1))
    return found


async def settle(tx: Transaction, action_id: int, **values: Any) -> None:
    """Mark what became of it."""
    await tx.execute(update(ModerationAction).where(ModerationAction.id == action_id).values(**values))


async def give_up(tx: Transaction, numbers: Collection[int]) -> None:
    """What is still to be done about these decisions is not done any more."""
    left = ModerationAction.sanction_id.in_(numbers) & (ModerationAction.state == "ready")
    await tx.execute(update(ModerationAction).where(left).values(state="over"))


async def doings(tx: Transaction, shop_id: int, chat_id: int, count: int = 20) -> list[Row[Any]]:
    """What was done or is to be done in a chat, newest first."""
    query = select(ModerationAction.__table__).filter_by(shop_id=shop_id, chat_id=chat_id)
    return list(await tx.execute(query.order_by(ModerationAction.id.desc()).limit(count)))


async def meant_for(tx: Transaction, sanction_id: int) -> list[Row[Any]]:
    """What was done, or was to be done, about a decision."""
    query = select(ModerationAction.__table__).where(ModerationAction.sanction_id == sanction_id)
    return list(await tx.execute(query.where(ModerationAction.state != "failed").order_by(ModerationAction.id)))


# What is left of a member who had themselves forgotten.

Accounts = Sequence[Sequence[str]]  # platform, id there


async def forget_actions(tx: Transaction, *, shop_id: int, ids: Collection[int], accounts: Accounts) -> int:
    """What was done to them, and what still was to be done: a ban's end, too, is the admins' from here on."""
    count = 0
    for platform, own in accounts:
        there = select(Chat.id).where(Chat.shop_id == shop_id, Chat.platform == platform)
        mine = ModerationAction.chat_id.in_(there) & (ModerationAction.person == own)
        count += (await tx.execute(delete(ModerationAction).where(mine))).rowcount
    decided = select(Sanction.id).where(Sanction.member_id.in_(ids))
    gone = await tx.execute(delete(ModerationAction).where(ModerationAction.sanction_id.in_(decided)))
    return count + int(gone.rowcount)


async def keep_bans(tx: Transaction, *, shop_id: int, ids: Collection[int], accounts: Accounts) -> int:
    """A ban that holds stays, by the hash of who it is of and nothing else."""
    query = select(Sanction.id).where(Sanction.shop_id == shop_id, Sanction.member_id.in_(ids))
    kept = list(await tx.scalars(query.where(Sanction.kind == "ban", Sanction.state == "stands")))
    for one in kept:
        bare = {"member_id": None, "cause": f"kept:{one}", "message_id": "", "text": "", "appeal": ""}
        await tx.execute(update(Sanction).where(Sanction.id == one).values(**bare))
    return len(kept)


async def forget_exempt(tx: Transaction, *, shop_id: int, ids: Collection[int], accounts: Accounts) -> int:
    """They are no exception any more."""
    count = 0
    for row in list(await tx.execute(select(Guard.id, Guard.exempt).where(Guard.shop_id == shop_id))):
        left = [one for one in row.exempt if one not in ids]
        if len(left) != len(row.exempt):
            await tx.execute(update(Guard).where(Guard.id == row.id).values(exempt=left))
            count += 1
    return count
