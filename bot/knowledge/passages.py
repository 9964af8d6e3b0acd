"""The sentences of a row that answer: by the words shared with the question, and by meaning where it is known."""

from collections.abc import Mapping, Sequence

from bot.knowledge.retrieval import Index, expand, overlap
from bot.language import sentences

BRIEF, SHARED, ALSO = 120, 0.3, 0.15  # characters not worth a choice; weight of words; how much worse may go along
PROSE = 260  # characters of a row's own words that one reply may quote


def prose(
    question: Sequence[str], text: str, index: Index, limit: int = PROSE, near: Mapping[str, float] | None = None
) -> tuple[str, float]:
    """The sentences of a row that answer best, in their own order, and the weight of the question that they hold.

    `near` says how near each is to what is asked, where that is known.
    """
    parts = sentences(text)
    if near and len(text) > BRIEF:
        return _nearest(question, parts, index, limit, near)
    if len(text) <= limit:
        return " ".join(parts) if parts and parts[0][-1:].isascii() else "".join(parts), overlap(question, text, index)
    scored = sorted(range(len(parts)), key=lambda i: (-overlap(question, parts[i], index), i))
    chosen: list[int] = []
    for place in scored[:3]:
        if not chosen or sum(len(parts[i]) for i in chosen) + len(parts[place]) <= limit:
            chosen.append(place)
    picked = [parts[i] for i in sorted(chosen)]
    joined = " ".join(picked) if picked and picked[0][-1:].isascii() else "".join(picked)
    return joined, overlap(question, joined, index)


def worths(question: Sequence[str], parts: Sequence[str], index: Index, near: Mapping[str, float]) -> list[float]:
    """How well each sentence answers: by its meaning, with some weight for the words of the question that it holds."""
    whole = sum(index.idf(word) for word in expand(question)) or 1.0
    return [near.get(one, 0.0) + SHARED * overlap(question, one, index) / whole for one in parts]


def _nearest(
    question: Sequence[str], parts: list[str], index: Index, limit: int, near: Mapping[str, float]
) -> tuple[str, float]:
    """Those that mean what is asked: the best, and others nearly as good."""
    worth = worths(question, parts, index, near)
    order = sorted(range(len(parts)), key=lambda at: -worth[at])
    chosen: list[int] = []
    length = 0
    for at in order:
        if chosen and (worth[at] < worth[order[0]] - ALSO or length + len(parts[at]) > limit):
            continue
        chosen.append(at)
        length += len(parts[at])
    joined = " ".join(parts[at] for at in sorted(chosen))
    return joined, overlap(question, joined, index)
