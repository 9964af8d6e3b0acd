"""Says when I speak in this chat, and changes it."""

from bot.commands.base import Call
from bot.messages import Button, Outgoing, Role
from storage import members

role = Role.ADMIN
usage = "[off|mention|questions|lively|default]"
MODES = ("off", "mention", "questions", "lively")


async def run(call: Call) -> Outgoing:
    wanted = call.args.lower()
    if not wanted:
        text = call.say("I'm in mode {mode} here. {meaning}", mode=call.mode, meaning=_meaning(call, call.mode))
        return call.reply("\n".join((text, "", *_all(call))), [Button(mode, f"/mode {mode}") for mode in MODES])
    if wanted not in (*MODES, "default"):
        text = call.say("“{word}” is no mode. These are:", word=call.args)
        return call.reply("\n".join((text, *_all(call), call.say("For example: /mode questions"))))
    mode = "" if wanted == "default" else wanted
    await call.tools.database.write(lambda tx: members.change_chat(tx, call.chat.id, mode=mode))
    if not mode:
        return call.reply(call.say("Done. I'm in the mode again that the shop's settings give."))
    return call.reply(call.say("Done. I'm in mode {mode} here. {meaning}", mode=mode, meaning=_meaning(call, mode)))


def _all(call: Call) -> list[str]:
    return [f"{mode} – {_meaning(call, mode)}" for mode in MODES]


def _meaning(call: Call, mode: str) -> str:
    return {
        "off": call.say("I answer commands only."),
        "mention": call.say("I answer when I'm mentioned or replied to."),
        "questions": call.say("I also answer questions to the shop."),
        "lively": call.say("As in questions, but I wait less for others and speak more often."),
    }[mode]
