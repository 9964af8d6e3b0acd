"""Files of documents (a `text` column, Markdown) or of questions and answers: tables, JSON and JSON lines."""

from collections.abc import Iterator

from bot.knowledge.importers import _rows, _sections, _values, markdown
from bot.knowledge.importers.base import ARTICLES, Article, Head, Item, Problem, Source

KIND = ARTICLES

QUESTION = ("question", "q", "questions", "questiontext", "faqquestion", "faq", "customerquestion", "ask", "问题", "问",
            "提问", "常见问题", "标准问题", "标准问", "问题描述", "问句", "用户问题")  # fmt: skip
ANSWER = ("answer", "a", "answers", "answertext", "answerhtml", "answerbody", "faqanswer", "response", "reply", "答案",
          "回答", "答", "回复", "解答", "答复", "标准答案", "标准回答", "回答内容", "答案内容")  # fmt: skip
TEXT = ("text", "markdown", "content", "body", "bodyhtml", "postcontent", "articlebody", "内容", "正文")
NAME = ("file", "filename", "document", "title", "name", "heading", "posttitle", "articletitle", "标题", "文件", "名称")
TOPIC = ("category", "section", "topic", "group", "folder", "分类", "类别", "栏目", "主题")


def sniff(head: Head) -> float:
    if head.text.lstrip().startswith("<") or any(map(head.has, ("price", "sku", "价格", "handle"))):
        return 0.0
    asked = any(map(head.has, QUESTION)) and any(map(head.has, ANSWER))
    named = any(map(head.has, TEXT)) and any(map(head.has, NAME))
    return 0.8 if asked else 0.75 if named else 0.0


def read(source: Source) -> Iterator[Item]:
    for row in _rows.rows(source):
        if isinstance(row, Problem):
            yield row
            continue
        question, answer = row.text(*QUESTION), row.plain(*ANSWER)
        name, text = row.text(*NAME), str(row.first(*TEXT)[1])
        if question and answer:
            yield Article((question,), answer, document=row.text(*TOPIC), line=row.line)
        elif not question and text.strip():
            yield from _document(name, _values.UNSAFE.sub("", text), row.line)
        else:
            column, what = (ANSWER, "answer") if question else (TEXT, "text")
            column_name = next((name for name in column if name in row.names), column[0])
            row.wrong(column_name, f"there is no {what}", "every row needs one")
            yield from row.problems


def _document(name: str, text: str, line: int) -> Iterator[Article]:
    for article in markdown.parse(text, name):
        article.line = line
        article.path = article.path or (_sections.inline(name),)
        yield article
