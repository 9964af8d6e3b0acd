"""Removes everything that is held of you, after asking once."""

from bot.commands.base import Call
from bot.members.rights import certificate
from bot.messages import Button, Outgoing

usage = "[yes]"
YES = ("yes", "是", "确认")


async def run(call: Call) -> Outgoing:
    """The answer is the certificate; it is removed once it was seen."""
    if call.args.lower() not in YES:
        return _asking(call)
    sender = (call.chat.platform, call.message.sender.id, call.message.sender.name)
    counts = await call.tools.rights.forget(call.member_id, call.inbox_id, sender, call.language)
    return call.reply(certificate(call.say, counts), private=True)


def _asking(call: Call) -> Outgoing:
    lines = [
        call.say(
            "I then remove what you said and did, my answers to you, your name, accounts and choices, what was learnt "
            "from you, and your name where others' notes hold it. It can't be taken back."
        ),
        call.say("What stands in the chat itself, you can delete there. /mydata gives you a copy first."),
        call.say("Shall I forget you?"),
    ]
    yes, copy = Button(call.say("Yes, forget me"), "/forgetme yes"), Button(call.say("A copy first"), "/mydata")
    return call.reply("\n".join(lines), (yes, copy), private=True)
