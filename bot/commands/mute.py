"""Keeps me quiet in this chat for so many minutes, or towards one member. Commands still work."""

from datetime import timedelta

from bot.commands.base import Call
from bot.messages import Outgoing, Role
from storage import handoffs, members

role = Role.ADMIN
usage = "MINUTES [NAME]"
MOST = 10_080  # a week


async def run(call: Call) -> Outgoing:
    """/resume ends it before its time."""
    minutes, name = (*call.words[:1], ""), " ".join(call.words[1:]).lstrip("@")
    if not (minutes[0].isascii() and minutes[0].isdecimal() and 0 < int(minutes[0]) <= MOST):
        return call.reply(
            call.say("Say for how many minutes, 1 to {most}. For example: /mute 30, or /mute 30 NAME", most=MOST)
        )
    now = call.tools.clock.now()
    until, shop_id, place = now + timedelta(minutes=int(minutes[0])), call.shop.id, call.chat.id
    if not name:
        await call.tools.database.write(lambda tx: members.change_chat(tx, place, muted_until=until))
        return call.reply(call.say("Done. I say nothing here for {count} minutes; /resume ends it.", count=minutes[0]))
    member = await call.tools.database.read(lambda tx: members.find(tx, shop_id, name))
    if member is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name))
    await call.tools.database.write(lambda tx: handoffs.begin(tx, shop_id, place, member.id, "muted", now, until))
    text = call.say(
        "Done. I leave {name} to you here for {count} minutes; /resume {name} ends it.", name=name, count=minutes[0]
    )
    return call.reply(text)
