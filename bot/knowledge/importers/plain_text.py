"""FAQ and policy documents in plain text: questions with their answers, else paragraphs under short heading lines."""

import re
from collections.abc import Iterator

from bot.knowledge.importers import _sections, _values
from bot.knowledge.importers.base import ARTICLES, Head, Item, Source

KIND = ARTICLES

ENDS = re.compile(r"[.!。！;；,，:：…]$")
RULE = re.compile(r"^\s*[-=_*~]{3,}\s*$")
BULLET = re.compile(r"^\s*(?:[-*•·+]|\d+[.)、])\s+")


def sniff(head: Head) -> float:
    if head.sheet or head.parts or head.text.lstrip()[:1] in ("<", "{", "["):
        return 0.0
    name = head.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml")):
        return 0.0
    prose = any(len(line.split()) > 3 or len(_values.HAN.findall(line)) > 5 for line in head.text.splitlines())
    asked = bool(re.search(r"[?？]\s*$", head.text, re.MULTILINE))
    return 0.5 if name.endswith(".txt") else 0.2 if prose or asked else 0.0


def read(source: Source) -> Iterator[Item]:
    lines = source.whole().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = ["" if RULE.match(line) else line for line in lines]
    sections = list(_sections_of(lines))
    opening = next((line.strip() for line in lines if line.strip()), "")[:300]
    for article in _sections.articles(sections, opening, markdown=False):
        if article.path:
            yield article
        else:
            yield from _sections.paragraphs(article)


def _sections_of(lines: list[str]) -> Iterator[_sections.Section]:
    """Sections below heading lines: short, alone in their block, no full stop, something below them."""
    section = _sections.Section((), 0)
    for number, line in enumerate(lines, 1):
        before = number == 1 or not lines[number - 2].strip()
        if before and _is_heading(line, lines[number : number + 3]):
            yield section
            section = _sections.Section((line.strip().strip(":：#* "),), number)
        else:
            section.lines.append(line)
    yield section


def _is_heading(line: str, below: list[str]) -> bool:
    text = line.strip()
    if (
        not text
        or len(text) > 60
        or (BULLET.match(line) and not re.match(r"\d+[.)、]\s+\S", text))
        or "?" in text
        or "？" in text
    ):
        return False
    follows = bool(below) and any(map(str.strip, below))
    if text.endswith((":", "：")):
        return follows
    alone = bool(below) and not below[0].strip()
    short = len(text.split()) <= 8 and len(_values.HAN.findall(text)) <= 20
    return follows and short and not ENDS.search(text) and (alone or text.isupper())
