"""A tip about one product: its name, price, and a sentence of the shop's own words."""

from bot.content.base import Desk
from bot.knowledge.facts import Maker, needs_of
from bot.knowledge.rows import Product
from bot.language import language as language_of
from bot.language import sentences
from llm.protocol import Act, Plan

LOOKED_AT = 60  # products read, of any size of catalogue
SENTENCE = range(20, 220)  # characters; a Chinese one counts three times


async def plan(desk: Desk, language: str) -> Plan | None:
    """One that can be bought, was not in the last posts, and is described in the language; any language, if none is."""
    documents = [one for one in desk.library.products.documents if one.row not in desk.recent]
    desk.random.shuffle(documents)
    documents.sort(key=lambda one: one.language != language)
    ids = [int(one.row.partition(":")[2]) for one in documents[:LOOKED_AT]]
    for product in await desk.library.read(ids):
        if product.in_stock is not False and product.prices and (sentence := _sentence(product)):
            return _plan(product, sentence, language)
    return None


def _sentence(product: Product) -> str:
    """The first sentence of the description that can stand by itself."""
    for one in sentences(product.description):
        width = len(one) * 3 if language_of(one) == "zh" else len(one)
        if width in SENTENCE and "http" not in one:
            return one
    return ""


def _plan(product: Product, sentence: str, language: str) -> Plan:
    make = Maker(language)
    name, price, text = make.name(product), make.price(product), make.prose(sentence, product, "description")
    facts = tuple(fact for fact in (name, price, text) if fact)
    shown = ": ".join(fact.value for fact in facts) if language == "en" else "：".join(fact.value for fact in facts)
    needs = needs_of(Act.TIP, tuple(fact.slot for fact in facts))
    return Plan(Act.TIP, language, facts, (), needs, shown, 1.0, (product.row,))
