"""Bans a member from this group for some days: by name, or in reply to what they wrote."""

from datetime import timedelta

from bot.commands.base import Call, number
from bot.messages import Outgoing, Role
from storage import interactions, members
from storage.database import Transaction

role = Role.ADMIN
usage = "[NAME] [DAYS]"
DAYS, MOST = 7, 365


async def run(call: Call) -> Outgoing:
    """Without days it is for a week."""
    words = call.words
    days = number(words[-1]) if words else None
    if days is not None and not (words[-1].startswith("#") or days == 0 or days > MOST):
        words = words[:-1]
    else:
        days = DAYS
    name = " ".join(words).lstrip("@")

    async def whom(tx: Transaction) -> tuple[int, str] | None:
        if name:
            found = await members.find(tx, call.shop.id, name)
            return (found.id, found.name) if found else None
        author = await interactions.author(tx, call.chat.id, call.message.reply_to)
        return (author, (await members.get(tx, author)).name) if author else None

    member = await call.tools.database.read(whom)
    if member is None and not name:
        return call.reply(call.say("Say whom, or reply to what they wrote. For example: /ban NAME 7"))
    if member is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name))
    if member[0] == call.member_id:
        return call.reply(call.say("You can't ban yourself."))
    keeper = call.tools.moderation
    if not keeper.can(call.chat.platform).bans and not keeper.watches(call.chat.id):
        return call.reply(call.say("Here that needs /moderation on: I take away what they write."))
    until = call.tools.clock.now() + timedelta(days=days)
    number_ = await keeper.ban(f"ban:{call.message.key}", call.chat, member[0], until)
    if number_ is None:
        return call.reply(call.say("I know nobody called {name} here.", name=member[1]))
    return call.reply(
        call.say("Done. {name} is banned for {count} days; /unban {name} ends it.", name=member[1], count=days)
    )
