"""Speak or stay silent: certain when addressed, unasked only for a confident question to the shop."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.conversation import link as links
from bot.conversation.understanding import Reading, complaint, glance, read
from bot.knowledge.library import Library
from bot.language import normalise
from bot.messages import Message

STALE = timedelta(minutes=10)  # an unasked answer later than this talks into another conversation
CONFIDENT = 0.62  # share of a question's weight that one row's names have to cover
EXPLAINED = 0.6  # or that one article has to hold
ASKS = ("price", "stock", "options", "compare", "link", "recommend", "list", "cheapest", "dearest")


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


def certainly_silent(message: Message, mode: str, names: Sequence[str]) -> bool:
    """Is it plain without a look into the shop that nothing will be said?"""
    if message.addressed or message.chat.direct or message.text.startswith("/"):
        return False
    if mode in ("off", "mention") or message.sender.bot:
        return True
    return _aside(message, glance(message.text), names) is not None


async def decide(
    message: Message, mode: str, language: str, library: Library, names: Sequence[str], now: datetime
) -> Decision:
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
    return await _unasked(message, language, library, names)


async def _unasked(message: Message, language: str, library: Library, names: Sequence[str]) -> Decision:
    reading = read(message.text, language)
    if silent := _aside(message, reading, names):
        return silent
    await library.refresh()
    linked = links.link(reading.words, library)
    if linked.hits and linked.hits[0].named >= CONFIDENT and reading.has(*ASKS):
        return Speak("a confident question about a product")
    hits = library.find_articles(reading.words, reading.language, reading.about)
    if hits and len(reading.words) >= 2 and hits[0].cover >= EXPLAINED and hits[0].called >= 0.3:
        return Speak("a confident question about an article")
    return Silent("not confident")


def _aside(message: Message, reading: Reading, names: Sequence[str]) -> Silent | None:
    """What is plainly not for the shop: no question, or one to somebody else."""
    if "@" in message.text or message.reply_to or not reading.has("question"):
        return Silent("no question to the shop")
    if complaint(reading) or reading.has("to_somebody") or _names(reading.text, names):
        return Silent("said to somebody else")
    return None


def _names(text: str, names: Sequence[str]) -> bool:
    """Is somebody of this chat called by name?"""
    called = [plain for name in names if len(name) > 1 and (plain := normalise(name)) in text]
    return any(re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text) for plain in called)
