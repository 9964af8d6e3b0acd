"""Shows how a reply came about: reply to it with /trace, or get the last one."""

from collections.abc import Sequence
from typing import Any

from bot.commands.base import Call
from bot.conversation.trace import titles, understood
from bot.messages import Outgoing, Role
from bot.texts import moment
from storage import interactions, outbox
from storage.database import Transaction

role = Role.ADMIN
TURNS, SHORT = 6, 80


async def run(call: Call) -> Outgoing:
    traced = await call.tools.database.read(lambda tx: _look(tx, call))
    if traced is None:
        return call.reply(
            call.say("I have answered nothing here that I could trace. Reply to an answer of mine with /trace.")
        )
    row, heard, said = traced
    trace = row.extra["trace"]
    asked = next((one for one in reversed(heard) if _asked(one, row)), None)
    lines = [call.say("How “{words}” came about", words=_short(row.text))]
    lines += _turns(call, row, asked, heard, said)
    if asked and asked.text:
        lines += await _readings(call, row, asked.text, trace)
    else:
        lines.append(call.say("The question's words are erased by now, so how it was read can't be shown."))
    lines += await _plans(call, trace)
    lines += _times(call, row, asked, trace)
    return call.reply("\n".join(lines), private=True)


async def _look(tx: Transaction, call: Call) -> tuple[Any, Sequence[Any], Sequence[Any]] | None:
    """The reply that is meant, and what was said before it by members and by the bot."""
    row = await outbox.answered(tx, call.chat.id, call.message.reply_to)
    if row is None or "trace" not in row.extra:
        return None
    heard = await interactions.until(tx, call.chat.id, row.created, TURNS)
    return row, heard, await outbox.until(tx, call.chat.id, row.id, TURNS)


def _asked(one: Any, row: Any) -> bool:
    return bool(one.message_id == row.reply_to) if row.reply_to else bool(one.member_id == row.member_id)


def _turns(call: Call, row: Any, asked: Any, heard: Sequence[Any], said: Sequence[Any]) -> list[str]:
    turns = [(one.at, one.name, one.text) for one in heard if asked is None or one.id < asked.id]
    turns += [(one.sent, call.shop.name, one.text) for one in said if not one.extra.get("private_to")]
    lines = [call.say("Seen before it:")] if turns else [call.say("Nothing was said before it.")]
    lines += [f"– {name}: {_short(text)}" for _, name, text in sorted(turns, key=lambda turn: turn[0])[-TURNS:]]
    return [*lines, call.say("Asked: {name}: {words}", name=asked.name, words=_short(asked.text))] if asked else lines


async def _readings(call: Call, row: Any, text: str, trace: dict[str, Any]) -> list[str]:
    language = str(row.extra.get("language", call.language))
    lines = []
    if trace["rows"]:
        names = await titles(call.tools.library, trace["rows"])
        spoken = ", ".join(f"{names.get(one, '?')} ({one})" for one in trace["rows"])
        lines.append(call.say("It went on from: {act}, {rows}", act=trace["before"], rows=spoken))
    readings = await understood(call.tools.library, text, language, trace["rows"], trace["before"])
    if call.tools.library.products.version != trace["version"]:
        lines.append(call.say("The catalogue has changed since; what is found is as of now."))
    for one in readings:
        cues = ", ".join(one.cues) or "–"
        lines.append(call.say("Read as: {language}; cues: {cues}", language=language, cues=cues))
        acts = ", ".join(f"{name} {chance:.2f}" for name, chance in one.acts) or "–"
        lines.append(call.say("What it may want: {acts}", acts=acts))
        lines.append(call.say("Rows found:"))
        lines += [f"– {found.worth:.2f} {found.title} ({found.row})" for found in one.found]
    return lines


async def _plans(call: Call, trace: dict[str, Any]) -> list[str]:
    """What was decided, and what the checks said."""
    lines = []
    for one in trace["plans"]:
        names = await titles(call.tools.library, one["rows"])
        rows = ", ".join(f"{names.get(row, '?')} ({row})" for row in one["rows"]) or "–"
        act = ", ".join([one["act"], *one["states"]])
        lines.append(call.say("Decided: {act}; rows: {rows}", act=act, rows=rows))
        worded = {"model": call.say("the model"), "quote": call.say("the row, quoted"), "code": call.say("code")}[
            one["by"]
        ]
        lines.append(call.say("Worded by {who}.", who=worded))
        if one["why"]:
            lines.append(call.say("The check kept the model's words back: {why}", why=one["why"]))
        elif one["by"] == "model":
            lines.append(call.say("The check found nothing in it that the facts don't hold."))
    return lines


def _times(call: Call, row: Any, asked: Any, trace: dict[str, Any]) -> list[str]:
    facts = [f"– {slot} = {_short(str(value))} ({source}, {field})" for slot, _, source, field, value in row.facts]
    planned, worded = trace["ms"]
    lines = [call.say("Facts in it:"), *facts] if facts else [call.say("No fact of a row is in it.")]
    if row.model:
        lines.append(call.say("Model: {model}", model=row.model))
    lines.append(call.say("Planned in {planned} ms, worded in {worded} ms.", planned=planned, worded=worded))
    if asked and row.sent:
        first, last = (moment(one, call.shop.timezone, call.language) for one in (asked.at, row.sent))
        lines.append(call.say("Asked {asked}, sent {sent}.", asked=first, sent=last))
    return lines


def _short(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"
