"""Rows of tables (CSV, TSV, sheets) and of JSON and JSONL files, by folded column name, each knowing its line."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from bot.knowledge.importers import _files, _values, _workbook
from bot.knowledge.importers.base import Head, Problem, Source

T = TypeVar("T")
DELIMITERS = ",\t;|"
LISTS = frozenset(("products", "items", "data", "records", "results", "articles", "faqs", "faq", "questions", "商品"))
SPACE = re.compile(r"\s*")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]')


class Row:
    """One row. What is wrong with it gathers in `problems`; readers yield those instead of what the row would give."""

    __slots__ = ("cells", "file", "line", "names", "problems")

    def __init__(self, file: str, line: int, cells: dict[str, Any], names: Mapping[str, str]) -> None:
        self.file, self.line, self.cells, self.names = file, line, cells, names
        self.problems: list[Problem] = []

    def first(self, *columns: str) -> tuple[str, Any]:
        """The first of the columns that holds something, and what it holds; else the first one and ``""``."""
        for column in columns:
            value = self.cells.get(column)
            if value is not None and value != "":
                return column, value
        return columns[0], ""

    def text(self, *columns: str) -> str:
        """What stands there as one line; nothing for lists and objects."""
        for column in columns:
            value = self.cells.get(column)
            if value is None or value == "":
                continue
            if isinstance(value, str):
                return _values.one_line(value)
            return "" if isinstance(value, list | dict) else _values.one_line(str(value))
        return ""

    def plain(self, *columns: str) -> str:
        """What stands there as plain text with its line breaks."""
        value = self.first(*columns)[1]
        return "" if isinstance(value, list | dict) else _values.plain(str(value))

    def price(self, *columns: str) -> _values.Price | None:
        return self._parsed(_values.price, columns)

    def count(self, *columns: str) -> int | None:
        return self._parsed(_values.count, columns)

    def currency(self, *columns: str) -> str:
        return self._parsed(_values.currency, columns) or ""

    def _parsed(self, parse: Callable[[Any], T], columns: tuple[str, ...]) -> T | None:
        column, value = self.first(*columns)
        if value == "" or (isinstance(value, str) and not value.strip()):
            return None
        try:
            return parse(value)
        except _values.Wrong as error:
            self.wrong(column, error.what, error.right)
            return None

    def wrong(self, column: str, what: str, right: str) -> None:
        self.problems.append(Problem(self.file, self.line, self.names.get(column, column), what, right))


def delimiter_of(line: str) -> str:
    """The one that cuts a header into most cells; empty where none does."""
    best = max(DELIMITERS, key=line.count)
    return best if best in line else ""


def columns_of(text: str) -> tuple[str, ...]:
    """The folded column names of a table's or JSON file's first row; nothing where it is neither."""
    if text.lstrip()[:1] in ("{", "["):
        return tuple(dict.fromkeys(map(_values.fold, _keys(text))))
    line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter_of(line)
    if not delimiter:
        return ()
    try:
        return tuple(_values.fold(cell) for cell in next(csv.reader([line], delimiter=delimiter)))
    except csv.Error:
        return ()


def _keys(text: str) -> list[str]:
    """The keys of the first object in the beginning of a JSON file, or of the first one in the list that it wraps."""
    by_depth: dict[int, list[str]] = {}
    depth, wrapped, last = 0, False, ""
    for match in TOKEN.finditer(text):
        sign = match[0]
        wrapped |= sign == "[" and depth == 1 and by_depth.get(1, [""])[-1].lower() in LISTS
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
        elif sign == ":":
            by_depth.setdefault(depth, []).append(last[1:-1])
        if sign == "}" and depth == 0:
            wrapped &= "{" not in text[match.end() :]  # more objects below: JSON lines
            break
        last = sign
    return by_depth.get(2 if text.lstrip().startswith("[") else 3 if wrapped else 1, [])


def is_json(head: Head) -> bool:
    return head.text.lstrip()[:1] in ("{", "[")


def rows(source: Source) -> Iterator[Row | Problem]:
    """The rows of a table, JSON list or JSON lines file."""
    if source.sheet:
        return table(source)
    with source.open() as text:
        start = text.read(1)
        while start and start.isspace():
            start = text.read(1)
    return records(source) if start in ("{", "[") else table(source)


def table(source: Source) -> Iterator[Row | Problem]:
    """The rows of a CSV or TSV file, or of a sheet."""
    names: list[str] = []
    folded: list[str] = []
    labels: dict[str, str] = {}
    for line, cells in _sheet(source) if source.sheet else _lines_of_cells(source):
        if isinstance(cells, Problem):
            yield cells
        elif not any(cell.strip() for cell in cells):
            continue
        elif not names:
            names = [_values.one_line(cell) for cell in cells]
            folded = [_values.fold(name) for name in names]
            labels = {column: names[folded.index(column)] for column in folded}
        elif len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            what = f"the row has {len(cells)} cells and the header {len(names)}"
            yield source.problem("", what, "put cells that hold the separator in quotes", line)
        else:
            values = dict(zip(reversed(folded[: len(cells)]), reversed(cells[: len(names)]), strict=True))
            yield Row(source.name, line, values, labels)


def _lines_of_cells(source: Source) -> Iterator[tuple[int, list[str] | Problem]]:
    """A CSV file's rows with their lines. A cut quote ends it, since nothing after it can be told."""
    with source.open() as text:
        first = next((line for line in text if line.strip()), "")
    with source.open() as text:
        reader = csv.reader(text, delimiter=delimiter_of(first) or ",", strict=True)
        try:
            for cells in reader:
                line, source.line = source.line, reader.line_num + 1
                yield line, cells
        except csv.Error as error:
            right = 'close the quote that was opened here, and write a quote inside of a cell as ""'
            yield source.line, source.problem("", f"the row can't be read ({error})", right)


def _sheet(source: Source) -> Iterator[tuple[int, list[str] | Problem]]:
    """A sheet's rows with their numbers. A formula that failed is no value, whatever stands in the rest of the row."""
    try:
        for line, cells in _workbook.rows(source):
            source.line = line
            failed = next((cell for cell in cells if cell in _workbook.ERRORS), "")
            problem = source.problem("", f"a formula of the row failed ({failed})", "put a value there")
            yield line, problem if failed else cells
    except _files.NotText as error:
        yield source.line, source.problem("", f"the file {error.what}", error.right)
    except _workbook.FAILS as error:
        what = f"the sheet is damaged below this row ({_values.shown(error)})"
        yield source.line, source.problem("", what, "open it in Excel and save it again")


def records(source: Source) -> Iterator[Row | Problem]:
    """The objects of a JSON list, of a list inside of an object, or of JSON lines."""
    names: dict[str, str] = {}
    for line, value in _lines(source) if _is_lines(source) else _list(source):
        if isinstance(value, Problem):
            yield value
        elif not isinstance(value, dict):
            what = f"{_values.shown(value)} is no object"
            yield source.problem("", what, 'an object such as {"name": …, "price": …} would be right', line)
        else:
            yield row_of(source.name, line, value, names)


def row_of(file: str, line: int, value: dict[str, Any], names: dict[str, str]) -> Row:
    """A JSON object as a row; `names` remembers folded -> their name."""
    cells: dict[str, Any] = {}
    for name, cell in value.items():
        folded = _values.fold(name)
        names.setdefault(folded, _values.one_line(name))
        cells.setdefault(folded, cell)
    return Row(file, line, cells, names)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=Decimal)


def _is_lines(source: Source) -> bool:
    """Whether each line is an object of its own: the first one is, and there are more or it is no list's wrapping."""
    with source.open() as text:
        lines = (line.strip() for line in text if line.strip())
        first, second = next(lines, ""), next(lines, "")
    try:
        value = _decoder().decode(first)
    except (ValueError, RecursionError):
        return first.startswith("{") and second.startswith("{")
    wraps = isinstance(value, dict) and any(str(key).lower() in LISTS and isinstance(value[key], list) for key in value)
    return isinstance(value, dict) and (bool(second) or not wraps)


def _lines(source: Source) -> Iterator[tuple[int, Any]]:
    decoder = _decoder()
    with source.open() as text:
        for number, line in enumerate(text, 1):
            source.line = number
            if not line.strip():
                continue
            try:
                yield number, decoder.decode(line.strip())
            except (ValueError, RecursionError) as error:
                yield (
                    number,
                    source.problem("", f"the line is no JSON ({_reason(error)})", "one object per line would be right"),
                )


def _list(source: Source) -> Iterator[tuple[int, Any]]:
    try:
        text = source.whole()
        scanner = _Scanner(text)
        for position, value in scanner.elements():
            source.line = scanner.line(position)
            yield source.line, value
    except UnicodeError:
        raise
    except (ValueError, RecursionError, IndexError) as error:
        line = getattr(error, "lineno", source.line)
        right = "a list of objects, or one object per line, would be right"
        yield line, source.problem("", f"this is no JSON ({_reason(error)})", right, line)


class _Scanner:
    """Goes through the elements of a JSON list one by one, so that each has its line and only one is held."""

    def __init__(self, text: str) -> None:
        self.text, self.decoder = text, _decoder()
        self.counted, self.lines = 0, 1

    def line(self, position: int) -> int:
        self.lines += self.text.count("\n", self.counted, position)
        self.counted = position
        return self.lines

    def elements(self) -> Iterable[tuple[int, Any]]:
        at = self.skip(0)
        if self.text[at] == "{":
            at = self.enter(at)
        at = self.skip(at + 1)
        while self.text[at] != "]":
            value, end = self.decoder.raw_decode(self.text, at)
            yield at, value
            at = self.skip(end)
            if self.text[at] == ",":
                at = self.skip(at + 1)
            elif self.text[at] != "]":
                raise json.JSONDecodeError("expecting ','", self.text, at)

    def enter(self, at: int) -> int:
        """Where the list of rows begins inside of an object."""
        found: list[str] = []
        while self.text[at] != "}":
            key, end = self.decoder.raw_decode(self.text, self.skip(at + 1))
            at = self.skip(end)
            if self.text[at] != ":":
                raise json.JSONDecodeError("expecting ':'", self.text, at)
            at = self.skip(at + 1)
            if str(key).lower() in LISTS and self.text[at] == "[":
                return at
            found.append(str(key))
            at = self.skip(self.decoder.raw_decode(self.text, at)[1])
            if self.text[at] not in ",}":
                raise json.JSONDecodeError("expecting ','", self.text, at)
        raise ValueError("no list of products in it, only " + ", ".join(found[:8]))

    def skip(self, at: int) -> int:
        match = SPACE.match(self.text, at)
        return match.end() if match else at


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at column {error.colno}"
    if isinstance(error, IndexError):
        return "it ends too early"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
