"""Drafts of articles, made from wrong answers and the right ones."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from storage.database import Transaction
from storage.tables import Lesson


async def draft(
    tx: Transaction, shop_id: int, question: str, answer: str, language: str, *, outbox_id: int, command: int,
    now: datetime,
) -> int:  # fmt: skip
    """Its number. The same command (its inbox id) twice, as after a kill, drafts once."""
    if found := await tx.scalar(select(Lesson.id).filter_by(shop_id=shop_id, cause=command)):
        return int(found)
    values = {"question": question, "answer": answer, "language": language, "outbox_id": outbox_id, "at": now}
    query = insert(Lesson).values(shop_id=shop_id, cause=command, **values).returning(Lesson.id)
    return int((await tx.execute(query)).scalar_one())


async def get(tx: Transaction, shop_id: int, lesson_id: int) -> Row[Any] | None:
    return (await tx.execute(select(Lesson.__table__).filter_by(shop_id=shop_id, id=lesson_id))).first()


async def drafts(tx: Transaction, shop_id: int, count: int) -> list[Row[Any]]:
    """Those that wait for approval, newest first."""
    query = select(Lesson.__table__).filter_by(shop_id=shop_id, state="draft").order_by(Lesson.id.desc())
    return list(await tx.execute(query.limit(count)))


async def settle(tx: Transaction, lesson_id: int, state: str) -> None:
    await tx.execute(update(Lesson).where(Lesson.id == lesson_id).values(state=state))


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Remove the drafts that are older than the retention time: they hold members' words."""
    await tx.execute(delete(Lesson).where(Lesson.shop_id == shop_id, Lesson.at < before))
