"""Teaches me an answer that I use from now on."""

import re

from bot.commands.base import Call
from bot.conversation.teaching import teach
from bot.knowledge.rows import Article, name_of
from bot.messages import Button, Outgoing, Role
from storage.database import Transaction

role = Role.ADMIN
usage = "QUESTION = ANSWER"
EQUALS = re.compile(r"\s+[=＝]\s+|[=＝]")
QUESTION, ANSWER = 300, 3_000  # characters


async def run(call: Call) -> Outgoing:
    library = call.tools.library
    await library.refresh()
    question, _, answer = EQUALS.sub("\0", call.args, count=1).partition("\0")
    question, answer = " ".join(question.split()), answer.strip()
    if not name_of(question) or not answer:
        return call.reply(_how(call), private=True)
    if len(question) > QUESTION or len(answer) > ANSWER:
        text = call.say(
            "That's too long: a question has up to {question} characters, an answer up to {answer}.",
            question=QUESTION,
            answer=ANSWER,
        )
        return call.reply(text, private=True)
    before = [one for one in library.every_article() if name_of(one.title) == name_of(question)]

    async def keep(tx: Transaction) -> int:
        return await teach(tx, call.shop.id, question, answer)

    number = await call.tools.database.write(keep)
    text = _done(call, question, number, before)
    return call.reply(text, (Button(call.say("Forget it"), f"/forgetfact {number}"),), private=True)


def _how(call: Call) -> str:
    return call.say(
        "Put the question, an equals sign and the answer behind it. For example: "
        "/teach Do you wrap gifts? = Yes, for 3.00 each.\n"
        "The same question again changes the answer. /forgetfact takes it back."
    )


def _done(call: Call, question: str, number: int, before: list[Article]) -> str:
    if any(one.id == number for one in before):
        return call.say(
            "Done: the answer to “{question}” is changed. It's number {number}.", question=question, number=number
        )
    text = call.say("Done: I answer “{question}” with that. It's number {number}.", question=question, number=number)
    if before:
        text += " " + call.say("It stands in for what {file} says.", file=before[0].source)
    return text
