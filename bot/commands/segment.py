"""Keeps rules over what is known of members, and shows who they hold for."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.commands.base import Call
from bot.members.rules import KEYED, BadRule, Rule, Value, named, parse
from bot.members.segments import Person, matching, people
from bot.messages import Button, Outgoing, Role
from storage import segments
from storage import settings as stored
from storage.database import Transaction

role = Role.ADMIN
usage = "[NAME | NAME: RULE | drop NAME]"
NAME = re.compile(r"[^\W_][\w-]{0,39}")
DROP = ("drop", "删除")
SHOWN = 10
EXAMPLE = "lapsed: bought > 0 and last_seen > 30d"


async def run(call: Call) -> Outgoing:
    """Who is shown to an admin is audited."""
    if call.profiles == "off":
        return _say(call, call.say("No profiles are kept here (PROFILES=off), so there is nothing to pick members by."))
    if not call.args:
        return await _list(call)
    name, colon, rule = (part.strip() for part in call.args.replace("：", ":", 1).partition(":"))
    verb, _, rest = name.partition(" ")
    if not colon and verb.lower() in DROP and rest:
        return await _drop(call, rest.strip().casefold())
    if not NAME.fullmatch(name):
        text = call.say("A segment's name is one word of letters, digits and hyphens.")
        return _say(call, f"{text}\n{_how(call)}")
    name = name.casefold()
    if colon:
        return await _define(call, name, rule)
    row = await call.tools.database.read(lambda tx: segments.get(tx, call.shop.id, name))
    if row is None:
        text = call.say("There is no segment called {name}.", name=name)
        return _say(call, f"{text}\n{_how(call)}")
    return await _show(call, name, row.rule)


def _say(call: Call, text: str, *buttons: Button) -> Outgoing:
    return call.reply(text, buttons, private=True)


def _how(call: Call) -> str:
    return call.say("For example: /segment {example}", example=EXAMPLE)


async def _define(call: Call, name: str, text: str) -> Outgoing:
    try:
        parse(text)
    except BadRule as error:
        return _say(call, "\n".join((call.say(error.template, **error.values), _marked(text, error), _how(call))))
    now = call.tools.clock.now()
    await call.tools.database.write(lambda tx: segments.put(tx, call.shop.id, name, text, now))
    return await _show(call, name, text)


def _marked(text: str, error: BadRule) -> str:
    """The rule with a mark where the error is."""
    at = int(str(error.values["at"])) - 1
    return f"{text[:at]}⟨!⟩{text[at:]}"


async def _show(call: Call, name: str, text: str) -> Outgoing:
    """How many it holds for, and the first of them with what the rule compares."""
    rule = parse(text)
    found = matching(rule, await _people(call))
    shown = found[:SHOWN]

    async def audit(tx: Transaction) -> None:
        data = {"segment": name, "rule": text, "members": [one.id for one in shown]}
        who, where, now = call.member_id, call.chat.id, call.tools.clock.now()
        await stored.audit(tx, call.shop.id, "segment preview", now, member_id=who, chat_id=where, data=data)

    await call.tools.database.write(audit)
    lines = [
        call.say("{name}: {rule}", name=name, rule=text),
        call.say("It holds for {count} members now.", count=len(found)),
        *(f"- {_line(call, one, rule)}" for one in shown),
    ]
    if len(found) > len(shown):
        lines.append(call.say("and {count} more", count=len(found) - len(shown)))
    return _say(call, "\n".join(lines), Button(call.say("All segments"), "/segment"))


def _line(call: Call, one: Person, rule: Rule) -> str:
    facts = [
        f"{name} {key}".strip() + f" {shown(call, one.facts[name, key])}"
        for name, key in named(rule)
        if (name, key) in one.facts
    ]
    return f"{one.name}: {', '.join(facts)}" if facts else one.name


def shown(call: Call, value: Value) -> str:
    """A fact as it reads: days that have passed, yes or no, a number."""
    if isinstance(value, bool):
        return call.say("yes") if value else call.say("no")
    if isinstance(value, timedelta):
        return f"{value.days}d" if value.days else f"{value.seconds // 3600}h"
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


async def _people(call: Call) -> Sequence[Person]:
    now, policy = call.tools.clock.now(), call.profiles
    return await call.tools.database.read(lambda tx: people(tx, call.shop.id, now, policy))


async def _list(call: Call) -> Outgoing:
    rows: list[Any] = await call.tools.database.read(lambda tx: segments.every(tx, call.shop.id))
    if not rows:
        keyed = ", ".join(f'{name} "…"' for name in KEYED)
        text = call.say("There is no segment yet.")
        return _say(call, f"{text}\n{_how(call)}\n" + call.say("Also by what they like: {names}", names=keyed))
    known = await _people(call)
    lines = [f"{row.name} ({len(matching(parse(row.rule), known))}): {row.rule}" for row in rows]
    return _say(call, "\n".join(lines), *(Button(row.name, f"/segment {row.name}") for row in rows[:SHOWN]))


async def _drop(call: Call, name: str) -> Outgoing:
    if not await call.tools.database.write(lambda tx: segments.drop(tx, call.shop.id, name)):
        return _say(call, call.say("There is no segment called {name}.", name=name))
    return _say(call, call.say("Done: segment {name} is dropped.", name=name))
