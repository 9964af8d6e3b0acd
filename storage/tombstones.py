"""Accounts that were forgotten, as keyed hashes: who it was can be asked, but not read."""

import hashlib
import hmac
import secrets
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from storage import shops
from storage.database import Transaction
from storage.tables import Shop, Tombstone


async def fingerprint(tx: Transaction, shop_id: int, platform: str, platform_id: str) -> str:
    """The hash of an account, keyed by a secret of this shop's that never leaves the database; made in a transaction
    that may write."""
    secret: str = await tx.scalar(select(Shop.secret).where(Shop.id == shop_id))
    if not secret:
        secret = secrets.token_hex(32)
        await shops.update(tx, shop_id, secret=secret)
    return hmac.new(bytes.fromhex(secret), f"{platform}:{platform_id}".encode(), hashlib.sha256).hexdigest()


async def bury(tx: Transaction, shop_id: int, fingerprint: str, now: datetime) -> None:
    """From here on, what this account said until now is not taken in."""
    await tx.execute(delete(Tombstone).filter_by(shop_id=shop_id, hash=fingerprint))
    await tx.execute(insert(Tombstone).values(shop_id=shop_id, hash=fingerprint, at=now))


async def buried(tx: Transaction, shop_id: int, platform: str, platform_id: str) -> datetime | None:
    """When this account was forgotten last; None where it never was."""
    if await newest(tx, shop_id) == 0:  # as in nearly every shop
        return None
    mark = await fingerprint(tx, shop_id, platform, platform_id)
    found: datetime | None = await tx.scalar(select(Tombstone.at).filter_by(shop_id=shop_id, hash=mark))
    return found


async def newest(tx: Transaction, shop_id: int) -> int:
    """Changes with every account that is forgotten."""
    return int(await tx.scalar(select(func.coalesce(func.max(Tombstone.id), 0)).where(Tombstone.shop_id == shop_id)))
