"""Broken pages, PDFs, Word files and workbooks: each is told by its place with what would be right."""

import contextlib
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from sqlalchemy import select

from bot.clock import ManualClock
from bot.knowledge.importers import BadImport, Problem, Report, import_paths
from bot.knowledge.importers._importing import guarded
from bot.knowledge.importers._sorting import sort_files
from storage import articles, imports
from storage.database import Database, Transaction
from storage.tables import Article, Product, Staged
from tests.bot.office_files import archive, docx, paragraph, pdf, table, xlsx
from tests.shop_file import new_shop

CLOCK = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
SOME = [("Care", 14, 700, True), ("Wash it cold, and never with anything that is red.", 10, 680, False)]
PLAIN = pdf(SOME, SOME)
FAQ = [["Question", "Answer"], ["Do you ship abroad?", "Yes."]]
PRICES = [["Name", "Price"], ["Tea", 5]]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with new_shop(tmp_path) as database:
        yield database


async def bring(database: Database, path: Path, content: bytes | str, **options: Any) -> Report:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return await import_paths(database, 1, [path], clock=CLOCK, **options)


async def stored(database: Database) -> tuple[set[str], set[str], int]:
    """Titles of the products and articles in force, and how many rows are left staged."""

    async def found(tx: Transaction) -> tuple[set[str], set[str], int]:
        products = select(Product.title).where(Product.withdrawn.is_(None), imports.is_current(Product))
        texts = select(Article.title).where(*articles.IN_FORCE)
        staged = await tx.execute(select(Staged.id))
        return (
            {row.title for row in await tx.execute(products)},
            {row.title for row in await tx.execute(texts)},
            len(list(staged)),
        )

    return await database.read(found)


def numbers(counts: Any) -> tuple[int, int, int, int]:
    return counts.added, counts.changed, counts.unchanged, counts.withdrawn


def locked(content: bytes) -> bytes:
    writer, written = PdfWriter(PdfReader(BytesIO(content))), BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(written)
    return written.getvalue()


def bomb() -> bytes:
    """A Word file that says of its text that it unpacks to a gigabyte; it does to a tenth of a megabyte."""
    packed = docx(paragraph("x" * 100_000))
    size = len(ZipFile(BytesIO(packed)).read("word/document.xml")).to_bytes(4, "little")
    return packed.replace(size, (1 << 30).to_bytes(4, "little"))


def renamed(content: bytes, old: str, new: str) -> bytes:
    """The archive with one part's text changed."""
    with ZipFile(BytesIO(content)) as opened:
        return archive({name: opened.read(name).replace(old.encode(), new.encode()) for name in opened.namelist()})


DTD = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
UNREAL = PLAIN.replace(b"/ToUnicode 5 0 R", b"                ")
BROKEN: dict[str, tuple[bytes | str, str]] = {
    "deep.html": (
        "<html><body>" + "<div>" * 6000 + "x",
        ":1: the page has more than 5,000 elements inside of each other, save only the article, or its text as",
    ),
    "empty.html": (
        "<html><body><nav>Shop</nav><script>go()</script></body></html>",
        ":1: the page has no text, a page saved from the browser once it shows its text, or its text as Markdown,",
    ),
    "cut.pdf": (PLAIN[:300], ":1: page 1: the page can't be read ("),
    "locked.pdf": (locked(PLAIN), ":1: the PDF has a password, save it without one"),
    "scan.pdf": (
        pdf([], []),
        ":1: no page of the PDF holds text, as if it were scanned, a PDF with real text (by text recognition), or the",
    ),
    "letters.pdf": (UNREAL, ":2: page 2: the page's fonts don't say which letters they draw, print it to a new PDF"),
    "cut.docx": (
        docx(paragraph("Wash cold."))[:200],
        ":1: the file is a damaged Excel, Word or zip file (File is not a zip file), open it where it was made and",
    ),
    "open.docx": (
        renamed(docx(paragraph("One."), paragraph("Two.")), "</w:body>", ""),
        ":2: paragraph 2: the Word file is damaged (\"mismatched tag: line 1",
    ),
    "entity.docx": (
        renamed(docx(paragraph("Wash cold.")), "<w:document ", DTD + "<w:document "),
        ":1: paragraph 1: the Word file is damaged (",
    ),
    "bomb.docx": (
        bomb(),
        ":1: the file unpacks to more than 128 MB or 10,000 parts, split it into smaller files, without pictures",
    ),
    "empty.docx": (docx(), ":1: the Word file holds no text, text, not pictures of it, would be right"),
    "old.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        ":1: the file is an old Excel or Word file, or one with a password, save it as XLSX, DOCX, CSV (UTF-8)",
    ),
    "price.xlsx": (
        xlsx({"List": [["Name", "Price", "Stock"], ["Tea", "five", 2], ["Pot", 4, "many"], ["", 3, 1]]}),
        ":2: Price: \"five\" is no price, a number such as 58.00 or 58.00 USD would be right",
    ),
    "formula.xlsx": (
        xlsx({"List": [["Name", "Price"], ["Tea", "#REF!"]]}),
        "formula.xlsx[List]:2: a formula of the row failed (#REF!), put a value there",
    ),
    "unsaved.xlsx": (
        xlsx({"List": [["Name", "Price"], ["Tea", "=2*3"]]}),
        ":1: the file has formulas without their results, open it in Excel and save it again",
    ),
    "answer.xlsx": (
        xlsx({"List": PRICES, "Fragen": [["问题", "答案"], ["能开发票吗？", None]]}),
        "answer.xlsx[Fragen]:2: 答案: there is no answer, every row needs one",
    ),
    "notes.xlsx": (
        xlsx({"Notes": [["call Anna"]]}),
        "notes.xlsx[Notes]:1: this kind of file is not known, a row of column names such as title and price, or",
    ),
    "sheet.xlsx": (
        renamed(xlsx({"List": [*PRICES, ["Pot", 6]]}), "<row r=\"3\"", "<row r=\"3"),
        "sheet.xlsx[List]:2: the sheet is damaged below this row (",
    ),
    "book.xlsx": (
        renamed(xlsx({"List": PRICES}), "<sheets>", "<sheets"),
        ":1: the workbook is damaged (",
    ),
    "other.zip": (archive({"shop.csv": "name,price"}), ":1: the file is a zip archive, unpack it; Shopify, "),
    "answer.csv": ("Question,Answer\nIs it blue?,\n", ":2: Answer: there is no answer, every row needs one"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_broken_document_is_told_by_place_and_changes_nothing(
    database: Database, tmp_path: Path, name: str
) -> None:
    await bring(database, tmp_path / "shop.xlsx", xlsx({"List": PRICES, "FAQ": FAQ}))
    before = await stored(database)
    content, told = BROKEN[name]
    with pytest.raises(BadImport) as raised:
        await bring(database, tmp_path / name, content)
    assert str(raised.value).startswith(str(tmp_path / name))
    assert told in str(raised.value)
    assert await stored(database) == before == ({"Tea"}, {"Do you ship abroad?"}, 0)


async def test_skip_bad_takes_the_pages_and_rows_that_can_be_read(database: Database, tmp_path: Path) -> None:
    book = xlsx({"List": [*PRICES, ["Pot", "six"]], "FAQ": FAQ})
    report = await bring(database, tmp_path / "list.xlsx", book, skip_bad=True)
    assert (report.products.added, report.articles.added) == (1, 1)
    assert [str(one).partition("list.xlsx")[2] for one in report.skipped] == [
        '[List]:3: Price: "six" is no price, a number such as 58.00 or 58.00 USD would be right'
    ]
    pages = pdf(SOME, [("\ue123\ue124\ue125", 10, 680, False)], [("Payment", 14, 700, True), SOME[1]])
    report = await bring(database, tmp_path / "care.pdf", pages, skip_bad=True)
    assert report.articles.added == 2
    assert [one.line for one in report.skipped] == [2]


def chapter(title: str, text: str) -> tuple[str, str]:
    return paragraph(title, "heading 1"), paragraph(text)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "page.html",
            "<h1>Care</h1><p>Wash.</p><h2>Wool</h2><p>Cold.</p><h2>Silk</h2><p>By hand.</p>",
            "<h1>Care</h1><p>Wash.</p><h2>Wool</h2><p>Not at all.</p><h2>Cotton</h2><p>Hot.</p>",
        ),
        (
            "care.docx",
            docx(*chapter("Care", "Cold."), *chapter("Wool", "Cold."), *chapter("Silk", "By hand.")),
            docx(*chapter("Care", "Cold."), *chapter("Wool", "Hot."), *chapter("Cotton", "Hot.")),
        ),
        (
            "faq.xlsx",
            xlsx({"FAQ": [["Question", "Answer"], ["Care?", "Cold."], ["Wool?", "Cold."], ["Silk?", "By hand."]]}),
            xlsx({"FAQ": [["Question", "Answer"], ["Care?", "Cold."], ["Wool?", "Hot."], ["Cotton?", "Hot."]]}),
        ),
    ],
)  # fmt: skip
async def test_again_changes_nothing_and_an_edited_file_just_what_differs(
    database: Database, tmp_path: Path, name: str, before: bytes | str, after: bytes | str
) -> None:
    assert numbers((await bring(database, tmp_path / name, before)).articles) == (3, 0, 0, 0)
    assert numbers((await bring(database, tmp_path / name, before)).articles) == (0, 0, 3, 0)
    assert numbers((await bring(database, tmp_path / name, after)).articles) == (1, 1, 1, 1)


async def test_a_sheet_of_questions_that_left_its_workbook_takes_its_answers_along(
    database: Database, tmp_path: Path
) -> None:
    await bring(database, tmp_path / "shop.xlsx", xlsx({"List": PRICES, "FAQ": FAQ}))
    report = await bring(database, tmp_path / "shop.xlsx", xlsx({"List": PRICES}))
    assert (numbers(report.products), numbers(report.articles)) == ((0, 0, 1, 0), (0, 0, 0, 1))
    assert await stored(database) == ({"Tea"}, set(), 0)


def packed_openly(content: bytes) -> bytes:
    """The archive without compression, so that damage reaches the text."""
    written = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(written, "w", ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return written.getvalue()


SEEDS = [
    b"<!DOCTYPE html><html><body><main><h1>Care</h1><p><b>Wash?</b><br>Cold.<table><tr><td>a<td>b</table></main>",
    PLAIN,
    docx(paragraph("Care", "heading 1"), paragraph("Wash cold."), table(("Wool", "Cold."))),
    packed_openly(docx(paragraph("Care", "heading 1"), paragraph("Wash cold."), table(("Wool", "Cold.")))),
    xlsx({"List": PRICES, "FAQ": FAQ}),
    packed_openly(xlsx({"List": PRICES, "FAQ": FAQ})),
    b'{"question": "Cold?", "answer": "Yes."}\n{"question": "Hot?", "answer": "No."}\n',
    b"%PDF-1.7\n",
    b"PK\x03\x04",
]
PLACES = st.floats(0, 1, exclude_max=True)
DAMAGE = st.lists(
    st.tuples(PLACES, st.sampled_from(["flip", "cut", "drop", "put"]), st.binary(max_size=12)), max_size=8
)


def damaged(content: bytes, damage: list[tuple[float, str, bytes]]) -> bytes:
    found = bytearray(content)
    for place, how, extra in damage:
        at = int(place * len(found))
        if how == "cut":
            del found[max(at, 8) :]
        elif how == "drop":
            del found[at : at + 1 + len(extra)]
        elif how == "put":
            found[at:at] = extra
        elif found:
            found[at] ^= 1 << (len(extra) % 8)
    return bytes(found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), damage=DAMAGE, gzipped=st.booleans())
def test_damage_anywhere_ends_in_a_result_or_in_problems(
    tmp_path: Path, seed: bytes, damage: list[tuple[float, str, bytes]], gzipped: bool
) -> None:
    content = damaged(seed, damage)
    file = tmp_path / "any.dat"
    file.write_bytes(gzip.compress(content, 1) if gzipped else content)
    chosen, wrong, left_out = sort_files([file], {}, CLOCK.now())
    items = [*wrong, *left_out, *(item for choice in chosen for item in guarded(choice))]
    for problem in (item for item in items if isinstance(item, Problem)):
        assert problem.what
        assert problem.right
        assert problem.line > 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), damage=DAMAGE)
async def test_no_damage_does_worse_than_a_bad_import(
    database: Database, tmp_path: Path, seed: bytes, damage: list[tuple[float, str, bytes]]
) -> None:
    with contextlib.suppress(BadImport):
        await bring(database, tmp_path / "any.dat", damaged(seed, damage), skip_bad=True)
    assert (await stored(database))[2] == 0


MANY = "the file unpacks to more than 128 MB or 10,000 parts"


def said_of(path: Path, content: bytes) -> list[str]:
    """What is wrong with a file of this content."""
    path.write_bytes(content)
    chosen, wrong, _ = sort_files([path], {}, CLOCK.now())
    items = [*wrong, *(item for choice in chosen for item in guarded(choice))]
    return [item.what for item in items if isinstance(item, Problem)]


@pytest.mark.long
def test_office_files_that_grow_a_thousandfold_are_not_unpacked(tmp_path: Path) -> None:
    grown = "<row>" + "<c><v>1</v></c>" * 10_000_000
    sheet = archive({"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": grown})
    assert said_of(tmp_path / "sheet.xlsx", sheet) == [MANY]
    assert said_of(tmp_path / "text.docx", archive({"word/document.xml": "<w:p/>" * 23_000_000})) == [MANY]


def test_what_unpacks_without_end_is_cut_off(tmp_path: Path) -> None:
    """A gzip file of members one behind the other, an archive of many parts, and others."""
    rows = gzip.compress(b"title,price\n" + b"Cap,9.90 USD\n" * (1 << 20), 6)
    cases = {
        "rows.csv.gz": rows * 21,
        "parts.docx": archive({f"word/{number}.xml": "" for number in range(10_001)}),
        "page.html.gz": gzip.compress(b"<html><body>" + bytes([32]) * 33_000_000, 1),
        "text.pdf.gz": gzip.compress(b"%PDF-1.7\n" + bytes(70 << 20), 1),
    }
    told = {name: said_of(tmp_path / name, content) for name, content in cases.items()}
    assert told["rows.csv.gz"] == ["the file unpacks to more than 256 MB"]
    assert told["parts.docx"] == [MANY]
    assert told["page.html.gz"] == ["the file can't be read (longer than 32,000,000 characters)"]
    assert told["text.pdf.gz"] == ["the file unpacks to more than 64 MB"]
