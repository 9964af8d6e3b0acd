"""Questions that ask the same, put together: by meaning where an encoder knows their language, else by their words."""

from collections.abc import Sequence
from typing import TypeVar

from bot.knowledge.library import Library
from bot.knowledge.retrieval import expand
from bot.language import tokens
from llm.encoder import Vector

ALIKE = {"en": 0.75, "zh": 0.8}  # how near two meanings are that ask the same: one answer has to fit both
SHARED = 0.5  # and the share of their words
T = TypeVar("T")


async def clusters(library: Library, asked: Sequence[tuple[str, str, T]]) -> list[list[T]]:
    """Each (text, language, what it stands for) with others that ask what the first of its cluster does.

    Clusters come in the order of their first ones.
    """
    vectors: dict[int, Vector] = {}
    for spoken in dict.fromkeys(language for _, language, _ in asked):
        places = [at for at, (_, language, _) in enumerate(asked) if language == spoken]
        found = await library.meaning([asked[at][0] for at in places], spoken)
        vectors |= {at: one for at, one in zip(places, found, strict=True) if one is not None}
    words = [frozenset(expand(tokens(text))) for text, _, _ in asked]

    def alike(one: int, other: int) -> bool:
        if asked[one][1] != asked[other][1]:
            return False
        if one in vectors and other in vectors:
            return float(vectors[one] @ vectors[other]) >= ALIKE[asked[one][1]]
        both = words[one] | words[other]
        return len(words[one] & words[other]) >= SHARED * len(both) if both else asked[one][0] == asked[other][0]

    first: dict[int, list[T]] = {}
    for at, (_, _, what) in enumerate(asked):
        home = next((one for one in first if alike(one, at)), at)
        first.setdefault(home, []).append(what)
    return list(first.values())
