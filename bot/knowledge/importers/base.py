"""The formats that a merchant's files may have. To add one:

1. Write `bot/knowledge/importers/NAME.py`; it is found by being there.
2. `KIND` says what it holds: SHOP, ARTICLES or PRODUCTS (they are read in that order).
3. `sniff(head)` says how sure it is that a file is of this format, 0 to 1, by content; a file's name only breaks ties.
   The surest format reads the file.
4. `read(source)` yields `ShopFacts`, `Article` or `Product` one after the other, and a `Problem` for each thing that is
   wrong, so that all are reported at once. A row with a problem is not yielded. Set `source.line` while reading: what a
   broken file raises (bytes that are no text, a cut archive) is reported with it.
5. Put a small file of the format into `tests/data/` and name it in `tests/bot/test_importers_formats.py`.

The sheets of an Excel workbook are tables to every format that reads tables: `_rows.py` gives their rows too.
Headings and paragraphs of whatever file become articles in `_blocks.py`. Bound what you unpack and hold.

Cells come from `_rows.py`, values from `_values.py`. Columns of what the merchant pays (`is_cost`) are never kept.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Protocol, TextIO
from zipfile import ZipFile

from bot.knowledge.importers import _files

SHOP, ARTICLES, PRODUCTS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a file, and what would be right. `column` is empty where there is none."""

    file: str
    line: int
    column: str
    what: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.column}: " if self.column else "")
        return f"{place}{self.what}, {self.right}"


class BadImport(Exception):
    """Nothing was imported. `problems` says why, all of it up to a cap; `more` counts what lies beyond the cap."""

    def __init__(self, problems: tuple[Problem, ...], more: int = 0) -> None:
        super().__init__("\n".join(map(str, problems)) + (f"\nand {more} more" if more else ""))
        self.problems = problems
        self.more = more


@dataclass(slots=True)
class Variant:
    """One thing to buy. `hint` is the currency that an ambiguous sign ($, ¥) most likely means; it is not stored."""

    price: Decimal | None = None
    compare_at: Decimal | None = None
    currency: str = ""
    hint: str = ""
    sku: str = ""
    options: dict[str, str] = field(default_factory=dict)
    stock: int | None = None
    available: bool | None = None


@dataclass(slots=True)
class Product:
    """A product as its file gives it; `line` is where it begins there."""

    handle: str
    title: str
    line: int
    variants: list[Variant]
    brand: str = ""
    category: str = ""
    tags: list[str] = field(default_factory=list)
    description: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    link: str = ""
    image: str = ""
    visible: bool = True


@dataclass(slots=True)
class Article:
    """One section or one answer. `path` are its headings below the document's title, the article's own one last.

    `opening` is how the document begins: where it names a product, the article is about that product.
    """

    path: tuple[str, ...]
    body: str
    opening: str = ""
    document: str = ""  # the document's name inside a file that holds several
    line: int = 1


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What a shop.json says; empty where it says nothing."""

    name: str = ""
    currency: str = ""
    timezone: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, decoded. `columns` are the folded names of its first row, if it looks like a table."""

    name: str
    text: str
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    parts: frozenset[str] = frozenset()  # of a file that is no text: a zip archive's, or "%PDF"
    sheet: str = ""  # of a workbook, whose rows `text` shows as CSV

    def has(self, *columns: str) -> bool:
        return all(column in self.columns for column in columns)


@dataclass(slots=True)
class Source:
    """A file to be read. `name` is what problems call it, `mapping` our field -> its column where one was given.

    `encoding` is empty for what is no text: `binary()` gives a PDF's bytes, `archive()` the parts of a Word file.
    `sheet` is the one to be read of a workbook.
    """

    path: Path
    name: str
    encoding: str
    now: datetime
    mapping: Mapping[str, str]
    line: int = 1
    raw: IO[bytes] | None = None
    sheet: str = ""

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        """The file's text from its beginning, unpacked and decoded, line ends as they are."""
        with self.path.open("rb") as raw, TextIOWrapper(_files.unpacked(raw), self.encoding, newline="") as text:
            self.raw = raw
            yield text

    def done(self) -> int:
        """How far the file was read, in bytes on disk."""
        return self.raw.tell() if self.raw and not self.raw.closed else 0

    def whole(self, most: int = _files.WHOLE) -> str:
        """All of the text. Raises ValueError when it is longer than `most` characters."""
        with self.open() as text:
            content = text.read(most + 1)
        if len(content) > most:
            raise ValueError(f"longer than {most:,} characters")
        return content

    def binary(self) -> AbstractContextManager[IO[bytes]]:
        return _files.binary(self.path)

    def archive(self) -> AbstractContextManager[ZipFile]:
        return _files.archive(self.path)

    def problem(self, column: str, what: str, right: str, line: int | None = None) -> Problem:
        return Problem(self.name, self.line if line is None else line, column, what, right)


Item = Product | Article | ShopFacts | Problem


class Format(Protocol):
    """What a module of this folder offers."""

    KIND: int

    def sniff(self, head: Head) -> float:
        """How sure it is that the file is of this format, 0 to 1."""

    def read(self, source: Source) -> Iterator[Item]:
        """Everything that the file holds, in order."""
