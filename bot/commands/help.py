"""Shows what you can ask me to do."""

from bot.commands.base import Call, Command, find, typed
from bot.messages import Button, Outgoing, Role

usage = "[COMMAND]"
shows = True


async def run(call: Call) -> Outgoing:
    if call.args:
        return _one(call, call.words[0].lstrip("/").lower())
    admin = call.message.sender.role >= Role.ADMIN
    lines = [call.say("Just ask me about the shop, or use a command:"), *_lines(call, Role.MEMBER)]
    if admin:
        lines += ["", call.say("For admins:"), *_lines(call, Role.ADMIN)]
    buttons = (Button(call.say("Privacy"), "/privacy"), Button(call.say("Suggest something"), "/suggest"))
    return call.reply("\n".join(lines), buttons)


def _lines(call: Call, role: Role) -> list[str]:
    return [f"{_form(call, one)} – {call.say(one.help)}" for one in call.commands if one.role is role]


def _form(call: Call, one: Command) -> str:
    """The command as it is typed, with the words that it takes; in English too where that is another name."""
    name = typed(call.tools.texts, one, call.language)
    parts = [f"/{name}", call.say(one.usage) if one.usage else "", f"(/{one.name})" if name != one.name else ""]
    return " ".join(part for part in parts if part)


def _one(call: Call, name: str) -> Outgoing:
    found = find(call.tools.texts, call.commands, name)
    if found is None:
        return call.reply(call.say("I don't know /{name}. Try /help.", name=call.again(name)))
    text = f"{_form(call, found)}\n{call.say(found.help)}"
    if found.role is Role.ADMIN:
        text += "\n" + call.say("Only admins of this chat may use it.")
    return call.reply(text)
