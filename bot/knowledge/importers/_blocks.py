"""Headings and paragraphs become articles: what HTML pages, PDFs and Word files have in common."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.knowledge.importers import _sections, _values
from bot.knowledge.importers.base import Article

# Levels of headings by their looks: a line in bold, a question in bold, and a question, which is below any heading.
BOLD, BOLD_QUESTION, QUESTION = 20, 25, 30
LONGEST_QUESTION = 200
LONGEST_HEADING = 150
QUESTION_COLUMN, ANSWER_COLUMN = (
    frozenset(("question", "q", "问题", "问")),
    frozenset(("answer", "a", "答案", "回答", "答")),
)
BULLET = re.compile(r"^[-•·●○▪■◦–*+] *(?=\S)")
ROW = re.compile(r"^- | \| ")
FULL_STOP = re.compile(r"[.!?](?=\s)|[。！？；](?=.)")
ENDS_HEADING = re.compile(r"[.!。！;；,，]$")


@dataclass(slots=True)
class Block:
    """A heading, a paragraph, a list item or a table row. `level` is 0 for text; headings have 1 to 9 or more."""

    text: str
    level: int = 0
    line: int = 1


def in_bold(text: str) -> int:
    """The level of a line that stands in bold alone: a heading, unless it reads like a sentence."""
    short = len(text) <= LONGEST_HEADING and not BULLET.match(text) and " | " not in text
    return BOLD if short and not ENDS_HEADING.search(text) and not FULL_STOP.search(text) else 0


def articles(blocks: Iterable[Block], title: str = "") -> Iterator[Article]:
    """Each section with its headings as an article, each question with its answer as one of its own.

    title: of a document that has no heading but by its looks; it then stands above all.
    """
    blocks = list(blocks)
    title = "" if any(0 < block.level < BOLD for block in blocks) else title
    sections = _folded(_sections_of(_asked(blocks)))
    untitled = not any(section.path for section in sections)
    first = next((section for section in sections if section.path or section.lines), None)
    opening = "\n".join(filter(None, (title, *first.path[:1], *first.lines[:1])))[:300] if first else ""
    for section in sections:
        if body := _joined(section.lines):
            path = (title, *section.path) if title else section.path
            found = Article(path, body, opening, line=section.line)
            yield from _sections.paragraphs(found) if untitled and not title else [found]


def _asked(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, questions among them as headings, and the marks of `Q:` and `A:` gone."""
    paired = False
    for block in blocks:
        text = block.text.strip()
        if not text:
            continue
        asked, _, told = text.partition(" | ")
        if told and _values.fold(asked[:20]) in QUESTION_COLUMN and _values.fold(told[:20]) in ANSWER_COLUMN:
            continue
        if told and not block.level and " | " not in told and _sections.ASKED.search(asked):  # a table of two columns
            yield Block(asked, QUESTION, block.line)
            yield Block(told, 0, block.line)
            continue
        question = _question(text, block.level)
        pair = _sections.PAIR_QUESTION.match(text)
        answer = _sections.PAIR_ANSWER.match(text) if paired and not block.level else None
        if question:
            paired = bool(pair)
            level = BOLD_QUESTION if block.level == BOLD else block.level or QUESTION
            yield Block(question, level, block.line)
        elif answer:
            yield Block(answer[1], 0, block.line)
        else:
            paired = paired and not block.level
            yield Block(text, block.level, block.line)


def _question(text: str, level: int) -> str:
    """The question that the block is, if it is nothing else."""
    if pair := _sections.PAIR_QUESTION.match(text):
        return pair[1].strip() if len(pair[1]) <= LONGEST_QUESTION else ""
    if not _sections.ASKED.search(text) or len(text) > LONGEST_QUESTION or BULLET.match(text) or " | " in text:
        return ""
    numbered = _sections.NUMBERED.match(text)
    text = numbered[1].strip() if numbered and not numbered[1][:1].isdigit() else text
    return "" if not level and FULL_STOP.search(text) else text


def _sections_of(blocks: Iterable[Block]) -> Iterator[tuple[int, _sections.Section]]:
    """Each heading's level with the text below it."""
    level, section = 0, _sections.Section((), 1)
    above: list[Block] = []
    told = False  # whether the last heading in bold has text of its own: then questions in bold stand beside it
    for block in blocks:
        if not block.level:
            section.lines.append(block.text)
            continue
        told = bool(section.lines) if level == BOLD else told and level > BOLD
        yield level, section
        below = BOLD if told and block.level == BOLD_QUESTION else block.level
        above = [*(entry for entry in above if entry.level < below), block]
        level = block.level
        section = _sections.Section(tuple(" ".join(entry.text.split()) for entry in above), block.line)
    yield level, section


def _folded(found: Iterable[tuple[int, _sections.Section]]) -> list[_sections.Section]:
    """The sections; what only looked like a heading and has nothing below it is text of the section before."""
    kept: list[tuple[int, _sections.Section]] = []
    for level, section in found:
        if kept and kept[-1][0] >= BOLD and not kept[-1][1].lines and level <= kept[-1][0]:
            _give_back(kept)
        kept.append((level, section))
    if kept[-1][0] >= BOLD and not kept[-1][1].lines:
        _give_back(kept)
    return [section for _, section in kept]


def _give_back(kept: list[tuple[int, _sections.Section]]) -> None:
    _, hollow = kept.pop()
    kept[-1][1].lines.append(hollow.path[-1])


def _joined(lines: list[str]) -> str:
    """Paragraphs with an empty line between them; list items and table rows stand together."""
    text = ""
    for before, line in zip(["", *lines], lines, strict=False):
        close = ROW.search(before) and ROW.search(line)
        text += ("\n" if close else "\n\n") + line
    return text.strip()
