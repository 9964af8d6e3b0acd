"""One product in detail: what it is, what there is to choose, and what it costs."""

from bot.content.base import Desk, Piece, about_it, products, spoken
from bot.content.types.tip import tip
from bot.knowledge.claims import Claim
from bot.knowledge.rows import Product
from bot.texts import listing

MORE, CHOICES, DETAILS = 1, 8, 3  # sentences besides the first; values of an option; attributes


async def plan(desk: Desk) -> Piece | None:
    """One that has something to tell, with a picture rather than without."""
    found = sorted(await products(desk), key=lambda one: not one.image)
    for product in found:
        lines, claims = _details(desk, product)
        if (made := tip(desk, product)) and lines:
            return Piece(
                made,
                desk.say("In the spotlight today"),
                lines,
                "",
                (about_it(desk, product),),
                claims=claims,
                about=product,
            )
    return None


def _details(desk: Desk, product: Product) -> tuple[list[str], list[Claim]]:
    lines = [f"• {one}" for one in spoken(product.description, desk.language)[1 : 1 + MORE]]
    claims = []
    for name, values in product.options().items():
        if name != "Title" and 1 < len(values) <= CHOICES:
            shown = listing(values, desk.language)
            lines.append(desk.say("• {label}: {value}", label=name, value=shown))
            claims.append(Claim("options", product.row, shown, about=name, name=product.title))
    for label, value in list(product.attributes.items())[:DETAILS]:
        lines.append(desk.say("• {label}: {value}", label=label, value=value))
        claims.append(Claim("value", product.row, value, about=label, name=product.title))
    return lines, claims
