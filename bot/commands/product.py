"""Shows products with price and stock."""

from dataclasses import replace

from bot.commands.base import Call
from bot.conversation.link import LINKED, content, nearness
from bot.knowledge import claims
from bot.knowledge.cards import card
from bot.knowledge.rows import Product
from bot.language import tokens
from bot.messages import Button, Outgoing

usage = "NAME"
COUNT = 3
NEAR = 0.5  # how near the others have to be to the best match


async def run(call: Call) -> Outgoing:
    await call.tools.library.refresh()
    if not call.args:
        return call.reply(
            call.say("Put a product's name behind it, for example: /product {name}", name=await _example(call))
        )
    version = claims.as_of(call.tools.library)
    found = await call.tools.library.named(_matches(call))
    if not found:
        words = call.again(call.args)
        text = call.say(
            "I can't find “{words}” in the shop. Other words may help, for example: /product {name}",
            words=words,
            name=await _example(call),
        )
        return call.reply(text, (Button(call.say("Ask the shop"), f"/ask {words}"),) if words == call.args else ())
    await _keep(call, found[0])
    buttons = (
        Button(call.say("Tell me more"), f"/ask {found[0].title}"),
        Button(call.say("More like this"), "/suggest"),
    )
    text = "\n".join(_line(call, one) for one in found)
    shown = call.reply(text, buttons, [card(one, call.language) for one in found])
    more = [claim for one in found for claim in (claims.of_card(one, call.language), *claims.of_stock(one))]
    return replace(shown, rests=await claims.rests(call.tools.library, version, call.language, text, (), more))


def _matches(call: Call) -> list[int]:
    """The ids of the products that the words name, best first."""
    words = content(tuple(tokens(call.args))) or tokens(call.args)
    hits = [hit for hit in call.tools.library.products.search(words, 12) if hit.named >= LINKED]
    hits.sort(key=lambda hit: (-nearness(hit), -hit.score))
    return [hit.id for hit in hits if nearness(hit) >= NEAR * nearness(hits[0])][:COUNT]


def _line(call: Call, one: Product) -> str:
    """The product in a line, for platforms without cards too: name, price, whether it can be bought."""
    parts = [one.title, card(one, call.language).subtitle]
    if one.in_stock is not None:
        parts.append(call.say("in stock") if one.in_stock else call.say("sold out"))
    return " · ".join(part for part in parts if part)


async def _keep(call: Call, one: Product) -> None:
    """Looking a product up counts as asking about it: `/suggest` goes on from there."""
    now, traits = call.tools.clock.now(), call.tools.suggestions.traits
    await call.tools.database.write(
        lambda tx: traits.record(tx, call.member_id, call.chat.id, "commanded", now, product_id=one.id)
    )


async def _example(call: Call) -> str:
    """The title of a product of this shop."""
    documents = call.tools.library.products.documents
    found = await call.tools.library.named([int(documents[0].row.partition(":")[2])]) if documents else []
    return found[0].title if found else call.say("teapot")
