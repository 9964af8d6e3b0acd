"""A product as a card under a message."""

from bot.knowledge.rows import Product
from bot.language import sentences
from bot.messages import Card
from bot.texts import money

TEXT = 160  # characters of a description that a card shows


def shorten(text: str) -> str:
    """As many whole sentences as fit, else whole words and an ellipsis."""
    if len(text) <= TEXT:
        return text
    kept = ""
    for sentence in sentences(text):
        if len(kept) + len(sentence) >= TEXT:
            break
        kept = f"{kept} {sentence}" if kept and sentence[:1].isascii() else kept + sentence
    return kept or text[:TEXT].rpartition(" ")[0] + "…"


def card(product: Product, language: str) -> Card:
    """Title, prices, what it is."""
    shown = [money(amount, product.variants[0].currency, language) for amount in product.prices]
    price = " – ".join((shown[0], shown[-1])) if len(shown) > 1 else "".join(shown)
    return Card(product.title, price, shorten(product.description), product.image, product.link)
