"""Makes a drafted answer one that I use, or discards it."""

from typing import Any

from bot.commands.base import Call, number
from bot.commands.wrong import buttons
from bot.conversation.teaching import teach
from bot.messages import Button, Outgoing, Role
from storage import lessons, questions
from storage import outbox as rows
from storage.database import Transaction

role = Role.ADMIN
usage = "[NUMBER [no]]"
NO = ("no", "不", "否", "不要")
SHOWN = 5


async def run(call: Call) -> Outgoing:
    first, _, word = call.args.lower().partition(" ")
    if not first:
        return await _list(call)
    which = number(first)
    if which is None or (word and word not in NO):
        return call.reply(call.say("I don't know “{word}” here.", word=call.args) + " /approve 1", private=True)
    found = await call.tools.database.read(lambda tx: lessons.get(tx, call.shop.id, which))
    if found is None:
        return call.reply(call.say("There is no draft {number}.", number=which), private=True)
    if word:
        await call.tools.database.write(lambda tx: lessons.settle(tx, found.id, "refused"))
        return call.reply(call.say("Done: draft {number} is discarded.", number=which), private=True)
    article = await call.tools.database.write(lambda tx: _approve(tx, call, found))
    text = call.say(
        "Done: I answer “{question}” with that. It's number {number}.", question=found.question, number=article
    )
    return call.reply(text, (Button(call.say("Forget it"), f"/forgetfact {article}"),), private=True)


async def _list(call: Call) -> Outgoing:
    found = await call.tools.database.read(lambda tx: lessons.drafts(tx, call.shop.id, SHOWN))
    if not found:
        return call.reply(call.say("No draft waits for approval."), private=True)
    lines = [f"{one.id}: “{one.question}” = {one.answer}" for one in found]
    shown = [button for one in found for button in buttons(call, one.id)]
    return call.reply("\n".join((call.say("These wait for approval:"), *lines)), shown, private=True)


async def _approve(tx: Transaction, call: Call, lesson: Any) -> int:
    """The article's number. The question that was answered wrongly is off the list then."""
    article = await teach(tx, call.shop.id, lesson.question, lesson.answer)
    await lessons.settle(tx, lesson.id, "approved")
    row = await rows.get(tx, lesson.outbox_id)
    await questions.settle_of(tx, call.shop.id, row.chat_id, str(row.extra.get("asked", "")), call.inbox_id)
    return article
