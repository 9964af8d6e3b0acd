"""Which files there are at the given paths, and which format is to read each of them."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from bot import registry
from bot.knowledge import importers
from bot.knowledge.importers import _files, _rows
from bot.knowledge.importers.base import Format, Head, Problem, Source

HEAD = 8_000
LEFT_OUT = ("license", "licence", "readme", "notice", "changelog", "source.md")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".mp4", ".avif")
KINDS = (
    "Shopify, WooCommerce or Google Merchant exports, tables or JSON with a title and a price, Markdown, plain text"
    " and shop.json are read"
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
            choice = _choose(file, label, formats, mapping, now)
            if isinstance(choice, Chosen):
                chosen.append(choice)
            elif path.is_dir() and choice.what == UNKNOWN:
                left_out.append(choice)
            else:
                wrong.append(choice)
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
            hidden = any(part.startswith((".", "__")) for part in inner.parts)
            dull = file.name.lower().startswith(LEFT_OUT) or file.suffix.lower() in PICTURES
            if file.is_file() and not hidden and not dull:
                yield file, inner.as_posix()


UNKNOWN = "this kind of file is not known"


def _choose(
    path: Path, label: str, formats: Sequence[Format], mapping: Mapping[str, str], now: datetime
) -> Chosen | Problem:
    try:
        encoding = _files.encoding_of(path)
        source = Source(path, str(path), encoding, now, mapping)
        with source.open() as text:
            head_text = text.read(HEAD)
    except _files.NotText as error:
        return Problem(str(path), error.line, "", f"the file {error.what}", error.right)
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        return Problem(
            str(path), 1, "", f"the file can't be read ({error})", "give a file that is whole, unpacked or as .gz"
        )
    columns = _rows.columns_of(head_text)
    head = Head(path.name, head_text, columns, mapping)
    surest = max(formats, key=lambda form: form.sniff(head))
    if surest.sniff(head) <= 0:
        return Problem(str(path), 1, "", UNKNOWN, KINDS)
    return Chosen(source, surest, label.removesuffix(".gz"))
