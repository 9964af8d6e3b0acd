"""Shows and sets how I keep this group clean: dry run, on, off, what was and would be done, button, slow mode, raid."""

import asyncio
from datetime import timedelta
from typing import Any

from bot.commands.base import Call, number
from bot.messages import Button, Outgoing, Role
from bot.moderation import report
from storage import members, moderation

role = Role.ADMIN
usage = "[on|dry|off|report|button on|button off|slow SECONDS|raid MINUTES|exempt NAME]"
MOST_SLOW, MOST_RAID = 3600, 1440


async def run(call: Call) -> Outgoing:
    word, rest = (*call.words[:1], "")[0].lower(), call.args.partition(" ")[2].strip()
    if call.chat.direct:
        return call.reply(call.say("That's for a group: use it there."))
    if word in ("on", "dry", "off") and not rest:
        return await _switch(call, word)
    if word == "report":
        return await _report(call)
    if word == "button" and rest.lower() in ("on", "off"):
        await call.tools.moderation.change(call.chat.id, button=rest.lower() == "on")
        return await _state(call)
    if word == "slow" and (seconds := number(rest)) is not None and seconds <= MOST_SLOW:
        await call.tools.moderation.slow(call.chat, seconds, call.message.key)
        return await _state(call)
    if word == "raid" and (minutes := number(rest)) is not None and minutes <= MOST_RAID:
        until = call.tools.clock.now() + timedelta(minutes=minutes)
        await call.tools.moderation.change(call.chat.id, raid_until=until)
        return await _state(call)
    if word == "exempt" and rest:
        return await _exempt(call, rest)
    return await _state(call)


async def _switch(call: Call, word: str) -> Outgoing:
    """The first time, `on` is a dry run: an admin sees first what would come of it."""
    guard = await _guard(call)
    if word == "on" and guard is None:
        await call.tools.moderation.change(call.chat.id, state="dry")
        text = call.say("First a dry run: I write down what I would do, and do nothing.")
        return await _with_report(call, text)
    await call.tools.moderation.change(call.chat.id, state=word)
    if word == "dry":
        return await _with_report(call, call.say("Dry run: I write down what I would do, and do nothing."))
    return await _state(call)


async def _with_report(call: Call, text: str) -> Outgoing:
    lines = await _would(call)
    buttons = (Button(call.say("Switch it on"), "/moderation on"), Button(call.say("Off"), "/moderation off"))
    return call.reply("\n".join((text, *lines)), buttons, private=True)


async def _would(call: Call) -> list[str]:
    place = (call.shop.id, call.chat, call.tools.clock.now())
    held = await call.tools.database.read(lambda tx: report.week(tx, *place))
    return await asyncio.to_thread(report.would, held, call.tools.texts, call.language)


async def _report(call: Call) -> Outgoing:
    guard, texts = await _guard(call), call.tools.texts
    if guard is None or guard.state != "on":
        return call.reply("\n".join(await _would(call)), private=True)
    place = (call.shop.id, call.chat, call.tools.clock.now())
    lines = await call.tools.database.read(lambda tx: report.done(tx, texts, call.language, *place))
    return call.reply("\n".join(lines), private=True)


async def _exempt(call: Call, name: str) -> Outgoing:
    """The same name again takes them off the list."""
    shop_id = call.shop.id
    member = await call.tools.database.read(lambda tx: members.find(tx, shop_id, name.lstrip("@")))
    if member is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name))
    guard = await _guard(call)
    before = list(guard.exempt) if guard else []
    listed = [one for one in before if one != member.id] if member.id in before else [*before, member.id]
    await call.tools.moderation.change(call.chat.id, exempt=listed)
    if member.id in before:
        return call.reply(call.say("Done. I look at what {name} writes again.", name=member.name))
    return call.reply(call.say("Done. I leave alone what {name} writes.", name=member.name))


async def _guard(call: Call) -> Any:
    return await call.tools.database.read(lambda tx: moderation.guard(tx, call.shop.id, call.chat.id))


async def _state(call: Call) -> Outgoing:
    guard, now = await _guard(call), call.tools.clock.now()
    state = guard.state if guard else "off"
    told = {
        "off": call.say("I don't keep this group clean."),
        "dry": call.say("Dry run: I write down what I would do, and do nothing."),
        "on": call.say(
            "I keep this group clean: first I remove, then warn, then mute for an hour, then ban for a week."
        ),
    }
    lines = [told[state]]
    if guard and guard.button:
        lines.append(call.say("Who joins has to press a button."))
    if guard and guard.slow:
        lines.append(call.say("Slow mode: one message in {count} seconds.", count=guard.slow))
    if guard and guard.raid_until and guard.raid_until > now:
        lines.append(call.say("Raid mode: whoever joins has to press a button, and new members post no links."))
    if guard and guard.exempt:
        names = await call.tools.database.read(lambda tx: moderation.names(tx, guard.exempt))
        lines.append(call.say("Left alone: {names}", names=", ".join(names.values())))
    lines.append(call.say("Admins are always left alone. /moderation report shows what I did, or would do."))
    buttons = [Button(one, f"/moderation {one}") for one in ("on", "dry", "off", "report") if one != state]
    return call.reply("\n".join(lines), buttons)
