"""Posts something again and again: adds, lists and removes schedules of this chat."""

import re
from typing import Any

from bot.commands.base import Call
from bot.content.when import Cron, NotATime, describe, parse
from bot.messages import Button, Outgoing, Role
from bot.texts import moment
from storage import schedules

role = Role.ADMIN
usage = 'add "WHEN" TYPE | list | remove NUMBER'
QUOTED = re.compile(r"[\"'“”„「『](?P<when>.+?)[\"'“”」』]\s*(?P<type>\S+)")
PLAIN = re.compile(r"(?P<when>.+?)\s+(?P<type>\S+)")


async def run(call: Call) -> Outgoing:
    verb, _, rest = call.args.partition(" ")
    match verb.lower():
        case "add":
            return await _add(call, rest.strip())
        case "" | "list":
            return await _list(call)
        case "remove":
            return await _remove(call, rest.strip().lstrip("#"))
    return call.reply(call.say("I don't know “{word}” here.", word=verb) + "\n" + _how(call))


def _how(call: Call) -> str:
    name = call.tools.drafts.names[0]
    return call.say('For example: /schedule add "every day at 9" {type}', type=name)


async def _add(call: Call, rest: str) -> Outgoing:
    """The same twice stands once, also where a kill made the command run again."""
    found = QUOTED.fullmatch(rest) or PLAIN.fullmatch(rest)
    if not found:
        return call.reply(call.say("Say when and what.") + "\n" + _how(call))
    name = found["type"].lower()
    if name not in call.tools.drafts.names:
        types = ", ".join(call.tools.drafts.names)
        text = call.say("I can't write “{type}”. What I can write: {types}", type=found["type"], types=types)
        return call.reply(text + "\n" + _how(call))
    try:
        cron = parse(found["when"])
    except NotATime as error:
        return call.reply(call.say(error.template, **error.values))
    row = await _keep(call, cron, name)
    text = call.say(
        "Done: {type} {when}, number {number}. Next: {next}.",
        type=name,
        when=describe(cron.cron, call.language),
        number=row.id,
        next=_next(call, row),
    )
    return call.reply(text, (_remover(call, row),))


async def _keep(call: Call, cron: Cron, name: str) -> Any:
    """The schedule's row, added where the chat has none like it."""
    zone = call.shop.timezone
    due = call.tools.next_time(cron.cron, zone, call.tools.clock.now())

    async def keep(tx: Any) -> Any:
        alike = [
            one for one in await schedules.of_chat(tx, call.chat.id) if (one.cron, one.content) == (cron.cron, name)
        ]
        if not alike:
            values = {"content": name, "words": cron.words, "cron": cron.cron, "timezone": zone, "next_due": due}
            await schedules.add(tx, call.shop.id, call.chat.id, **values)
            alike = (await schedules.of_chat(tx, call.chat.id))[-1:]
        return alike[0]

    return await call.tools.database.write(keep)


async def _list(call: Call) -> Outgoing:
    rows = await call.tools.database.read(lambda tx: schedules.of_chat(tx, call.chat.id))
    if not rows:
        return call.reply(call.say("Nothing is scheduled in this chat.") + "\n" + _how(call))
    lines = [
        call.say(
            "{number}: {type} {when}. Next: {next}.",
            number=row.id,
            type=row.content,
            when=describe(row.cron, call.language),
            next=_next(call, row),
        )
        for row in rows
    ]
    return call.reply("\n".join(lines), [_remover(call, row) for row in rows[:5]])


async def _remove(call: Call, number: str) -> Outgoing:
    if not (number.isascii() and number.isdigit()):
        text = call.say("Say which one by its number, for example: /schedule remove 1")
        return call.reply(text + "\n" + call.say("/schedule list shows the numbers."))
    if not await call.tools.database.write(lambda tx: schedules.remove(tx, call.chat.id, int(number))):
        text = call.say("This chat has no schedule {number}.", number=number)
        return call.reply(text + "\n" + call.say("/schedule list shows the numbers."))
    return call.reply(call.say("Done: schedule {number} is removed.", number=number))


def _next(call: Call, row: Any) -> str:
    return moment(row.next_due, row.timezone, call.language)


def _remover(call: Call, row: Any) -> Button:
    return Button(call.say("Remove {number}", number=row.id), f"/schedule remove {row.id}")
