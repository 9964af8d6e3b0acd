"""The figures of the week for the admins, every Monday once the quiet hours are over."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.attention import Attention
from bot.changeable import in_force
from bot.commands.base import Shop
from bot.config import Settings
from bot.knowledge.library import Library
from bot.members import report
from bot.members.stats import numbers
from bot.messages import Button, Card
from bot.pictures import Pictures
from bot.privately import Privately
from bot.texts import Texts, calendar_day
from storage import members, outbox, stats
from storage.database import Database, Transaction
from storage.members import ChatRow

LEAST = 20  # messages; a quieter week has no report
MONDAY, WEEK = 0, timedelta(weeks=1)


@dataclass(slots=True)
class Weekly:
    """Those of the group in which most was said hear of all chats together."""

    database: Database
    shop: Shop
    settings: Settings
    texts: Texts
    library: Library
    attention: Attention
    privately: Privately
    _done: date | None = field(default=None)

    async def step(self, now: datetime) -> bool:
        """Was there a report to make?"""
        zone = ZoneInfo(self.shop.timezone)
        today = now.astimezone(zone).date()
        if today.weekday() != MONDAY or today == self._done:
            return False
        if await self.database.read(lambda tx: self.attention.opening(tx, now)) != today:
            return False
        self._done = today
        chat = await self.database.read(lambda tx: self._where(tx, now, f"weekly:{today}"))
        if chat is None:
            return False
        until = datetime.combine(today, time(), zone)
        await self.library.refresh()
        found = await numbers(self.library, None, until - WEEK, until, zone)
        if found.messages < LEAST:
            return False
        say = partial(self.texts.say, self.shop.language)
        first, last = (calendar_day(one, self.shop.language) for one in (today - WEEK, today - timedelta(days=1)))
        head = say("Your week, {first} to {last}:", first=first, last=last)
        png = await asyncio.to_thread(report.picture, say, found, head.rstrip(":："), self.shop.language)
        picture = await Pictures(self.settings.pictures).keep(png)
        text = "\n".join([head, *report.table(say, found, self.shop.language)])
        stop = Button(say("No weekly report"), "/settings weekly_report off")
        shown = ([Card(say("Figures"), picture=picture)], [stop])
        await self.privately.tell(self.shop.id, now, chat, f"weekly:{today}", text, *shown)
        return True

    async def _where(self, tx: Transaction, now: datetime, key: str) -> ChatRow | None:
        """The group whose admins are told; None where that is not wanted, was done, or where nobody speaks."""
        settings = await in_force(tx, self.shop.id, self.settings)
        if settings.weekly_report == "off" or await outbox.by_key(tx, self.shop.id, f"{key}:0"):
            return None
        chat_id = await stats.busiest(tx, self.shop.id, now - WEEK)
        return await members.chat(tx, chat_id) if chat_id else None
