"""Says why I suggested what I suggested to you last, with the weight of each cause."""

import math
from typing import Any

from bot.commands.base import Call
from bot.messages import Button, Outgoing
from bot.texts import moment
from storage import suggestions

shows = True
SHOWN = 3  # suggestions
LEAST = 0.01  # of the score: causes below it are told together


async def run(call: Call) -> Outgoing:
    """For the member alone: direct talk may be among the causes."""
    shop, member = call.shop.id, call.member_id
    rows = await call.tools.database.read(lambda tx: suggestions.told(tx, shop, member, SHOWN))
    if not rows:
        text = call.say("I have suggested nothing to you yet, or it is too long ago. /suggest does it now.")
        return call.reply(text, private=True)
    parts = ["\n".join(await _one(call, row)) for row in rows]
    buttons = (Button(call.say("What is known of me"), "/me"), Button(call.say("No profile of me"), "/optout"))
    return call.reply("\n\n".join(parts), buttons, private=True)


async def _one(call: Call, row: Any) -> list[str]:
    """A suggestion: what, when, and every cause with its part of the score."""
    title = await call.tools.library.title(row.sources[0]) if row.sources else _shown(row)
    when = moment(row.sent, call.shop.timezone, call.language)
    lines = [call.say("{name}, {time}:", name=title or call.say("something that is no longer sold"), time=when)]
    causes = [(kind, about, float(value)) for kind, about, value in row.extra["why"]]
    score = math.fsum(value for *_, value in causes) or 1.0
    small = 0.0
    for kind, about, value in causes:
        if abs(value) < LEAST * abs(score):
            small += value
            continue
        cause = call.tools.suggestions.sentence(kind, about, call.language)
        lines.append(call.say("- {share}: {cause}", share=f"{value / score:.0%}", cause=cause))
    if small:
        lines.append(call.say("- {share}: small causes together", share=f"{small / score:.1%}"))
    lines.append(_how(call, row))
    return lines


def _shown(row: Any) -> str:
    """The title on the card of one that was asked for."""
    cards = row.extra.get("cards")
    return str(cards[0][0]) if cards else ""


def _how(call: Call, row: Any) -> str:
    """Asked for, or drawn among those that fit; what happened to one product leaves no choice."""
    if row.candidates is None or row.chosen not in row.candidates:
        return call.say("You asked for it: it is what fits you best.")
    if len(row.candidates) == 1:
        return call.say("It came because you subscribed.")
    chance = row.propensities[row.candidates.index(row.chosen)]
    return call.say(
        "It came because you subscribed. It was drawn among {count} that fit you, with a chance of {chance}.",
        count=len(row.candidates),
        chance=f"{chance:.0%}",
    )
