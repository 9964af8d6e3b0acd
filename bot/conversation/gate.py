"""Speak or stay silent. Certain when addressed; unasked only for a confident question to the shop, where the chat's mode allows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.conversation import link as links
from bot.conversation.understanding import complaint, read
from bot.knowledge.library import Library
from bot.language import normalise
from bot.messages import Message

STALE = timedelta(minutes=10)  # an unasked answer later than this talks into another conversation
CONFIDENT = 0.62  # share of a question's weight that one row's names have to cover
EXPLAINED = 0.6  # or that one article has to hold
ASKS = ("price", "stock", "options", "compare", "link", "recommend", "list", "cheapest", "dearest")
TO_SOMEBODY = re.compile(
    r"@\w|\b(you guys|anyone|anybody|everyone|someone|somebody|y'all|dm me|pm me|my (friend|wife|husband|mum|mom|dad|kid|son|daughter)|"
    r"did you|have you|are you|were you|would you|do you (think|like|remember|want|know)|your|yours|shall we|let's|we should)\b|大家|有人|谁(有|知道|要|想|用)|你(们)?(觉得|家|上次|那|的|买|用|有没有)|咱|我们",
)


@dataclass(frozen=True, slots=True)
class Silent:
    """Only recorded."""

    why: str


@dataclass(frozen=True, slots=True)
class Speak:
    why: str


@dataclass(frozen=True, slots=True)
class Later:
    """Decide again then."""

    due: datetime


Decision = Silent | Speak | Later


def decide(message: Message, mode: str, language: str, library: Library, names: Sequence[str], now: datetime) -> Decision:
    """What to do with a message that is no command. `names` are those who talk in this chat."""
    if message.sender.bot:
        return Silent("a bot")
    if mode == "off":
        return Silent("mode off")
    if message.addressed or message.chat.direct:
        return Speak("addressed")
    if mode == "mention":
        return Silent("not addressed")
    if now - message.at > STALE:
        return Silent("stale")
    return _unasked(message, language, library, names)


def _unasked(message: Message, language: str, library: Library, names: Sequence[str]) -> Decision:
    reading = read(message.text, language)
    if message.reply_to or not reading.has("question"):
        return Silent("no question to the shop")
    if complaint(reading) or TO_SOMEBODY.search(reading.text) or _names(reading.text, names):
        return Silent("said to somebody else")
    linked = links.link(reading.words, library)
    if linked.hits and linked.hits[0].named >= CONFIDENT and reading.has(*ASKS):
        return Speak("a confident question about a product")
    hits = library.find_articles(reading.words, reading.language)
    if hits and len(reading.words) >= 2 and hits[0].cover >= EXPLAINED and hits[0].called >= 0.3:
        return Speak("a confident question about an article")
    return Silent("not confident")


def _names(text: str, names: Sequence[str]) -> bool:
    """Is somebody of this chat called by name?"""
    return any(len(name) > 1 and re.search(rf"(?<!\w){re.escape(normalise(name))}(?!\w)", text) for name in names)
