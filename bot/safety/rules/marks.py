"""Words of a model that would do something where they are shown: mentions, links in disguise, tags, what can't be seen.

Platforms show the bot's text as it stands, and `bot/outbox.py` takes out of all that goes out what can't be seen. A
model has no use for any of it: the row is quoted instead.
"""

import re

from bot.safety.rules.base import Rule, Subject, Terms

MARKS = re.compile(
    r"(?<![\w.])[@＠](?=\w)"  # a mention; an address of mail is personal data
    r"|<[@#!/a-z][^<>]{0,200}>|&(?:lt|gt|amp|#\d+|#x[0-9a-f]+);|<\||\|>|\[/?INST\]"  # tags, entities, a chat template's tokens
    r"|!?\[[^\]\n]*\]\s?\([^)\n]*\)|\[[^\]\n]+\]:\s*\S|```|^\s{0,3}#{1,6} |\|\|"  # links, pictures, code, headings, spoilers
    r"|\b(?:javascript|data|tg|discord|file|vbscript)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
# Text direction, line and paragraph separators, tags, blanks that are letters; not what joins and colours emoji.
UNSEEN = re.compile("[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
                    "|(?<=[a-zA-Z0-9])[\u200c\u200d](?=[a-zA-Z0-9])|[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # fmt: skip


class Marks:
    def check(self, subject: Subject) -> str | None:
        if subject.direction != "out":
            return None
        own = subject.own
        return "marks" if MARKS.search(own) or UNSEEN.search(own) else None


def build(terms: Terms) -> Rule:
    return Marks()
