"""Says that you are a person; the button under my greeting does that for you."""

from bot.commands.base import Call, number
from bot.messages import Outgoing
from storage import moderation

usage = "NUMBER"


async def run(call: Call) -> Outgoing:
    wanted = number(call.args)
    row = None
    if wanted is not None:
        row = await call.tools.database.read(lambda tx: moderation.decision(tx, call.shop.id, wanted))
    if row is None or row.kind != "ask" or row.member_id != call.member_id:
        return call.reply(call.say("That button is for somebody else."), private=True)
    if row.state == "stands":
        await call.tools.moderation.lift([row])
    return call.reply(call.say("Thank you. You can write here now."), private=True)
