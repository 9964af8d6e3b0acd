"""Shows the figures of a period: who spoke and when, what was asked, who answered how soon, who stayed."""

import asyncio
import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.commands.base import Call
from bot.members import report
from bot.members.stats import numbers
from bot.messages import Card, Outgoing, Role
from bot.pictures import Pictures
from bot.texts import calendar_day
from storage import members

role = Role.ADMIN
usage = "[DAYS|FROM [TO]] [CHAT|all]"
shows = True
DAYS, MOST = 7, 366
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
ALL = ("all", "全部", "所有群")


async def run(call: Call) -> Outgoing:
    """Of the last seven days where no period is given; of the chat that it is asked in, or of all in a direct one."""
    zone, words = ZoneInfo(call.shop.timezone), call.words
    period = _period(words, call.tools.clock.now(), zone)
    if period is None:
        return call.reply(call.say("That is no period. Try: /stats 30, or /stats 2026-03-01 2026-03-31"), private=True)
    name = " ".join(words).strip()
    chat = await _chat(call, name)
    if chat is None:
        return call.reply(call.say("I know no chat called “{word}”. Try: /stats 7 all", word=name), private=True)
    chat_id, title = chat
    await call.tools.library.refresh()
    found = await numbers(call.tools.library, chat_id, *period, zone)
    first, last = (calendar_day(one.astimezone(zone).date(), call.language) for one in (period[0], _last(period[1])))
    head = call.say("{chat}, {first} to {last}:", chat=title, first=first, last=last)
    png = await asyncio.to_thread(report.picture, call.say, found, head.rstrip(":："), call.language)
    picture = await Pictures(call.tools.settings.pictures).keep(png)
    lines = [head, *report.table(call.say, found, call.language)]
    return call.reply("\n".join(lines), (), (Card(call.say("Figures"), picture=picture),), private=True)


def _last(until: datetime) -> datetime:
    return until - timedelta(microseconds=1)


def _period(words: list[str], now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """From when on, and until when; what says so is taken off the words. None where it makes no sense."""
    if words and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 5:
        days = int(words.pop(0))
        return (now - timedelta(days=days), now) if 0 < days <= MOST else None
    if not words or not DATE.fullmatch(words[0]):
        return now - timedelta(days=DAYS), now
    try:
        first = last = _day(words.pop(0))
        if words and DATE.fullmatch(words[0]):
            last = _day(words.pop(0))
    except ValueError:
        return None
    since, until = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
    return (since, min(until, now)) if since < min(until, now) and (last - first).days < MOST else None


def _day(word: str) -> date:
    """Raises ValueError."""
    return date(*map(int, word.split("-")))


async def _chat(call: Call, name: str) -> tuple[int | None, str] | None:
    """The chat's id (None for all of them) and what it is called; None where there is no such chat."""
    everywhere = (None, call.say("All chats"))
    if not name:
        return everywhere if call.chat.direct else (call.chat.id, call.chat.title or call.chat.platform_id)
    if name.casefold() in ALL:
        return everywhere
    rows = await call.tools.database.read(lambda tx: members.chats(tx, call.shop.id))
    for one in rows:
        if not one.direct and name.casefold() in (one.title.casefold(), one.platform_id.casefold(), f"#{one.id}"):
            return one.id, one.title or one.platform_id
    return None
