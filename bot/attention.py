"""The one ledger of what each member and chat may still be sent unasked."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.changeable import CHANGEABLE
from bot.config import quiet
from storage import attention
from storage import settings as stored
from storage.database import Transaction

Hours = tuple[int, int] | None  # from and to, in minutes of the day
MORNING = 9 * 60  # where no quiet hours are set, the day's suggestions go out from here, in minutes of the day
HOUR = 60
DAY = 24 * 60


class Attention:
    """`daily_cap` per target and day of the shop's zone, of every kind; what admins changed in a chat holds over both.

    A reservation belongs into the transaction that puts what it is for into the outbox: both stand, or neither.
    """

    def __init__(self, shop_id: int, timezone: str, daily_cap: int, quiet_hours: Hours) -> None:
        self._shop_id, self._zone = shop_id, ZoneInfo(timezone)
        self._cap, self._quiet = daily_cap, quiet_hours

    async def refusal(self, tx: Transaction, target: str, key: str, now: datetime) -> str | None:
        """Why `target` may not be sent this now: quiet hours, already reserved, daily cap; None where it may."""
        cap, hours = await self._limits(tx)
        if self._is_quiet(hours, now):
            return "quiet hours"
        if await attention.held(tx, self._shop_id, key):
            return "already reserved"
        midnight = now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if await attention.count(tx, self._shop_id, target, midnight) >= cap:
            return "daily cap"
        return None

    async def reserve(self, tx: Transaction, target: str, kind: str, key: str, now: datetime) -> str | None:
        """Take one of the target's (`member:ID`, `chat:ID`) places of the day. None: taken; else why not."""
        refused = await self.refusal(tx, target, key, now)
        if refused is None:
            await attention.add(tx, self._shop_id, key, target, kind, now, {})
        return refused

    async def give_back(self, tx: Transaction, key: str) -> None:
        """What was reserved and is not sent counts no more."""
        await attention.give_back(tx, self._shop_id, key)

    async def opening(self, tx: Transaction, now: datetime) -> date | None:
        """The shop's date while `now` is in the first hour after the quiet hours; None at any other time."""
        _, hours = await self._limits(tx)
        local = now.astimezone(self._zone)
        start = hours[1] if hours else MORNING
        return local.date() if (local.hour * 60 + local.minute - start) % DAY < HOUR else None

    async def _limits(self, tx: Transaction) -> tuple[int, Hours]:
        """The daily cap and the quiet hours that are in force."""
        changed = await stored.changed(tx, self._shop_id)
        hours = changed.get("quiet_hours")
        return (
            int(changed.get("daily_cap", self._cap)),
            self._quiet if hours is None else quiet(str(CHANGEABLE["quiet_hours"].read(hours))),
        )

    def _is_quiet(self, hours: Hours, now: datetime) -> bool:
        if hours is None:
            return False
        first, last = hours
        local = now.astimezone(self._zone)
        minute = local.hour * 60 + local.minute
        return first <= minute < last if first <= last else minute >= first or minute < last
