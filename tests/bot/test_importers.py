"""Importing as a whole: all or nothing, again and again, what leaves, what is skipped, which currency holds."""

import contextlib
import gzip
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.clock import ManualClock
from bot.knowledge.importers import BadImport, Report, import_paths
from bot.tools import imports as tool
from storage import articles, imports, shops
from storage.database import Database, Transaction
from storage.tables import Article, Product, Staged, Variant
from tests.shop_file import new_shop

DATA = Path(__file__).parents[1] / "data"
CLOCK = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with new_shop(tmp_path, "") as database:
        yield database


async def bring(database: Database, *files: Path | str, **options: Any) -> Report:
    return await import_paths(database, 1, [DATA / file for file in files], clock=CLOCK, **options)


async def rows(database: Database, query: Any) -> list[Any]:
    async def found(tx: Transaction) -> list[Any]:
        return list(await tx.execute(query))

    return await database.read(found)


async def shop_row(database: Database) -> Any:
    return await database.read(shops.get)


async def handles(database: Database) -> set[str]:
    return {
        row.handle
        for row in await rows(
            database, select(Product.handle).where(Product.withdrawn.is_(None), imports.is_current(Product))
        )
    }


def numbers(counts: Any) -> tuple[int, int, int, int]:
    return counts.added, counts.changed, counts.unchanged, counts.withdrawn


BROKEN = {
    "shopify.csv": [
        ':2: Variant Price: "abc" is no price, a number such as 58.00 or 58.00 USD would be right',
        ':3: Title: there is no title, the first row of "b" needs one',
        ":4: Handle: there is no handle, every row needs the handle of its product",
    ],
    "numbers.csv": [
        ':2: price: "-5" is a negative price, a price of 0 or more would be right',
        ':3: stock: "many" is no stock level, a whole number such as 12 would be right',
        ':4: currency: "XXX9" is no currency, an ISO 4217 code such as USD, EUR or CNY would be right',
        ':5: price: "nan" is no price, a number such as 58.00 or 58.00 USD would be right',
    ],
    "twice.csv": [":4: handle: ", "twice.csv:2, every product needs its own handle or id"],
    "orphan.csv": [':2: Parent: no product of the file is "NOPE", the SKU of a variable product, or id: and its ID'],
    "feed.xml": [
        ":3: character 31: this is no XML (not well-formed (invalid token)), a well-formed feed would be right"
    ],
    "entity.xml": [":2: the feed declares entities or a DTD (EntitiesForbidden), a feed without <!DOCTYPE>"],
    "lines.jsonl": [
        ":2: the line is no JSON (expecting value at column 26), one object per line would be right",
        ":3: name: there is no title, every product needs one",
    ],
    "quote.csv": [":3: the row can't be read (unexpected end of data), close the quote that was opened here"],
    "bytes.csv": [":3: the file has a byte that is no UTF-8 (0xff), save the file as UTF-8 again"],
    "sheet.xlsx": [":1: the file is a damaged Excel, Word or zip file (File is not a zip file), open it where"],
    "shop.json": [
        ':1: currency: "POUND" is no currency, an ISO 4217 code',
        ':1: timezone: "London" is no time zone, an IANA name such as Asia/Shanghai would be right',
        ':1: default_language: "fr" is not spoken here, en or zh would be right',
    ],
    "no_currency.csv": [
        ":2: the price names no currency, say --set SHOP_CURRENCY=USD (or your own), or add a shop.json"
    ],
}


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_broken_file_is_told_by_place_and_changes_nothing(database: Database, name: str) -> None:
    currency = "" if name == "no_currency.csv" else "USD"
    await bring(database, "shopify.csv", currency="USD")
    before = await rows(database, select(Product.__table__)), await rows(database, select(Variant.__table__))
    if name == "no_currency.csv":
        await database.write(lambda tx: shops.update(tx, 1, currency=""))
    with pytest.raises(BadImport) as raised:
        await bring(database, "plain_zh.csv", f"broken/{name}", currency=currency)
    told = str(raised.value)
    for part in BROKEN[name]:
        assert part in told
    assert f"broken/{name}" in told
    assert before == (await rows(database, select(Product.__table__)), await rows(database, select(Variant.__table__)))
    assert not await rows(database, select(Staged.id))


async def test_all_problems_of_all_files_are_told_at_once(database: Database) -> None:
    with pytest.raises(BadImport) as raised:
        await bring(
            database, "broken/shopify.csv", "broken/numbers.csv", "broken/shop.json", "no/such.csv", currency="USD"
        )
    assert len(raised.value.problems) == 11
    assert "no/such.csv:1: there is no such file, give files or folders that exist" in str(raised.value)


async def test_of_thousands_of_problems_a_thousand_are_told(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("name,price\n" + "Tea,bad\n" * 1500)
    with pytest.raises(BadImport) as raised:
        await bring(database, file, currency="USD")
    assert len(raised.value.problems) == 1000
    assert str(raised.value).endswith("and 500 more")


async def test_skip_bad_imports_the_rest_and_lists_what_it_skipped(database: Database) -> None:
    report = await bring(
        database, "broken/twice.csv", "broken/numbers.csv", "shopify.csv", skip_bad=True, currency="USD"
    )
    assert report.products.added == 6
    assert len(report.skipped) == 5
    with pytest.raises(BadImport):
        await bring(database, "broken/sheet.xlsx", skip_bad=True)


async def test_a_currency_that_does_not_exist_is_refused(database: Database) -> None:
    with pytest.raises(BadImport, match='SHOP_CURRENCY:1: "POUND" is no currency, an ISO 4217 code'):
        await bring(database, "shopify.csv", currency="POUND")


async def test_importing_again_changes_nothing(database: Database) -> None:
    files = ("shopify.csv", "faq.md", "policy.txt", "shop.json")
    first = await bring(database, *files)
    kept = [await rows(database, select(table.__table__)) for table in (Product, Variant, Article)]
    version = (await shop_row(database)).catalogue_version
    again = await bring(database, *files)
    assert numbers(first.products) == (4, 0, 0, 0)
    assert numbers(again.products) == (0, 0, 4, 0)
    assert numbers(again.articles) == (0, 0, first.articles.added, 0)
    assert kept == [await rows(database, select(table.__table__)) for table in (Product, Variant, Article)]
    assert (await shop_row(database)).catalogue_version == version == 1


async def test_what_an_export_no_longer_holds_is_withdrawn_and_comes_back(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text("sku,name,price\nA,Tea,5\nB,Pot,6\nC,Cup,7\n")
    await bring(database, file, currency="USD")
    file.write_text("sku,name,price\nA,Tea,5\nB,Pot,6.5\n")
    less = await bring(database, file)
    assert numbers(less.products) == (0, 1, 1, 1)
    assert await handles(database) == {"A", "B"}
    file.write_text("sku,name,price\nA,Tea,5\nB,Pot,6.5\nC,Cup,7\n")
    assert numbers((await bring(database, file)).products) == (0, 1, 2, 0)
    assert await handles(database) == {"A", "B", "C"}
    versions = await rows(database, select(Product.handle, Product.version).order_by(Product.handle))
    assert [tuple(row) for row in versions] == [("A", 1), ("B", 2), ("C", 2)]


async def test_articles_alone_withdraw_no_products_and_only_their_own_file(database: Database, tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    page.write_text("## One\nfirst\n\n## Two\nsecond\n")
    other.write_text("## Three\nthird\n")
    await bring(database, "shopify.csv", page, other, currency="USD")
    page.write_text("## One\nfirst\n")
    report = await bring(database, page)
    assert numbers(report.articles) == (0, 0, 1, 1)
    assert numbers(report.products) == (0, 0, 0, 0)
    current = await rows(database, select(Article.title).where(*articles.IN_FORCE))
    assert {row.title for row in current} == {"One", "Three"}
    assert len(await handles(database)) == 4


async def test_a_changed_product_keeps_its_variants_places(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    head = "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant SKU\n"
    file.write_text(head + "a,Tea,Size,S,5,A1\na,,,M,6,A2\na,,,L,7,A3\nb,Pot,,,9,B1\n")
    await bring(database, file, currency="USD")
    before = {row.sku: row.id for row in await rows(database, select(Variant.id, Variant.sku))}
    file.write_text(head + "a,Tea,Size,S,5.5,A1\na,,,M,6,A2\nb,Pot,,,9,B1\nb,,,Big,12,B2\n")
    await bring(database, file)
    after = await rows(database, select(Variant.id, Variant.sku, Variant.price).order_by(Variant.sku))
    assert [(row.sku, row.price) for row in after] == [
        ("A1", Decimal("5.5")),
        ("A2", Decimal(6)),
        ("B1", Decimal(9)),
        ("B2", Decimal(12)),
    ]
    assert {row.sku: row.id for row in after if row.sku != "B2"} == {sku: before[sku] for sku in ("A1", "A2", "B1")}


async def test_a_first_import_makes_the_demo_shop_leave(database: Database) -> None:
    await database.write(lambda tx: shops.update(tx, 1, demo=True))
    await bring(database, "shopify.csv", "faq.md", "shop.json", demo=True)
    assert (await shop_row(database)).demo
    report = await bring(database, "policy.txt")
    assert report.products.withdrawn == 4
    assert not await handles(database)
    shop = await shop_row(database)
    assert (shop.demo, shop.name, shop.currency) == (False, "", "GBP")


async def test_two_files_of_products_are_one_catalogue(database: Database) -> None:
    report = await bring(database, "shopify.csv", "merchant.tsv", currency="USD")
    assert report.products.added == 6


async def test_a_folder_is_its_files_and_what_is_none_of_the_shops_is_left_out(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(DATA / "shopify.csv", folder / "items.csv")
    shutil.copy(DATA / "faq.md", folder / "inner" / "faq.md")
    (folder / "logo.png").write_bytes(b"\x89PNG\0")
    (folder / "orders.json").write_text('[{"order": 1, "total": 3}]')
    (folder / "LICENSE.txt").write_text("Do what you want with all of these files.")
    report = await bring(database, folder, currency="USD")
    assert report.products.added == 4
    assert [problem.file for problem in report.skipped] == [str(folder / "orders.json")]
    sources = await rows(database, select(Article.source).distinct())
    assert [row.source for row in sources] == ["inner/faq.md"]


async def currency_of(database: Database) -> set[str]:
    return {row.currency for row in await rows(database, select(Variant.currency))}


async def test_a_price_without_currency_takes_the_one_asked_for_first(database: Database) -> None:
    await bring(database, "products.jsonl.gz", "shop.json", "faq.md", currency="CHF")
    assert await currency_of(database) == {"CHF"}


async def test_then_the_one_of_the_shop_file(database: Database) -> None:
    await bring(database, "products.jsonl.gz", "shop.json", "faq.md")
    assert await currency_of(database) == {"GBP"}
    shop = await shop_row(database)
    assert (shop.name, shop.currency, shop.timezone, shop.language) == ("Marlow", "GBP", "Europe/London", "en")


async def test_then_the_one_of_an_earlier_import(database: Database) -> None:
    await bring(database, "shop.json")
    await bring(database, "products.jsonl.gz", "faq.md")
    assert await currency_of(database) == {"GBP"}


async def test_then_the_one_that_the_articles_speak_of(database: Database) -> None:
    await bring(database, "products.jsonl.gz", "faq.md")
    assert await currency_of(database) == {"EUR"}


async def test_a_currency_that_a_price_names_itself_holds_before_all(database: Database) -> None:
    await bring(database, "merchant.xml", "shop.json", currency="USD")
    assert await currency_of(database) == {"EUR"}


async def test_a_dollar_sign_is_the_shops_own_dollar_but_never_a_pound(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "dollars.csv"
    file.write_text("name,price\nTea,$5\n")
    await bring(database, file, currency="AUD")
    assert await currency_of(database) == {"AUD"}
    await bring(database, file, currency="GBP")
    assert await currency_of(database) == {"USD"}


async def test_a_manual_keeps_the_name_of_its_product(database: Database) -> None:
    await bring(database, "shopify.csv", "manual.md", "manuals.jsonl")
    titles = {row.title for row in await rows(database, select(Article.title))}
    assert "Linen Shirt › Care" in titles
    assert "Linen Shirt › FAQ › Can it be tumble dried?" in titles


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
async def test_chinese_is_read_in_any_encoding(database: Database, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "goods.csv"
    file.write_bytes((DATA / "plain_zh.csv").read_text("utf-8").replace("¥", "￥").encode(encoding))
    await bring(database, file, currency="CNY")
    found = await rows(database, select(Product.title, Product.attributes).where(Product.title == "龙井茶"))
    assert [tuple(row) for row in found] == [("龙井茶", {"产地": "杭州"})]


async def test_western_europe_is_read_from_windows(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "artikel.csv"
    file.write_bytes("name;price;farbe\nCafé Crème – Größe L;€ 5,50;weiß\nThé à l’été;€ 4;doré\n".encode("cp1252"))
    await bring(database, file)
    titles = {row.title for row in await rows(database, select(Product.title))}
    assert titles == {"Café Crème – Größe L", "Thé à l’été"}


async def test_leftovers_of_a_killed_import_are_gone_after_the_next(database: Database) -> None:
    now = CLOCK.now()
    entry = imports.entry(
        "article", "lost", {"title": "Lost", "body": "x", "language": "en", "source": "a", "position": 1}
    )
    run = await database.write(lambda tx: imports.begin(tx, 1, now))
    await database.write(lambda tx: imports.stage(tx, 1, run, [entry], now))
    report = await bring(database, "merchant.tsv")
    assert not await rows(database, select(Article.id))
    assert report.products.added == 2
    assert await handles(database) == {"K-1", "K-2"}
    assert not await rows(database, select(Staged.id))


async def test_progress_reaches_the_end_of_each_file(database: Database) -> None:
    seen: dict[str, tuple[int, int]] = {}
    await bring(
        database, "products.jsonl.gz", currency="USD", progress=lambda file, *bytes_: seen.update({file: bytes_})
    )
    size = (DATA / "products.jsonl.gz").stat().st_size
    assert seen == {str(DATA / "products.jsonl.gz"): (size, size)}


async def test_the_command_prints_what_it_did_and_ends_with_2_when_it_did_nothing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = DATA / "columns.toml"
    assert await tool.run(database, 1, [DATA / "foreign.csv"], clock=CLOCK, columns=columns, currency="EUR") == 0
    assert "products" in capsys.readouterr().out
    assert await tool.run(database, 1, [DATA / "broken" / "numbers.csv"], clock=CLOCK) == 2
    out = capsys.readouterr().out
    assert 'numbers.csv:3: stock: "many" is no stock level' in out
    assert "Problems: 4. Nothing was imported." in out
    assert await tool.run(database, 1, [DATA / "plain.csv"], clock=CLOCK, columns=DATA / "plain.csv") == 2
    assert "the column map can't be read" in capsys.readouterr().out


HEADS = [
    b"",
    b"Handle,Title,Variant Price\n",
    b"ID,Type,SKU,Name,Published,Regular price,Parent\n",
    b"name,price,stock\n",
    b'<rss xmlns:g="http://base.google.com/ns/1.0"><item><g:id>',
    b"id\ttitle\tprice\tgtin\n",
    b'[{"title": "a", "price": 1}',
    b'{"name": "a", "price": ',
    b'{"file": "a", "text": ',
    b'{"timezone": ',
    b"# Title\n",
    b"\x1f\x8b",
    b"\xff\xfe",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(HEADS), tail=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode())
)
@example(head=b'[{"title": "a", "price": 1}', tail=b"[" * 200_000)
@example(head=b'{"title": "a\\ud800", "price": ', tail=b'1e999999999, "stock": true}')
async def test_no_bytes_do_worse_than_a_bad_import(
    database: Database, tmp_path: Path, head: bytes, tail: bytes
) -> None:
    (tmp_path / "any.dat").write_bytes(head + tail)
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(head + tail))
    for file in (tmp_path / "any.dat", packed):
        with contextlib.suppress(BadImport):
            await bring(database, file, currency="USD", skip_bad=True)
