"""Short links and how often they were followed. Nothing says who followed one, but for a code of a member's own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from storage.database import Transaction
from storage.tables import Click, Product, ShortLink


async def add(
    tx: Transaction, shop_id: int, code: str, address: str, post: str, member_id: int | None, now: datetime
) -> str:
    """The code under which a post's link is found; that of the one before where the post has it already."""
    same = {"shop_id": shop_id, "post": post, "address": address}
    found: str | None = await tx.scalar(select(ShortLink.code).filter_by(**same))
    if found is None:
        await tx.execute(insert(ShortLink).values(code=code, member_id=member_id, created=now, **same))
    return found or code


async def follow(tx: Transaction, code: str) -> Row[Any] | None:
    """Where it leads: id, shop_id, address."""
    query = select(ShortLink.id, ShortLink.shop_id, ShortLink.address).where(ShortLink.code == code)
    return (await tx.execute(query)).first()


async def count(tx: Transaction, shop_id: int, link_id: int, now: datetime) -> None:
    await tx.execute(insert(Click).values(shop_id=shop_id, short_link_id=link_id, at=now))


async def forget(tx: Transaction, shop_id: int, before: datetime) -> None:
    """Whose own a link was that is older than the retention time; how often it was followed stays."""
    old = (ShortLink.shop_id == shop_id) & (ShortLink.created < before) & ShortLink.member_id.is_not(None)
    await tx.execute(update(ShortLink).where(old).values(member_id=None))


async def is_own(tx: Transaction, shop_id: int, host: str) -> bool:
    """Does a product of the shop's stand on this host?"""
    starts = [Product.link.startswith(f"{scheme}://{host}", autoescape=True) for scheme in ("https", "http")]
    query = select(Product.id).where(Product.shop_id == shop_id, starts[0] | starts[1]).limit(1)
    return (await tx.scalar(query)) is not None
