"""Two products of one kind beside each other, in their own words and with their prices."""

from bot.content.base import Desk, Piece, alike, facts_of, named, priced, sentence
from bot.knowledge.facts import needs_of
from llm.protocol import Act, Plan


async def plan(desk: Desk) -> Piece | None:
    found = await alike(desk, 2)
    texts = [sentence(desk, one, at) for at, one in enumerate(found, 1)]
    if len(found) < 2 or None in texts:
        return None
    names = [desk.make.name(one, None, at) for at, one in enumerate(found, 1)]
    facts = facts_of(names[0], texts[0], names[1], texts[1])
    one, text, other, beside = (fact.value for fact in facts)
    quote = desk.say("{one}: {text} {other}: {beside}", one=one, text=text, other=other, beside=beside)
    needs = needs_of(Act.CONTRAST, tuple(fact.slot for fact in facts))
    made = Plan(Act.CONTRAST, desk.language, facts, (), needs, quote, 1.0, tuple(product.row for product in found))
    lines, claims = zip(*(priced(desk, product) for product in found), strict=True)
    above = desk.say("{one} or {other}?", one=one, other=other)
    return Piece(
        made, above, lines, desk.say("Which one would you take, and why?"), [*map(named, found)],
        claims=[claim for some in claims for claim in some], title=above, drawn=[line[2:] for line in lines],
    )  # fmt: skip
