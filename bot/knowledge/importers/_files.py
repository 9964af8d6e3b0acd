"""Bytes to text: .gz unpacked, UTF-8 and UTF-16 by their marks, else UTF-8, GB18030 or Windows-1252 by what fits."""

import codecs
import gzip
import zlib
from pathlib import Path
from typing import IO, cast

WHOLE = 200_000_000  # characters of a file that can only be read in one piece
BLOCK = 1 << 20
SAMPLE = 1 << 16
BROKEN = (OSError, EOFError, zlib.error, UnicodeError)  # what reading a damaged file raises
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
BINARIES = {
    b"PK\x03\x04": ("is a zip archive or an Excel file", "unpack it, or save the sheet as CSV (UTF-8)"),
    b"\xd0\xcf\x11\xe0": ("is an old Excel or Word file", "save it as CSV (UTF-8) or plain text"),
    b"%PDF": ("is a PDF", "save its text as Markdown or plain text"),
}


class NotText(ValueError):
    """The file holds no text that can be told. `line`, `what` and `right` are for the report."""

    def __init__(self, line: int, what: str, right: str) -> None:
        super().__init__(what)
        self.line, self.what, self.right = line, what, right


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """The stream itself, or what is packed in it."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw


def encoding_of(path: Path) -> str:
    """How to decode the file. Raises NotText for what is no text, and what reading a damaged file raises."""
    with path.open("rb") as raw:
        stream = unpacked(raw)
        head = stream.read(SAMPLE)
        for mark, encoding in MARKS.items():
            if head.startswith(mark):
                return encoding
        for magic, (what, right) in BINARIES.items():
            if head.startswith(magic):
                raise NotText(1, what, right)
        if not head.strip():
            raise NotText(1, "is empty", "give a file with at least one row or sentence")
        if b"\0" in head:
            raise NotText(1, "is not a text file", "give CSV, TSV, JSON, XML, Markdown or plain text")
        return _unmarked(head, stream)


def _unmarked(block: bytes, stream: IO[bytes]) -> str:
    """UTF-8 if all of it is; else what fits best around the first byte that is not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, before = 1, b""
    while True:
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            window = before[-SAMPLE // 2 :] + block[: max(error.start, 0) + SAMPLE // 2]
            return _guess(window, line + block[: error.start].count(b"\n"), error)
        if not block:
            return "utf-8"
        line += block.count(b"\n")
        before, block = block, stream.read(BLOCK)


def _guess(window: bytes, line: int, error: UnicodeDecodeError) -> str:
    text = window.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if sum(char > "\x7f" for char in text) - wrong > 4 * wrong:  # UTF-8 all the same, with damage
        value = error.object[error.start] if error.start < len(error.object) else 0
        raise NotText(line, f"has a byte that is no UTF-8 (0x{value:02x})", "save the file as UTF-8 again")
    chinese = [char for char in window.decode("gb18030", "replace") if char > "\x7f"]
    common = sum(_in_gb2312(char) for char in chinese)
    if chinese and common >= 0.7 * len(chinese):
        return "gb18030"
    if _decodes(window, "cp1252"):
        return "cp1252"
    raise NotText(line, "is in no encoding that can be told", "save the file as UTF-8")


def _in_gb2312(char: str) -> bool:
    return char != "\ufffd" and _encodes(char, "gb2312")


def _encodes(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _decodes(window: bytes, encoding: str) -> bool:
    try:
        window.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
