"""Asks the admins to look again at what I did to you in a group."""

from datetime import timedelta

from bot.commands.base import Call
from bot.messages import Button, Outgoing
from bot.moderation import notices
from bot.outbox import extra
from storage import members, moderation, outbox
from storage.database import Transaction

usage = "[WORDS]"
BACK, MOST = timedelta(days=30), 500  # characters


async def run(call: Call) -> Outgoing:
    """Once for each decision; it works in a direct chat with me, too."""
    now = call.tools.clock.now()

    async def look(tx: Transaction) -> tuple[object, members.ChatRow | None]:
        rows = await moderation.decisions(tx, call.shop.id, member_id=call.member_id, since=now - BACK, count=1)
        return (rows[0], await members.chat(tx, rows[0].chat_id)) if rows else (None, None)

    row, chat = await call.tools.database.read(look)
    if row is None or chat is None:
        return call.reply(call.say("I did nothing to you that could be appealed."), private=True)
    told = await call.tools.moderation.admins(chat)
    await call.tools.database.write(lambda tx: _tell(tx, call, row, chat, told))
    return call.reply(call.say("The admins will look at it."), private=True)


async def _tell(tx: Transaction, call: Call, row, chat: members.ChatRow, admins) -> None:  # type: ignore[no-untyped-def]
    if not await moderation.appeal(tx, row.id, call.args[:MOST]):
        return
    language, texts, now = chat.language or call.shop.language, call.tools.texts, call.tools.clock.now()
    name = call.message.sender.name
    lines = [
        texts.say(language, "{name} asks you to look again:", name=name),
        notices.line(texts, language, row, name),
    ]
    if call.args:
        lines.append(f"“{call.args[:MOST]}”")
    buttons = (Button(texts.say(language, "Take it back"), f"/unban #{row.id}"),)
    shown = Outgoing("\n".join(lines), buttons)
    for at, admin in enumerate(admins):
        place = await members.direct(tx, call.shop.id, admin.member_id, chat.platform, admin.address, admin.name)
        values = {"member_id": admin.member_id, "extra": extra(shown, begun=chat.id)}
        await outbox.put(tx, call.shop.id, place.id, f"appeal:{row.id}:{at}", "notice", shown.text, now, **values)
