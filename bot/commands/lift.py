"""Shows what unasked suggestions do, beside members who get none by chance; resumes them where they were paused."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bot.commands.base import Call
from bot.members.lift import ALPHA, Estimate, difference, policy_value
from bot.messages import Outgoing, Role
from storage import suggestions
from storage.suggestions import Slot

role = Role.ADMIN
usage = "[resume]"
FEW = 30  # suggestions below which nothing is said of another policy


async def run(call: Call) -> Outgoing:
    match call.args.lower():
        case "":
            return await _shown(call)
        case "resume":
            await call.tools.database.write(lambda tx: suggestions.resume(tx, call.shop.id))
            return call.reply(call.say("Suggestions go out again; what they did so far counts against them no more."))
    return call.reply(call.say("I don't know “{word}” here.", word=call.args) + "\n" + call.say("Try: /lift"))


async def _shown(call: Call) -> Outgoing:
    rows = await call.tools.database.read(lambda tx: suggestions.outcomes(tx, call.shop.id))
    if not rows:
        return call.reply(call.say("No suggestion was sent unasked yet."), private=True)
    slots = await call.tools.suggestions.slots()
    pushed, held = ([row for row in rows if bool(row.holdout) is out] for out in (False, True))
    lines = [
        call.say(
            "{pushed} members get suggestions, {held} get none by chance, to compare with.",
            pushed=len(pushed),
            held=len(held),
        ),
        *_differences(call, pushed, held),
        *_policies(call, [one for one in slots if one.chosen is not None]),
        _harm(call, slots),
    ]
    return call.reply("\n".join(lines), private=True)


def _differences(call: Call, pushed: Sequence[Any], held: Sequence[Any]) -> list[str]:
    """A line for each thing that members do, per member since their first suggestion."""
    measures: dict[str, Callable[[Any], int]] = {
        call.say("Buttons pressed"): lambda row: row.pressed,
        call.say("Questions about products"): lambda row: row.asked,
        call.say("Messages"): lambda row: row.messages,
        call.say("Left or unsubscribed"): lambda row: min(1, row.left + row.stopped),
    }
    lines = [call.say("Per member, with suggestions and without; the difference with its 95 % interval:")]
    for name, measure in measures.items():
        with_them, without = (np.array([measure(row) for row in rows], dtype=np.float64) for rows in (pushed, held))
        found = difference(with_them, without)
        if found is None:
            lines.append(call.say("- {what}: too few members on a side to say", what=name))
            continue
        lines.append(
            call.say("- {what}: {first} and {second}; {difference}", what=name, first=f"{with_them.mean():.2f}",
                     second=f"{without.mean():.2f}", difference=_interval(call, found, "+.2f"))
        )  # fmt: skip
    return lines


def _policies(call: Call, sent: Sequence[Slot]) -> list[str]:
    """How often suggestions are taken up, and what always taking the likeliest would have got."""
    if not sent:
        return []
    took = np.array([one.pressed for one in sent], dtype=np.float64)
    lines = [
        call.say(
            "Asked about within a day: {share} of {count} suggestions", share=f"{took.mean():.1%}", count=len(sent)
        )
    ]
    if len(sent) >= FEW:
        expected = [np.array(one.expected) for one in sent]
        likeliest = [np.eye(len(one))[one.argmax()] for one in expected]
        chances = [np.array(one.propensities) for one in sent]
        places = [[*one.candidates].index(one.chosen) for one in sent if one.chosen is not None]
        estimates = policy_value(took, places, chances, likeliest, lambda at: expected[at])
        for found, name in zip(estimates, ("SNIPS", "doubly robust"), strict=True):
            if found:
                value = _interval(call, found, ".1%")
                lines.append(
                    call.say("- always the likeliest instead, estimated ({how}): {value}", how=name, value=value)
                )
    return lines


def _harm(call: Call, slots: Sequence[Slot]) -> str:
    found = call.tools.suggestions.harm(slots, call.tools.clock.now())
    if found.significant:
        return call.say("Suggestions are paused: they drive members away. /lift resume sends them again.")
    values = {"evidence": f"{found.most:.1f}", "bound": f"{1 / ALPHA:.0f}"}
    return call.say("Evidence that they drive members away: {evidence}; at {bound} they pause by themselves.", **values)


def _interval(call: Call, found: Estimate, form: str) -> str:
    value, low, high = (format(one, form) for one in (found.value, found.low, found.high))
    return call.say("{value} ({low} to {high})", value=value, low=low, high=high)
