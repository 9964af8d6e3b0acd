"""Shows what is known of a member."""

from dataclasses import asdict

from bot.commands.base import Call
from bot.members.portrait import lines, often
from bot.members.profiles import Interest, Profile, profile
from bot.members.rfm import standings
from bot.messages import Outgoing, Role
from bot.texts import moment
from storage import members
from storage import settings as stored
from storage.database import Transaction

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

    async def look(tx: Transaction) -> Profile:
        """Who looked at whom is kept."""
        who, where, data = call.member_id, call.chat.id, {"members": [row.id]}
        await stored.audit(tx, call.shop.id, "profile looked at", now, member_id=who, chat_id=where, data=data)
        return await profile(tx, call.shop.id, row.id, now, chat_id=chat_id, policy=policy)

    known = await database.write(look)
    shown = _lines(call, known)
    every = await database.read(lambda tx: standings(tx, call.shop.id, policy)) if chat_id is None else {}
    if standing := every.get(row.id):
        shown.append(
            call.say(
                "Recency {recency}, frequency {frequency}, money {money}: fifths of the shop's members, 5 is the best.",
                **asdict(standing),
            )
        )
    return call.reply("\n".join(shown), private=True)


def _lines(call: Call, known: Profile) -> list[str]:
    first, last = (moment(at, call.shop.timezone, call.language) for at in (known.first_seen, known.last_seen))
    shown = [
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
        return [*shown, call.say("Opted out: no interests are kept.")]
    stages = {
        "new": call.say("New here."),
        "active": call.say("Active."),
        "quiet": call.say("Quiet for more than two weeks."),
        "lapsed": call.say("Not seen for more than two months."),
    }
    shown.append(stages[known.stage])
    shown += [_after(call, one) for one in known.interests] or [call.say("No interests are known.")]
    return shown + lines(known, call.say, call.language, call.shop.timezone, call.shop.currency)


def _after(call: Call, one: Interest) -> str:
    text = (
        call.say("- {interest}, after buying {name}", interest=one.name, name=one.because)
        if one.kind == "bought"
        else call.say("- {interest}, after asking about {name}", interest=one.name, name=one.because)
    )
    return text + often(one, call.say, call.language, call.shop.timezone)
