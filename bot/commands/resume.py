"""Lets me answer again after a human was called, here or to one member."""

from bot.commands.base import Call
from bot.messages import Outgoing, Role
from storage import handoffs, members
from storage.database import Transaction

role = Role.ADMIN
usage = "[NAME]"


async def run(call: Call) -> Outgoing:
    """Without words it is about this chat; with a name about that member, in a direct chat wherever they are."""
    name, shop_id, now = call.args.lstrip("@"), call.shop.id, call.tools.clock.now()

    async def end(tx: Transaction) -> list[str] | None:
        """Where I answer whom again; None where nobody has that name."""
        if name.startswith("#") and name[1:].isdecimal():
            over = await handoffs.end(tx, shop_id, now, handoff_id=int(name[1:]))
        elif name:
            member = await members.find(tx, shop_id, name)
            if member is None:
                return None
            here = None if call.chat.direct else call.chat.id
            over = await handoffs.end(tx, shop_id, now, member_id=member.id, chat_id=here)
        else:
            over = await handoffs.end(tx, shop_id, now, chat_id=call.chat.id)
            await members.change_chat(tx, call.chat.id, muted_until=None)
        return [call.say("{name} in {chat}", name=row.name, chat=row.title or row.platform_id) for row in over]

    ended = await call.tools.database.write(end)
    if ended is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name))
    if ended:
        return call.reply(call.say("Done. I answer again: {who}.", who=", ".join(ended)))
    if not name and call.chat.muted_until and call.chat.muted_until > now:
        return call.reply(call.say("Done. I answer here again."))
    return call.reply(call.say("Nobody was with a human here, so nothing changes."))
