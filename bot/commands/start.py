"""Says hello, and carries on with what was begun in a group."""

from dataclasses import replace

from bot.commands.base import Call, find
from bot.messages import Button, Outgoing, Role

BETWEEN = "_"  # stands for the spaces of a command line in the word of a link


async def run(call: Call) -> Outgoing:
    """The word behind it comes from a link, which anybody may have made: what only shows something is shown, for the
    rest there is a button."""
    name, *words = call.args.split(BETWEEN) if call.args else [""]
    found = find(call.tools.texts, call.commands, name)
    if found is None or found.role > Role.MEMBER or found.name == "start":
        return _hello(call)
    if found.shows:
        return await found.run(replace(call, args=" ".join(words)))
    line = " ".join((f"/{found.name}", *words))
    return call.reply(call.say("Go on with what you began:"), (Button(line, line),))


def _hello(call: Call) -> Outgoing:
    text = call.say(
        "Hello! Ask me about the products of {shop}, delivery or returns. /help shows what else I can do, "
        "/privacy what is kept about you.",
        shop=call.shop.name,
    )
    return call.reply(text, (Button(call.say("What can you do?"), "/help"),))
