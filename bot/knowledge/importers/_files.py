"""Bytes to text: .gz unpacked, UTF-8 and UTF-16 by their marks, else UTF-8, GB18030 or Windows-1252 by what fits.

PDFs and zip archives (which Word and Excel files are) stay bytes; how much is unpacked of them is bounded.
"""

import codecs
import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, cast
from xml.etree.ElementTree import ParseError  # nosec B405  # names only; defusedxml parses
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

WHOLE = 200_000_000  # characters of a file that can only be read in one piece
BLOCK = 1 << 20
SAMPLE = 1 << 16
GZIPPED = 256 << 20  # bytes of text that a .gz file may unpack to; unpacked it may be of any size
HELD = 64 << 20  # bytes of a file inside of .gz that has to be held
UNPACKED = 128 << 20  # bytes of all XML of a zip archive; its pictures are never read
PARTS = 10_000  # of a zip archive
DIRECTORY = 4 << 20  # bytes of its list of parts
BROKEN = (OSError, EOFError, zlib.error, UnicodeError, BadZipFile)  # what reading a damaged file raises
# What libraries raise on top of it, when a file does not hold what its format says.
MISREAD = (
    *(*BROKEN, struct.error, ParseError, ArithmeticError, AssertionError),
    *(AttributeError, LookupError, RuntimeError, TypeError, ValueError),
)
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
PDF = "%PDF"
ZIP, ZIP_END, ZIP64_END = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
OFFICE = "save it as XLSX, DOCX, CSV (UTF-8) or plain text, without a password"
BINARIES = {
    b"\xd0\xcf\x11\xe0": ("is an old Excel or Word file, or one with a password", OFFICE),
    b"{\\rtf": ("is an RTF file", "save it as DOCX or plain text"),
}


class NotText(ValueError):
    """The file holds no text that can be told. `line`, `what` and `right` are for the report."""

    def __init__(self, line: int, what: str, right: str) -> None:
        super().__init__(what)
        self.line, self.what, self.right = line, what, right


class Bounded(gzip.GzipFile):
    """Raises NotText once more than `GZIPPED` bytes were unpacked."""

    def read(self, size: int | None = -1) -> bytes:
        return self._counted(super().read(GZIPPED + 1 if size is None or size < 0 else size))

    def read1(self, size: int = -1) -> bytes:
        return self._counted(super().read1(size))

    def _counted(self, content: bytes) -> bytes:
        if self.tell() > GZIPPED:
            raise NotText(1, f"unpacks to more than {GZIPPED >> 20} MB", "give it unpacked")
        return content


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """The stream itself, or what is packed in it."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast("IO[bytes]", Bounded(fileobj=raw)) if packed else raw


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked, to go back and forth in. Raises NotText when they are too many to be held."""
    with path.open("rb") as raw:
        stream = unpacked(raw)
        if stream is not raw:
            held = stream.read(HELD + 1)
            if len(held) > HELD:
                raise NotText(1, f"unpacks to more than {HELD >> 20} MB", "give it unpacked")
            stream = BytesIO(held)
        yield stream


def parts_of(path: Path) -> frozenset[str]:
    """What a file that is no text has inside: the names of a zip archive's parts, PDF for a PDF; nothing for text.

    Raises NotText for an archive that would unpack to too much, and what reading a damaged file raises.
    """
    with path.open("rb") as raw:
        head = unpacked(raw).read(1024).lstrip()
    if head.startswith(PDF.encode()):
        return frozenset((PDF,))
    if not head.startswith((ZIP, ZIP_END)):
        return frozenset()
    try:
        with archive(path) as opened:
            return frozenset(opened.namelist()) or frozenset(("",))
    except (BadZipFile, NotImplementedError, EOFError, struct.error, ValueError) as error:
        if isinstance(error, NotText):
            raise
        right = "open it where it was made and save it again"
        raise NotText(1, f"is a damaged Excel, Word or zip file ({error})", right) from None


@contextmanager
def archive(path: Path) -> Iterator[ZipFile]:
    """A zip archive that is safe to unpack. Raises NotText for one that is not, BadZipFile for a damaged one."""
    with binary(path) as raw:
        raw.seek(max(0, raw.seek(0, 2) - (1 << 16) - 42))
        end = raw.read()
        at = end.rfind(ZIP_END)
        size = struct.unpack_from("<L", end, at + 12)[0] if 0 <= at <= len(end) - 22 else 0
        if size > DIRECTORY or end[max(0, at - 20) :].startswith(ZIP64_END):
            raise NotText(1, "is an archive of too many or too large parts", _SMALLER)
        raw.seek(0)
        with ZipFile(raw) as opened:
            infos = opened.infolist()
            texts = [info for info in infos if info.filename.lower().endswith((".xml", ".rels", ".vml"))]
            if len(infos) > PARTS or sum(info.file_size for info in texts) > UNPACKED:
                raise NotText(1, f"unpacks to more than {UNPACKED >> 20} MB or {PARTS:,} parts", _SMALLER)
            if any(info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for info in texts):
                raise NotText(
                    1, "is an archive packed in an unusual way", "open it where it was made and save it again"
                )
            if any(info.flag_bits & 1 for info in infos):
                raise NotText(1, "is an archive with a password", "save it without one")
            yield opened


_SMALLER = "split it into smaller files, without pictures"


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
