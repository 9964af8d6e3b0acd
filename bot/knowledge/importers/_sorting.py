"""Which files there are at the given paths, and which format is to read each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from bot import registry
from bot.knowledge import importers
from bot.knowledge.importers import _files, _rows, _values, _workbook
from bot.knowledge.importers.base import Format, Head, Problem, Source

HEAD = 8_000
LEFT_OUT = ("license", "licence", "readme", "notice", "changelog", "source.md")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".mp4", ".avif")
KINDS = (
    "Shopify, WooCommerce or Google Merchant exports, tables, sheets or JSON with a title and a price or with questions"
    " and answers, saved HTML pages, PDF, DOCX, Markdown, plain text and shop.json are read"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file with the format that reads it. `label` names it in handles: its name, or its way below the folder."""

    source: Source
    format: Format
    label: str


def sort_files(
    paths: Sequence[Path], mapping: Mapping[str, str], now: datetime
) -> tuple[list[Chosen], list[Problem], list[Problem]]:
    """The files to read; what is wrong; and files of folders that hold nothing for a shop."""
    formats = [cast(Format, module) for module in registry.load(importers)]
    chosen: list[Chosen] = []
    wrong: list[Problem] = []
    left_out: list[Problem] = []
    for path in paths:
        found = False
        for file, label in _files_at(path):
            found = True
            choices = list(_choose(file, label, formats, mapping, now))
            taken = [choice for choice in choices if isinstance(choice, Chosen)]
            chosen += taken
            for choice in choices:
                if isinstance(choice, Problem):
                    dull = choice.what == HIDDEN or (choice.what == UNKNOWN and (taken or path.is_dir()))
                    (left_out if dull else wrong).append(choice)
        if not found:
            what = "the folder holds no file to read" if path.is_dir() else "there is no such file"
            wrong.append(Problem(str(path), 1, "", what, "give files or folders that exist"))
    if not chosen and not wrong:
        wrong = left_out or [Problem("import", 1, "", "no path is given", "name at least one file or folder")]
    return chosen, wrong, left_out


def _files_at(path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_file():
        yield path, path.name
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            inner = file.relative_to(path)
            hidden = any(part.startswith((".", "__", "~$")) for part in inner.parts)
            dull = file.name.lower().startswith(LEFT_OUT) or file.suffix.lower() in PICTURES
            if file.is_file() and not hidden and not dull:
                yield file, inner.as_posix()


UNKNOWN = "this kind of file is not known"
HIDDEN = "the sheet is hidden"
TABLE = "a row of column names such as title and price, or question and answer, would be right"


def _choose(
    path: Path, label: str, formats: Sequence[Format], mapping: Mapping[str, str], now: datetime
) -> Iterator[Chosen | Problem]:
    """The file with its format, each sheet of a workbook with its own, and what can't be read."""
    label = label.removesuffix(".gz")
    try:
        parts = _files.parts_of(path)
        if _workbook.PART in parts:
            yield from _sheets(path, label, formats, mapping, now)
            return
        source = Source(path, str(path), "" if parts else _files.encoding_of(path), now, mapping)
        if parts:
            head = Head(path.name, "", (), mapping, parts)
        else:
            with source.open() as text:
                start = text.read(HEAD)
            head = Head(path.name, start, _rows.columns_of(start), mapping)
    except _files.NotText as error:
        yield Problem(str(path), error.line, "", f"the file {error.what}", error.right)
    except _files.BROKEN as error:
        right = "give a file that is whole, unpacked or as .gz"
        yield Problem(str(path), 1, "", f"the file can't be read ({error})", right)
    else:
        if form := _surest(head, formats):
            yield Chosen(source, form, label)
        elif parts:
            yield Problem(str(path), 1, "", "the file is a zip archive", f"unpack it; {KINDS}")
        else:
            yield Problem(str(path), 1, "", UNKNOWN, KINDS)


def _surest(head: Head, formats: Sequence[Format]) -> Format | None:
    surest = max(formats, key=lambda form: form.sniff(head))
    return surest if surest.sniff(head) > 0 else None


def _sheets(
    path: Path, label: str, formats: Sequence[Format], mapping: Mapping[str, str], now: datetime
) -> Iterator[Chosen | Problem]:
    try:
        found = list(_workbook.sheets(path))
    except _files.NotText:
        raise
    except _workbook.FAILS as error:
        what = f"the workbook is damaged ({_values.shown(error)})"
        yield Problem(str(path), 1, "", what, "open it in Excel and save it again")
        return
    if not found:
        yield Problem(str(path), 1, "", "the workbook is empty", TABLE)
    for sheet, shown, rows in found:
        name = f"{path}[{sheet}]"
        columns = tuple(_values.fold(cell) for cell in rows[0]) if rows else ()
        form = _surest(Head(path.name, _workbook.as_csv(rows), columns, mapping, sheet=sheet), formats)
        if not shown:
            yield Problem(name, 1, "", HIDDEN, "show it in Excel if it is to be read")
        elif form:
            yield Chosen(Source(path, name, "", now, mapping, sheet=sheet), form, label)
        else:
            yield Problem(name, 1, "", UNKNOWN, TABLE)
