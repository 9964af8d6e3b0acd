"""A product as a card under a message."""

from bot.knowledge.rows import Product
from bot.messages import Card
from bot.texts import money


def card(product: Product, language: str) -> Card:
    """Title, prices, what it is."""
    shown = [money(amount, product.variants[0].currency, language) for amount in product.prices]
    price = " – ".join((shown[0], shown[-1])) if len(shown) > 1 else "".join(shown)
    return Card(product.title, price, product.description[:160], product.image, product.link)
