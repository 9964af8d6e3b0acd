"""Word files: headings by their styles, lists and tables as lines; headers, footers and deleted words stay out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from typing import IO
from xml.etree.ElementTree import ParseError  # nosec B405  # names only; defusedxml parses
from zipfile import ZipFile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser, fromstring

from bot.knowledge.importers import _blocks, _files, _values
from bot.knowledge.importers._blocks import Block
from bot.knowledge.importers.base import ARTICLES, Head, Item, Source

KIND = ARTICLES

PART = re.compile(r"word/document\d*\.xml")
SMALL = 16 << 20  # bytes of a part that is held: styles, and where links lead
LARGE = 32 << 20  # bytes of the text with its marks, which is not
SPACE = re.compile(r"\s+")
CHUNK = 1 << 16
STYLE = re.compile(r"(?:heading|标题|überschrift|titre|título)\s*(\d)", re.IGNORECASE)
TITLES = frozenset(("title", "标题", "文档标题", "titel", "titre", "título"))
CONTENTS = re.compile(r"toc\b|table of contents|目录", re.IGNORECASE)
ADDRESS = re.compile(r"https?://\S+$")
LEFT_OUT = frozenset(("Fallback", "del", "moveFrom", "instrText", "delText", "pict", "footnotePr", "sectPr"))


@dataclass(slots=True)
class _Style:
    """What a paragraph style says: its name, what it rests on, and its level in the outline (1 is the topmost)."""

    name: str = ""
    parent: str = ""
    level: int = 0
    listed: bool = False


def sniff(head: Head) -> float:
    return 1.0 if any(map(PART.fullmatch, head.parts)) else 0.0


def read(source: Source) -> Iterator[Item]:
    try:
        with source.archive() as archive:
            blocks = list(_blocks_of(archive, source))
    except _files.NotText as error:
        yield source.problem("", f"the file {error.what}", error.right)
    except (ParseError, DefusedXmlException, *_files.MISREAD) as error:
        what = f"the Word file is damaged ({_values.shown(error)})"
        yield source.problem(f"paragraph {source.line}", what, "open it in Word and save it again")
    else:
        found = list(_blocks.articles(blocks))
        yield from found
        if not found:
            yield source.problem("", "the Word file holds no text", "text, not pictures of it, would be right")


def _blocks_of(archive: ZipFile, source: Source) -> Iterator[Block]:
    part = next(name for name in archive.namelist() if PART.fullmatch(name))
    if archive.getinfo(part).file_size > LARGE:
        raise _files.NotText(1, f"holds more than {LARGE >> 20} MB of text", "split it into smaller files")
    links = _links(archive, f"{dirname(part)}/_rels/{part.rpartition('/')[2]}.rels")
    target = _Target(source, _styles(archive, normpath(join(dirname(part), "styles.xml"))), links)
    with archive.open(part) as stream:
        yield from _parsed(stream, target)


def _parsed(stream: IO[bytes], target: "_Target") -> Iterator[Block]:
    parser = XMLParser(target=target, forbid_dtd=True)
    while chunk := stream.read(CHUNK):
        parser.feed(chunk)
        ready, target.ready = target.ready, []
        yield from ready
    parser.close()
    yield from target.ready


def _small(archive: ZipFile, part: str) -> bytes:
    """A part that may be missing. Raises NotText when it is too large to be held."""
    if part not in archive.namelist():
        return b""
    if archive.getinfo(part).file_size > SMALL:
        raise _files.NotText(1, f"has more than {SMALL >> 20} MB in {part}", "copy its text into a new file")
    return archive.read(part)


def _links(archive: ZipFile, part: str) -> dict[str, str]:
    """Where links to the web lead, by their ids."""
    packed = _small(archive, part)
    found = fromstring(packed, forbid_dtd=True) if packed else ()
    return {one.get("Id", ""): one.get("Target", "") for one in found if one.get("TargetMode") == "External"}


def _styles(archive: ZipFile, part: str) -> dict[str, _Style]:
    packed = _small(archive, part)
    styles: dict[str, _Style] = {}
    for one in fromstring(packed, forbid_dtd=True) if packed else ():
        if one.tag.rpartition("}")[2] != "style":
            continue
        style = styles.setdefault(_attribute(one.attrib, "styleId"), _Style())
        for child in one.iter():
            tag, value = child.tag.rpartition("}")[2], _attribute(child.attrib, "val")
            if tag == "name":
                style.name = value.lower()
            elif tag == "basedOn":
                style.parent = value
            elif tag == "outlineLvl" and re.fullmatch("[0-8]", value):
                style.level = int(value) + 1
            elif tag == "numPr":
                style.listed = True
    return styles


def _attribute(attributes: dict[str, str], name: str) -> str:
    return next((value for key, value in attributes.items() if key.rpartition("}")[2] == name), "")


@dataclass(slots=True)
class _Target:
    """Gathers paragraphs while the parser runs, so that no tree of the text is ever held."""

    source: Source
    styles: dict[str, _Style]
    links: dict[str, str]
    ready: list[Block] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    style: str = ""
    level: int = 0
    listed: bool = False
    link: str = ""
    in_text: bool = False
    bold: bool = True  # whether all words of the paragraph are
    strong: bool = False  # whether those of the run are
    hidden: bool = False
    left_out: int = 0  # elements open inside of one that is left out
    tables: int = 0
    number: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if self.left_out or name in LEFT_OUT:
            self.left_out += 1
            return
        match name:
            case "p":
                self.number += 1
                self.source.line = self.number
                self.style, self.level, self.listed, self.bold = "", 0, False, True
                self.words += [" "] if self.tables else []
            case "r":
                self.strong = self.hidden = False
            case "t":
                self.in_text = not self.hidden
            case "tab" | "br" | "cr":
                self.words.append(" ")
            case "hyperlink":
                self.link = self.links.get(_attribute(attributes, "id"), "")
            case "tbl":
                self.tables += 1
            case _:
                self.looks(name, _attribute(attributes, "val"))

    def looks(self, name: str, value: str) -> None:
        """What says how a paragraph or a run looks."""
        on = value not in ("0", "false", "none", "off")
        match name:
            case "pStyle":
                self.style = value
            case "outlineLvl" if re.fullmatch("[0-8]", value):
                self.level = int(value) + 1
            case "numPr":
                self.listed = True
            case "b":
                self.strong = on
            case "vanish":
                self.hidden = on

    def data(self, text: str) -> None:
        if self.in_text and not self.left_out:
            self.words.append(SPACE.sub(" ", text))
            self.bold &= self.strong or not text.strip()

    def end(self, tag: str) -> None:
        if self.left_out:
            self.left_out -= 1
            return
        match tag.rpartition("}")[2]:
            case "t":
                self.in_text = False
            case "hyperlink":
                if ADDRESS.match(self.link) and self.words and self.words[-1].strip() != self.link:
                    self.words.append(f" ({self.link})")
            case "p" if not self.tables:
                self.paragraph()
            case "tc":
                self.cells += [text] if (text := self.taken()) else []
            case "tr" if self.tables <= 1:
                self.ready += [Block(" | ".join(self.cells), 0, self.number)] if self.cells else []
                self.cells = []
            case "tbl":
                self.tables -= 1

    def close(self) -> None:
        """The parser asks for it at the end."""

    def taken(self) -> str:
        text = "".join(self.words).strip()
        while "  " in text:
            text = text.replace("  ", " ")
        self.words.clear()
        return text

    def paragraph(self) -> None:
        text = self.taken()
        style = self.styles.get(self.style, _Style(self.style.lower()))
        if not text or CONTENTS.match(style.name):
            return
        level = self.level or self.outline(style)
        if not level and self.bold:
            level = _blocks.in_bold(text)
        listed = self.listed or style.listed
        text = f"- {text}" if listed and not level and not text.startswith("- ") else text
        self.ready.append(Block(text, level, self.number))

    def outline(self, style: _Style) -> int:
        """The level of a heading: 1 for the title of a document, one more than in Word for the headings below it."""
        for _ in range(20):
            if style.name in TITLES:
                return 1
            if found := STYLE.match(style.name):
                return min(int(found[1]), 8) + 1
            if style.level:
                return style.level + 1
            if style.parent not in self.styles:
                return 0
            style = self.styles[style.parent]
        return 0
