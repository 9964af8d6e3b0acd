"""Members, their identity on each platform, and the chats that they talk in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, union_all, update

from storage.database import Transaction
from storage.tables import Audit, Chat, Guard, Identity, Interaction, Member, Outbox


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A chat as the bot needs it on every message."""

    id: int
    platform: str
    platform_id: str
    title: str
    direct: bool
    mode: str
    language: str
    muted_until: datetime | None
    timezone: str = ""
    quiet_hours: str = ""


CHAT: tuple[Any, ...] = (
    Chat.id,
    Chat.platform,
    Chat.platform_id,
    Chat.title,
    Chat.direct,
    Chat.mode,
    Chat.language,
    Chat.muted_until,
    Chat.timezone,
    Chat.quiet_hours,
)


async def whose(tx: Transaction, shop_id: int, platform: str, platform_id: str) -> int | None:
    """The member that an account is of; None where it was never seen, or is nobody's any more."""
    query = select(Identity.member_id).filter_by(shop_id=shop_id, platform=platform, platform_id=platform_id)
    return await tx.scalar(query)


async def meet(tx: Transaction, shop_id: int, platform: str, platform_id: str, name: str, now: datetime) -> int:
    """The member's id; a new member and identity where this person was never seen."""
    found = await whose(tx, shop_id, platform, platform_id)
    if found is not None:
        return found
    added = await tx.execute(insert(Member).values(shop_id=shop_id, name=name, first_seen=now).returning(Member.id))
    member_id = int(added.scalar_one())
    await tx.execute(
        insert(Identity).values(shop_id=shop_id, member_id=member_id, platform=platform, platform_id=platform_id)
    )
    return member_id


async def get(tx: Transaction, member_id: int) -> Row[Any]:
    return (await tx.execute(select(Member.__table__).where(Member.id == member_id))).one()


async def change(tx: Transaction, member_id: int, **values: Any) -> None:
    await tx.execute(update(Member).where(Member.id == member_id).values(**values))


async def identity(tx: Transaction, member_id: int, platform: str) -> str | None:
    """The member's id on one platform."""
    return await tx.scalar(select(Identity.platform_id).filter_by(member_id=member_id, platform=platform))


async def find(tx: Transaction, shop_id: int, name: str) -> Row[Any] | None:
    """A member by name, the one seen last where several have it."""
    seen = select(func.max(Interaction.id)).where(Interaction.member_id == Member.id).scalar_subquery()
    query = select(Member.__table__).where(Member.shop_id == shop_id, func.lower(Member.name) == name.lower())
    found = (await tx.execute(query.order_by(seen.desc().nulls_last()).limit(1))).first()
    return found if found is None or found.merged_into is None else await get(tx, found.merged_into)


async def subscribers(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Members that want suggestions, with the direct identity to send them to."""
    query = (
        select(Member.id, Member.name, Member.language, Identity.platform, Identity.platform_id)
        .join(Identity, Identity.member_id == Member.id)
        .where(Member.shop_id == shop_id, Member.subscribed, ~Member.opted_out)
        .order_by(Member.id, Identity.id)
    )
    return list(await tx.execute(query))


async def seen(tx: Transaction, shop_id: int, platform: str, platform_id: str) -> ChatRow | None:
    """The chat's row; None if it was never entered."""
    row = (
        await tx.execute(select(*CHAT).filter_by(shop_id=shop_id, platform=platform, platform_id=platform_id))
    ).first()
    return None if row is None else ChatRow(*row)


async def direct_chat(tx: Transaction, member_id: int, platform: str) -> ChatRow | None:
    """The direct chat on this platform in which the member spoke last."""
    query = select(*CHAT).join(Interaction, Interaction.chat_id == Chat.id)
    query = query.where(Interaction.member_id == member_id, Chat.platform == platform, Chat.direct)
    row = (await tx.execute(query.order_by(Interaction.id.desc()).limit(1))).first()
    return None if row is None else ChatRow(*row)


async def direct(
    tx: Transaction, shop_id: int, member_id: int | None, platform: str, platform_id: str, name: str
) -> ChatRow:
    """The direct chat in which the member spoke last, else the one of this id, added where it was never seen."""
    found = await direct_chat(tx, member_id, platform) if member_id else None
    return found or await enter(tx, shop_id, platform, platform_id, name, True)


async def enter(tx: Transaction, shop_id: int, platform: str, platform_id: str, title: str, direct: bool) -> ChatRow:
    """The chat's row, added where it was never seen."""
    if found := await seen(tx, shop_id, platform, platform_id):
        return found
    values = {"shop_id": shop_id, "platform": platform, "platform_id": platform_id, "title": title, "direct": direct}
    return ChatRow(*(await tx.execute(insert(Chat).values(**values, mode="", language="").returning(*CHAT))).one())


async def admins(tx: Transaction, shop_id: int, chat: ChatRow, count: int) -> list[Row[Any]]:
    """Who acted as an admin on the chat's platform (member_id, name, platform_id), with the group in which they did
    (chat_id, place): those of this chat first, then who did last."""
    used = select(Audit.member_id, Audit.chat_id, Audit.at).where(Audit.shop_id == shop_id, Audit.allowed)
    added = select(Interaction.member_id, Interaction.chat_id, Interaction.at).filter_by(shop_id=shop_id, kind="added")
    acts = union_all(used, added).subquery()
    query = (
        select(
            Member.id.label("member_id"), Member.name, Identity.platform_id,
            Chat.id.label("chat_id"), Chat.platform_id.label("place"),
        )
        .join(acts, acts.c.member_id == Member.id)
        .join(Identity, (Identity.member_id == Member.id) & (Identity.platform == chat.platform))
        .join(Chat, (Chat.id == acts.c.chat_id) & (Chat.platform == chat.platform) & ~Chat.direct)
        .group_by(Member.id, Member.name, Identity.platform_id, Chat.id, Chat.platform_id)
    )  # fmt: skip
    return list(await tx.execute(query.order_by((Chat.id == chat.id).desc(), func.max(acts.c.at).desc()).limit(count)))


async def chats(tx: Transaction, shop_id: int) -> list[ChatRow]:
    """Every chat of the shop, by id."""
    return [ChatRow(*row) for row in await tx.execute(select(*CHAT).filter_by(shop_id=shop_id).order_by(Chat.id))]


async def everyone(tx: Transaction, shop_id: int) -> list[Row[Any]]:
    """Every member (id, name, trains, opted_out), by id."""
    columns = (Member.id, Member.name, Member.trains, Member.opted_out)
    return list(await tx.execute(select(*columns).filter_by(shop_id=shop_id).order_by(Member.id)))


async def chat(tx: Transaction, chat_id: int) -> ChatRow:
    return ChatRow(*(await tx.execute(select(*CHAT).where(Chat.id == chat_id))).one())


async def change_chat(tx: Transaction, chat_id: int, **values: Any) -> None:
    await tx.execute(update(Chat).where(Chat.id == chat_id).values(**values))


async def move_chat(tx: Transaction, shop_id: int, platform: str, old: str, new: str) -> None:
    """A chat has another id on its platform from now on; what waits to be sent goes there. Once is as good as twice."""
    before, after = await seen(tx, shop_id, platform, old), await seen(tx, shop_id, platform, new)
    if before is None:
        return
    if after is None:
        await change_chat(tx, before.id, platform_id=new)
        return
    waiting = update(Outbox).where(Outbox.chat_id == before.id, Outbox.state.in_(("open", "ready")))
    await tx.execute(waiting.values(chat_id=after.id))
    if await tx.scalar(select(Guard.id).filter_by(shop_id=shop_id, chat_id=after.id)) is None:
        await tx.execute(update(Guard).filter_by(shop_id=shop_id, chat_id=before.id).values(chat_id=after.id))
    kept = {
        name: getattr(after, name) or getattr(before, name) for name in ("mode", "language", "timezone", "quiet_hours")
    }
    await change_chat(tx, after.id, **kept, muted_until=after.muted_until or before.muted_until)
