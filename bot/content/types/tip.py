"""A tip about one product: its name, price, and a sentence of the shop's own words; else something of its articles."""

from bot.content.base import Desk, Piece, about_it, facts_of, products, sentence
from bot.content.types import article
from bot.knowledge.facts import needs_of
from bot.knowledge.rows import Product
from llm.protocol import Act, Plan


async def plan(desk: Desk) -> Piece | None:
    for product in await products(desk):
        if found := tip(desk, product):
            return Piece(found, buttons=(about_it(desk, product),), about=product)
    return await article.plan(desk)


def tip(desk: Desk, product: Product) -> Plan | None:
    """The plan; None where the product is not described in the language."""
    name, price, text = desk.make.name(product), desk.make.price(product), sentence(desk, product)
    if text is None or price is None:
        return None
    facts = facts_of(name, price, text)
    said = {"name": name.value, "price": price.value, "text": text.value}
    quote = desk.random.choice(
        (
            desk.say("{name}, {price}. {text}", **said),
            desk.say("Have a look at this: {name}. {text} {price}", **said),
            desk.say("From our shelves: {name}, {price}. {text}", **said),
        )
    )
    needs = needs_of(Act.TIP, tuple(fact.slot for fact in facts))
    return Plan(Act.TIP, desk.language, facts, (), needs, quote, 1.0, (product.row,))
