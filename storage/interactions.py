"""What members said and did: append-only, the source of everything that is derived about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, or_, select, update

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Chat, Identity, Interaction, Member, table

NO_INTEREST = ("complained", "reacted", "dismissed")  # kinds that show none, or none by themselves
SPOKEN = ("said", "asked", "complained", "thanked")  # kinds that are a message


SAID, WHO = table(Interaction), table(Member)
# Only for a member who is there: who was forgotten this moment, or in another process, is not written of again.
FIELDS = ("shop_id", "member_id", "chat_id", "kind", "at", "text", "message_id", "product_id", "data")
GIVEN = select(*(bindparam(name, type_=SAID.c[name].type) for name in FIELDS))
GIVEN = GIVEN.where(select(WHO.c.id).where(WHO.c.id == bindparam("member_id", type_=WHO.c.id.type)).exists())
ADD = Prepared(insert(SAID).from_select(FIELDS, GIVEN, include_defaults=False).returning(SAID.c.id))
RECENT = Prepared(
    select(SAID.c.id, SAID.c.text, SAID.c.message_id, SAID.c.member_id, SAID.c.at, WHO.c.name)
    .join(WHO, WHO.c.id == SAID.c.member_id)
    .where(SAID.c.chat_id == bindparam("chat"), SAID.c.message_id != "", SAID.c.text != "")
    .where(or_(*(SAID.c.kind == kind for kind in SPOKEN)))  # a command may be seen by nobody but who gave it
    .order_by(SAID.c.id.desc())
    .limit(bindparam("count"))
)


TALK = Prepared(
    select(SAID.c.id, SAID.c.text, SAID.c.message_id, SAID.c.member_id, SAID.c.at, SAID.c.data, WHO.c.name)
    .join(WHO, WHO.c.id == SAID.c.member_id)
    .where(SAID.c.chat_id == bindparam("chat"), SAID.c.message_id != "")
    .where(SAID.c.kind != "reacted", SAID.c.kind != "commanded", SAID.c.kind != "pressed", SAID.c.kind != "removed")
    .order_by(SAID.c.id.desc())
    .limit(bindparam("count"))
)

LAST = select(SAID).where(SAID.c.chat_id == bindparam("chat")).order_by(SAID.c.id.desc()).limit(bindparam("count"))
LATELY = LAST.subquery()
MARKS = Prepared(select(LATELY.c.data).where(LATELY.c.kind == "reacted"))


async def add(
    tx: Transaction,
    shop_id: int,
    member_id: int,
    chat_id: int,
    kind: str,
    at: datetime,
    *,
    text: str = "",
    message_id: str = "",
    product_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> int | None:
    """Its id; None where the member is not there any more. What a member does goes through `bot/members/traits.py`,
    which calls this."""
    values = {"shop_id": shop_id, "member_id": member_id, "chat_id": chat_id, "kind": kind, "at": at, "text": text}
    more = {"message_id": message_id, "product_id": product_id, "data": data or {}}
    row = await ADD.run(tx, values | more)
    return None if row is None else int(row.id)


async def find(tx: Transaction, member_id: int, chat_id: int, kind: str, at: datetime) -> int | None:
    """The id of one that is no message."""
    query = select(SAID.c.id).where(SAID.c.member_id == member_id, SAID.c.at == at)
    found: int | None = await tx.scalar(query.where(SAID.c.chat_id == chat_id, SAID.c.kind == kind).limit(1))
    return found


async def joined(tx: Transaction, chat_id: int, after: int, since: datetime) -> list[Row[Any]]:
    """Who joined a chat since then, after this interaction, and did not leave: id of the interaction, name."""
    later = SAID.alias("later")
    gone = select(later.c.id).where(later.c.member_id == SAID.c.member_id, later.c.id > SAID.c.id)
    gone = gone.where(later.c.chat_id == chat_id, later.c.kind == "left")
    query = select(SAID.c.id, WHO.c.name).join(WHO, WHO.c.id == SAID.c.member_id)
    query = query.where(SAID.c.chat_id == chat_id, SAID.c.kind == "joined", SAID.c.id > after, SAID.c.at >= since)
    return list(await tx.execute(query.where(~gone.exists(), ~WHO.c.opted_out).order_by(SAID.c.id)))


async def recent(tx: Transaction, chat_id: int, count: int) -> list[Row[Any]]:
    """The chat's last messages of members (name, text, message_id, member_id, at), oldest first."""
    return (await RECENT.rows(tx, {"chat": chat_id, "count": count}))[::-1]


async def author(tx: Transaction, chat_id: int, message_id: str) -> int | None:
    """The member who said this message of the chat."""
    query = select(SAID.c.member_id).where(SAID.c.chat_id == chat_id, SAID.c.message_id == message_id)
    query = query.where(SAID.c.kind.in_(SPOKEN)).order_by(SAID.c.id.desc()).limit(1)
    found: int | None = await tx.scalar(query)
    return found


async def after(tx: Transaction, chat_id: int, at: datetime, count: int) -> list[Row[Any]]:
    """The first messages of members (message_id, member_id, data) in the chat after a moment, in order."""
    query = select(SAID.c.message_id, SAID.c.member_id, SAID.c.data)
    query = query.where(SAID.c.chat_id == chat_id, SAID.c.at > at, SAID.c.kind.in_(SPOKEN), SAID.c.message_id != "")
    return list(await tx.execute(query.order_by(SAID.c.id).limit(count)))


async def until(tx: Transaction, chat_id: int, at: datetime, count: int) -> list[Row[Any]]:
    """A chat's last messages of members up to a moment (name, text, message_id, member_id, at), oldest first."""
    query = select(SAID.c.id, SAID.c.text, SAID.c.message_id, SAID.c.member_id, SAID.c.at, WHO.c.name)
    query = query.join(WHO, WHO.c.id == SAID.c.member_id)
    query = query.where(SAID.c.chat_id == chat_id, SAID.c.message_id != "", SAID.c.kind.in_(SPOKEN), SAID.c.at <= at)
    return list(await tx.execute(query.order_by(SAID.c.id.desc()).limit(count)))[::-1]


async def talk(tx: Transaction, chat_id: int, count: int) -> list[Row[Any]]:
    """The same with `data` (reply_to: what it replies to, bot, parked, joins), for who talks to whom."""
    return (await TALK.rows(tx, {"chat": chat_id, "count": count}))[::-1]


async def settle(
    tx: Transaction, chat_id: int, message_id: str, kind: str, product_id: int | None, data: dict[str, Any]
) -> list[int]:
    """What a message turned out to be that was kept while it was parked; the ids of what was kept."""
    kept = (Interaction.chat_id == chat_id) & (Interaction.message_id == message_id) & Interaction.kind.in_(SPOKEN)
    values = {"kind": kind, "product_id": product_id, "data": data}
    return list(await tx.scalars(update(Interaction).where(kept).values(**values).returning(Interaction.id)))


async def marks(tx: Transaction, chat_id: int, count: int) -> list[dict[str, Any]]:
    """Reactions among the chat's last interactions: `emoji`, and `on`, the message that it is under."""
    return [row.data for row in await MARKS.rows(tx, {"chat": chat_id, "count": count})]


async def spoken(tx: Transaction, chat_id: int) -> list[Row[Any]]:
    """Every message of members in a chat (text, message_id, member_id, at), oldest first; an erased text is ''."""
    query = select(SAID.c.text, SAID.c.message_id, SAID.c.member_id, SAID.c.at)
    query = query.where(SAID.c.chat_id == chat_id, SAID.c.kind.in_(SPOKEN), SAID.c.message_id != "")
    return list(await tx.execute(query.order_by(SAID.c.at, SAID.c.id)))


async def said(tx: Transaction, chat_id: int, message_id: str) -> Row[Any] | None:
    """A member's message (text, member_id, message_id), while its words are kept."""
    columns = (SAID.c.text, SAID.c.member_id, SAID.c.message_id)
    query = select(*columns).where(SAID.c.chat_id == chat_id, SAID.c.message_id == message_id, SAID.c.text != "")
    return (await tx.execute(query.order_by(SAID.c.id.desc()).limit(1))).first() if message_id else None


async def pressed(tx: Transaction, chat_id: int, outbox_id: int) -> list[Row[Any]]:
    """Who pressed a button under a post (member_id, text: the command, at), oldest first."""
    query = select(SAID.c.member_id, SAID.c.text, SAID.c.at).where(SAID.c.chat_id == chat_id, SAID.c.kind == "pressed")
    return list(await tx.execute(query.where(SAID.c.data["post"].as_integer() == outbox_id).order_by(SAID.c.id)))


async def reactions(tx: Transaction, chat_id: int) -> list[dict[str, Any]]:
    """Every reaction in a chat: `emoji`, and `on`, the message that it is under."""
    return list(await tx.scalars(select(SAID.c.data).where(SAID.c.chat_id == chat_id, SAID.c.kind == "reacted")))


async def of_member(
    tx: Transaction, member_id: int, *, chat_id: int | None = None, count: int = 5000
) -> list[Row[Any]]:
    """A member's interactions, newest first; only those of one chat where `chat_id` is given."""
    query = select(Interaction.__table__).where(Interaction.member_id == member_id)
    if chat_id is not None:
        query = query.where(Interaction.chat_id == chat_id)
    return list(await tx.execute(query.order_by(Interaction.id.desc()).limit(count)))


async def history(tx: Transaction, member_id: int, after: int, count: int) -> list[Row[Any]]:
    """A member's interactions behind this id, oldest first."""
    columns = (SAID.c.id, SAID.c.chat_id, SAID.c.kind, SAID.c.product_id, SAID.c.data, SAID.c.at, SAID.c.text)
    query = select(*columns).where(SAID.c.member_id == member_id, SAID.c.id > after)
    return list(await tx.execute(query.order_by(SAID.c.id).limit(count)))


async def kinds(tx: Transaction, ids: Sequence[int]) -> dict[int, str]:
    """What each of these was."""
    rows = await tx.execute(select(SAID.c.id, SAID.c.kind).where(SAID.c.id.in_(ids))) if ids else ()
    return {row.id: row.kind for row in rows}


async def mark(tx: Transaction, interaction_id: int, data: dict[str, Any]) -> None:
    """What its words say, read after it was added."""
    await tx.execute(update(Interaction).where(Interaction.id == interaction_id).values(data=data))


async def summary(tx: Transaction, member_id: int, *, chat_id: int | None = None) -> Row[Any]:
    """How many messages (`messages`), and when the first and last interaction was (None where there is none)."""
    columns: tuple[Any, ...] = (
        func.count().filter(Interaction.kind.in_(SPOKEN)).label("messages"),
        func.min(Interaction.at).label("first"),
        func.max(Interaction.at).label("last"),
    )
    query = select(*columns).where(Interaction.member_id == member_id)
    if chat_id is not None:
        query = query.where(Interaction.chat_id == chat_id)
    return (await tx.execute(query)).one()


async def asked_about(
    tx: Transaction, member_id: int, since: datetime, *, chat_id: int | None = None, count: int = 1000
) -> list[Row[Any]]:
    """Interactions (product_id, at) that show an interest in a product, newest first; a complaint shows none."""
    query = select(Interaction.product_id, Interaction.at).where(
        Interaction.member_id == member_id,
        Interaction.at >= since,
        Interaction.product_id.is_not(None),
        Interaction.kind.not_in(NO_INTEREST),
    )
    if chat_id is not None:
        query = query.where(Interaction.chat_id == chat_id)
    return list(await tx.execute(query.order_by(Interaction.id.desc()).limit(count)))


async def with_products(
    tx: Transaction, shop_id: int, since: datetime, *, subscribed_only: bool, count: int = 200_000
) -> list[Row[Any]]:
    """What members did with products (member_id, product_id, kind, at), oldest first: the newest `count`, of nobody who
    opted out."""
    query = select(SAID.c.member_id, SAID.c.product_id, SAID.c.kind, SAID.c.at).join(WHO, WHO.c.id == SAID.c.member_id)
    query = query.where(SAID.c.shop_id == shop_id, SAID.c.at >= since, SAID.c.product_id.is_not(None))
    query = query.where(~WHO.c.opted_out, SAID.c.kind.not_in(NO_INTEREST))
    if subscribed_only:
        query = query.where(WHO.c.subscribed)
    return list(await tx.execute(query.order_by(SAID.c.id.desc()).limit(count)))[::-1]


async def owns(tx: Transaction, member_id: int, product_id: int) -> bool:
    """Did they buy it, and not ask about it since?"""
    query = select(SAID.c.kind).where(SAID.c.member_id == member_id, SAID.c.product_id == product_id)
    query = query.where(SAID.c.kind.in_(("bought", "asked"))).order_by(SAID.c.at.desc(), SAID.c.id.desc()).limit(1)
    return bool(await tx.scalar(query) == "bought")


async def asked_for(tx: Transaction, product_ids: Sequence[int], since: datetime) -> list[Row[Any]]:
    """Who of those that want suggestions asked about these products (member_id, product_id, at: the last time)."""
    columns = (SAID.c.member_id, SAID.c.product_id, func.max(SAID.c.at).label("at"))
    query = select(*columns).join(WHO, WHO.c.id == SAID.c.member_id)
    query = query.where(WHO.c.subscribed, ~WHO.c.opted_out, SAID.c.at >= since, SAID.c.kind == "asked")
    query = query.where(SAID.c.product_id.in_(product_ids)).group_by(SAID.c.member_id, SAID.c.product_id)
    return list(await tx.execute(query))


async def turned_down(tx: Transaction, member_id: int) -> tuple[set[int], set[str]]:
    """Products and brands (folded) that this member wants no suggestion of; `shown` took back what was before it."""
    query = select(SAID.c.kind, SAID.c.product_id, SAID.c.data).where(SAID.c.member_id == member_id)
    query = query.where(SAID.c.kind.in_(("dismissed", "hidden", "shown"))).order_by(SAID.c.id)
    products, brands = set[int](), set[str]()
    for row in await tx.execute(query):
        if row.kind == "shown":
            products.clear()
            brands.clear()
        elif row.kind == "dismissed" and row.product_id:
            products.add(row.product_id)
        elif row.kind == "hidden":
            brands.add(str(row.data.get("brand", "")).casefold())
    return products, brands


async def last_words(tx: Transaction, member_id: int, count: int) -> list[str]:
    """What the member said last, wherever, newest first; commands are none of it."""
    query = select(SAID.c.text).where(SAID.c.member_id == member_id, SAID.c.kind.in_(SPOKEN), SAID.c.text != "")
    return list(await tx.scalars(query.order_by(SAID.c.at.desc(), SAID.c.id.desc()).limit(count)))


async def forget_texts(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Empty the raw words that are older than the retention time; that something was said stays."""
    old = (Interaction.shop_id == shop_id) & (Interaction.at < before) & (Interaction.text != "")
    await tx.execute(update(Interaction).where(old).values(text=""))


async def shown(tx: Transaction, shop_id: int, platform: str, chat: str, count: int) -> list[Row[Any]]:
    """What members said and did in a chat, newest first, with the platform's id of who it was."""
    columns = (
        Interaction.kind, Interaction.text, Interaction.message_id, Interaction.at, Interaction.data,
        Identity.platform_id.label("sender"),
    )  # fmt: skip
    query = (
        select(*columns)
        .join(Chat, Chat.id == Interaction.chat_id)
        .join(Identity, (Identity.member_id == Interaction.member_id) & (Identity.platform == platform))
        .where(Interaction.shop_id == shop_id, Chat.platform == platform, Chat.platform_id == chat)
        .where(Interaction.message_id != "", Interaction.kind != "removed")
    )
    return list(await tx.execute(query.order_by(Interaction.id.desc()).limit(count)))


async def last_in_chats(tx: Transaction, shop_id: int, platform: str) -> dict[str, str]:
    """The platform's id of each of its chats, and of the last message of a member's that is on record there."""
    last = select(SAID.c.message_id).where(SAID.c.chat_id == Chat.id, SAID.c.kind.in_(SPOKEN), SAID.c.message_id != "")
    newest = last.order_by(SAID.c.id.desc()).limit(1).scalar_subquery()
    query = select(Chat.platform_id, newest).filter_by(shop_id=shop_id, platform=platform)
    return {chat: message for chat, message in await tx.execute(query) if message}
