"""What each format's file in tests/data becomes."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge.importers import _values
from bot.knowledge.importers._sorting import sort_files
from bot.knowledge.importers.base import Article, Product

DATA = Path(__file__).parents[1] / "data"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(name: str, mapping: dict[str, str] | None = None) -> tuple[str, list[Any]]:
    """The format that reads the file, and what it reads."""
    chosen, wrong, left_out = sort_files([DATA / name], mapping or {}, NOW)
    assert (wrong, left_out) == ([], [])
    return chosen[0].format.__name__.rpartition(".")[2], list(chosen[0].format.read(chosen[0].source))  # type: ignore[attr-defined]


def products(name: str) -> dict[str, Product]:
    return {product.handle: product for product in read(name)[1]}


def articles(name: str) -> dict[str, str]:
    return {" / ".join(article.path): article.body for article in read(name)[1] if isinstance(article, Article)}


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("shopify.csv", "shopify"),
        ("woocommerce.csv", "woocommerce"),
        ("woocommerce_zh.csv", "woocommerce"),
        ("merchant.xml", "google_merchant"),
        ("merchant.tsv", "google_merchant"),
        ("plain.csv", "plain"),
        ("plain_zh.csv", "plain"),
        ("products.json", "plain"),
        ("products.jsonl.gz", "plain"),
        ("faq.md", "markdown"),
        ("manual.md", "markdown"),
        ("policy.txt", "plain_text"),
        ("faq.csv", "documents"),
        ("manuals.jsonl", "documents"),
        ("shop.json", "shop_file"),
    ],
)
def test_a_format_is_told_by_content_whatever_the_file_is_called(name: str, format_name: str, tmp_path: Path) -> None:
    assert read(name)[0] == format_name
    renamed = tmp_path / "export.dat"
    renamed.write_bytes((DATA / name).read_bytes())
    chosen, _, _ = sort_files([renamed], {}, NOW)
    assert chosen[0].format.__name__.endswith(format_name)  # type: ignore[attr-defined]


def test_shopify_rows_of_one_handle_are_one_product() -> None:
    found = products("shopify.csv")
    shirt = found["linen-shirt"]
    assert shirt.description == "Woven in Portugal.\nWash at 30 °C\nIron warm"
    assert (shirt.brand, shirt.category, shirt.tags) == ("Marlow", "Shirts", ["linen", "summer"])
    assert shirt.attributes == {"Fabric": "Linen"}
    assert [(v.sku, v.options, v.price, v.stock) for v in shirt.variants] == [
        ("LS-S-B", {"Size": "S", "Color": "Blue"}, Decimal("1058.00"), 4),
        ("LS-M-W", {"Size": "M", "Color": "White"}, Decimal("58.00"), 0),
    ]
    assert shirt.variants[0].compare_at == Decimal(70)
    assert shirt.image == "https://cdn.example/shirt.jpg"


def test_shopify_drafts_are_hidden_and_uncounted_stock_is_available() -> None:
    found = products("shopify.csv")
    assert [handle for handle, product in found.items() if not product.visible] == ["secret-coat"]
    card, belt = found["gift-card"].variants[0], found["made-to-order"].variants[0]
    assert (card.options, card.stock, card.available) == ({}, None, True)
    assert (belt.stock, belt.available) == (None, True)


@pytest.mark.parametrize(
    "name", ["shopify.csv", "woocommerce.csv", "merchant.xml", "plain.csv", "plain_zh.csv", "products.json"]
)
def test_what_the_merchant_pays_is_never_kept(name: str) -> None:
    costs = ("21.5", "12.00", "3.00", "4.00", "6,00", "800", "80", "600", "11")
    for product in products(name).values():
        assert not [value for value in product.attributes.values() if value in costs]


def test_woocommerce_variations_find_their_parent_wherever_they_stand() -> None:
    found = products("woocommerce.csv")
    hoodie = found["HOOD"]
    assert [(v.options, v.price, v.compare_at, v.stock, v.available) for v in hoodie.variants] == [
        ({"Color": "Blue"}, Decimal(39), Decimal(45), 7, None),
        ({"Color": "Green"}, Decimal(45), None, None, False),
    ]
    assert hoodie.description == "Warm and soft.\nLine one\nLine two"
    assert hoodie.attributes == {"Weight": "0.6 kg", "Material": "Cotton"}
    assert (hoodie.category, hoodie.image) == ("Clothing > Hoodies", "https://shop.example/h.jpg")


def test_woocommerce_sales_that_are_over_and_hidden_products_do_not_count() -> None:
    found = products("woocommerce.csv")
    mug = found["MUG"].variants[0]
    assert (mug.price, mug.compare_at, found["MUG"].attributes) == (Decimal(8), None, {"Glaze": "Celadon"})
    assert [handle for handle, product in found.items() if not product.visible] == ["OLD", "DRAFT"]


def test_woocommerce_speaks_chinese() -> None:
    found = products("woocommerce_zh.csv")
    scarf = found["SS"]
    assert [(v.options, v.price, v.stock, v.available) for v in scarf.variants] == [
        ({"颜色": "红色"}, Decimal(168), 5, None),
        ({"颜色": "蓝色"}, Decimal(199), None, False),
    ]
    assert (scarf.category, scarf.tags, found["BZ"].visible) == ("围巾", ["丝绸", "礼物"], False)


def test_merchant_items_of_one_group_are_one_product() -> None:
    found = products("merchant.xml")
    tee, cap = found["TEE"], found["C-1"]
    assert (tee.title, tee.description, tee.attributes) == ("Cotton Tee", "Heavy cotton.", {"Size": "M"})
    assert [(v.options, v.price, v.compare_at, v.currency, v.available) for v in tee.variants] == [
        ({"Color": "Black"}, Decimal(15), Decimal(20), "EUR", True),
        ({"Color": "Blue"}, Decimal(20), None, "EUR", False),
    ]
    assert cap.attributes == {"Availability": "preorder", "Brim": "6 cm", "Material": "Wool"}
    kettle = products("merchant.tsv")["K-1"]
    assert (kettle.variants[0].price, kettle.variants[0].currency, kettle.brand) == (Decimal(58), "USD", "Brew")


def test_plain_tables_keep_what_no_field_takes_as_attributes() -> None:
    found = products("plain.csv")
    assert found["House Espresso"].attributes == {"Roast level": "dark"}
    assert found['Geisha "Lot 5"'].variants[0].price == Decimal(1299)
    assert found["House Espresso"].variants[0].currency == "EUR"
    chinese = products("plain_zh.csv")
    assert chinese["龙井茶"].variants[0].price == Decimal(199)
    assert not chinese["测试茶"].visible


def test_plain_json_may_nest_prices_and_variants() -> None:
    found = products("products.json")
    assert (found["1"].variants[0].price, found["1"].variants[0].currency) == (Decimal("39.9"), "USD")
    assert (found["1"].attributes, found["1"].tags) == ({"Warranty": "2 years"}, ["light", "desk"])
    assert [(v.sku, v.options, v.stock, v.available) for v in found["2"].variants] == [
        ("CH-O", {"Wood": "Oak"}, 2, None),
        ("CH-A", {"Wood": "Ash"}, None, False),
    ]


def test_a_column_map_names_the_columns_of_a_foreign_table() -> None:
    mapping = {"title": "Artikel", "price": "VK Brutto", "stock": "Bestand"}
    paper = read("foreign.csv", mapping)[1][0]
    assert (paper.title, paper.variants[0].price, paper.variants[0].stock) == ("Filterpapier", Decimal("4.90"), 12)
    wrong = read("foreign.csv", {"title": "Artikel", "price": "Preis"})[1][0]
    assert str(wrong).endswith(
        "foreign.csv:1: Preis: the file has no such column for price, one of Artikel, VK Brutto, Bestand would be right"
    )


def test_markdown_is_cut_at_headings_and_questions() -> None:
    assert articles("faq.md") == {
        "How long does delivery take?": "Two to three working days. See tracking (https://shop.example/track).",
        "Returns / Within Europe": "30 days. The label costs €5.\n\nSize | Fee\nS    | €5".replace("S    |", "S |"),
        "Returns / 退货到中国": "签收后 30 天内可以退货。",
        "Payment / Do you take cards?": "Yes, Visa and Mastercard.",
        "Payment / Can I pay cash?": "Only in the shop.",
    }


def test_plain_text_is_cut_at_questions_and_heading_lines() -> None:
    assert articles("policy.txt") == {
        "SHIPPING": "Orders over £40 ship free. All others cost £3.95.",
        "SHIPPING / How do I return something?": "Send it back within 30 days.",
        "SHIPPING / 能开发票吗？": "可以，下单时备注即可。",
    }


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("1,299.00", "1299", ""),
        ("1.299,00", "1299", ""),
        ("12,50", "12.5", ""),
        ("1 299,00 €", "1299", "EUR"),
        ("¥199", "199", ""),
        ("￥１９９", "199", ""),
        ("199元", "199", "CNY"),
        ("58.00 USD", "58", "USD"),
        ("RM 12", "12", "MYR"),
        ("US$3", "3", "USD"),
        ("0", "0", ""),
    ],
)
def test_a_price_is_read_as_people_write_it(text: str, amount: str, currency: str) -> None:
    price = _values.price(text)
    assert (price.amount, price.currency) == (Decimal(amount), currency)


@pytest.mark.parametrize(
    "text", ["-1", "free", "10-20", "NaN", "Infinity", "1e5", "12 34 USD USD", "9" * 20, "", "1.2.3,4,5"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(_values.Wrong):
        _values.price(text)


def test_html_becomes_lines_of_text() -> None:
    text = _values.plain(
        "<p>One &amp; two<br/>three</p><table><tr><td>Size</td><td>L</td></tr></table><style>p{}</style>"
    )
    assert text == "One & two\nthree\nSize L"
    assert _values.plain("smaller < 5 & bigger > 3") == "smaller < 5 & bigger > 3"
