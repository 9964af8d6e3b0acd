"""Makes this account a person of its own again, apart from those that it was linked to."""

from bot.commands.base import Call, written
from bot.messages import Outgoing
from bot.outbox import extra
from storage import links, members, outbox
from storage import settings as stored
from storage.database import Transaction

ACTION = "/unlink"


async def run(call: Call) -> Outgoing:
    """Once more after a kill, there is nothing left to undo, and that is what is said."""
    platform, now = call.chat.platform, call.tools.clock.now()

    async def part(tx: Transaction) -> list[str]:
        found = await links.part(tx, call.shop.id, call.member_id, platform, call.message.sender.name, now)
        if found is None:
            return []
        new, others = found
        for one in (new, call.member_id):
            await call.tools.suggestions.traits.rebuild(tx, one)
        data = {"members": [new, call.member_id]}
        await stored.audit(tx, call.shop.id, ACTION, now, member_id=new, chat_id=call.chat.id, data=data)
        for other in others:
            await _tell(tx, call, other)
        return others

    others = await call.tools.database.write(part)
    if not others:
        return call.reply(call.say("This account is linked to no other. /link does that."), private=True)
    call.tools.forget_people()
    text = call.say(
        "Done. From now on this account and the one on {platform} are two people for me. What was said and done on "
        "each network stays with the account there; an order, with the account that you told me its code on. Both keep "
        "the choices that you have now, and change apart from here.",
        platform=", ".join(one.capitalize() for one in others),
    )
    return call.reply(text, private=True)


async def _tell(tx: Transaction, call: Call, platform: str) -> None:
    """The other account hears of it, where it has a direct chat."""
    chat = await members.direct_chat(tx, call.member_id, platform)
    if chat is None:
        return
    spoken = await written(tx, call.member_id) or chat.language or call.shop.language
    text = call.tools.texts.say(
        spoken,
        "Your account on {platform} is not linked to this one any more. /link links them again.",
        platform=call.chat.platform.capitalize(),
    )
    key, now = f"unlink:{call.inbox_id}:{platform}", call.tools.clock.now()
    held = extra(Outgoing(text), language=spoken)
    await outbox.put(tx, call.shop.id, chat.id, key, "notice", text, now, member_id=call.member_id, extra=held)
