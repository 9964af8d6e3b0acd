"""Shows when this chat is quiet and what it still gets unasked, and sets the quiet hours."""

import re
from typing import Any

from bot.attention import KINDS, UNASKED, State
from bot.changeable import CHANGEABLE
from bot.commands.base import Call
from bot.messages import Outgoing, Role
from storage import members
from storage import settings as stored

role = Role.ADMIN
usage = "[shop] [FROM-TO|none|default]"
TIME = r"(\d{1,2})(?:[:：](\d\d)|点)? ?(am|pm)?"
HOURS = re.compile(rf"(?:from )?{TIME} ?(?:-|–|—|to|到|至|~) ?{TIME}")
WORDS = {"none": "none", "off": "none", "无": "none", "没有": "none", "default": "default", "默认": "default"}
SHOP = re.compile(r"(?:shop|店铺|全店)\s*")


async def run(call: Call) -> Outgoing:
    said = call.args.strip().lower()
    shop = SHOP.match(said)
    said = said[shop.end() :] if shop else said
    if not said:
        return await _show(call)
    value = WORDS.get(said) or _hours(said)
    if value is None:
        text = call.say("“{word}” are no hours. Right would be two times, none or default.", word=call.args)
        return call.reply(
            text + "\n" + call.say("For example: /quiet 22:00-8:00, or for all chats /quiet shop 22:00-8:00")
        )
    kept = None if value == "default" else value
    if shop:
        await call.tools.database.write(lambda tx: stored.change(tx, call.shop.id, "quiet_hours", kept))
    else:
        await call.tools.database.write(lambda tx: members.change_chat(tx, call.chat.id, quiet_hours=kept or ""))
    return await _show(call)


def _hours(said: str) -> str | None:
    """`22-8`, `10pm to 8am`, `22点到8点` as 22:00-08:00; None where it is none."""
    found = HOURS.fullmatch(said)
    if not found:
        return None
    first, last = (_time(*found.group(*at)) for at in ((1, 2, 3), (4, 5, 6)))
    text = f"{first}-{last}"
    try:
        CHANGEABLE["quiet_hours"].read(text)
    except ValueError:
        return None
    return text


def _time(hour: str, minute: str | None, half: str | None) -> str:
    number = int(hour) % 12 + (12 if half == "pm" else 0) if half else int(hour)
    return f"{number:02}:{minute or '00'}"


async def _show(call: Call) -> Outgoing:
    now, target = call.tools.clock.now(), f"chat:{call.chat.id}"

    async def look(tx: Any) -> tuple[State, members.ChatRow]:
        return await call.tools.suggestions.attention.state(tx, target, now), await members.chat(tx, call.chat.id)

    state, chat = await call.tools.database.read(look)
    lines = [_line(call, state)]
    if chat.quiet_hours:
        lines.append(call.say("They are this chat's own; /quiet default takes the shop's."))
    capped = [one for one in state.taken if KINDS[one.kind].capped]
    day, week = sum(one.day for one in capped), sum(one.week for one in capped)
    values = {"day": day, "days": _cap(state.limits.day), "week": week, "weeks": _cap(state.limits.week)}
    lines.append(call.say("Posts: {day} of {days} today, {week} of {weeks} this week.", **values))
    if state.limits.gap:
        lines.append(call.say("At least {minutes} minutes between two.", minutes=state.limits.gap))
    for kind, count in (state.limits.kept or {}).items():
        if count and kind == "campaign":
            lines.append(call.say("Schedules leave {count} of them to campaigns.", count=count))
    unasked = sum(one.hour for one in state.taken if one.kind == UNASKED)
    if unasked:
        lines.append(call.say("Unasked replies in the last hour: {count}.", count=unasked))
    lines.append(call.say("/settings changes the caps and the time zone."))
    return call.reply("\n".join(lines))


def _cap(cap: int | None) -> str:
    return "∞" if cap is None else str(cap)


def _line(call: Call, state: State) -> str:
    if state.hours is None:
        return call.say("No hours are quiet here.")
    first, last = (f"{one // 60}:{one % 60:02}" for one in state.hours)
    return call.say("Quiet here from {first} to {last} ({zone}).", first=first, last=last, zone=str(state.zone))
