"""A product whose price fell with one of the last imports, and what it cost before."""

from datetime import timedelta

from bot.content.base import Desk, Piece, meant
from bot.content.types.promotion import piece
from storage import changes

NEW = timedelta(days=14)


async def plan(desk: Desk) -> Piece | None:
    """The newest fall that holds, of something that can be bought."""
    rows = await desk.database.read(lambda tx: changes.since(tx, desk.shop_id, changes.PRICE, desk.now - NEW))
    fresh = [row for row in rows if row.id not in desk.news and meant(desk, row.product_id)]
    for product in await desk.library.named(list(dict.fromkeys(row.product_id for row in fresh))):
        for row in fresh:
            variant = next((one for one in product.buyable if one.id == row.variant_id), None)
            if variant is not None and variant.price == row.after and row.before is not None:
                same = tuple(one.id for one in fresh if one.product_id == product.id)
                return piece(desk, product, variant, row.before, news=same)
    return None
