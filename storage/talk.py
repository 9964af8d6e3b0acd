"""What a group talked about with the bot, told by the rows spoken of and by who came: never by what was said."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from storage.database import Transaction
from storage.tables import Outbox

MOST = 5_000


async def answers(tx: Transaction, chat_id: int, since: datetime) -> Sequence[list[str]]:
    """The rows that each answer in this chat rested on, without what one member alone was shown."""
    query = select(Outbox.sources, Outbox.extra).where(Outbox.chat_id == chat_id, Outbox.kind == "reply")
    query = query.where(Outbox.state == "sent", Outbox.sent >= since, Outbox.action == "reply")
    rows = await tx.execute(query.order_by(Outbox.id.desc()).limit(MOST))
    return [list(row.sources) for row in rows if row.sources and not row.extra.get("private_to")]


async def greeted(tx: Transaction, chat_id: int) -> int:
    """The last joining (an interaction's id) whose member was greeted, by a greeting or a post."""
    query = select(Outbox.extra).where(Outbox.chat_id == chat_id, Outbox.kind.in_(("greeting", "post")))
    query = query.where(Outbox.state != "cancelled").order_by(Outbox.id.desc()).limit(200)
    return max((int(extra.get("greeted", 0)) for extra in await tx.scalars(query)), default=0)
