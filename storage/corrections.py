"""Messages whose claims are behind the catalogue, and what becomes of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, update

from storage import outbox, shops
from storage.database import Transaction
from storage.tables import Outbox

UNDER_WAY = ("open", "ready", "sending")  # looked at once they are sent


async def version(tx: Transaction, shop_id: int) -> int:
    """How often anything changed that messages rest on; it only grows."""
    return sum(await shops.version(tx, shop_id))


async def behind(tx: Transaction, shop_id: int, version: int, platforms: Sequence[str], count: int) -> list[Row[Any]]:
    """Messages on these platforms, with where they went, whose claims were compared with an earlier catalogue only."""
    table = outbox.OUT.c
    query = outbox.WHERE_TO.where(table.shop_id == shop_id, table.checked < version)
    query = query.where(table.state.not_in(UNDER_WAY), outbox.PLACE.c.platform.in_(platforms))
    return list(await tx.execute(query.order_by(table.checked, table.id).limit(count)))


async def settle(tx: Transaction, ids: Sequence[int], version: int | None) -> None:
    """These were compared with this catalogue and stay as they are; None: they are compared no more."""
    if ids:
        await tx.execute(update(Outbox).where(Outbox.id.in_(ids)).values(checked=version))


async def revise(
    tx: Transaction, shop_id: int, row: Any, version: int, now: datetime, revised: dict[str, Any], said: dict[str, Any]
) -> bool:
    """Change a message's row, and put what corrects it in the chat into the outbox; False where that was done before.

    revised: columns of the row. said: the new message's `kind`, `text` and other columns.
    """
    here = (Outbox.id == row.id) & (Outbox.checked == row.checked)
    if not (await tx.execute(update(Outbox).where(here).values(checked=version, **revised))).rowcount:
        return False
    if said:
        await outbox.put(tx, shop_id, row.chat_id, f"correction:{row.id}:{version}", now=now, **said)
    return True
