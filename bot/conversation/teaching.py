"""What may be learnt from a chat: an admin's article, and a member's wording as an alias of a row."""

import re

from bot.conversation import link as links
from bot.conversation.understanding import MENTION, Reading, split
from bot.knowledge.library import Library
from bot.knowledge.rows import name_of
from bot.language import language
from bot.safety.rules.personal import spans
from llm.protocol import Act
from storage import articles
from storage.database import Transaction

ANSWERING = frozenset((Act.PRICE, Act.STOCK, Act.OPTIONS, Act.DETAIL, Act.DESCRIBE, Act.POLICY, Act.LINK))
SHORTEST, LONGEST = 6, 200  # characters of a wording; of a Chinese one half of that are enough
SAID, SPOKEN = 2, 5  # words of content that it needs, or words in all: shorter ones mean something else elsewhere
GOES_ON = re.compile(r"(?:ok )?(?:and|also|or|but|so|then|what about|how about|same)\b|那|还有|以及|另外")
NAMED, CALLED = 0.8, 0.75  # evidence of a product's name, and share of its title, with which it is found anyway
WHOLE = 0.95  # so much of an article's title is no other wording


async def teach(tx: Transaction, shop_id: int, question: str, answer: str) -> int:
    """An admin's answer as an article, in place of the one that the same question has; its id."""
    spoken = language(question + answer)
    return await articles.teach(tx, shop_id, name_of(question), question, answer, spoken)


def wording(text: str) -> str:
    """What a member said, in one line and without whom they said it to."""
    return " ".join(MENTION.sub(" ", text).split())


def learnable(text: str, row: str, library: Library, spoken: str, *, alone: bool) -> str | None:
    """The wording as an alias of this row; None where it does not stand for itself, or is found without."""
    said = standing(text, spoken, alone=alone)
    return said if said and not _named(split(said, spoken)[0], row, library) else None


def standing(text: str, spoken: str, *, alone: bool = False) -> str | None:
    """The wording where it stands for itself: one question of some words, no "and is it in stock?" (unless what it
    found was not spoken of before it: `alone`), and of nobody."""
    said = wording(text)
    found = split(said, spoken)
    shortest = SHORTEST / 2 if found and found[0].language == "zh" else SHORTEST
    if len(found) != 1 or not shortest <= len(said) <= LONGEST or any(True for _ in spans(text)) or "://" in said:
        return None
    reading = found[0]
    content = [word for word in links.content(reading.words) if len(word) > 1]
    enough = len(content) >= SAID or (content and len(said.split()) >= SPOKEN)
    goes_on = GOES_ON.match(said.lower()) or (reading.has("followup") and not alone)
    return said if enough and not goes_on else None


def _named(reading: Reading, row: str, library: Library) -> bool:
    """Is the row found by its own name already, or gone?"""
    if row in library.products.places:
        hit = library.products.rate(row, links.content(reading.words))
        return hit.evidence >= NAMED or hit.called >= CALLED
    if row in library.articles.places:
        hit = library.articles.rate(row, reading.words)
        return hit.called >= WHOLE and hit.cover >= WHOLE
    return True
