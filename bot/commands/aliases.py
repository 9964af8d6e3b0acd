"""Shows the wordings that I learnt from members, and removes one."""

from bot.commands.base import Call, number
from bot.messages import Button, Outgoing, Role
from storage import aliases

role = Role.ADMIN
usage = "[remove NUMBER]"
SHOWN = 10


async def run(call: Call) -> Outgoing:
    verb, _, word = call.args.lower().partition(" ")
    if verb == "remove" and (which := number(word)) is not None:
        return await _remove(call, which)
    if verb:
        return call.reply(call.say("I don't know “{word}” here.", word=call.args) + " /aliases remove 1", private=True)
    await call.tools.library.refresh()
    found = await call.tools.database.read(lambda tx: aliases.newest(tx, call.shop.id, SHOWN))
    if not found:
        text = call.say("I've learnt no wordings yet. A thumb up under an answer teaches me the question's.")
        return call.reply(text, private=True)
    lines = [f"{one.id}: “{one.text}” → {await call.tools.library.title(one.row)}" for one in found]
    buttons = [Button(call.say("Forget {number}", number=one.id), f"/aliases remove {one.id}") for one in found]
    return call.reply("\n".join((call.say("Learnt last:"), *lines)), buttons, private=True)


async def _remove(call: Call, which: int) -> Outgoing:
    found = await call.tools.database.read(lambda tx: aliases.get(tx, call.shop.id, which))
    if found is None:
        return call.reply(call.say("There is no wording {number}.", number=which), private=True)
    await call.tools.database.write(lambda tx: aliases.remove(tx, call.shop.id, which))
    return call.reply(call.say("Done: “{words}” is forgotten.", words=found.text), private=True)
