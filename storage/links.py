"""Links between a member's identities: one-time codes until both sides have said yes, and the merge of the two."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from storage.database import Transaction
from storage.tables import (
    Audit,
    Base,
    Chat,
    Identity,
    Interaction,
    Link,
    Member,
    Outbox,
    Rating,
    Reservation,
    ShortLink,
    SuggestionLog,
    Trait,
)

OPEN, CLAIMED, DONE, REFUSED, PARTED = "open", "claimed", "done", "refused", "parted"
CHOICES = ("subscribed", "opted_out", "trains", "language")


def digest(code: str) -> str:
    """What the table keeps of a code; codes have fifty random bits, so that none is found by trying in its time."""
    return hashlib.sha256(code.encode()).hexdigest()


async def offer(tx: Transaction, shop_id: int, member_id: int, chat_id: int, code: str, expires: datetime) -> None:
    """A new code of this member's, told in this chat; the ones before are void."""
    await tx.execute(delete(Link).filter_by(shop_id=shop_id, member_id=member_id, state=OPEN))
    values = {"member_id": member_id, "chat_id": chat_id, "hash": digest(code), "expires": expires, "state": OPEN}
    await tx.execute(insert(Link).values(shop_id=shop_id, agreed=False, other_agreed=False, **values))


async def by_code(tx: Transaction, shop_id: int, code: str, now: datetime) -> Row[Any] | None:
    """The link that this code is for, while its time lasts and it was not refused."""
    query = select(Link.__table__).filter_by(shop_id=shop_id, hash=digest(code)).where(Link.expires > now)
    return (await tx.execute(query.where(Link.state.in_((OPEN, CLAIMED))))).first()


async def pending(tx: Transaction, shop_id: int, member_id: int, link_id: int | None, now: datetime) -> Row[Any] | None:
    """The member's newest claimed link, or the one of this id; also one that is done already."""
    query = select(Link.__table__).filter_by(shop_id=shop_id)
    query = query.where(or_(Link.member_id == member_id, Link.other_id == member_id))
    alive = (Link.state == CLAIMED) & (Link.expires > now)
    query = query.where(alive if link_id is None else (Link.id == link_id) & (alive | (Link.state == DONE)))
    return (await tx.execute(query.order_by(Link.id.desc()).limit(1))).first()


async def change(tx: Transaction, link_id: int, **values: Any) -> None:
    await tx.execute(update(Link).where(Link.id == link_id).values(**values))


async def wrong(tx: Transaction, shop_id: int, member_id: int, action: str, since: datetime) -> int:
    """How often the audit has this member refused with this action since then."""
    query = select(func.count()).select_from(Audit).filter_by(shop_id=shop_id, member_id=member_id, action=action)
    return int((await tx.execute(query.where(~Audit.allowed, Audit.at >= since))).scalar_one())


async def platforms(tx: Transaction, member_id: int) -> set[str]:
    """Where the member has an identity."""
    return set(await tx.scalars(select(Identity.platform).filter_by(member_id=member_id)))


async def clear(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Forget what came to nothing."""
    await tx.execute(delete(Link).filter_by(shop_id=shop_id).where(Link.state != DONE, Link.expires < before))


async def merge(tx: Transaction, one: int, other: int) -> int:
    """Make one member of two: the older stays, and gets all that was the other's; its id.

    Choices follow the stricter: suggestions and training only where both wanted them, nothing where one opted out. The
    other's row stays, without choices, and says where it went. Doing it again only moves what came in meanwhile.
    """
    kept, gone = min(one, other), max(one, other)
    if kept == gone:
        return kept
    rows = {row.id: row for row in await tx.execute(select(Member.__table__).where(Member.id.in_((kept, gone))))}
    first, second = rows[kept], rows[gone]
    if second.merged_into is None:
        out = first.opted_out or second.opted_out
        values = {
            "opted_out": out,
            "subscribed": first.subscribed and second.subscribed and not out,
            "trains": first.trains and second.trains,
            "first_seen": min(first.first_seen, second.first_seen),
            "language": first.language or second.language,
        }
        await tx.execute(update(Member).where(Member.id == kept).values(**values))
        nothing = {"subscribed": False, "trains": False, "merged_into": kept}
        await tx.execute(update(Member).where(or_(Member.id == gone, Member.merged_into == gone)).values(**nothing))
    await _move(tx, kept, gone)
    return kept


async def part(
    tx: Transaction, shop_id: int, member_id: int, platform: str, name: str, now: datetime
) -> tuple[int, list[str]] | None:
    """Make the member's account on this platform a member of its own again, called so; its id, and the platforms of the
    others. None where there is none, or no other.

    What was said and done in chats of the platform goes with it, and so do suggestions there. Choices are on both what
    they were on the one. All else stays, but traits: who called derives them anew, of both.
    """
    accounts = await platforms(tx, member_id)
    others = sorted(accounts - {platform})
    if platform not in accounts or not others:
        return None
    one = (await tx.execute(select(Member.__table__).where(Member.id == member_id))).one()
    there = select(Chat.id).filter_by(shop_id=shop_id, platform=platform)
    own = select(func.min(Interaction.at)).where(Interaction.member_id == member_id, Interaction.chat_id.in_(there))
    values = {choice: getattr(one, choice) for choice in CHOICES} | {"first_seen": await tx.scalar(own) or now}
    added = await tx.execute(insert(Member).values(shop_id=shop_id, name=name, **values).returning(Member.id))
    new = int(added.scalar_one())
    await tx.execute(update(Identity).filter_by(member_id=member_id, platform=platform).values(member_id=new))
    await tx.execute(delete(Trait).where(Trait.member_id == member_id))
    mine = or_(Link.member_id == member_id, Link.other_id == member_id)
    await tx.execute(delete(Link).where(mine, Link.state.in_((OPEN, CLAIMED))))
    await tx.execute(update(Link).where(mine, Link.state == DONE).values(state=PARTED))
    said = select(Outbox.id).where(Outbox.chat_id.in_(there))
    for table in Base.metadata.sorted_tables:
        column, within = (table.c.get("chat_id"), there) if "chat_id" in table.c else (table.c.get("outbox_id"), said)
        if "member_id" in table.c and column is not None and table.name != Link.__tablename__:
            moved = update(table).where(table.c.member_id == member_id, column.in_(within))
            await tx.execute(moved.values(member_id=new))
    keys = select(Outbox.key).where(Outbox.member_id == new)
    for noun, key in ((SuggestionLog, SuggestionLog.key), (ShortLink, ShortLink.post)):
        await tx.execute(update(noun).where(noun.member_id == member_id, key.in_(keys)).values(member_id=new))
    sent = (Reservation.target == f"member:{member_id}") & Reservation.key.in_(keys)
    await tx.execute(update(Reservation).where(sent).values(target=f"member:{new}"))
    await _rename(tx, one, name)
    return new, others


async def _rename(tx: Transaction, one: Row[Any], gone: str) -> None:
    """Who stays is not called as who went, where one of those that became this member had another name."""
    query = select(Member.name).where(or_(Member.id == one.id, Member.merged_into == one.id)).order_by(Member.id)
    names = [name for name in await tx.scalars(query) if name != gone]
    await tx.execute(update(Member).where(Member.id == one.id).values(name=names[0] if names else one.name))


async def partings(tx: Transaction, shop_id: int) -> int:
    """Another number whenever an account became a member of its own again."""
    query = select(func.count()).select_from(Link).filter_by(shop_id=shop_id, state=PARTED)
    return int((await tx.execute(query)).scalar_one())


async def settle(tx: Transaction, shop_id: int, since: datetime) -> list[int]:
    """Move what was still written down for members that went into another since then: it was under way at that moment,
    or in another process. Whose it is now: their traits are to be derived anew."""
    lately = select(Link.member_id).filter_by(shop_id=shop_id, state=DONE).where(Link.expires >= since)
    query = select(Member.id, Member.merged_into).where(Member.merged_into.in_(lately))
    found = list(await tx.execute(query))
    for row in found:
        await _move(tx, row.merged_into, row.id)
    return sorted({row.merged_into for row in found})


async def _move(tx: Transaction, kept: int, gone: int) -> None:
    """Traits are not moved but removed: who called derives them anew."""
    await _one_thumb(tx, kept, gone)
    await tx.execute(delete(Trait).where(Trait.member_id.in_((kept, gone))))
    for table in Base.metadata.sorted_tables:
        for column in (table.c.get("member_id"), table.c.get("other_id")):
            if column is not None:
                await tx.execute(update(table).where(column == gone).values({column: kept}))
    places = update(Reservation).where(Reservation.target == f"member:{gone}")
    await tx.execute(places.values(target=f"member:{kept}"))


async def _one_thumb(tx: Transaction, kept: int, gone: int) -> None:
    """Of two thumbs on one message the last counts."""
    query = select(Rating.id, Rating.outbox_id).where(Rating.member_id.in_((kept, gone)))
    last: dict[int, int] = {}
    for row in await tx.execute(query.order_by(Rating.at, Rating.id)):
        if row.outbox_id in last:
            await tx.execute(delete(Rating).where(Rating.id == last[row.outbox_id]))
        last[row.outbox_id] = row.id
