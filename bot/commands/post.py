"""Writes a post and puts it into this chat."""

from bot.commands.base import Call
from bot.content.drafts import NothingToPost
from bot.messages import Outgoing, Role

role = Role.ADMIN
usage = "now TYPE"


async def run(call: Call) -> Outgoing:
    names = call.tools.drafts.names
    words = [word.lower() for word in call.words]
    if len(words) != 2 or words[0] != "now":
        text = call.say("Say when and what, for example: /post now {type}", type=names[0])
        return call.reply(f"{text}\n{call.say('What I can write: {types}', types=', '.join(names))}")
    if words[1] not in names:
        text = call.say("I can't write “{type}”. What I can write: {types}", type=words[1], types=", ".join(names))
        return call.reply(text)
    language = call.chat.language or call.shop.language
    try:
        await call.tools.drafts.post(words[1], call.chat, language, f"post:now:{call.inbox_id}")
    except NothingToPost:
        return call.reply(call.say("The shop has nothing to write a {type} about right now.", type=words[1]))
    return call.reply(call.say("Done, it is posted."), private=True)
