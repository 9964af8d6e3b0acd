"""Lines of a PDF's pages, and what they make: paragraphs and headings, without the pages' own headers and footers."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from pypdf import PageObject

from bot.knowledge.importers import _blocks
from bot.knowledge.importers._blocks import Block

BIGGER = 1.12  # times the size of the text, from which on a line is a heading
LARGEST_HEADING = 200  # characters
LONGEST_LINE = 10_000  # characters
GAP = 1.35  # times the usual distance of lines, above which a paragraph ends
FITS, ENDED_FITS = (
    0.8,
    0.95,
)  # of the line's room, where it ends a sentence: if the next word fits, it was ended by hand
MARGIN = 0.08  # of a page's height, above and below, where its header and footer stand
LINE = 300  # characters of a line that are looked at for what follows
NUMBERED_PAGE = re.compile(
    r"(?:page|p\.|seite|第)?\s*[-–—]?\s*\d{1,4}\s*[-–—]?(?:\s*(?:/|of|von|页\s*共?)\s*\d{0,4}\s*页?)?|[ivxl]{1,6}",
    re.IGNORECASE,
)
PRINTED = re.compile(r"(?:file|https?)://\S+(?:\s+\d+\s*/\s*\d+)?|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},? \d{1,2}:\d{2}.*")
MARKED = re.compile(r"(?:[-•·●○▪■◦–*]|\d{1,2}[.)、]|[(（]?[a-z\d一二三四五六七八九十]{1,3}[)）、])\s*\S")
CONTENTS = re.compile(r"(?:\. ?){4,}[\divxlc ]*$|[…·⋯]{2,} ?\d*$")  # a line of a table of contents
WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
ENDED = re.compile(r"[.!?。！？:：;；][\"”’)）]*$")


@dataclass(slots=True)
class Line:
    """One line of a page; y grows upwards, size is that of its letters in points."""

    text: str
    page: int
    x: float
    y: float
    size: float
    bold: bool
    edge: bool = False  # in the page's margin

    @property
    def width(self) -> float:
        """Roughly, since fonts differ."""
        wide = len(WIDE.findall(self.text))
        return (wide + (len(self.text) - wide) / 2) * self.size


def lines(page: PageObject, number: int) -> list[Line]:
    """The page's lines in the order in which they are drawn."""
    found: list[Line] = []
    bottom, top = float(page.mediabox.bottom), float(page.mediabox.top)
    margin = MARGIN * (top - bottom)

    def visit(text: str, outer: Any, inner: Any, font: Any, size: float) -> None:
        if not text.strip():
            if found and text and "\n" not in text:
                found[-1].text += " "
            return
        x = inner[4] * outer[0] + inner[5] * outer[2] + outer[4]
        y = inner[4] * outer[1] + inner[5] * outer[3] + outer[5]
        scale = math.hypot(inner[2], inner[3]) * math.hypot(outer[2], outer[3])
        points = abs(float(size) * scale) or 1.0
        weight = str((font or {}).get("/BaseFont", "")).lower()
        bold = any(word in weight for word in ("bold", "black", "heavy", "semibold"))
        for part in text.strip("\n").split("\n"):
            last = found[-1] if found else None
            if last and len(last.text) < LONGEST_LINE and abs(last.y - y) < 0.4 * max(points, last.size):
                last.text += part
                last.bold &= bold
                last.size = max(last.size, points) if len(part.strip()) > 3 else last.size
            elif part.strip():
                found.append(Line(part, number, x, y, points, bold, not bottom + margin < y < top - margin))
            y -= 1.2 * points

    page.extract_text(visitor_text=visit)
    return found


def without_edges(pages: list[list[Line]]) -> list[list[Line]]:
    """The pages without tables of contents, what stands in the margins of most of them, and page numbers there."""
    often = Counter(shape for page in pages for shape in {_shape(line) for line in page if line.edge})
    least = max(2, 0.6 * len(pages))

    def dull(line: Line) -> bool:
        numbered = (len(line.text) < LINE and NUMBERED_PAGE.fullmatch(line.text)) or PRINTED.fullmatch(line.text)
        repeated = line.edge and (numbered or often[_shape(line)] >= least)
        return bool(repeated or CONTENTS.search(line.text[-LINE:]))

    return [[line for line in page if not dull(line)] for page in pages]


def _shape(line: Line) -> str:
    """The same for a line on each page, though it holds the page's number."""
    return re.sub(rf"\b{line.page}\b", "#", line.text)


def blocks(found: Sequence[Line]) -> Iterator[Block]:
    """Paragraphs and headings of all pages."""
    if not found:
        return
    usual = _usual_size(found)
    sizes = sorted({_rounded(line.size) for line in found if _is_big(line, usual)}, reverse=True)
    letters = sum(len(line.text) for line in found)
    heavy = 2 * sum(len(line.text) for line in found if line.bold) > letters  # bold means nothing then
    for paragraph in _paragraphs(found, usual):
        text, first = _joined(paragraph), paragraph[0]
        level = 0
        if _is_big(first, usual) and len(text) <= LARGEST_HEADING:
            level = min(6, 1 + sizes.index(_rounded(first.size)))
        elif first.bold and not heavy:
            level = _blocks.in_bold(text)
        yield Block(_blocks.BULLET.sub("- ", text) if not level else text, level, first.page)


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _usual_size(found: Sequence[Line]) -> float:
    """The size that most of the text has."""
    sizes: Counter[float] = Counter()
    for line in found:
        sizes[_rounded(line.size)] += len(line.text)
    return sizes.most_common(1)[0][0]


def _is_big(line: Line, usual: float) -> bool:
    return _rounded(line.size) >= BIGGER * usual


def _paragraphs(found: Sequence[Line], usual: float) -> Iterator[list[Line]]:
    pairs = [(one, other) for one, other in pairwise(found) if one.page == other.page]
    gaps = [one.y - other.y for one, other in pairs if 0 < one.y - other.y < 2.5 * usual and not _is_big(other, usual)]
    leading = median(gaps) if gaps else 1.2 * usual
    ends = sorted(line.x + line.width for line in found if not _is_big(line, usual)) or [0.0]
    right, left = ends[int(0.95 * (len(ends) - 1))], min(line.x for line in found)
    paragraph = [found[0]]
    for line in found[1:]:
        if _goes_on(paragraph[-1], line, leading, right - left, left):
            paragraph.append(line)
        else:
            yield paragraph
            paragraph = [line]
    yield paragraph


def _goes_on(before: Line, line: Line, leading: float, room: float, left: float) -> bool:
    """Whether a line belongs to the paragraph of the line before."""
    if _rounded(before.size) != _rounded(line.size) or before.bold != line.bold or MARKED.match(line.text):
        return False
    word = line.text.split()[0]
    short = Line(word[:1] if WIDE.match(word) else word, 0, 0, 0, line.size, False).width
    share = ENDED_FITS if ENDED.search(before.text) else FITS
    by_hand = before.x - left + before.width + short < share * room and not before.text.endswith((",", "，", "、"))
    if before.page != line.page:
        return not ENDED.search(before.text) and not by_hand
    gap = before.y - line.y
    return 0 < gap <= GAP * max(leading, line.size) and not by_hand


def _joined(paragraph: Sequence[Line]) -> str:
    text = ""
    for line in paragraph:
        if not text:
            text = line.text
        elif text.endswith("-") and text[-2:-1].isalpha() and line.text[:1].islower():
            text = text[:-1] + line.text
        elif WIDE.match(text[-1]) or WIDE.match(line.text):
            text += line.text
        else:
            text += " " + line.text
    return text
