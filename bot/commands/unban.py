"""Takes back what I, or an admin, did to a member: a ban, a mute, or what a removed message counts."""

from bot.commands.base import Call, number
from bot.messages import Outgoing, Role
from storage import members, moderation
from storage.database import Transaction

role = Role.ADMIN
usage = "NAME|#NUMBER"


async def run(call: Call) -> Outgoing:
    """A number is that of one decision, as reports and appeals show it; a name stands for all about this member."""
    name, one = call.args.lstrip("@").strip(), number(call.args)

    async def found(tx: Transaction) -> list[object]:
        if one is not None:
            row = await moderation.decision(tx, call.shop.id, one)
            return [row] if row and row.state == "stands" else []
        member = await members.find(tx, call.shop.id, name) if name else None
        return list(await moderation.decisions(tx, call.shop.id, member_id=member.id)) if member else []

    rows = await call.tools.database.read(found)
    if not name:
        return call.reply(call.say("Say whom or which number. For example: /unban NAME"))
    if not rows:
        return call.reply(call.say("There is nothing about {name} to take back.", name=name))
    await call.tools.moderation.lift(rows)
    return call.reply(call.say("Done. I took back {count}.", count=len(rows)))
