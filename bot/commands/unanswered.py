"""Shows the questions that I couldn't answer, those that ask the same together."""

from collections.abc import Sequence
from typing import Any

from bot.commands.base import Call, number
from bot.conversation.clusters import clusters
from bot.messages import Button, Outgoing, Role
from storage import questions
from storage.database import Transaction

role = Role.ADMIN
usage = "[drop NUMBER]"
LOOKED_AT, SHOWN, WORDINGS, LONGEST = 200, 8, 3, 120  # questions, topics, other wordings of one, characters of one


async def run(call: Call) -> Outgoing:
    """In a group it looks at what was asked there only."""
    verb, _, word = call.args.lower().partition(" ")
    if verb == "drop" and (which := number(word)) is not None:
        return await _drop(call, which)
    if verb:
        return call.reply(call.say("I don't know “{word}” here.", word=call.args) + " /unanswered drop 1", private=True)
    await call.tools.library.refresh()
    here = None if call.chat.direct else call.chat.id
    found = await call.tools.database.read(lambda tx: questions.unsettled(tx, call.shop.id, LOOKED_AT, here))
    if not found:
        return call.reply(call.say("There is no question that I couldn't answer."), private=True)
    grouped = await clusters(call.tools.library, [(row.text, row.language, row) for row in found])
    topics = {_number(some): [row.id for row in some] for some in grouped}
    await call.tools.database.write(lambda tx: questions.set_topics(tx, topics))
    grouped.sort(key=lambda some: (-len(some), -some[0].id))
    lines = [call.say("Questions that I couldn't answer:")]
    lines += [_line(call, some) for some in grouped[:SHOWN]]
    if len(grouped) > SHOWN:
        lines.append(call.say("And {count} more.", count=len(grouped) - SHOWN))
    shown = [_number(some) for some in grouped[:SHOWN]]
    buttons = [Button(call.say("Answer {number}", number=one), f"/answer {one}") for one in shown]
    return call.reply("\n".join(lines), buttons, private=True)


def _number(some: Sequence[Any]) -> int:
    """A topic has the number of its oldest question, so that it keeps it when it is asked again."""
    return min(int(row.id) for row in some)


def _line(call: Call, some: Sequence[Any]) -> str:
    """A topic: its newest wording, how often it was asked, and other wordings of it."""
    text = f"{_number(some)}: “{some[0].text[:LONGEST]}”"
    if len(some) > 1:
        text += " " + call.say("– asked {count} times", count=len(some))
    if disliked := sum(row.cause == "disliked" for row in some):
        text += f" 👎 {disliked}"
    others = [one[:LONGEST] for one in dict.fromkeys(row.text for row in some) if one != some[0].text]
    return "\n".join([text, *(f"   “{one}”" for one in others[:WORDINGS])])


async def _drop(call: Call, which: int) -> Outgoing:
    async def drop(tx: Transaction) -> int:
        some = await questions.of_topic(tx, call.shop.id, which, call.inbox_id)
        some = [row for row in some if call.chat.direct or row.chat_id == call.chat.id]
        await questions.settle(tx, [row.id for row in some], "dropped", call.inbox_id)
        return len(some)

    if not await call.tools.database.write(drop):
        return call.reply(call.say("There is no open question {number}.", number=which), private=True)
    return call.reply(call.say("Done: question {number} is off the list.", number=which), private=True)
