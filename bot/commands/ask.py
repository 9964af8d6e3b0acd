"""Answers a question about the shop."""

from bot.commands.base import Call
from bot.messages import Outgoing

usage = "QUESTION"


async def run(call: Call) -> Outgoing:
    if not call.args:
        return call.reply(call.say("Put your question behind it, for example: /ask Do you ship abroad?"))
    return await call.tools.ask(call, call.args)
