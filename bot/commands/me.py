"""Shows you what I know of you, and from what."""

from bot.commands.base import Call
from bot.members.portrait import lines, often
from bot.members.profiles import Interest, Profile, profile
from bot.messages import Button, Outgoing
from bot.texts import moment

shows = True


async def run(call: Call) -> Outgoing:
    """In a group it looks at what was said there only, and is shown to the caller alone where the platform can."""
    chat_id = None if call.chat.direct else call.chat.id
    policy = call.profiles
    known = await call.tools.database.read(
        lambda tx: profile(tx, call.shop.id, call.member_id, call.tools.clock.now(), chat_id=chat_id, policy=policy)
    )
    shown = [
        call.say("This is what I know of you, {name}.", name=known.name)
        if call.chat.direct
        else call.say("This is what I know of you from this chat, {name}.", name=known.name),
        call.say("First seen: {date}. Messages: {count}.", date=_date(call, known), count=known.messages),
        *_interests(call, known, policy),
        *lines(known, call.say, call.language, call.shop.timezone, call.shop.currency),
        _suggestions(call, known),
        call.say("What is kept and why: /privacy"),
    ]
    stop = Button(call.say("No more suggestions"), "/subscribe off")
    start = Button(call.say("Send me suggestions"), "/subscribe")
    return call.reply("\n".join(shown), (stop if known.subscribed else start,), private=True)


def _date(call: Call, known: Profile) -> str:
    return moment(known.first_seen, call.shop.timezone, call.language)


def _interests(call: Call, known: Profile, policy: str) -> list[str]:
    if known.opted_out or policy == "off":
        return [call.say("No interests of yours are kept.")]
    if policy == "optin" and not known.subscribed:
        return [call.say("Your interests are kept only once you /subscribe.")]
    if not known.interests:
        return [call.say("I know no interests of yours yet: you haven't asked about a product.")]
    return [
        call.say("You seem to be interested in:"),
        *(_because(call, one) + often(one, call.say, call.language, call.shop.timezone) for one in known.interests),
    ]


def _because(call: Call, one: Interest) -> str:
    if one.kind == "bought":
        return call.say("- {interest}, because you bought {name}", interest=one.name, name=one.because)
    return call.say("- {interest}, because you asked about {name}", interest=one.name, name=one.because)


def _suggestions(call: Call, known: Profile) -> str:
    if known.subscribed:
        return call.say("You get suggestions now and then. Stop them with /subscribe off.")
    return call.say("You get no suggestions. /subscribe starts them.")
