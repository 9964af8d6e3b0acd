"""Saved pages, PDFs, Word files and workbooks: what of them is read, under which headings, and what is left out."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.knowledge.importers._importing import guarded
from bot.knowledge.importers._sorting import sort_files
from bot.knowledge.importers.base import Article, Product
from tests.bot.office_files import docx, paragraph, pdf, table, xlsx

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEXT, BIG, LARGEST = 10, 14, 20


def read(folder: Path, name: str, content: bytes | str) -> list[Any]:
    """Everything that the file gives, problems too."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen, wrong, left_out = sort_files([folder / name], {}, NOW)
    return [*wrong, *left_out, *(item for choice in chosen for item in guarded(choice))]


def articles(folder: Path, name: str, content: bytes | str) -> dict[str, str]:
    found = read(folder, name, content)
    assert [item for item in found if not isinstance(item, Article)] == []
    return {" / ".join(item.path): item.body for item in found}


PAGE = """<!DOCTYPE html><html><head><title>Shipping – Marlow</title><script>track("<h1>no</h1>");
for (i = 0; i<n; i++) { if (i<a) { x("<STYLE>") } }</script><style>p > a { color: red }</style></head><body>
<div class="announcement-bar">Free stickers this week</div>
<header><a href="/">Marlow</a><nav><ul><li><a href="/shop">Shop</a></li></ul></nav></header>
<main><h1>Shipping &amp; returns</h1><p>We pack by hand.<p>Unclosed, but fine.
<h2>Times</h2><ul><li>UK: <b>two</b> days<li>EU: five days</ul>
<p>See <a href="https://shop.example/track">your parcel</a> or <a href="#top">the top</a>.</p>
<p><strong>Who pays for returns?</strong><br>You do.</p>
<h2>Returns</h2><table><tr><th>Country<th>Fee</tr><tr><td>UK<td>£3</tr></table>
<details><summary>Can I exchange?</summary><p>Yes, for another size.</p></details>
<button aria-expanded="false">Is it insured?</button><div hidden>Up to £100.</div><button>Add to cart</button>
</main><footer>© Marlow<p>Imprint</footer></body></html>"""


def test_a_saved_page_keeps_its_article_and_leaves_out_what_stands_around_it(tmp_path: Path) -> None:
    assert articles(tmp_path, "page.html", PAGE) == {
        "Shipping & returns": "We pack by hand.\n\nUnclosed, but fine.",
        "Shipping & returns / Times": "- UK: two days\n- EU: five days\n\n"
        "See your parcel (https://shop.example/track) or the top.",
        "Shipping & returns / Times / Who pays for returns?": "You do.",
        "Shipping & returns / Returns": "Country | Fee\nUK | £3",
        "Shipping & returns / Returns / Can I exchange?": "Yes, for another size.",
        "Shipping & returns / Returns / Is it insured?": "Up to £100.",
    }


def test_a_page_without_a_main_part_is_known_by_what_its_parts_are_called(tmp_path: Path) -> None:
    page = """<html><title>FAQ | Marlow</title><body><div id="site-nav"><p>All our lamps</p></div>
    <div class="cookie-banner"><p>We use cookies.</p></div><ul><li><a href="/a">Lamps</a></li></ul>
    <div class="rte"><p>Our shop in Leeds has been repairing old lamps since 1982, and we sell what we have mended.
    Every lamp is tested for a week before it is sold, and comes with a new cable and a warranty of two years.</p></div>
    <div class="page-footer"><p>Imprint</p></div></body></html>"""
    found = articles(tmp_path, "about.html", page)
    assert list(found) == ["FAQ"]
    assert found["FAQ"].startswith("Our shop in Leeds")
    assert "cookies" not in found["FAQ"]


def test_a_page_without_headings_has_them_by_their_looks_below_its_title(tmp_path: Path) -> None:
    page = """<html><title>售后须知_青瓷小店</title><body><div class="nav"><a href="/">首页</a></div>
    <div><b>退换货</b></div><div>签收后七天内可以退货。</div><div><b>发货</b></div><div>当天发出。</div>
    <table><tr><td>江浙沪<td>6元<tr><td>西藏<td>20元</table><p>问：能开发票吗？</p><p>答：可以。</p>"""
    assert articles(tmp_path, "page.html", page) == {
        "售后须知 / 退换货": "签收后七天内可以退货。",
        "售后须知 / 发货": "当天发出。\n\n江浙沪 | 6元\n西藏 | 20元",
        "售后须知 / 发货 / 能开发票吗？": "可以。",
    }


def test_a_page_is_not_lost_when_all_of_it_stands_in_what_sounds_like_a_sidebar(tmp_path: Path) -> None:
    page = '<html><body><div class="content-sidebar-wrap"><h2>Returns</h2><p>Within 30 days.</p></div></body></html>'
    assert articles(tmp_path, "page.html", page) == {"Returns": "Within 30 days."}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_chinese_page_is_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    answers = "<h2>退换货</h2><p>签收后七天内可以退货。</p><h3>能开发票吗？</h3><p>可以。</p>"
    page = f"<!DOCTYPE html><html><body><h1>售后政策</h1>{answers}"
    assert articles(tmp_path, "页面.html", page.encode(encoding)) == {
        "售后政策 / 退换货": "签收后七天内可以退货。",
        "售后政策 / 退换货 / 能开发票吗？": "可以。",
    }


def test_a_page_saved_in_one_file_is_unpacked(tmp_path: Path) -> None:
    saved = (
        "From: <Saved by Blink>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/related; type="text/html"; boundary="xx"\n\n'
        "--xx\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<html><body><h1>Care</h1><p>Wash at 30 =C2=B0C, =\nnever hotter.</p></body></html>\n--xx\n"
        "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--xx--\n"
    )  # fmt: skip
    assert articles(tmp_path, "page.mhtml", saved) == {"Care": "Wash at 30 °C, never hotter."}


def lines(page: int) -> list[tuple[str, float, float, bool]]:
    """A page of a PDF with its header and its footer."""
    return [("Marlow Ltd", 8, 780, False), (f"Page {page} of 3", 8, 20, False)]


def test_a_pdf_has_headings_by_size_and_weight_and_paragraphs_across_lines_and_pages(tmp_path: Path) -> None:
    content = pdf(
        [
            *lines(1),
            ("Shipping and returns", LARGEST, 700, True),
            ("We pack everything by hand in Leeds, and every parcel is in-", TEXT, 670, False),
            ("sured. Orders placed before two o'clock leave on the same day and", TEXT, 658, False),
            ("arrive soon.", TEXT, 646, False),
            ("Times", BIG, 610, True),
            ("• UK: two days", TEXT, 590, False),
            ("• EU: five days, or six where the customs of the country want to", TEXT, 578, False),
            ("look into it", TEXT, 566, False),
            ("Who pays for returns?", TEXT, 540, True),
            ("You do, and we recommend to send it with a service that tells where", TEXT, 520, False),
        ],
        [*lines(2), ("your parcel is.", TEXT, 700, False), ("Payment", BIG, 670, True), ("By card.", TEXT, 650, False)],
        [
            *lines(3),
            ("退换货", BIG, 700, False),
            ("签收后七天内可以退货，", TEXT, 680, False),
            ("⽤券除外。", TEXT, 668, False),
        ],
    )
    found = {item.path[-1]: item for item in read(tmp_path, "policy.pdf", content)}
    assert {" / ".join(item.path): item.body for item in found.values()} == {
        "Shipping and returns": "We pack everything by hand in Leeds, and every parcel is insured. Orders placed "
        "before two o'clock leave on the same day and arrive soon.",
        "Shipping and returns / Times": "- UK: two days\n- EU: five days, or six where the customs of the country "
        "want to look into it",
        "Shipping and returns / Times / Who pays for returns?": "You do, and we recommend to send it with a service "
        "that tells where your parcel is.",
        "Shipping and returns / Payment": "By card.",
        "Shipping and returns / 退换货": "签收后七天内可以退货，用券除外。",
    }
    assert found["退换货"].line == 3


def test_a_word_file_has_headings_by_style_and_leaves_out_what_is_deleted_hidden_or_around(tmp_path: Path) -> None:
    hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r></w:p>"
    deleted = "<w:del><w:r><w:delText>old price</w:delText></w:r></w:del><w:ins><w:r><w:t>Free.</w:t></w:r></w:ins>"
    link = '<w:p><w:r><w:t>Track </w:t></w:r><w:hyperlink r:id="r1"><w:r><w:t>here</w:t></w:r></w:hyperlink></w:p>'
    content = docx(
        paragraph("Marlow handbook", "Title"),
        paragraph("Shipping … 3", "toc 1"),
        paragraph("How we work.") + hidden,
        paragraph("Shipping", "heading 1"),
        f"<w:p>{deleted}</w:p>" + link,
        paragraph("UK: two days", "List Bullet") + paragraph("EU: five days", "List Bullet"),
        paragraph("Abroad", "House"),
        paragraph("Five days.") + paragraph("Opening hours", bold=True) + paragraph("10 to 6."),
        paragraph("Q: Do you ship to China?") + paragraph("A: Not yet."),
        paragraph("付款", "heading 1")
        + paragraph("支持微信。")
        + paragraph("可以货到付款吗？")
        + paragraph("不可以。"),
        table(("Question", "Answer"), ("Do you repair lamps?", "Yes, for £12.")),
        paragraph("Sizes", "heading 1") + table(("Size", "Chest", "Length"), ("M", "96 cm", "70 cm")),
        links={"r1": "https://shop.example/track"},
    )
    assert articles(tmp_path, "handbook.docx", content) == {
        "Marlow handbook": "How we work.",
        "Marlow handbook / Shipping": "Free.\n\nTrack here (https://shop.example/track)\n\n"
        "- UK: two days\n- EU: five days",
        "Marlow handbook / Shipping / Abroad": "Five days.",
        "Marlow handbook / Shipping / Abroad / Opening hours": "10 to 6.",
        "Marlow handbook / Shipping / Abroad / Opening hours / Do you ship to China?": "Not yet.",
        "Marlow handbook / 付款": "支持微信。",
        "Marlow handbook / 付款 / 可以货到付款吗？": "不可以。",
        "Marlow handbook / 付款 / Do you repair lamps?": "Yes, for £12.",
        "Marlow handbook / Sizes": "Size | Chest | Length\nM | 96 cm | 70 cm",
    }


def test_a_word_file_without_headings_is_cut_into_its_paragraphs(tmp_path: Path) -> None:
    content = docx(paragraph("We are open on Sundays. From ten to four."), paragraph("We close in August."))
    assert articles(tmp_path, "hours.docx", content) == {
        "We are open on Sundays.": "We are open on Sundays. From ten to four.",
        "We close in August.": "We close in August.",
    }


def test_the_sheets_of_a_workbook_are_read_each_by_its_columns(tmp_path: Path) -> None:
    content = xlsx(
        {
            "Prices": [
                ["Spring price list"],
                [],
                ["Name", "SKU", "Price", "Stock", "Colour", "Since", "Off", "Cost"],
                ["Teapot", 42, 24.5, 7, "Blue", date(2026, 2, 1), 0.25, 9.1],
                [],
                ["茶杯", 7, 19.9, 0, "白色", None, None, 3],
            ],
            "FAQ": [
                ["问题", "答案"],
                ["能开发票吗？", "可以。\n下单时备注。"],
                ["Do you ship abroad?", "Yes."],
            ],
            "Old": [["Name", "Price"], ["Old teapot", 1]],
            "Sizes": [["Size", "Chest"], ["M", 96]],
            "Empty": [],
        },
        {"B4": "00000", "C4": "[$€-407] #,##0.00", "C6": '#,##0.00 "€"', "G4": "0%"},
        hide="Old",
    )
    found = read(tmp_path, "shop.xlsx", content)
    teapot, cup = (item for item in found if isinstance(item, Product))
    assert (teapot.title, teapot.line, teapot.variants[0].sku) == ("Teapot", 4, "00042")
    assert (teapot.variants[0].price, teapot.variants[0].currency, teapot.variants[0].stock) == (
        Decimal("24.5"),
        "EUR",
        7,
    )
    assert teapot.attributes == {"Colour": "Blue", "Since": "2026-02-01", "Off": "25%"}
    assert (cup.line, cup.variants[0].price, cup.variants[0].currency) == (6, Decimal("19.9"), "EUR")
    answers = {item.path: item.body for item in found if isinstance(item, Article)}
    assert answers == {("能开发票吗？",): "可以。\n下单时备注。", ("Do you ship abroad?",): "Yes."}
    told = [str(item).removeprefix(str(tmp_path)) for item in found if not isinstance(item, Product | Article)]
    assert told == [
        "/shop.xlsx[Old]:1: the sheet is hidden, show it in Excel if it is to be read",
        "/shop.xlsx[Sizes]:1: this kind of file is not known, a row of column names such as title and price, or "
        "question and answer, would be right",
    ]


def test_an_export_of_a_shop_system_that_went_through_excel_is_read_as_such(tmp_path: Path) -> None:
    head = ["Handle", "Title", "Option1 Name", "Option1 Value", "Variant Price", "Variant SKU"]
    content = xlsx({"products_export": [head, ["a", "Tea", "Size", "S", 5, "A1"], ["a", "", "", "M", 6.5, "A2"]]})
    (tea,) = read(tmp_path, "export.xlsx", content)
    assert [(one.options, one.price) for one in tea.variants] == [({"Size": "S"}, 5), ({"Size": "M"}, Decimal("6.5"))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faq.csv", "Question,Answer,Category\nCan I return it?,Within 30 days.,Returns\n"),
        ("faq.tsv", "Question\tAnswer\nCan I return it?\tWithin 30 days.\n"),
        ("export.csv", "faq_question;faq_answer;id\nCan I return it?;<p>Within 30 days.</p>;7\n"),
        ("faq.jsonl", '{"question": "Can I return it?", "answer": "Within 30 days."}\n'),
        ("faq.json", '{"faqs": [{"q": "Can I return it?", "a": "Within 30 days."}]}'),
        ("qa.csv", "标准问题,标准答案\nCan I return it?,Within 30 days.\n"),
        ("qa2.csv", "提问,回复\nCan I return it?,Within 30 days.\n"),
        ("any.bin", "Question Text,Response\nCan I return it?,Within 30 days.\n"),
    ],
)
def test_questions_and_answers_come_under_many_names(tmp_path: Path, name: str, content: str) -> None:
    assert articles(tmp_path, name, content) == {"Can I return it?": "Within 30 days."}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PAGE.encode(), "Shipping & returns"),
        (docx(paragraph("Care", "heading 1"), paragraph("Wash cold.")), "Care"),
        (
            pdf([("Care", BIG, 700, True), ("Wash cold, and never with anything that is red.", TEXT, 680, False)]),
            "Care",
        ),
        (xlsx({"FAQ": [["Question", "Answer"], ["Cold?", "Yes."]]}), "Cold?"),
    ],
)
def test_a_format_is_told_by_content_and_may_be_gzipped(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in next(iter(articles(tmp_path, "any.dat", content)))
    assert told in next(iter(articles(tmp_path, "any.dat.gz", gzip.compress(content))))
