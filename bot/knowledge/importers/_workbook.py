"""Excel workbooks as tables: each visible sheet with rows in it is read by the format that its columns tell."""

import csv
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from openpyxl import load_workbook
from openpyxl.utils import exceptions

from bot.knowledge.importers import _files, _values
from bot.knowledge.importers.base import Source

PART = "xl/workbook.xml"
FAILS = (
    *(*_files.MISREAD, exceptions.InvalidFileException, exceptions.CellCoordinatesException),
    *(exceptions.NamedRangeException, exceptions.SheetTitleException),
)
SHEET_PARTS = "xl/worksheets/sheet"
SHEETS = 50
ROWS = 1_048_576  # what Excel has
SHARED = 96 << 20  # bytes of the texts that all sheets share; they are held
HEAD = 20
CHUNK, LONGEST_CELL = 1 << 20, 1 << 13
# A formula without a value. One that gave an empty text has a type, and an empty value.
UNCALCULATED = re.compile(rb'<c(?![^>]* t="str")[^>]*><f[^>]*>[^<]*</f>(?:<v ?/>|<v></v>)?</c>')
SIGN = re.compile(r'\[\$([^\]-]+)[^\]]*\]|"([^"]{1,4})"|([$€£¥￥₩₹])')
ERRORS = frozenset(("#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))


def sheets(path: Path) -> Iterator[tuple[str, bool, list[list[str]]]]:
    """Name, whether it is shown, and first rows of each sheet that is not empty. Without a table it has no rows.

    Raises NotText and `FAILS`, as `rows` does.
    """
    with _files.archive(path) as archive:
        if any(_is_uncalculated(archive, part) for part in archive.namelist() if part.startswith(SHEET_PARTS)):
            raise _files.NotText(1, "has formulas without their results", "open it in Excel and save it again")
    with _opened(path) as workbook:
        for sheet in workbook.worksheets:
            head: list[list[str]] = []
            try:
                for _, cells in islice(_rows(sheet), HEAD):
                    head.append(cells)
            except FAILS:
                if not head:
                    raise  # else it is told by the row when the sheet is read
            if head or any(cell.value is not None for row in islice(sheet.iter_rows(), HEAD) for cell in row):
                yield sheet.title, sheet.sheet_state == "visible", head


def rows(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and cells of a sheet from its header on. Titles above the header and empty rows are left out."""
    with _opened(source.path) as workbook:
        yield from _rows(workbook[source.sheet])


def as_csv(head: list[list[str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(head)
    return text.getvalue()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with _files.archive(path) as archive:
        shared = sum(info.file_size for info in archive.infolist() if "sharedstrings" in info.filename.lower())
    if shared > SHARED:
        raise _files.NotText(1, f"holds more than {SHARED >> 20} MB of texts", "split it, or save the sheet as CSV")
    warnings.filterwarnings("ignore", module=r"openpyxl\.")  # on what it leaves out, such as rules for input
    with _files.binary(path) as raw:
        workbook = load_workbook(raw, read_only=True, data_only=True, keep_links=False)
        try:
            if len(workbook.worksheets) > SHEETS:
                raise _files.NotText(1, f"has more than {SHEETS} sheets", "split it into smaller files")
            yield workbook
        finally:
            workbook.close()


def _is_uncalculated(archive: ZipFile, part: str) -> bool:
    """Whether a program wrote formulas that nobody has opened since: their cells would read as empty."""
    with archive.open(part) as stream:
        before = b""
        while chunk := stream.read(CHUNK):
            if UNCALCULATED.search(before + chunk):
                return True
            before = chunk[-LONGEST_CELL:]
    return False


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # some programs write wrong ones, and rows would be cut
    started = False
    for number, cells in enumerate(sheet.iter_rows(max_row=ROWS), 1):
        texts = [_text(cell) for cell in cells]
        filled = sum(map(bool, texts))
        started |= filled > 1
        if started and filled:
            while not texts[-1]:
                texts.pop()
            yield number, texts


def _text(cell: Any) -> str:
    """A cell as a person reads it: money with its sign, dates without a time where there is none."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return str(value).strip()


def _number(value: int | float, shape: str) -> str:
    amount = Decimal(format(value, ".15g"))
    if not amount.is_finite():
        return str(value)
    if "%" in shape:
        return f"{(amount * 100).normalize():f}%"
    if re.fullmatch("0{2,}", shape) and amount == amount.to_integral_value():
        return f"{int(amount):0{len(shape)}d}"  # a code with zeros before it
    found = SIGN.search(shape.partition(";")[0][:200])
    sign = next(filter(None, found.groups()), "").strip() if found else ""
    known = sign.upper() in _values.SIGNS or sign in _values.AMBIGUOUS or _values.is_currency(sign.upper())
    return f"{amount:f} {sign}" if known else f"{amount:f}"
