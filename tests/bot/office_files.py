"""Small PDFs, Word files and workbooks, made from nothing but their text."""

import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STYLES = "".join(
    f'<w:style w:type="paragraph" w:styleId="S{name}"><w:name w:val="{name}"/>{more}</w:style>'
    for name, more in (
        ("Title", ""),
        ("heading 1", ""),
        ("heading 2", ""),
        ("toc 1", ""),
        ("List Bullet", "<w:pPr><w:numPr/></w:pPr>"),
        ("House", '<w:basedOn w:val="Sheading 2"/>'),
    )
)


def pdf(*pages: Sequence[tuple[str, float, float, bool]]) -> bytes:
    """Each page is its lines: text, size, height above the page's foot (of 800 points), bold."""
    letters = sorted({letter for page in pages for text, *_ in page for letter in text})
    codes = {letter: number for number, letter in enumerate(letters, 1)}
    mapping = "".join(f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>\n" for letter, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{mapping}endbfchar endcmap end"
    )
    kids = " ".join(f"{9 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        *(_font(name) for name in ("Plain", "Plain-Bold")),
        _stream(cmap.encode()),
        *(_cid_font(name) for name in ("Plain", "Plain-Bold")),
        b"<</Producer(tests)>>",
    ]
    for number, page in enumerate(pages):
        content = "".join(
            f"BT /F{2 if bold else 1} {size} Tf 60 {height} Td <{''.join(f'{codes[one]:04x}' for one in text)}> Tj ET\n"
            for text, size, height, bold in page
        )
        fonts = "/MediaBox[0 0 600 800]/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{fonts}/Contents {10 + 2 * number} 0 R>>".encode())
        objects.append(_stream(content.encode()))
    return _written(objects)


def _font(name: str) -> bytes:
    number = 6 if name == "Plain" else 7
    encoding = "/Encoding/Identity-H/ToUnicode 5 0 R"
    return f"<</Type/Font/Subtype/Type0/BaseFont/{name}{encoding}/DescendantFonts[{number} 0 R]>>".encode()


def _cid_font(name: str) -> bytes:
    system = "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
    return f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}{system}/DW 500>>".encode()


def _stream(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed)


def _written(objects: Sequence[bytes]) -> bytes:
    written, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(written))
    return written + table + end


def paragraph(text: str, style: str = "", bold: bool = False) -> str:
    looks = f'<w:pPr><w:pStyle w:val="S{style}"/></w:pPr>' if style else ""
    run = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:p>{looks}<w:r>{run}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def table(*rows: Sequence[str]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx(*body: str, links: Mapping[str, str] | None = None) -> bytes:
    """A Word file of paragraphs and tables as XML, with links by their ids."""
    space = f'xmlns:w="{W}" xmlns:r="{OFFICE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    targets = "".join(
        f'<Relationship Id="{name}" Target="{target}" TargetMode="External"/>' for name, target in (links or {}).items()
    )
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f"<w:document {space}><w:body>{''.join(body)}</w:body></w:document>",
            "word/styles.xml": f'<w:styles xmlns:w="{W}">{STYLES}</w:styles>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}">{targets}</Relationships>',
            "word/header1.xml": f'<w:hdr xmlns:w="{W}">{paragraph("Confidential")}</w:hdr>',
        }
    )


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return written.getvalue()


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[Any]]], shapes: Mapping[str, str] | None = None, hide: str = ""
) -> bytes:
    """A workbook of rows by sheet. shapes: number formats by cell of the first sheet."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = "hidden" if name == hide else "visible"
    for cell, shape in (shapes or {}).items():
        book.worksheets[0][cell].number_format = shape
    written = BytesIO()
    book.save(written)
    return written.getvalue()
