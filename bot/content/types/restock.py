"""What can be bought again since the last imports."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from bot.content.base import LISTED, Desk, Piece, meant, named
from bot.knowledge.claims import IN_STOCK, Claim
from bot.knowledge.rows import Product, Variant
from llm.protocol import Act, Fact, Plan
from storage import changes

NEW = timedelta(days=14)


async def plan(desk: Desk) -> Piece | None:
    """Up to three products of which something is there again, and still is."""
    rows = await desk.database.read(lambda tx: changes.since(tx, desk.shop_id, changes.STOCK, desk.now - NEW))
    told = [row for row in rows if row.id not in desk.news and meant(desk, row.product_id)]
    by_product: dict[int, list[int]] = defaultdict(list)
    for row in told:
        by_product[row.product_id].append(row.variant_id)
    back = []
    for product in await desk.library.named(list(by_product)):
        some = [one for one in product.variants if one.id in by_product[product.id] and one.in_stock]
        if some:
            back.append((product, some))
    back = back[:LISTED]
    if not back:
        return None
    lines = [_line(desk, product, some, alone=len(back) == 1) for product, some in back]
    text = lines[0] if len(lines) == 1 else _opening(desk)
    fact = Fact("text1", text, back[0][0].row, "stock")
    shop = Fact("shop", desk.shop, "shop", "name")
    sources = tuple(product.row for product, _ in back)
    made = Plan(Act.ANNOUNCE, desk.language, (fact, shop), (), ("text1",), text, 1.0, sources)
    made = made if len(lines) == 1 else _fixed(made)
    ids = {one.id for _, some in back for one in some}
    return Piece(
        made, "", () if len(lines) == 1 else [f"• {line}" for line in lines], buttons=[named(one) for one, _ in back],
        claims=[_claim(product, some) for product, some in back], about=back[0][0],
        news=[row.id for row in told if row.variant_id in ids],
    )  # fmt: skip


def _fixed(plan: Plan) -> Plan:
    """A list is said as code has it: what the model was taught to put around a notice doesn't lead into one."""
    return replace(plan, fixed=True)


def _opening(desk: Desk) -> str:
    return desk.random.choice(
        (
            desk.say("These can be bought again:"),
            desk.say("Back on the shelf:"),
            desk.say("Unpacked and there again:"),
            desk.say("Restocked just now:"),
        )
    )


def _line(desk: Desk, product: Product, some: list[Variant], *, alone: bool) -> str:
    whole = len(some) == len([one for one in product.variants if one.in_stock]) or not some[0].label
    name = product.title if whole else desk.make.name(product, some[0]).value
    price = desk.make.price(product, some)
    if not alone:
        return desk.say("{name}: {price}", name=name, price=price.value) if price else name
    if price is None:
        return desk.say("{name} is there again.", name=name)
    return desk.say("{name} is there again, for {price}.", name=name, price=price.value)


def _claim(product: Product, some: list[Variant]) -> Claim:
    return Claim("stock", product.row, IN_STOCK, of=tuple(one.label for one in some), name=product.title)
