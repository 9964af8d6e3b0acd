"""Articles: FAQ entries and sections of policies from files, and what admins taught in a chat."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update

from storage import aliases, shops
from storage.database import Transaction
from storage.imports import TAUGHT, is_current
from storage.tables import Article

IN_FORCE = (Article.withdrawn.is_(None), or_(Article.source == TAUGHT, is_current(Article)))


async def current(tx: Transaction, shop_id: int, ids: list[int] | None = None) -> list[Row[Any]]:
    """Every article in force, or those of these ids, by id."""
    query = select(Article.__table__).where(Article.shop_id == shop_id, *IN_FORCE)
    if ids is not None:
        query = query.where(Article.id.in_(ids))
    return list(await tx.execute(query.order_by(Article.id)))


async def count(tx: Transaction, shop_id: int) -> int:
    query = select(func.count()).select_from(Article).where(Article.shop_id == shop_id, *IN_FORCE)
    return int((await tx.execute(query)).scalar_one())


async def get(tx: Transaction, shop_id: int, article_id: int) -> Row[Any] | None:
    """An article in force."""
    query = select(Article.__table__).where(Article.shop_id == shop_id, Article.id == article_id, *IN_FORCE)
    return (await tx.execute(query)).first()


async def teach(tx: Transaction, shop_id: int, name: str, title: str, body: str, language: str) -> int:
    """Add an admin's article, or change the one of this name; its id. The same again changes nothing."""
    handle = f"{TAUGHT} {name}"
    values: dict[str, Any] = {"title": title, "body": body, "language": language}
    found = (await tx.execute(select(Article.__table__).filter_by(shop_id=shop_id, handle=handle))).first()
    if found is None:
        values |= {"shop_id": shop_id, "handle": handle, "source": TAUGHT}
        added = await tx.execute(insert(Article).values(**values, run_id=0).returning(Article.id))
        await shops.bump_taught(tx, shop_id)
        return int(added.scalar_one())
    if found.withdrawn is not None or any(found._mapping[column] != value for column, value in values.items()):
        newer = {**values, "withdrawn": None, "version": found.version + 1}
        await tx.execute(update(Article).where(Article.id == found.id).values(**newer))
        await shops.bump_taught(tx, shop_id)
    return int(found.id)


async def forget(tx: Transaction, shop_id: int, article_id: int, now: datetime) -> bool:
    """Withdraw an admin's article, with its aliases; False where there is none of this number. No other leaves."""
    which = update(Article).filter_by(shop_id=shop_id, id=article_id, source=TAUGHT, withdrawn=None)
    if not (await tx.execute(which.values(withdrawn=now))).rowcount:
        return False
    await aliases.leave(tx, shop_id, [f"article:{article_id}"])
    await shops.bump_taught(tx, shop_id)
    return True
