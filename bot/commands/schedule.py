"""Posts something at set times, or when something happens: adds, lists and stops schedules."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.attention import State, after_quiet, is_quiet
from bot.commands.base import Call, number
from bot.content.options import NAMES, RIGHT, NotAnOption, options
from bot.content.said import describe, why
from bot.content.times import following, is_event, is_fixed, upcoming
from bot.content.when import NotATime, When, parse
from bot.messages import Button, Outgoing, Role
from bot.texts import moment, weekday
from storage import schedules

role = Role.ADMIN
usage = 'add "WHEN" TYPE | list | now|pause|preview|remove|resume NUMBER'
QUOTED = re.compile(r"[\"'“”„「『](?P<when>.+?)[\"'“”」』]\s*(?P<type>\S+)")
OPTION = re.compile(rf"\s(?P<name>{'|'.join((*RIGHT, *NAMES))})\s?[=＝]\s?(?P<value>\S+)")
VERBS = {
    "添加": "add", "新增": "add", "列表": "list", "查看": "list", "暂停": "pause", "恢复": "resume", "继续": "resume",
    "删除": "remove", "立即": "now", "马上": "now", "预览": "preview", "delete": "remove", "stop": "pause",
}  # fmt: skip
PREVIEWED = 10
BUTTONS = 5


async def run(call: Call) -> Outgoing:
    verb, _, rest = call.args.partition(" ")
    verb, rest = VERBS.get(verb.lower(), verb.lower()), rest.strip()
    match verb:
        case "add":
            return await _add(call, rest)
        case "" | "list":
            return await _list(call)
        case "preview" if number(rest) is None and rest:
            return await _preview_words(call, rest)
        case "now" | "pause" | "preview" | "remove" | "resume":
            return await _numbered(call, verb, rest)
    if " " in call.args and (found := _split(call, call.args)):  # the verb left out
        return await _keep(call, *found, {})
    return call.reply(call.say("I don't know “{word}” here.", word=call.words[0]) + "\n" + _how(call))


def _how(call: Call) -> str:
    name = call.tools.drafts.names[0]
    return call.say('For example: /schedule add "every day at 9" {type}', type=name)


def _split(call: Call, rest: str) -> tuple[str, str] | None:
    """When and what, in either order, quoted or not; None where nothing there is a content type."""
    if found := QUOTED.fullmatch(rest):
        return found["when"], found["type"].lower()
    first, _, after = rest.partition(" ")
    before, _, last = rest.rpartition(" ")
    for name, words in ((last, before), (first, after)):
        if name.lower() in call.tools.drafts.names and words.strip():
            return words, name.lower()
    return None


async def _add(call: Call, rest: str) -> Outgoing:
    given = {found["name"]: found["value"] for found in OPTION.finditer(rest)}
    rest = OPTION.sub("", rest).strip()
    found = _split(call, rest)
    if found is None and " " not in rest:
        return call.reply(call.say("Say when and what.") + "\n" + _how(call))
    when, name = found or (rest, rest.rpartition(" ")[2])
    if name not in call.tools.drafts.names:
        types = ", ".join(call.tools.drafts.names)
        text = call.say("I can't write “{type}”. What I can write: {types}", type=name, types=types)
        return call.reply(text + "\n" + _how(call))
    return await _keep(call, when, name, given)


async def _keep(call: Call, words: str, name: str, given: Mapping[str, str]) -> Outgoing:
    """Add it and say so. The same twice stands once, also where a kill made the command run again."""
    try:
        when, values = _parse(call, words), options(given)
    except NotATime as error:
        return call.reply(call.say(error.template, **error.values))
    except NotAnOption as error:
        text = call.say(
            "{name}: “{value}” is wrong, right is {right}.", name=error.name, value=error.value, right=error.right
        )
        return call.reply(text)
    zone, now = _zone(call), call.tools.clock.now()
    due = following(when.rule, zone, now)
    values |= {"content": name, "words": when.words, "rule": when.rule, "timezone": zone, "next_due": due and due.at}

    async def keep(tx: Any) -> tuple[Any, State]:
        held = await schedules.of_chat(tx, call.chat.id)
        alike = [one for one in held if (one.rule, one.content, one.name) == (when.rule, name, "")]
        if not alike:
            await schedules.add(tx, call.shop.id, call.chat.id, **values)
            alike = (await schedules.of_chat(tx, call.chat.id))[-1:]
        return alike[0], await call.tools.suggestions.attention.state(tx, f"chat:{call.chat.id}", now)

    row, state = await call.tools.database.write(keep)
    said = {"type": name, "when": describe(when.rule, call.language), "number": row.id}
    if row.next_due:
        text = call.say(
            "Done: {type} {when}, number {number}. Next: {next}.", **said, next=_at(call, row, row.next_due)
        )
    else:
        text = call.say("Done: {type} {when}, number {number}.", **said)
    lines = [text, *_more(call, row), *_quiet(call, row, state)]
    return call.reply("\n".join(lines), (_remover(call, row),))


def _parse(call: Call, words: str) -> When:
    return parse(words, call.tools.clock.now().astimezone(ZoneInfo(_zone(call))).replace(tzinfo=None))


def _zone(call: Call) -> str:
    return call.chat.timezone or call.shop.timezone


def _more(call: Call, row: Any) -> list[str]:
    """What is special about it."""
    if row.approve != "ask":
        return []
    minutes = row.lead // 60
    return [call.say("A draft is shown to the admins {minutes} minutes before.", minutes=minutes)]


def _quiet(call: Call, row: Any, state: State) -> list[str]:
    """That quiet hours put it off, where they do."""
    if state.hours is None or is_event(row.rule):
        return []
    if not is_fixed(row.rule):
        return [call.say("Not in the quiet hours, {hours}; /quiet changes them.", hours=hours(state.hours))]
    if not row.next_due or not is_quiet(state.hours, row.next_due, state.zone):
        return []
    opens = _at(call, row, after_quiet(state.hours, row.next_due, state.zone))
    return [
        call.say(
            "These are quiet hours here ({hours}): it is posted when they are over, {time}. /quiet changes them.",
            hours=hours(state.hours),
            time=opens,
        )
    ]


def hours(held: tuple[int, int]) -> str:
    """`21:00–9:00`."""
    return "–".join(f"{one // 60}:{one % 60:02}" for one in held)


async def _list(call: Call) -> Outgoing:
    async def look(tx: Any) -> Any:
        return await schedules.of_chat(tx, call.chat.id), await schedules.last_runs(tx, call.chat.id)

    rows, last = await call.tools.database.read(look)
    rows = [row for row in rows if row.next_due or is_event(row.rule) or _fresh(call, last.get(row.id))]
    if not rows:
        return call.reply(call.say("Nothing is scheduled in this chat.") + "\n" + _how(call))
    lines = [line for row in rows for line in _lines(call, row, last.get(row.id))]
    return call.reply("\n".join(lines), [_remover(call, row) for row in rows[:BUTTONS]])


def _fresh(call: Call, run: Any) -> bool:
    """One that comes no more is listed for a week."""
    return run is None or run.due > call.tools.clock.now() - timedelta(days=7)


def _lines(call: Call, row: Any, run: Any) -> list[str]:
    said = {"number": row.id, "type": row.content, "when": describe(row.rule, call.language)}
    if row.paused:
        lines = [call.say("{number}: {type} {when}. Paused.", **said)]
    elif row.next_due:
        lines = [call.say("{number}: {type} {when}. Next: {next}.", **said, next=_at(call, row, row.next_due))]
    else:
        lines = [call.say("{number}: {type} {when}.", **said)]
    if run and (run.state != "done" or run.note):
        at, state = _at(call, row, run.due), _state(call, run.state)
        if run.note:
            text = call.say("{time}: {state}, {why}", time=at, state=state, why=why(call.say, run.note))
        else:
            text = call.say("{time}: {state}", time=at, state=state)
        lines.append(f"   {text}")
    return lines


def _state(call: Call, state: str) -> str:
    return {
        "due": call.say("it waits"),
        "done": call.say("posted"),
        "missed": call.say("missed"),
        "failed": call.say("failed"),
        "unknown": call.say("not known whether it was seen"),
        "skipped": call.say("skipped"),
    }[state]


async def _preview_words(call: Call, words: str) -> Outgoing:
    try:
        rule = _parse(call, words).rule
    except NotATime as error:
        return call.reply(call.say(error.template, **error.values))
    return await _previewed(call, rule, _zone(call))


async def _previewed(call: Call, rule: str, zone: str) -> Outgoing:
    """The next ten times, and which of them quiet hours put off."""
    now = call.tools.clock.now()
    target = f"chat:{call.chat.id}"
    state = await call.tools.database.read(lambda tx: call.tools.suggestions.attention.state(tx, target, now))
    found = upcoming(rule, zone, now, PREVIEWED)
    if not found:
        return call.reply(call.say("It comes by no clock: {when}.", when=describe(rule, call.language)))
    lines = [call.say("The next times, in {zone}:", zone=zone)]
    for at in (due.at for due in found):
        day = weekday(at.astimezone(ZoneInfo(zone)).date(), call.language)
        line = f"- {day} {moment(at, zone, call.language)}"
        lines.append(f"{line} ({call.say('quiet hours')})" if is_quiet(state.hours, at, state.zone) else line)
    return call.reply("\n".join(lines))


Verb = Callable[[Call, Any], Awaitable[Outgoing]]


async def _numbered(call: Call, verb: str, rest: str) -> Outgoing:
    found = number(rest)
    if found is None:
        text = call.say("Say which one by its number, for example: /schedule {verb} 1", verb=verb)
        return call.reply(text + "\n" + call.say("/schedule list shows the numbers."))
    row = await call.tools.database.read(lambda tx: schedules.get(tx, call.chat.id, found))
    if row is None:
        text = call.say("This chat has no schedule {number}.", number=found)
        return call.reply(text + "\n" + call.say("/schedule list shows the numbers."))
    verbs: dict[str, Verb] = {"now": _now, "pause": _pause, "preview": _preview, "remove": _remove, "resume": _resume}
    return await verbs[verb](call, row)


async def _preview(call: Call, row: Any) -> Outgoing:
    return await _previewed(call, row.rule, row.timezone)


async def _remove(call: Call, row: Any) -> Outgoing:
    await call.tools.database.write(lambda tx: schedules.remove(tx, call.chat.id, row.id))
    return call.reply(call.say("Done: schedule {number} is removed.", number=row.id))


async def _pause(call: Call, row: Any) -> Outgoing:
    await call.tools.database.write(lambda tx: schedules.change(tx, row.id, paused=True))
    button = Button(call.say("Resume {number}", number=row.id), f"/schedule resume {row.id}")
    return call.reply(call.say("Done: schedule {number} is paused.", number=row.id), (button,))


async def _resume(call: Call, row: Any) -> Outgoing:
    """It goes on with the next time; those of the pause are no missed ones."""
    due = following(row.rule, row.timezone, call.tools.clock.now())
    values = {"paused": False, "next_due": due and due.at, "lead": row.lead}
    await call.tools.database.write(lambda tx: schedules.change(tx, row.id, **values))
    if due is None:
        return call.reply(call.say("Done: schedule {number} goes on.", number=row.id))
    text = call.say("Done: schedule {number} goes on. Next: {next}.", number=row.id, next=_at(call, row, due.at))
    return call.reply(text)


async def _now(call: Call, row: Any) -> Outgoing:
    """A run of its own, at the moment at which it was asked for: the command run again begins no second one."""
    at = call.message.at
    begin: dict[str, Any] = {"asked": True, "post_at": at}
    await call.tools.database.write(lambda tx: schedules.begin_run(tx, call.shop.id, row.id, at, **begin))
    return call.reply(call.say("Done: {type} comes now; the schedule stays as it is.", type=row.content))


def _at(call: Call, row: Any, at: datetime) -> str:
    return moment(at, row.timezone, call.language)


def _remover(call: Call, row: Any) -> Button:
    return Button(call.say("Remove {number}", number=row.id), f"/schedule remove {row.id}")
