"""Ends the profile and everything unasked, until you subscribe again."""

from bot.commands.base import Call
from bot.messages import Button, Outgoing


async def run(call: Call) -> Outgoing:
    await call.tools.rights.opt_out(call.member_id)
    text = call.say(
        "Done. I keep no profile of you and send you nothing unasked: no suggestions, no news, no reminders. I still "
        "answer when you ask. /subscribe takes it back, /forgetme removes what is kept."
    )
    return call.reply(text, (Button(call.say("Forget me"), "/forgetme"),), private=True)
