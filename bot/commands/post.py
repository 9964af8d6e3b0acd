"""Writes a post and puts it into this chat, or makes a draft of it to look at first."""

from bot.commands.base import Call
from bot.commands.drafts import shown
from bot.content.drafts import NothingToPost
from bot.messages import Outgoing, Role

role = Role.ADMIN
usage = "now TYPE | draft TYPE"


async def run(call: Call) -> Outgoing:
    names = call.tools.drafts.names
    verb, _, content = call.args.strip().partition(" ")
    name, _, words = content.strip().partition(" ")
    verb, name = verb.lower(), name.lower()
    if verb not in ("now", "draft") or not name:
        text = call.say("Say when and what, for example: /post now {type}", type="tip")
        return call.reply(f"{text}\n{call.say('What I can write: {types}', types=', '.join(names))}")
    if name not in names:
        text = call.say("I can't write “{type}”. What I can write: {types}", type=name, types=", ".join(names))
        return call.reply(text)
    language, content = call.chat.language or call.shop.language, f"{name} {words}".strip()
    try:
        if verb == "draft":
            row = await call.tools.drafts.make(content, call.chat, language, f"draft:{call.inbox_id}")
            return await shown(call, row)
        await call.tools.drafts.post(content, call.chat, language, f"post:now:{call.inbox_id}")
    except NothingToPost:
        return call.reply(call.say("The shop has nothing to write a {type} about right now.", type=name))
    return call.reply(call.say("Done, it is posted."), private=True)
