"""Which of several wordings of a post is taken: none that says again what was just said, the likeliest of the others.

Facts are taken out before wordings are compared: two posts that differ in product and price alone are near-copies.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bot.language import normalise
from llm.protocol import SLOT

WORD = re.compile(r"[a-z']+|[\u3400-\u4dbf\u4e00-\u9fff]")
NEAR = 0.6  # the share of a wording's n-grams that one earlier post may have
LENGTH = range(8, 900)  # characters: a picture's caption has room for no more than 1024
ODD, UNLIKELY = 3, -1.6  # so many tokens, and the logarithm below which their mean chance shows a slip (read by hand)
SPENT = 3.0  # what a wording that overlaps wholly loses, in logarithms of likelihood a token
# Turns of the shipped model that are out of place in a post, read by hand.
ODDITIES = re.compile(
    r"for those who don't|\bwe (?:say|write)\b|if that close"
    r"|其中的，|依次是|问我，<name1>|先知道|回复名字|扣个|随手翻到|先发",
    re.IGNORECASE,
)
INVITES = re.compile(r"[?？]|\bask\b|\bquestions?\b|\btell us\b|问|聊聊|说说|看看|戳", re.IGNORECASE)


def bare(text: str, facts: Iterable[str] = ()) -> str:
    """A text without its facts' values, or a template without its slots."""
    for value in sorted(filter(None, facts), key=len, reverse=True):
        text = text.replace(value, " ")
    return SLOT.sub(" ", text)


def grams(text: str) -> frozenset[tuple[str, ...]]:
    """Pairs of neighbouring words; of Chinese, of signs."""
    words = WORD.findall(normalise(text))
    return frozenset(pairwise(words)) if len(words) > 1 else frozenset((one,) for one in words)


def overlap(text: str, others: Sequence[str]) -> float:
    """The greatest share of a bare text's n-grams that one of the other bare texts has, 0 to 1."""
    own = grams(text)
    return max((len(own & grams(one)) / len(own) for one in others), default=0.0) if own else 0.0


def likelihood(chances: Sequence[float]) -> float | None:
    """The mean of the logarithms; None without any."""
    return sum(chances) / len(chances) if chances else None


def refusal(text: str, template: str, copied: float, chances: Sequence[float] = ()) -> str:
    """Why a wording is not posted; '' where it may be. A small model's slip shows in a few tokens, not in the mean."""
    if len(text) not in LENGTH:
        return f"it has {len(text)} characters"
    if found := ODDITIES.search(template):
        return f"{found.group()!r} is out of place"
    if copied > NEAR:
        return f"an earlier post says {copied:.0%} of it"
    lowest = sorted(chances)[:ODD]
    if lowest and sum(lowest) / len(lowest) < UNLIKELY:
        return f"the model itself finds it odd: {sum(lowest) / len(lowest):.1f}"
    return ""


def worth(likelihood: float | None, copied: float) -> float:
    """How good a wording is beside the others of the same plan: what the model thinks of it, less what is repeated."""
    return (likelihood or 0.0) - SPENT * copied


def invites(text: str) -> bool:
    """Does a text ask for something already?"""
    return INVITES.search(text) is not None
