"""Orders come in whole, are nobody's until a code is entered, and are the buyer's from then on."""

import csv
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.__main__ import main
from bot.clock import ManualClock
from bot.config import Settings
from bot.knowledge.importers import BadImport
from bot.members.orders import Imported, Orders, digest, letters, read
from bot.members.profiles import profile
from storage import members, purchases
from tests.bot.running_shop import NOON, RunningShop, running_shop
from tests.conftest import Group, open_group

DATA = Path(__file__).parent.parent / "data"
CODE = "MAYA1-AAAAA"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        yield opened


async def take(shop: RunningShop, file: Path, *, codes: bool = False) -> Imported:
    found = read(file, NOON, "USD")
    keeper = Orders(shop.suggestions.traits)
    return await shop.database.write(lambda tx: keeper.take_in(tx, found, str(file), make_codes=codes))


def table(folder: Path, *lines: str, header: str = "order,date,product,quantity,price,code") -> Path:
    file = folder / "orders.csv"
    file.write_text("\n".join((header, *lines)) + "\n", "utf-8")
    return file


def problems(file: Path) -> list[str]:
    with pytest.raises(BadImport) as caught:
        read(file, NOON, "USD")
    return [str(one).removeprefix(str(file)) for one in caught.value.problems]


async def test_a_shopify_export_is_its_buyers_once_the_code_is_entered(shop: RunningShop) -> None:
    done = await take(shop, DATA / "orders_shopify.csv")
    assert (done.added, done.changed, done.unchanged, done.withdrawn) == (3, 0, 0, 0)
    maya, direct = await shop.member("Maya"), await shop.chat("direct:maya", direct=True)
    keeper = Orders(shop.suggestions.traits)
    found = await shop.database.write(lambda tx: keeper.claim(tx, maya, direct.id, "maya1 aaaaa", NOON))
    assert found is not None
    assert [row.title for row in found] == ['Gripstone 29" Tire', "Butyl Inner Tube", "Beacon 800 Front Light"]
    known = await shop.database.read(lambda tx: profile(tx, shop.shop_id, maya, NOON))
    assert (known.orders, known.spent) == (2, {"USD": Decimal("189.50")})
    assert known.interests[0].kind == "bought"
    in_group = await shop.database.read(lambda tx: profile(tx, shop.shop_id, maya, NOON, chat_id=shop.group.id))
    assert (in_group.orders, in_group.interests) == (0, ())
    tom = await shop.member("Tom")
    assert await shop.database.write(lambda tx: keeper.claim(tx, tom, direct.id, CODE, NOON)) is None


async def test_importing_again_changes_only_what_changed(shop: RunningShop, tmp_path: Path) -> None:
    rows = ["A1,2026-03-01,Gripstone,1,52.00,WHEELIES-1", "A1,2026-03-01,Butyl Inner Tube,2,6.50,"]
    assert (await take(shop, table(tmp_path, *rows))).added == 2
    maya, direct = await shop.member("Maya"), await shop.chat("direct:maya", direct=True)
    keeper = Orders(shop.suggestions.traits)
    await shop.database.write(lambda tx: keeper.claim(tx, maya, direct.id, "WHEELIES-1", NOON))
    assert (await take(shop, table(tmp_path, *rows))).unchanged == 2
    rows[1] = "A1,2026-03-01,Butyl Inner Tube,1,6.50,"
    done = await take(shop, table(tmp_path, *rows, "A2,2026-03-09,Butyl Inner Tube,1,6.50,WHEELIES-1"))
    assert (done.added, done.changed, done.unchanged) == (1, 1, 1)
    known = await shop.database.read(lambda tx: profile(tx, shop.shop_id, maya, NOON))
    assert (known.orders, known.spent) == (2, {"USD": Decimal("65.00")})
    await shop.database.write(lambda tx: shop.suggestions.traits.rebuild(tx, maya))
    again = await shop.database.read(lambda tx: profile(tx, shop.shop_id, maya, NOON))
    assert again == known


def test_codes_are_made_for_the_shop_to_mail_one_for_each_customer(settings: Settings, tmp_path: Path) -> None:
    made = tmp_path / "codes.csv"
    given = ["--set", f"DATABASE_URL={settings.database_url}"]
    assert main(["orders", str(DATA / "orders_woocommerce.csv"), *given]) == 2  # no codes, and none may be made
    assert main(["orders", str(DATA / "orders_woocommerce.csv"), "--codes", str(made), *given]) == 0
    with made.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["order"] for row in rows] == ["2001", "2003"]
    assert rows[0]["code"] == rows[1]["code"]
    assert main(["orders", str(DATA / "orders_woocommerce.csv"), "--codes", str(made), *given]) == 0
    assert main(["profiles", "rebuild", *given]) == 0


async def test_what_is_wrong_is_named_with_its_line_and_column(tmp_path: Path) -> None:
    wrong = table(
        tmp_path,
        "A1,yesterday,Gripstone,1,52.00,CODE-12345",
        "A2,2026-03-01,Gripstone,none,52.00,CODE-12345",
        "A3,2026-03-01,,1,52.00,CODE-12345",
        "A4,2026-03-01,Gripstone,1,cheap,CODE-12345",
        "A5,2026-03-01,Gripstone,1,1.00,AB1",
        ",2026-03-01,Gripstone,1,1.00,CODE-12345",
    )
    assert problems(wrong) == [
        ":2: date: “yesterday” is no date, one such as 2026-03-01 14:30 would be right",
        ":3: quantity: “none” pieces can't be bought, a whole number above 0 would be right",
        ":4: product: there is no product, its name would be right",
        ':5: price: "cheap" is no price, a number such as 58.00 or 58.00 USD would be right',
        ":6: code: the code is too short, 8 letters and digits or more would be right",
        ":7: order: there is no order number, a number or name would be right",
    ]
    assert problems(table(tmp_path, "1,2", header="a,b"))[0] == (
        ":1: no column holds the order's number, a column called ordernumber would be right"
    )
    assert problems(table(tmp_path)) == [":2: there is no order in it, an export with a line for each product is right"]
    assert "can't be read" in problems(tmp_path / "none.csv")[0]


async def test_a_chinese_table_is_read(tmp_path: Path) -> None:
    (order,) = read(DATA / "orders_plain_zh.csv", NOON, "CNY")
    assert [(one.title, one.quantity, one.amount, one.currency) for one in order.lines] == [
        ("活页本", 2, Decimal("36.00"), "CNY")
    ]


@given(st.binary(max_size=200))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(b"order,date,product,price\n" + content)
    try:
        assert read(file, NOON, "USD")
    except BadImport as error:
        found = error.problems
    else:
        return
    assert found


def test_a_code_counts_however_it_is_written() -> None:
    assert letters("maya1-aaaaa") == letters("MAYA1 AAAAA") == "MAYA1AAAAA"
    assert digest("oil-AAAAA") == digest("011AAAAA")


async def test_a_member_enters_a_code_in_a_direct_chat(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings, clock) as group:
        await bought(group)
        assert "in a direct chat" in await group.say("ann", "/order ANNAN-12345")
        assert "/order ABCDE-12345" in await group.say("ann", "/order", chat="with-ann", direct=True)
        assert "don't know this code" in await group.say("ann", "/order AAAAA-AAAAA", chat="with-ann", direct=True)
        done = await group.say("ann", "/order annan-12345", chat="with-ann", direct=True)
        assert "this is yours now: Oak Wave Tray ($58.00)" in done
        assert "don't know this code" in await group.say("bob", "/order ANNAN-12345", chat="with-bob", direct=True)
        for _ in range(4):
            await group.say("bob", "/order AAAAA-BBBBB", chat="with-bob", direct=True)
        tried = await group.say("bob", "/order AAAAA-BBBBB", chat="with-bob", direct=True)
        assert tried == "Too many wrong codes. Try again in an hour."


async def test_without_consent_an_order_stays_nobodys(settings: Settings, clock: ManualClock) -> None:
    async with open_group(settings.model_copy(update={"profiles": "optin"}), clock) as group:
        await bought(group)
        assert "/subscribe changes that" in await group.say("ann", "/order ANNAN-12345", chat="with-ann", direct=True)
        await group.say("ann", "/subscribe", chat="with-ann", direct=True)
        assert "yours now" in await group.say("ann", "/order ANNAN-12345", chat="with-ann", direct=True)
        app = group.app
        ann = await app.database.read(lambda tx: members.find(tx, app.shop.id, "ann"))
        assert ann is not None
        await app.database.write(lambda tx: members.change(tx, ann.id, opted_out=True))
        held = await app.database.read(lambda tx: purchases.by_hash(tx, app.shop.id, digest("ANNAN-12345")))
        assert [row.member_id for row in held] == [ann.id]


async def bought(group: Group) -> None:
    """The shop imported an order of one tray."""
    app, file = group.app, Path(str(group.app.database.url.database)).parent / "orders.csv"
    file.write_text("order,date,product,price,code\n7,2026-02-01,Oak Wave Tray,58.00,ANNAN-12345\n", "utf-8")
    keeper = Orders(app.router.tools.suggestions.traits)
    await app.database.write(lambda tx: keeper.take_in(tx, read(file, NOON, "USD"), "orders.csv", make_codes=False))
