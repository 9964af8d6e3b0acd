"""PDFs: their text page by page, headings told by the size and weight of their letters. Lines are counted in pages."""

import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from bot.knowledge.importers import _blocks, _files, _pages, _values
from bot.knowledge.importers._pages import Line
from bot.knowledge.importers.base import ARTICLES, Head, Item, Problem, Source

KIND = ARTICLES

PAGES = 2_000
LONGEST = 20_000_000  # characters of all pages
FAILS = (*_files.MISREAD, PyPdfError, DependencyError)
UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\ufffd\ue000-\uefff\uf100-\uf8ff]")
SYMBOLS = re.compile("[\uf000-\uf0ff]")  # bullets and the like, of fonts of symbols
COMPOSED = re.compile("[\u2f00-\u2fdf\uf900-\ufad9\ufb00-\ufb06]")  # ligatures and radicals that stand for letters


def sniff(head: Head) -> float:
    return 1.0 if _files.PDF in head.parts else 0.0


def read(source: Source) -> Iterator[Item]:
    with source.binary() as raw, _quiet():
        try:
            reader = PdfReader(raw)
            locked = reader.is_encrypted and not reader.decrypt("")
            pages = 0 if locked else len(reader.pages)
        except FAILS as error:
            yield _damaged(source, error)
            return
        if locked:
            yield source.problem("", "the PDF has a password", "save it without one")
        elif pages > PAGES:
            yield source.problem("", f"the PDF has more than {PAGES:,} pages", "split it into smaller files")
        else:
            yield from _articles(source, reader, pages)


def _articles(source: Source, reader: PdfReader, pages: int) -> Iterator[Item]:
    found: list[list[Line]] = []
    size = 0
    for source.line in range(1, pages + 1):
        try:
            lines = _pages.lines(reader.pages[source.line - 1], source.line)
        except FAILS as error:
            yield _damaged(source, error)
            continue
        if problem := _unreadable(source, lines):
            yield problem
            continue
        for line in lines:
            line.text = _clean(line.text)
        found.append([line for line in lines if line.text])
        size += sum(len(line.text) for line in lines)
        if size > LONGEST:
            yield source.problem("", f"the PDF holds more than {LONGEST:,} characters", "split it into smaller files")
            return
    found = _pages.without_edges(found)
    articles = list(_blocks.articles(_pages.blocks([line for lines in found for line in lines])))
    bare = sum(not lines for lines in found)
    if 2 * bare > len(found) or not pages:
        which = "no page" if bare == len(found) else f"only {len(found) - bare} of {pages} pages"
        yield source.problem("", f"{which} of the PDF holds text, as if it were scanned", _REAL, 1)
    elif found and not articles:
        yield source.problem("", "the PDF holds headings alone", _REAL, 1)
    yield from articles


_REAL = "a PDF with real text (by text recognition), or the text as Markdown or DOCX, would be right"


def _damaged(source: Source, error: Exception) -> Problem:
    """What is wrong by what the library raised."""
    if isinstance(error, DependencyError):
        return source.problem("", "the PDF is encrypted", "save it without a password")
    what = f"the page can't be read ({_values.shown(error)})"
    return source.problem(f"page {source.line}", what, "print it to a new PDF, or give its text as Markdown or DOCX")


def _unreadable(source: Source, lines: list[Line]) -> Problem | None:
    """A page whose fonts don't say which letters they draw."""
    text = "".join(line.text for line in lines)
    letters = len("".join(text.split()))
    if 4 * len(UNREADABLE.findall(text)) <= letters or not letters:
        return None
    what = "the page's fonts don't say which letters they draw"
    return source.problem(f"page {source.line}", what, "print it to a new PDF with its fonts, or give its text as DOCX")


def _clean(text: str) -> str:
    text = SYMBOLS.sub("•", text).replace("\u00ad", "")
    text = COMPOSED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), UNREADABLE.sub("", text))
    return _values.one_line(text)


@contextmanager
def _quiet() -> Iterator[None]:
    """The library's remarks on sloppy files stay out of the log; what matters is raised."""
    log, nowhere = logging.getLogger("pypdf"), logging.NullHandler()
    log.addHandler(nowhere)
    log.propagate = False
    try:
        yield
    finally:
        log.propagate = True
        log.removeHandler(nowhere)
