"""Rows of traits, segments and purchases, on each database."""

from datetime import UTC, datetime
from decimal import Decimal

from storage import members, purchases, segments, traits
from storage.database import Database, Transaction

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def entered(database: Database) -> tuple[int, int]:
    async def enter(tx: Transaction) -> tuple[int, int]:
        who = await members.meet(tx, 1, "test", "maya", "Maya", NOON)
        return who, (await members.enter(tx, 1, "test", "group", "Group", False)).id

    return await database.write(enter)


async def test_scores_are_put_and_added_to(database: Database) -> None:
    who, chat = await entered(database)
    first = (who, chat, "did:asked", 1, 1.0, 100.0, 1, 7, 0.0)
    await database.write(lambda tx: traits.add(tx, [first, (who, chat, "spoke:en:9", 1, 1.0, 100.0, 1, 7, 0.0)]))
    await database.write(lambda tx: traits.add(tx, [(who, chat, "did:asked", 1, 1.0, 50.0, 1, 8, 0.0)]))
    await database.write(lambda tx: traits.put(tx, [(who, chat, "product:3", 1, 2.5, 90.0, 4, 8)]))
    await database.write(lambda tx: traits.put(tx, [(who, chat, "product:3", 1, 1.25, 99.0, 5, 9)]))
    found = await database.read(lambda tx: traits.of_member(tx, who))
    assert [(row.name, row.score, row.at, row.events, row.last_id) for row in found] == [
        ("did:asked", 2.0, 100.0, 2, 8),
        ("product:3", 1.25, 99.0, 5, 9),
        ("spoke:en:9", 1.0, 100.0, 1, 7),
    ]
    names = ["product:3", "product:4", "budget", "did:asked", "intent:buy"]
    held = await database.read(lambda tx: traits.find(tx, who, chat, names))
    assert {name: row.score for name, row in held.items()} == {"product:3": 1.25, "did:asked": 2.0}
    assert len(await database.read(lambda tx: traits.of_shop(tx, 1, subscribed_only=False))) == 3
    assert await database.read(lambda tx: traits.of_shop(tx, 1, subscribed_only=True)) == []
    assert await database.read(lambda tx: traits.withdrawn(tx, 1, subscribed_only=True)) == [who]
    assert await database.read(lambda tx: traits.underived(tx, 1, subscribed_only=False)) == []
    await database.write(lambda tx: traits.drop(tx, who))
    assert await database.read(lambda tx: traits.of_member(tx, who)) == []


async def test_what_is_added_to_fades_by_its_rate_whichever_came_first(database: Database) -> None:
    who, chat = await entered(database)

    async def add(score: float, at: float, name: str = "product:3", rate: float = 0.01) -> tuple[float, float]:
        await database.write(lambda tx: traits.add(tx, [(who, chat, name, 1, score, at, 1, 7, rate)]))
        (row,) = [one for one in await database.read(lambda tx: traits.of_member(tx, who)) if one.name == name]
        return row.score, row.at

    assert await add(4.0, 1_000.0) == (4.0, 1_000.0)
    assert await add(1.0, 1_100.0) == (3.0, 1_100.0)
    assert await add(8.0, 900.0) == (5.0, 1_100.0)
    days = 1 / (3 * 86_400)
    assert await add(1.0, 1_000.0, "intent:buy", days) == (1.0, 1_000.0)
    assert await add(1.0, 4e9, "intent:buy", days) == (1.0, 4e9)  # nothing is left, and that is no error


async def test_a_segment_has_one_rule(database: Database) -> None:
    await database.write(lambda tx: segments.put(tx, 1, "keen", "asked > 0", NOON))
    await database.write(lambda tx: segments.put(tx, 1, "keen", "asked > 1", NOON))
    assert [row.rule for row in await database.read(lambda tx: segments.every(tx, 1))] == ["asked > 1"]
    assert await database.write(lambda tx: segments.drop(tx, 1, "keen"))
    assert not await database.write(lambda tx: segments.drop(tx, 1, "keen"))


async def test_a_purchase_has_an_owner_once_its_code_is_entered(database: Database) -> None:
    who, chat = await entered(database)
    line = {
        "title": "Tray",
        "product_id": None,
        "quantity": 2,
        "amount": Decimal("64.50"),
        "currency": "GBP",
        "at": NOON,
    }

    async def bought(tx: Transaction) -> int:
        return await purchases.add(tx, 1, order_name="7", position=0, hash="x", **line)

    row = await database.write(bought)
    assert await database.read(lambda tx: purchases.owners(tx, 1)) == {}
    await database.write(lambda tx: purchases.change(tx, row, member_id=who, chat_id=chat))
    assert await database.read(lambda tx: purchases.owners(tx, 1)) == {"x": (who, chat)}
    (held,) = await database.read(lambda tx: purchases.by_hash(tx, 1, "x"))
    assert (held.amount, held.at, held.quantity) == (Decimal("64.5"), NOON, 2)
    await database.write(lambda tx: purchases.drop(tx, row))
    assert await database.read(lambda tx: purchases.of_orders(tx, 1, ["7"])) == []
