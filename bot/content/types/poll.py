"""A poll: which of two or three products of one kind the group likes best."""

from bot.content.base import Desk, Piece, alike
from bot.knowledge.facts import needs_of
from bot.texts import listing
from llm.protocol import Act, Plan


async def plan(desk: Desk) -> Piece | None:
    found = await alike(desk, desk.random.choice((2, 3))) or await alike(desk, 2, near=False)
    if not found:
        return None
    names = tuple(desk.make.name(one, None, at) for at, one in enumerate(found, 1))
    titles = [one.title for one in found]
    quote = desk.say("Which do you like best: {names}?", names=listing(titles, desk.language))
    needs = needs_of(Act.POLL, tuple(fact.slot for fact in names))
    made = Plan(Act.POLL, desk.language, names, (), needs, quote, 1.0, tuple(one.row for one in found))
    return Piece(made, poll=titles)
