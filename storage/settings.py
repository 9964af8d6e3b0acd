"""Settings that admins changed in a chat, and the audit of who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select

from storage.database import Transaction
from storage.prepared import Prepared
from storage.tables import Audit, Setting, table

SETTINGS = table(Setting)
CHANGED = Prepared(select(SETTINGS.c.name, SETTINGS.c.value).where(SETTINGS.c.shop_id == bindparam("shop")))


async def changed(tx: Transaction, shop_id: int) -> dict[str, str]:
    """Name -> value of every setting that stands in the database."""
    return {row.name: row.value for row in await CHANGED.rows(tx, {"shop": shop_id})}


async def change(tx: Transaction, shop_id: int, name: str, value: str | None) -> None:
    """Set it; None goes back to the env file's."""
    await tx.execute(delete(Setting).filter_by(shop_id=shop_id, name=name))
    if value is not None:
        await tx.execute(insert(Setting).values(shop_id=shop_id, name=name, value=value))


async def audit(
    tx: Transaction,
    shop_id: int,
    action: str,
    now: datetime,
    *,
    member_id: int | None = None,
    chat_id: int | None = None,
    allowed: bool = True,
    data: dict[str, Any] | None = None,
) -> None:
    values = {"shop_id": shop_id, "action": action, "at": now, "allowed": allowed, "data": data or {}}
    await tx.execute(insert(Audit).values(**values, member_id=member_id, chat_id=chat_id))


async def audited(tx: Transaction, shop_id: int, count: int = 20) -> list[Row[Any]]:
    """The last entries, newest first."""
    query = select(Audit.__table__).where(Audit.shop_id == shop_id).order_by(Audit.id.desc())
    return list(await tx.execute(query.limit(count)))
