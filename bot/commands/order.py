"""Adds an order to your profile by the code that came with it."""

from datetime import timedelta
from typing import Any

from bot.commands.base import Call
from bot.members.orders import Orders
from bot.messages import Button, Outgoing
from bot.texts import listing, money
from storage import links, members
from storage import settings as stored
from storage.database import Transaction

usage = "[CODE]"
TRIES, WINDOW = 5, timedelta(hours=1)  # wrong codes of a member, and for how long they count
ACTION = "/order"
SHOWN = 5


async def run(call: Call) -> Outgoing:
    """A code is entered where nobody else reads it, by who wants a profile."""
    if not call.chat.direct:
        return call.reply(call.say("Send me /order in a direct chat: a code is for you alone."), private=True)
    if not call.args:
        lines = (
            call.say("Put the code behind it that came with your order, for example: /order ABCDE-12345"),
            call.say(
                "Then I know what you have, suggest nothing that you own, and /me shows it. I never ask for names."
            ),
        )
        return call.reply("\n".join(lines))
    traits, now = call.tools.suggestions.traits, call.tools.clock.now()

    async def claim(tx: Transaction) -> Outgoing:
        if not traits.allowed(await members.get(tx, call.member_id)):
            return _without_consent(call)
        if await links.wrong(tx, call.shop.id, call.member_id, ACTION, now - WINDOW) >= TRIES:
            return call.reply(call.say("Too many wrong codes. Try again in an hour."))
        found = await Orders(traits).claim(tx, call.member_id, call.chat.id, call.args, now)
        if found is None:
            who, where = call.member_id, call.chat.id
            await stored.audit(tx, call.shop.id, ACTION, now, member_id=who, chat_id=where, allowed=False)
            return call.reply(call.say("I don't know this code, or it was used by somebody else. Ask the shop's team."))
        return _done(call, found)

    return await call.tools.database.write(claim)


def _without_consent(call: Call) -> Outgoing:
    if call.profiles == "optin":
        text = call.say("I keep no profile of you, so the order stays yours alone. /subscribe changes that.")
        return call.reply(text, (Button(call.say("Send me suggestions"), "/subscribe"),))
    return call.reply(call.say("No profile of you is kept, so the order stays yours alone."))


def _done(call: Call, found: list[Any]) -> Outgoing:
    titles = list(dict.fromkeys(row.title for row in found))
    shown = listing(titles[:SHOWN], call.language) + (" …" if len(titles) > SHOWN else "")
    spent = money(sum(row.amount for row in found), found[0].currency, call.language)
    text = call.say("Thank you, this is yours now: {titles} ({amount}).", titles=shown, amount=spent)
    return call.reply(text, (Button(call.say("What is known of me"), "/me"),))
