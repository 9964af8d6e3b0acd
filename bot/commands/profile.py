"""Shows what is known of a member."""

from bot.commands.base import Call
from bot.members.profiles import Profile, profile
from bot.messages import Outgoing, Role
from bot.texts import moment
from storage import members

role = Role.ADMIN
usage = "NAME"


async def run(call: Call) -> Outgoing:
    """In a group it looks at what was said there only; the reply is for the admin alone where the platform can."""
    name = call.args.lstrip("@")
    if not name:
        return call.reply(
            call.say("Put a member's name behind it, for example: /profile {name}", name=call.message.sender.name)
        )
    chat_id = None if call.chat.direct else call.chat.id
    policy = call.profiles
    database, now = call.tools.database, call.tools.clock.now()
    row = await database.read(lambda tx: members.find(tx, call.shop.id, name))
    if row is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name), private=True)
    known = await database.read(lambda tx: profile(tx, call.shop.id, row.id, now, chat_id=chat_id, policy=policy))
    return call.reply("\n".join(_lines(call, known)), private=True)


def _lines(call: Call, known: Profile) -> list[str]:
    first, last = (moment(at, call.shop.timezone, call.language) for at in (known.first_seen, known.last_seen))
    lines = [
        call.say(
            "{name}: first seen {first}, last seen {last}. Messages: {count}.",
            name=known.name,
            first=first,
            last=last,
            count=known.messages,
        ),
        call.say("Gets suggestions.") if known.subscribed else call.say("Gets no suggestions."),
    ]
    if known.opted_out:
        return [*lines, call.say("Opted out: no interests are kept.")]
    if not known.interests:
        return [*lines, call.say("No interests are known.")]
    return lines + [
        call.say("- {interest}, after asking about {name}", interest=one.name, name=one.because)
        for one in known.interests
    ]
