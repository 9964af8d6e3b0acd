"""What a profile never holds: health, religion, politics, sexuality, and anything about minors."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.language import HAN, normalise, tokens


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """All that sensitive.toml lists."""
    lists = tomllib.loads(Path(__file__).with_name("sensitive.toml").read_text("utf-8"))
    return tuple(word for held in lists.values() for word in held)


@lru_cache(maxsize=1)
def _split() -> tuple[frozenset[str], tuple[str, ...]]:
    """English stems and Chinese words."""
    english = frozenset(token for word in words() if not HAN.search(word) for token in tokens(word))
    return english, tuple(word for word in words() if HAN.search(word))


def sensitive(product: Any) -> bool:
    """Would an interest in it say something of health, religion, politics, sexuality or minors?

    It has category, title and tags.
    """
    plain = normalise(" , ".join((product.category, product.title, *product.tags)))
    english, chinese = _split()
    return not english.isdisjoint(tokens(plain)) or any(word in plain for word in chinese)
