"""Words of a model that would do something where they are shown: mentions, links in disguise, tags, what can't be seen.

Platforms show the bot's text as it stands, and `bot/outbox.py` takes out of all that goes out what can't be seen. A
model has no use for any of it: the row is quoted instead.
"""

import re

from bot.language import UNSEEN
from bot.safety.rules.base import Rule, Subject, Terms

MARKS = re.compile(
    r"(?<![\w.])[@＠](?=\w)"  # a mention; an address of mail is personal data
    r"|<[@#!/a-z][^<>]{0,200}>|&(?:lt|gt|amp|#\d+|#x[0-9a-f]+);|<\||\|>|\[/?INST\]"  # tags, entities, a chat template's tokens
    r"|!?\[[^\]\n]*\]\s?\([^)\n]*\)|\[[^\]\n]+\]:\s*\S|```|^\s{0,3}#{1,6} |\|\|"  # links, pictures, code, headings, spoilers
    r"|(?:^|\s)/[a-z][a-z_]+\b"  # a command, which some apps make a button of
    r"|\b(?:javascript|vbscript|file)\s*:|\bdata:\w+/",
    re.IGNORECASE | re.MULTILINE,
)


class Marks:
    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        seen = any(MARKS.search(text) for text in subject.shown)
        return "marks" if seen or UNSEEN.search(subject.own) else None


def build(terms: Terms) -> Rule:
    return Marks()
