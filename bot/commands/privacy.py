"""Says what is kept about you, why, and for how long."""

from bot.changeable import in_force
from bot.commands.base import Call
from bot.messages import Button, Outgoing

shows = True


async def run(call: Call) -> Outgoing:
    settings = await call.tools.database.read(lambda tx: in_force(tx, call.shop.id, call.tools.settings))
    profile = {
        "notice": call.say("From that I draw what you like, what you want to spend and when you write; /me shows it."),
        "optin": call.say(
            "After /subscribe I also draw from it what you like, your budget and when you write; /me shows it."
        ),
        "off": call.say("No profile is made of it."),
    }[call.profiles]
    lines = [
        call.say(
            "What {shop} keeps: your name and id on this platform, what is said in this chat, the commands you use, "
            "and which products you ask about.",
            shop=call.shop.name,
        )
        + " "
        + profile,
        call.say(
            "What for: to answer you, and to suggest products when you want that. Nothing is sent to you unasked "
            "before you /subscribe."
        ),
        call.say(
            "How long: your words are erased after {days} days. That you asked about a product stays on record.",
            days=settings.retention_days,
        )
        + " "
        + call.say("A question that got a good answer may stay, without your name, so that others find it too."),
        call.say("Where: on the shop's own computer. The language model that words the replies runs there too."),
        {
            "yes": call.say("The shop's model may learn from what is said on this page: /training says how."),
            "optin": call.say("The shop's model learns from what you say only after /training on."),
            "never": call.say("Nothing that is said here trains a model."),
        }[call.may_train],
        call.say(
            "What you can do: /me shows what is known of you, /why the causes of a suggestion, /mydata sends you all "
            "of it as a file. /optout ends the profile and everything unasked, /forgetme removes all of it."
        ),
    ]
    if settings.privacy_url:
        lines.append(call.say("The shop's privacy notice: {url}", url=settings.privacy_url))
    buttons = (
        Button(call.say("What is known of me"), "/me"),
        Button(call.say("No profile of me"), "/optout"),
        Button(call.say("Forget me"), "/forgetme"),
    )
    return call.reply("\n".join(lines), buttons)
