"""Products whose catalogue text is like that of the products the member asked about."""

from bot.knowledge.library import Library
from bot.language import tokens
from bot.members.profiles import Profile
from bot.members.signals.base import Reason, Score

SOURCES = 5  # products asked about that are looked at
NEAR = 30  # products that are compared with each
FADE = 0.8  # what each next source counts beside the one before it
LIKE = 0.18  # the least likeness, as a share of how much the product asked about is like itself


async def score(library: Library, profile: Profile) -> dict[int, Score]:
    """Likeness in title, tags and category; the source that it is greatest to is the reason."""
    best: dict[int, Score] = {}
    for place, source in enumerate(await library.read(profile.product_ids[:SOURCES])):
        hits = library.products.search(tokens(" , ".join((source.title, *source.tags, source.category))), NEAR)
        itself = next((hit.score for hit in hits if hit.id == source.id), 0.0)
        for hit in hits:
            like = min(1.0, hit.score / itself) if itself else 0.0
            value = like * FADE**place
            if like >= LIKE and (hit.id not in best or value > best[hit.id].value):
                best[hit.id] = Score(value, Reason("asked", source.title, source.row))
    return best
