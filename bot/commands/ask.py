"""Answers a question about the shop."""

from dataclasses import replace

from bot.commands.base import Call
from bot.language import language
from bot.messages import Outgoing

usage = "QUESTION"


async def run(call: Call) -> Outgoing:
    if not call.args:
        return call.reply(call.say("Put your question behind it, for example: /ask Do you ship abroad?"))
    asked = replace(call, language=language(call.args, call.language))  # answered in the language of the question
    return await call.tools.ask(asked, call.args)
