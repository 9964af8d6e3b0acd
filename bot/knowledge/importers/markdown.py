"""FAQ and policy documents in Markdown: one article per section, and per question where a section holds several."""

import re
from collections.abc import Iterator

from bot.knowledge.importers import _rows, _sections
from bot.knowledge.importers.base import ARTICLES, Article, Head, Item, Source

KIND = ARTICLES

HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*)$")  # and signs at its end that are none of it
UNDERLINE = re.compile(r"^ {0,3}(=+|-{3,})\s*$")
MARKS = re.compile(r"^#{1,6} \S|^[^\S\n]*(?:\*\*|__).+(?:\*\*|__)\s*$|^[-*] \S|\[[^\[\]]+\]\(\S+\)", re.MULTILINE)


def sniff(head: Head) -> float:
    if head.sheet or head.parts or _rows.is_json(head) or head.text.lstrip().startswith("<"):
        return 0.0
    named = head.name.lower().removesuffix(".gz").endswith((".md", ".markdown"))
    if re.search(r"^#{1,6} \S", head.text, re.MULTILINE):
        return 0.6
    return 0.6 if named else 0.25 if MARKS.search(head.text) else 0.0


def read(source: Source) -> Iterator[Item]:
    yield from parse(source.whole())


def parse(text: str, document: str = "") -> Iterator[Article]:
    """The articles of one Markdown text. The document's own title leads only where it has no other headings."""
    lines = _uncommented(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    sections = list(_sections_of(lines))
    titled = [section for section in sections if section.path]
    title = titled[0].path[0] if titled and all(section.path[0] == titled[0].path[0] for section in titled) else ""
    opening = _opening(sections)
    if title:
        for section in titled:
            section.path = section.path[1:] or section.path
    yield from _sections.articles(sections, opening, document)


def _uncommented(text: str) -> str:
    """Without `<!-- comments -->`, whose lines stay empty; one that never ends is text. Time grows with the length."""
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + 3
    return "".join([*kept, text[at:]])


def _opening(sections: list[_sections.Section]) -> str:
    """The first heading, and the first words below it that come before any other heading."""
    found = []
    for section in sections[:2]:
        words = next((line for line in section.lines if line.strip()), "")
        found.append(" ".join((*section.path[:1], words)))
        if section.path or words:
            break
    return _sections.inline("\n".join(found)).strip()[:300]


def _sections_of(lines: list[str]) -> Iterator[_sections.Section]:
    section = _sections.Section((), 0)
    above: list[tuple[int, str]] = []
    fence = ""
    start = _front_matter(lines)
    for number, line in enumerate(lines[start:], start + 1):
        stripped = line.lstrip()
        if stripped.startswith(("```", "~~~")):
            fence = "" if fence and stripped.startswith(fence) else fence or stripped[:3]
        heading = None if fence else HEADING.match(line)
        underline = None if fence or heading else UNDERLINE.match(line)
        if (
            underline
            and section.lines
            and section.lines[-1].strip()
            and not section.lines[-1].startswith((" ", "-", "|", "*"))
        ):
            level, title = (1 if "=" in underline[1] else 2), section.lines.pop().strip()
        elif heading:
            level, title = len(heading[1]), heading[2].rstrip().rstrip("#").rstrip()
        else:
            section.lines.append(line)
            continue
        yield section
        above = [entry for entry in above if entry[0] < level]
        above.append((level, _sections.inline(title).strip() or "…"))
        section = _sections.Section(tuple(entry[1] for entry in above), number)
    yield section


def _front_matter(lines: list[str]) -> int:
    if lines[0].strip() == "---":
        end = next((number for number, line in enumerate(lines[1:60], 1) if line.strip() == "---"), 0)
        if end and all(":" in line or not line.strip() or line.startswith((" ", "-")) for line in lines[1:end]):
            return end + 1
    return 0
