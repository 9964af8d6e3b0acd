"""Answers a question that I couldn't answer: whoever asked gets it, and I know it from now on."""

from collections.abc import Sequence
from typing import Any

from bot.commands.base import Call, number
from bot.conversation.teaching import standing, teach
from bot.messages import Button, Outgoing, Role
from llm.protocol import Act
from storage import aliases, outbox, questions
from storage.database import Transaction

role = Role.ADMIN
usage = "NUMBER ANSWER"
LONGEST = 3_000  # characters of an answer


async def run(call: Call) -> Outgoing:
    word, _, answer = call.args.partition(" ")
    topic, answer = number(word), answer.strip()[:LONGEST]
    if topic is None:
        return call.reply(call.say("Put the question's number behind it: /unanswered shows them."), private=True)
    await call.tools.library.refresh()
    some = await call.tools.database.read(lambda tx: questions.of_topic(tx, call.shop.id, topic, call.inbox_id))
    some = [one for one in some if call.chat.direct or one.chat_id == call.chat.id]  # in a group, what was asked there
    if not some:
        return call.reply(call.say("There is no open question {number}.", number=topic), private=True)
    if not answer:
        return _asking(call, topic, some)
    article, told = await call.tools.database.write(lambda tx: _answer(tx, call, some, answer))
    text = call.say(
        "Done: sent to all who asked ({count}). It's number {number} of what I know now; "
        "your answer counted as the approval.",
        count=told,
        number=article,
    )
    return call.reply(text, (Button(call.say("Forget it"), f"/forgetfact {article}"),), private=True)


def _asking(call: Call, topic: int, some: Sequence[Any]) -> Outgoing:
    """The admin's reply to this is the answer."""
    text = call.say(
        "What is the answer to “{question}”? Reply to this message with it, or type /answer {number} and the answer.",
        question=some[-1].text,
        number=topic,
    )
    return call.reply(text, private=True, awaits=f"/answer {topic}")


async def _answer(tx: Transaction, call: Call, some: Sequence[Any], answer: str) -> tuple[int, int]:
    """The article that it becomes, and how many members are told: each once, under their last question. All of it
    has keys, so that a command that runs again after a kill changes nothing."""
    shop_id, now, say = call.shop.id, call.tools.clock.now(), call.tools.texts.say
    article = await teach(tx, shop_id, some[-1].text, answer)
    row = f"article:{article}"
    last = {one.member_id: one for one in some}
    for one in last.values():
        text = say(one.language, "About “{question}”: {answer}", question=one.text, answer=answer)
        await outbox.put(
            tx, shop_id, one.chat_id, f"answer:{one.id}", "reply", text, now, member_id=one.member_id,
            reply_to="" if one.direct else one.message_id, worded_by="quote", sources=[row],
            extra={"act": str(Act.POLICY), "language": one.language, "asked": one.message_id},
        )  # fmt: skip
    for one in some[:-1]:
        if one.text != some[-1].text and (said := standing(one.text, one.language)):
            await aliases.add(tx, shop_id, row, said, one.language, "answer", now, member_id=one.member_id)
    await questions.settle(tx, [one.id for one in some], "answered", call.inbox_id)
    return article, len(last)
