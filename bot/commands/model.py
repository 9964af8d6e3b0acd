"""Shows the models that were compared, takes the live one back, or loads the one promoted since the start."""

from typing import Any

from bot.commands.base import Call
from bot.messages import Outgoing, Role
from bot.texts import moment
from llm.digest import name_of
from llm.engine import EngineError
from storage import models

role = Role.ADMIN
usage = "[list|rollback|reload]"
SHOWN = 5


async def run(call: Call) -> Outgoing:
    match call.args.lower():
        case "" | "list":
            return await _list(call)
        case "rollback":
            return await _roll_back(call)
        case "reload":
            return call.reply(await _load(call))
    known = call.say("For example: /model list, /model rollback, /model reload")
    return call.reply(call.say("I don't know “{word}” here.", word=call.args) + "\n" + known)


async def _list(call: Call) -> Outgoing:
    read = call.tools.database.read
    rows = await read(lambda tx: models.listed(tx, call.shop.id, SHOWN))
    written = await read(lambda tx: models.written(tx, call.shop.id))
    lines = [_line(call, row, written.get(name_of(row.path, row.digest), 0)) for row in rows]
    if not any(row.state == "live" for row in rows):
        lines.append(call.say("The model of the settings is live: {name}", name=call.tools.settings.llm_model))
    how = call.say("Another one is compared and promoted on the shop's computer: python -m bot model promote FOLDER")
    return call.reply("\n".join((*lines, how)), private=True)


def _line(call: Call, row: Any, count: int) -> str:
    state = {
        "live": call.say("live"),
        "refused": call.say("refused, worse than the live one"),
        "retired": call.say("replaced by a newer one"),
        "rolled_back": call.say("taken back"),
    }[row.state]
    figures = row.scores.get("candidate", {})
    right, whole = figures.get("golden", 0), figures.get("golden_of", 0)
    return call.say(
        "{name}: {state}. {date}; {right} of {whole} conversations right; {count} messages written",
        name=name_of(row.path, row.digest),
        state=state,
        date=moment(row.at, call.shop.timezone, call.language),
        right=right,
        whole=whole,
        count=count,
    )


async def _roll_back(call: Call) -> Outgoing:
    base, cause = call.tools.settings.llm_model, f"inbox:{call.inbox_id}"
    last = await call.tools.database.write(lambda tx: models.roll_back(tx, call.shop.id, base, cause))
    if last is None:
        return call.reply(call.say("There is nothing to take back: no model was promoted."))
    taken = call.say("Took back {name}.", name=name_of(last.path, last.digest))
    return call.reply(f"{taken} {await _load(call)}")


async def _load(call: Call) -> str:
    """Load what is live now, and say so."""
    try:
        return call.say("{name} words my replies from now on.", name=await call.tools.load_live())
    except EngineError as error:
        return call.say("The live model can't be loaded now; I try again at the next start: {reason}", reason=error)
