"""How posts did: what members did under them, and who went within a day. Figures alone, of nobody in particular."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, String, cast, func, or_, select

from storage.database import Transaction
from storage.interactions import SPOKEN
from storage.tables import Campaign, Chat, Click, Interaction, Outbox, ShortLink, Target, table

OUT, DONE, PLACE = table(Outbox), table(Interaction), table(Chat)
LINK, CLICK, AIM, ONE = table(ShortLink), table(Click), table(Target), table(Campaign)
POST = "post"
DAY = timedelta(days=1)
ENDS = ("sent", "unknown", "failed", "blocked")
OFF = ("%off%", "%关%")  # how /subscribe is given up


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one post, or of all the messages of a campaign. `left` of groups; `blocked`, `optouts` of direct chats."""

    sent: int = 0
    unknown: int = 0
    failed: int = 0
    presses: int = 0
    clicks: int = 0
    reactions: int = 0
    replies: int = 0
    left: int = 0
    blocked: int = 0
    optouts: int = 0


async def posts(tx: Transaction, shop_id: int, count: int, chat_id: int | None = None) -> list[Row[Any]]:
    """The last posts that were no campaign's (id, text, extra, at, title), newest first; of one chat where given."""
    mine = select(AIM.c.id).where(AIM.c.outbox_id == OUT.c.id)
    at = func.coalesce(OUT.c.sent, OUT.c.created).label("at")
    query = select(OUT.c.id, OUT.c.text, OUT.c.extra, OUT.c.sent, OUT.c.created, PLACE.c.title)
    query = query.join(PLACE, PLACE.c.id == OUT.c.chat_id).where(OUT.c.shop_id == shop_id, OUT.c.kind == POST)
    query = query.where(OUT.c.state.in_(ENDS), ~mine.exists())
    if chat_id is not None:
        query = query.where(OUT.c.chat_id == chat_id)
    return list(await tx.execute(query.order_by(at.desc(), OUT.c.id.desc()).limit(count)))


async def campaigns(tx: Transaction, shop_id: int, count: int, chat_id: int | None = None) -> list[Row[Any]]:
    """The last campaigns that were started (id, words, content, bodies, started), newest first; of those that went to
    one chat where given."""
    query = select(ONE.c.id, ONE.c.words, ONE.c.content, ONE.c.bodies, ONE.c.started)
    query = query.where(ONE.c.shop_id == shop_id, ONE.c.started.is_not(None))
    if chat_id is not None:
        query = query.where(select(AIM.c.id).where(AIM.c.campaign_id == ONE.c.id, AIM.c.chat_id == chat_id).exists())
    return list(await tx.execute(query.order_by(ONE.c.started.desc()).limit(count)))


def of_post(outbox_id: int) -> ColumnElement[bool]:
    return OUT.c.id == outbox_id


def of_campaign(campaign_id: int) -> ColumnElement[bool]:
    return OUT.c.id.in_(select(AIM.c.outbox_id).where(AIM.c.campaign_id == campaign_id))


async def figures(tx: Transaction, which: ColumnElement[bool]) -> Figures:
    """Of these messages together."""
    states = await tx.execute(select(OUT.c.state, func.count()).where(which).group_by(OUT.c.state))
    held = {row[0]: int(row[1]) for row in states}
    gone = await _within_a_day(tx, which, DONE.c.kind == "left")
    said_off = or_(*(DONE.c.text.like(one) for one in OFF))
    stopped = DONE.c.kind.in_(("pressed", "commanded")) & (_held("command") == "subscribe") & said_off
    return Figures(
        sent=held.get("sent", 0),
        unknown=held.get("unknown", 0),
        failed=held.get("failed", 0),
        presses=await _count(tx, which, DONE.c.kind == "pressed", _held("post") == cast(OUT.c.id, String)),
        clicks=await _clicks(tx, which),
        reactions=await _count(tx, which, DONE.c.kind == "reacted", _held("on") == OUT.c.message_id),
        replies=await _count(tx, which, DONE.c.kind.in_(SPOKEN), _held("reply_to") == OUT.c.message_id),
        left=sum(not direct for direct in gone),
        blocked=held.get("blocked", 0) + sum(gone),
        optouts=sum(await _within_a_day(tx, which, stopped)),
    )


def _held(name: str) -> ColumnElement[str]:
    """A value of an interaction's data, as text in either database."""
    return cast(DONE.c.data[name].as_string(), String)


async def _count(tx: Transaction, which: ColumnElement[bool], *what: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(DONE).join(OUT, OUT.c.chat_id == DONE.c.chat_id).where(which, *what)
    return int(await tx.scalar(query))


async def _clicks(tx: Transaction, which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(CLICK).join(LINK, LINK.c.id == CLICK.c.short_link_id)
    query = query.join(OUT, (OUT.c.shop_id == LINK.c.shop_id) & (OUT.c.key == LINK.c.post)).where(which)
    return int(await tx.scalar(query))


async def _within_a_day(tx: Transaction, which: ColumnElement[bool], what: ColumnElement[bool]) -> Sequence[bool]:
    """For everything of this kind that happened in the chat within a day of the message: is it a direct chat?"""
    query = select(DONE.c.at, OUT.c.sent, PLACE.c.direct).join(OUT, OUT.c.chat_id == DONE.c.chat_id)
    query = query.join(PLACE, PLACE.c.id == OUT.c.chat_id).where(which, what, DONE.c.at >= OUT.c.sent)
    return [row.direct for row in await tx.execute(query) if row.at < _after(row.sent)]


def _after(sent: datetime) -> datetime:
    return sent + DAY
