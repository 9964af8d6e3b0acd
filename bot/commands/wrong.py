"""Takes down the right answer where mine was wrong, for an admin to approve."""

from typing import Any

from bot.commands.base import Call
from bot.conversation.teaching import wording
from bot.language import language
from bot.messages import Button, Outgoing, Role
from storage import aliases, interactions, lessons, outbox, questions, ratings
from storage.database import Transaction

role = Role.ADMIN
usage = "RIGHT ANSWER"
LONGEST = 3_000  # characters of an answer


async def run(call: Call) -> Outgoing:
    answer = call.args.strip()[:LONGEST]
    if not answer:
        text = call.say(
            "Reply to my answer with /wrong and what would have been right. "
            "Without a reply, my last answer here is meant."
        )
        return call.reply(text, private=True)
    row, asked = await call.tools.database.read(lambda tx: _meant(tx, call))
    if row is None or asked is None:
        return call.reply(call.say("I don't see which question that answers. /teach takes both."), private=True)
    number = await call.tools.database.write(lambda tx: _draft(tx, call, row, asked, answer))
    text = call.say(
        "Draft {number}: “{question}” = {answer}\nI use it once it's approved: /approve {number}",
        number=number,
        question=wording(asked.text),
        answer=answer,
    )
    return call.reply(text, buttons(call, number), private=True)


def buttons(call: Call, number: int) -> tuple[Button, Button]:
    return (
        Button(call.say("Approve {number}", number=number), f"/approve {number}"),
        Button(call.say("Discard {number}", number=number), f"/approve {number} no"),
    )


async def _meant(tx: Transaction, call: Call) -> tuple[Any, Any]:
    """The answer that was wrong, and the question that it answered; None for what is not there any more."""
    if call.message.reply_to:
        row = await outbox.by_message(tx, call.chat.id, call.message.reply_to)
    else:
        row = await outbox.last_reply(tx, call.chat.id)
    if row is None:
        return None, None
    return row, await interactions.said(tx, call.chat.id, str(row.extra.get("asked", "")))


async def _draft(tx: Transaction, call: Call, row: Any, asked: Any, answer: str) -> int:
    """The draft's number. It is a thumb down as well."""
    now, question = call.tools.clock.now(), wording(asked.text)
    await ratings.rate(tx, call.shop.id, row.id, call.member_id, -1, now)
    await aliases.unlearn(tx, call.shop.id, row.id)
    place = (call.shop.id, call.chat.id, asked.member_id, asked.message_id)
    await questions.add(tx, *place, question, language(question), "disliked", now)
    about = {"outbox_id": row.id, "command": call.inbox_id, "now": now}
    return await lessons.draft(tx, call.shop.id, question, answer, language(question + answer), **about)
