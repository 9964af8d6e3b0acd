"""Says whether the shop's model may learn from what you say, and changes it."""

from bot.commands.base import Call
from bot.messages import Button, Outgoing
from storage import members

usage = "[on|off]"
WORDS = {"": None, "on": True, "开": True, "开启": True, "off": False, "关": False, "关闭": False}


async def run(call: Call) -> Outgoing:
    word = call.args.lower()
    if word not in WORDS:
        return call.reply(call.say("“{word}” is neither on nor off. Try: /training off", word=call.again(call.args)))
    wanted = WORDS[word]
    if wanted is not None:
        await call.tools.database.write(lambda tx: members.change(tx, call.member_id, trains=wanted))
    member = await call.tools.database.read(lambda tx: members.get(tx, call.member_id))
    meaning = call.say(
        "The model that words my replies can learn how people ask here and how I answered. Names, addresses, numbers "
        "and links are taken out first, and it happens on the shop's own computer."
    )
    return _told(call, meaning, on=member.trains and not member.opted_out)


def _told(call: Call, meaning: str, *, on: bool) -> Outgoing:
    """What training means, and whether this member's words take part in it here."""
    if call.may_train == "never":
        return call.reply(
            f"{meaning}\n{call.say('But nothing said here is used: this network forbids it.')}", private=True
        )
    if call.may_train == "yes":
        own = call.say("This page is the shop's own: what is said on it may be used, whoever says it.")
        return call.reply(f"{meaning}\n{own}", private=True)
    if on:
        text = call.say("Your messages may be used. /training off keeps them out from the next training on.")
        return call.reply(
            f"{meaning}\n{text}", (Button(call.say("Don't use my messages"), "/training off"),), private=True
        )
    text = call.say("Your messages are not used. /training on allows it.")
    return call.reply(f"{meaning}\n{text}", (Button(call.say("Use my messages"), "/training on"),), private=True)
