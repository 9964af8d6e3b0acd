"""Counts your choice in a poll; its buttons do that for you."""

from collections import Counter
from typing import Any

from bot.commands.base import Call, number
from bot.messages import Kind, Outgoing
from storage import interactions, outbox

usage = "NUMBER"
PRESSED = "pressed"


async def run(call: Call) -> Outgoing:
    """One voice for each member, their last one. Presses are what is counted."""
    post = await call.tools.database.read(lambda tx: outbox.by_message(tx, call.chat.id, call.message.reply_to))
    choices = list(post.extra.get("poll", ())) if post and call.message.reply_to else []
    which = number(call.args) or 0
    if post is None or call.message.kind is not Kind.BUTTON or which not in range(1, len(choices) + 1):
        return call.reply(call.say("Press one of the buttons under a poll."), private=True)
    pressed = await call.tools.database.read(lambda tx: interactions.pressed(tx, call.chat.id, post.id))
    votes: dict[int, int] = {row.member_id: one for row in pressed if (one := _choice(row, len(choices)))}
    votes[call.member_id] = which
    counted = Counter(votes.values())
    lines = [call.say("{count} for {choice}", count=counted[at], choice=one) for at, one in enumerate(choices, 1)]
    text = call.say("Your choice: {choice}. So far:", choice=choices[which - 1])
    return call.reply("\n".join((text, *lines)), private=True)


def _choice(row: Any, most: int) -> int:
    """What a press chose; 0 where it was another button."""
    name, _, word = row.text.partition(" ")
    found = number(word) if name == "/vote" else None
    return found if found and found <= most else 0
