"""What a question means, where an encoder knows its language: its rows in order, and what is wanted of them."""

from dataclasses import replace
from functools import partial

from bot.conversation import link as links
from bot.conversation.context import Context
from bot.conversation.understanding import Reading, understood
from bot.knowledge.library import Library
from bot.knowledge.rows import Product
from bot.language import HAN, tokens

SURELY = 0.8
PLAIN = 0.55  # worth of a row that is plainly meant


async def meant(library: Library, readings: list[Reading], context: Context) -> list[Reading]:
    """With the rows that they mean, where an encoder knows their language; a short one means more in its context."""
    before = ""
    if context.products and (spoken := await library.read(context.products[:1])):
        before = f"{spoken[0].title}: "
    elif context.rows and context.asked:
        before = f"{context.asked} "
    texts = [one.text for one in readings]
    befores = [before, *(f"{text} " for text in texts)]
    wider = [
        earlier + one.text if (one.has("followup") if place else goes_on(one)) else one.text
        for place, (earlier, one) in enumerate(zip(befores, readings, strict=False))
    ]
    vectors = await library.meaning([*texts, *wider], readings[0].language)
    found = []
    for one, alone, wide in zip(readings, vectors[: len(texts)], vectors[len(texts) :], strict=True):
        if alone is None or wide is None:
            found.append(one)
            continue
        wants = library.intents(one.text, alone, one.language)
        ways = context.products and wants.get("policy", 0.0) >= SURELY  # of the shop's, whatever was spoken of
        ranking = library.rank(one.words, one.about, alone if ways else wide, one.language)
        if not context.products and goes_on(one):
            ranking = ranking.going_on(context.rows)
        near, halves = partial(library.meanings.said, asked=alone), partial(library.meanings.halves, asked=alone)
        wants = {} if before and goes_on(one) else wants
        found.append(understood(replace(one, ranking=ranking, near=near, halves=halves), wants))
    return found


async def by_itself(library: Library, reading: Reading, context: Context) -> Reading:
    """With how near what is asked is by itself, where a product is named."""
    linked = links.link(reading.words, library, reading.ranking)
    if reading.ranking and linked.strength > 0.5 and (found := await library.read(linked.ids[:1])):
        return await closer(library, reading, found[0], context)
    return reading


async def closer(library: Library, reading: Reading, product: Product, context: Context) -> Reading:
    """With how near each of the product's sentences, and each article, is to what is asked of it: to the words
    without its name, and to what was asked before where they ask nothing themselves."""
    if not reading.ranking:
        return reading
    asked = _without(reading.text, product.title)
    own, whole = links.rest(tokens(asked), product), ""
    if context.asked and not [word for word in own if len(word) > 1]:
        spoken = await library.read(context.products[:1])
        asked = " ".join([_without(context.asked, spoken[0].title if spoken else product.title), asked])
        whole = asked if reading.names_only else ""
    [vector] = await library.meaning([asked or reading.text], reading.language)
    if vector is None:
        return reading
    rest = library.rank(tokens(asked), reading.about, vector, reading.language)
    ranking = replace(reading.ranking, articles=rest.articles)
    near, halves = partial(library.meanings.said, asked=vector), partial(library.meanings.halves, asked=vector)
    return replace(reading, ranking=ranking, near=near, halves=halves, whole=whole)


def _without(text: str, name: str) -> str:
    """The text without the words, or the pairs of Chinese signs, that a name has too."""
    named = {*tokens(name)}
    kept = [word for word in text.split() if HAN.search(word) or named.isdisjoint(tokens(word))]
    joined = " ".join(kept)
    said = [at for at in range(len(joined) - 1) if HAN.match(joined[at]) and joined[at : at + 2] in named]
    dropped = {at + step for at in said for step in (0, 1)}
    return "".join(sign for at, sign in enumerate(joined) if at not in dropped)


def means_row(reading: Reading) -> bool:
    """Does it mean something that a row says, whatever else its words sound like?"""
    ranking = reading.ranking
    return ranking is not None and any(rows[0][0] >= PLAIN for rows in (ranking.products, ranking.articles) if rows)


def leaning(reading: Reading) -> float:
    """Towards the shop's ways (1) or towards a product (-1), as far as a head tells."""
    wants = reading.wants
    return wants.get("policy", 0.0) - sum(wants.get(one, 0.0) for one in ("fact", "price", "stock", "options"))


def goes_on(reading: Reading) -> bool:
    """Is it short enough, or worded so, that it rests on what was said before?"""
    words = [word for word in links.content(reading.words) if len(word) > 1 or not HAN.match(word)]
    return reading.has("followup") or len(words) <= 3
