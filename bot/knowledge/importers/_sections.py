"""Documents cut into sections and answers: what Markdown files, plain text files and files of documents share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.knowledge.importers.base import Article

# None of these may take longer than a file is long: what may stand twice in a row is bounded.
ASKED = re.compile(r"[?？]\W{0,3}$")
PAIR_QUESTION = re.compile(
    r"^(?:\*\*)?(?:Q|Question|问|问题)\s{0,9}\d{0,9}\s{0,9}(?:\*\*)?\s{0,9}[:：.、](?:\*\*)?\s*(.+)", re.IGNORECASE
)
PAIR_ANSWER = re.compile(
    r"^(?:\*\*)?(?:A|Answer|答|回答|答案)\s{0,9}\d{0,9}\s{0,9}(?:\*\*)?\s{0,9}[:：.、](?:\*\*)?\s*(.*)", re.IGNORECASE
)
SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？])")
NUMBERED = re.compile(r"^\s*\d{1,3}\s*[.)、）]\s*(.+)")
BOLD = re.compile(r"^\s*(?:[-*+]\s+)?(?:\*\*|__)(.+?)(?:\*\*|__)\s*$")
LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\(\s{0,9}<?([^)\s>]{0,1000})>?[^)]{0,300}\)")
EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.{1,300}?)(?<=\S)\1")
STARRED = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])")
TABLE_RULE = re.compile(r"^\s*(?:\|\s*)?:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*(?:\|\s*)?$")


@dataclass(slots=True)
class Section:
    """Lines under a heading; `path` are the headings above it, its own last."""

    path: tuple[str, ...]
    line: int
    lines: list[str] = field(default_factory=list)


def articles(sections: list[Section], opening: str, document: str = "", markdown: bool = True) -> Iterator[Article]:
    """Each section as an article, and each question in it with its answer as one of its own."""
    for section in sections:
        rest: list[str] = []
        for question, line, lines in questions(section, markdown):
            body = text_of(lines, markdown)
            if question and body:
                title = inline(question) if markdown else question
                yield Article((*section.path, title), body, opening, document, line)
            else:
                rest += [question, *lines] if question else lines
        if body := text_of(rest, markdown):
            yield Article(section.path, body, opening, document, section.line)


def questions(section: Section, markdown: bool) -> Iterator[tuple[str, int, list[str]]]:
    """The section's lines in order, cut at questions: (question or nothing, its line, the lines below it)."""
    question, started, gathered = "", section.line, list[str]()
    fenced = False
    for number, line in enumerate(section.lines, section.line + 1):
        fenced ^= line.lstrip().startswith("```")
        found = "" if fenced else _question(line, markdown)
        if found:
            yield question, started, gathered
            question, started, gathered = found, number, []
        else:
            answer = PAIR_ANSWER.match(line.strip()) if question else None
            gathered.append(answer[1] if answer else line)
    yield question, started, gathered


def _question(line: str, markdown: bool) -> str:
    stripped = line.strip()
    if pair := PAIR_QUESTION.match(stripped):
        return pair[1].strip("* ")
    if not ASKED.search(stripped) or len(stripped) > 300:
        return ""
    marked = BOLD.match(stripped) or (None if line.startswith(("  ", "\t")) else NUMBERED.match(stripped))
    if marked:
        return marked[1].strip("* ")
    return "" if markdown else stripped


def text_of(lines: list[str], markdown: bool = True) -> str:
    """Lines as plain text: no marks, tables as rows of cells, single empty lines between paragraphs."""
    kept: list[str] = []
    for line in lines:
        line = line.rstrip()
        if markdown:
            if TABLE_RULE.match(line) or line.strip().startswith("```"):
                continue
            line = inline(_table_row(line))
        if line.strip() or (kept and kept[-1].strip()):
            kept.append(line)
    return "\n".join(kept).strip()


def _table_row(line: str) -> str:
    stripped = line.strip()
    if stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1:
        return " | ".join(cell.strip() for cell in stripped[1:-1].split("|"))
    return line


def inline(text: str) -> str:
    """Without Markdown's marks; a link keeps its address behind its words, a picture leaves."""
    text = LINK.sub(lambda m: "" if m[0].startswith("!") else m[1] if m[2] in ("", m[1]) else f"{m[1]} ({m[2]})", text)
    text = STARRED.sub(r"\1", EMPHASIS.sub(r"\2", EMPHASIS.sub(r"\2", text)))
    return re.sub(r"^(\s*)[*+]\s+", r"\1- ", text).removeprefix("> ")


def paragraphs(article: Article) -> Iterator[Article]:
    """Text below no heading: a paragraph is an article, its first sentence names it."""
    for paragraph in re.split(r"\n\s*\n", article.body):
        start = " ".join(paragraph[:1000].split())
        sentence = SENTENCE.match(start)
        title = (sentence[0] if sentence else start)[:80]
        yield Article((title,), paragraph.strip(), article.opening, article.document, article.line)
