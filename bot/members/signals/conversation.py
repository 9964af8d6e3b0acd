"""What the member is about right now: products like those of their last hours, and like the words being said."""

import numpy as np
from scipy import sparse

from bot.members.signals.base import SAID, Floats, History, Part, Shop, Sparse, newest

HOURS = 12.0
COMMON = 0.2  # words in a larger share of the products say nothing here, and cost the most


class Conversation:
    """Nearness of the words themselves: no neighbours were cut off."""

    def __init__(self, words: Sparse) -> None:
        often = np.bincount(words.indices, minlength=words.shape[1])
        rare = sparse.diags_array((often <= max(2.0, COMMON * words.shape[0])).astype(np.float64))
        self._words = sparse.csr_array(words @ rare)
        self._words.eliminate_zeros()
        self._turned = sparse.csr_array(self._words.T)

    def score(self, history: History, now: float) -> Floats:
        rows = [self._words[[place]] for place in history.item[self._current(history)]]
        rows += [history.said] if history.said is not None else []
        if not rows:
            return np.zeros(self._words.shape[0])
        asked = sparse.csr_array(sum(rows[1:], rows[0]))
        return np.asarray((asked @ self._turned).todense(), dtype=np.float64).ravel()

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        row = self._words[[item]]
        found = [
            Part(int(place), float((self._words[[history.item[place]]] @ row.T).sum()))
            for place in self._current(history)
        ]
        if history.said is not None:
            found.append(Part(SAID, float((history.said @ row.T).sum())))
        return [part for part in found if part.value]

    @staticmethod
    def _current(history: History) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        places = newest(history)
        if not len(places):
            return places
        recent = history.at[places] > history.at[places[-1]] - HOURS / 24
        return places[recent & (history.worth[places] > 0)]


def fit(shop: Shop, now: float) -> Conversation | None:
    return None if shop.words is None else Conversation(shop.words)
