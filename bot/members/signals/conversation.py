"""What the member is about right now: products like those of their last hours, and like the words being said."""

import numpy as np
from scipy import sparse

from bot.members.signals.base import SAID, Floats, History, Ints, Part, Shop, Sparse, combined, newest, rare

HOURS = 12.0
FADE = 0.85  # what each product counts beside the one after it
COMMON = 0.2  # words in a larger share of the products say little, and cost the most


class Conversation:
    """Nearness of the words themselves: no neighbours were cut off."""

    def __init__(self, words: Sparse) -> None:
        self._words = rare(words, COMMON)
        self._turned = sparse.csr_array(self._words.T)

    def score(self, history: History, now: float) -> Floats:
        places, weights = self._current(history)
        asked = self._words[history.item[places]].T @ weights
        if history.said is not None:
            asked = asked + np.asarray(history.said.todense()).ravel()
        told = np.flatnonzero(asked)
        return combined(self._turned, told, asked[told])

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        row = self._words[[item]]
        found = [
            Part(int(place), float(weight * (self._words[[history.item[place]]] @ row.T).sum()))
            for place, weight in zip(*self._current(history), strict=True)
        ]
        if history.said is not None:
            found.append(Part(SAID, float((history.said @ row.T).sum())))
        return [part for part in found if part.value]

    @staticmethod
    def _current(history: History) -> tuple[Ints, Floats]:
        """Places in the history of the last hours, and what each counts: the newest is 1."""
        places = newest(history)
        if len(places):
            recent = history.at[places] > history.at[places[-1]] - HOURS / 24
            places = places[recent & (history.worth[places] > 0)]
        return places, FADE ** np.arange(len(places), dtype=np.float64)[::-1]


def fit(shop: Shop, now: float) -> Conversation | None:
    return None if shop.words is None else Conversation(shop.words)
