"""How a reply came about. Kept with it: rows spoken of before, acts, checks, times, the catalogue's version.

Worked out anew, from the question as it stands in the records: how it is read, and which rows it finds with today's
catalogue. So nothing is kept twice, and what a member had erased is gone from here too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation import link as links
from bot.conversation.context import Context
from bot.conversation.meant import meant
from bot.conversation.understanding import Reading, split
from bot.knowledge.library import Library

SHOWN = 3  # rows of each noun, and other readings
LIKELY = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a question finds: its title and what it is worth."""

    row: str
    title: str
    worth: float


@dataclass(frozen=True, slots=True)
class Understood:
    """One question of the message. `acts`: what else it may want, with how likely that is, most likely first."""

    text: str
    cues: tuple[str, ...]
    acts: tuple[tuple[str, float], ...]
    found: tuple[Found, ...]


async def understood(library: Library, text: str, language: str, rows: Sequence[str], act: str) -> list[Understood]:
    """How a message is read after a reply with this act about these rows."""
    await library.refresh()
    context = Context(language, rows=tuple(rows), act=act)
    readings = await meant(library, split(library.spelling.mend(text), language), context)
    return [
        Understood(one.text, tuple(sorted(one.cues)), _acts(one), tuple(await _found(library, one))) for one in readings
    ]


def _acts(reading: Reading) -> tuple[tuple[str, float], ...]:
    """By the head over the encoder where there is one, else by the words' topics."""
    likely = dict(reading.wants or reading.about)
    ordered = sorted(likely.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name, chance) for name, chance in ordered[:SHOWN] if chance >= LIKELY)


async def _found(library: Library, reading: Reading) -> list[Found]:
    if reading.ranking:
        products = [(hit.row, worth) for worth, hit in reading.ranking.products[:SHOWN]]
        articles = [(hit.row, worth) for worth, hit in reading.ranking.articles[:SHOWN]]
    else:
        hits = library.products.search(links.content(reading.words), SHOWN)
        products = [(hit.row, hit.cover) for hit in hits]
        told = library.find_articles(reading.words, reading.language, reading.about)[:SHOWN]
        articles = [(hit.row, hit.cover) for hit in told]
    names = await titles(library, [row for row, _ in (*products, *articles)])
    return [Found(row, names[row], worth) for row, worth in (*products, *articles) if row in names]


async def titles(library: Library, rows: Sequence[str]) -> dict[str, str]:
    """The titles of these rows, of those that are still there."""
    ids: dict[str, list[int]] = {"product": [], "article": []}
    for row in rows:
        noun, _, number = row.partition(":")
        if noun in ids:
            ids[noun].append(int(number))
    found = {one.row: one.title for one in await library.read(ids["product"])}
    return found | {one.row: one.title for one in library.read_articles(ids["article"])}
