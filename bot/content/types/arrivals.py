"""What is new in the shop: up to three products that imports of the last weeks brought."""

from datetime import timedelta

from bot.content.base import LISTED, Desk, Piece, facts_of, named, sentence
from bot.knowledge import claims
from bot.knowledge.facts import needs_of
from llm.protocol import Act, Plan
from storage import products as rows

NEW = timedelta(days=30)
LOOKED_AT = 50


async def plan(desk: Desk) -> Piece | None:
    """The newest that no post of this type told of; what the shop began with is not new."""
    since = desk.now - NEW
    new = await desk.database.read(lambda tx: rows.added(tx, desk.shop_id, since, LOOKED_AT))
    ids = claims.ids(desk.about, "product") or new
    found = [one for one in await desk.library.named(ids) if one.in_stock is not False and one.row not in desk.told]
    found = found[:LISTED]
    if not found:
        return None
    make = desk.make
    both = [(make.name(one, None, at), make.price(one, None, at)) for at, one in enumerate(found, 1)]
    facts = [fact for pair in both for fact in facts_of(*pair)]
    if len(found) == 1 and (text := sentence(desk, found[0])):
        facts.append(text)
    names = [one.title for one in found]
    quote = desk.say("New in the shop: {names}", names=_listed(desk, names))
    needs = needs_of(Act.ARRIVAL, tuple(fact.slot for fact in facts))
    made = Plan(Act.ARRIVAL, desk.language, tuple(facts), (), needs, quote, 1.0, tuple(one.row for one in found))
    ask = desk.say("Anything you'd like to know? Ask me.")
    return Piece(made, ask=ask, buttons=[*map(named, found)], about=found[0])


def _listed(desk: Desk, names: list[str]) -> str:
    return ("、" if desk.language == "zh" else "; ").join(names)
