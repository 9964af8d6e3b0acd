"""Pages saved from a shop (HTML, or MHTML in one file): their articles; menus, banners and footers stay out."""

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import nh3

from bot.knowledge.importers import _blocks, _values
from bot.knowledge.importers._blocks import QUESTION, Block
from bot.knowledge.importers.base import ARTICLES, Head, Item, Source

KIND = ARTICLES

LONGEST = 32_000_000  # characters of a page
MOST_TAGS = 300_000
DEEPEST = 5_000  # elements inside of each other: a parser takes quadratic time for them
TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
SCRIPT = re.compile(r"<(/?)(script|style)\b[^<>]*>", re.IGNORECASE)
DATA = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]*")
UNCLOSED = frozenset(
    "p li dt dd tr td th thead tbody tfoot option br hr img input meta link source col area wbr".split()  # noqa: SIM905
)
HEADINGS = {f"h{level}": level for level in range(1, 7)} | {"dt": QUESTION, "summary": QUESTION}
ENDS = frozenset(
    "p div section article main header ul ol li dl dd table blockquote pre figure figcaption details address"  # noqa: SIM905
    " br hr form fieldset center".split()
)
KEPT = {*HEADINGS, *ENDS, *"title a b strong nav footer aside dialog button tr td th span".split()}  # noqa: SIM905
DROPPED = {"script", "style", "noscript", "template", "svg", "iframe", "select", "textarea", "object", "math"}
ASIDE = frozenset(("nav", "footer", "aside", "dialog"))
ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alertdialog", "menu"))
FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|megamenu|breadcrumbs?|footer|cookies?|consent|popup|modal|newsletter"
    r"|announcement|drawer|sidebar|social|share|sharing|pagination|related|comments?|skip|visually-hidden|sr-only)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
LONGEST_TITLE = 300
SHORT = 200  # characters: a page with less text than that may be one whose words were taken for furniture
SITE = re.compile(r"\s+[|–—·»-]\s+|\s*[｜_]\s*")
ADDRESS = re.compile(r"https?://\S+$")


def sniff(head: Head) -> float:
    start = head.text.lstrip()[:2000].lower()
    if start.startswith(("from:", "mime-version:", "snapshot-content-location:")) and "multipart/related" in start:
        return 0.95
    if not start.startswith("<") or (start.startswith("<?xml") and "<html" not in start):
        return 0.0
    if re.match(r"(<\?xml[^>]*>|<!--.*?-->|\s)*(<!doctype html|<html\b)", start, re.DOTALL):
        return 0.9
    return 0.5 if re.search(r"<(h[1-6]|p|div|ul|section|article|main|body|table)\b", head.text.lower()) else 0.0


def read(source: Source) -> Iterator[Item]:
    text = source.whole(LONGEST)
    if not text.lstrip().startswith("<"):
        text = _from_mhtml(text)
    text = DATA.sub("", _without_scripts(text))
    if what := _too_much(text):
        yield source.problem("", f"the page {what}", "save only the article, or its text as Markdown")
        return
    page = _read_page(text)
    found = list(_blocks.articles(page.blocks, page.title))
    yield from found
    if not found:
        yield source.problem("", "the page has no text", _SAVED)


_SAVED = "a page saved from the browser once it shows its text, or its text as Markdown, would be right"


def _from_mhtml(text: str) -> str:
    """The page inside of a file of a whole page with its pictures."""
    message = email.message_from_string(text, policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() == "text/html":
            packed = part.get_payload(decode=True)
            return packed.decode(part.get_content_charset() or "utf-8", "replace") if isinstance(packed, bytes) else ""
    return ""


def _without_scripts(text: str) -> str:
    kept, at, inside = list[str](), 0, ""
    for match in SCRIPT.finditer(text):
        name = match[2].lower()
        if not inside and not match[1]:
            kept.append(text[at : match.start()])
            inside = name
        elif match[1] and name == inside:
            at, inside = match.end(), ""
    return "\n".join(kept if inside else [*kept, text[at:]])


def _too_much(text: str) -> str:
    """What is too much about the page, if anything is."""
    depth = count = 0
    for match in TAG.finditer(text):
        count += 1
        if match[2].lower() not in UNCLOSED:
            depth = max(0, depth + (-1 if match[1] else 1))
        if depth > DEEPEST:
            return f"has more than {DEEPEST:,} elements inside of each other"
    return f"has more than {MOST_TAGS:,} tags" if count > MOST_TAGS else ""


@dataclass(slots=True)
class _Page:
    title: str
    blocks: Sequence[Block]


def _read_page(text: str) -> _Page:
    """The page's own text: its main part, else its article, else all of it without the furniture around."""
    clean = nh3.clean(
        _values.UNSAFE.sub("", text),
        tags=set(KEPT),
        clean_content_tags=set(DROPPED),
        attributes={"*": {"class", "id", "role"}, "a": {"href"}},
        link_rel=None,
    )
    strict, loose = _Reader(furniture=True), _Reader(furniture=False)
    strict.feed(clean)
    strict.flush()
    blocks = strict.chosen()
    size = sum(len(block.text) for block in blocks)
    if size < SHORT:
        loose.feed(clean)
        loose.flush()
        all_of_it = loose.chosen()
        blocks = all_of_it if sum(len(block.text) for block in all_of_it) > 2 * size else blocks
    return _Page(SITE.split(" ".join(strict.title.split())[:LONGEST_TITLE])[0], blocks)


class _Reader(HTMLParser):
    """Gathers blocks from a page that was cleaned before, so that every element is closed.

    furniture: leave out what is called a menu, a cookie banner and so on by its class or id, outside of the main part.
    """

    def __init__(self, furniture: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.furniture = furniture
        self.title = ""
        self.found: list[tuple[str, Block]] = []  # the part of the page that a block stands in, and the block
        self.open: list[tuple[str, bool]] = []  # elements that are open, and whether what is in them is left out
        self.inside: Counter[str] = Counter()  # how many of each are open
        self.words: list[str] = []
        self.bold = self.linked = True  # whether all of the words so far are
        self.level, self.item = 0, False
        self.link, self.linked_from = "", 0  # where an open link leads, and the first of its words

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ENDS or tag in HEADINGS or tag in ("tr", "button"):
            self.end_block(layout=tag in HEADINGS or tag == "table")
        if tag in ("br", "hr"):
            return
        name = "main" if values.get("role") == "main" else tag
        self.open.append((name, self.left_out(tag, values)))
        self.inside[name] += 1
        if tag in HEADINGS:
            self.level = self.level or HEADINGS[tag]
        elif tag == "li":
            self.item = True
        elif tag == "a":
            self.link, self.linked_from = values.get("href", ""), len(self.words)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("br", "hr") or not self.open:
            return
        name, left_out = self.open.pop()
        self.inside[name] -= 1
        if tag in HEADINGS:
            self.flush()
            self.level = 0
        elif tag == "tr":
            self.flush()
        elif left_out:
            self.link = ""
        elif tag in ("td", "th"):
            self.words.append(" | ")
        elif tag == "a":
            self.end_link()
        elif tag == "button":
            self.end_button()
        elif tag in ENDS:
            self.end_block()
            self.item = False

    def handle_data(self, data: str) -> None:
        if self.inside["title"]:
            self.title = self.title or data
        elif not (self.open and self.open[-1][1]):
            self.words.append(data)
            if data.strip():
                self.bold &= bool(self.inside["b"] or self.inside["strong"])
                self.linked &= bool(self.inside["a"])

    def left_out(self, tag: str, values: dict[str, str]) -> bool:
        if self.open and self.open[-1][1]:
            return True
        inside, role = self.inside["main"] or self.inside["article"], values.get("role", "")
        if tag in ASIDE or role in ROLES or (tag == "header" and not inside):
            return True
        if not self.furniture or inside or tag in ("main", "article") or role == "main":
            return False
        return bool(FURNITURE.search(values.get("class", "")) or FURNITURE.search(values.get("id", "")))

    def end_block(self, layout: bool = False) -> None:
        """A block ends here; in a heading or a table's cell it only is a space, unless the table lays out the page."""
        if (self.inside["td"] or self.inside["th"] or self.level) and not layout:
            self.words.append(" ")
        else:
            self.flush()

    def end_link(self) -> None:
        words = "".join(self.words[self.linked_from :]).strip()
        if ADDRESS.match(self.link) and not self.level and words and words != self.link:
            self.words.append(f" ({self.link})")
        self.link = ""

    def end_button(self) -> None:
        """A button that asks opens an answer; any other is none of the text."""
        if self.level or self.inside["td"]:
            return
        if "".join(self.words).rstrip().endswith(("?", "？")):
            self.level = QUESTION
            self.flush()
        self.level = 0
        self.words.clear()

    def flush(self) -> None:
        """What was gathered is a block."""
        text = " ".join("".join(self.words).split()).rstrip(" |")
        part = "main" if self.inside["main"] else "article" if self.inside["article"] else ""
        if text.strip("| ") and not (self.item and self.linked and not part):
            asks = text.endswith(("?", "？"))
            level = self.level if len(text) <= LONGEST_TITLE else 0
            if not level and self.bold and (asks or not self.item):
                level = _blocks.in_bold(text)
            listed = self.item and not level and not text.startswith("- ")
            self.found.append((part, Block(f"- {text}" if listed else text, level)))
        self.item = self.item and not text
        self.bold = self.linked = True
        self.words.clear()

    def chosen(self) -> list[Block]:
        """Blocks of the main part if there is one, of the article if most of the text is in it, else all."""
        whole = sum(len(block.text) for _, block in self.found)
        for wanted in (("main",), ("main", "article")):
            inside = [block for part, block in self.found if part in wanted]
            size = sum(len(block.text) for block in inside)
            if inside and (size > SHORT or 2 * size > whole):
                return inside
        return [block for _, block in self.found]
