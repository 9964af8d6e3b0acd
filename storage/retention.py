"""Words that are kept for a time only, where no noun's own file empties them: what the bot said to members, what admins
typed, and which suggestion was drawn for whom."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from storage.database import Transaction
from storage.tables import Audit, Outbox, SuggestionLog

AT_ONCE = 5_000  # rows of a day; what is left over goes on the next ones
KINDS = ("reply", "command", "notice", "greeting", "edit", "correction", "suggestion")  # a post is the shop's own words
OVER = ("sent", "unknown", "failed", "blocked", "cancelled")
# Of what a row keeps beside its text, what says something of how it went and nothing of what was said.
KEPT = ("greeted", "act", "language", "unasked", "unsure", "part", "of", "asked", "why", "begun")
LOGGED = timedelta(days=365)  # whether suggestions help is told from so long a time


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Empty what was said to members before that moment, and what admins typed; that it was stays."""
    old = select(Outbox.id, Outbox.extra).where(Outbox.shop_id == shop_id, Outbox.created < before, Outbox.text != "")
    old = old.where(Outbox.kind.in_(KINDS), Outbox.state.in_(OVER)).order_by(Outbox.id).limit(AT_ONCE)
    for row in list(await tx.execute(old)):
        kept = {name: row.extra[name] for name in KEPT if name in row.extra}
        empty: dict[str, Any] = {"text": "", "extra": kept, "facts": [], "rests": None, "checked": None}
        await tx.execute(update(Outbox).where(Outbox.id == row.id).values(**empty))
    typed = select(Audit.id, Audit.data).where(Audit.shop_id == shop_id, Audit.at < before)
    typed = typed.where(Audit.data["args"].as_string() != "").order_by(Audit.id).limit(AT_ONCE)
    for row in list(await tx.execute(typed)):
        await tx.execute(update(Audit).where(Audit.id == row.id).values(data={**row.data, "args": ""}))


async def forget_log(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Delete which suggestions were drawn for whom, once that is a year ago and older than members' words may be."""
    old = before - LOGGED
    await tx.execute(delete(SuggestionLog).where(SuggestionLog.shop_id == shop_id, SuggestionLog.at < old))
