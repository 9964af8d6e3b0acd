"""A linear model of what goes with what (EASE, Steck 2019), of the products that most members took to."""

import numpy as np

from bot.members.signals.base import Floats, History, Part, Shop, Table, span

MOST = 3_000  # products: the model is a dense square of them, 72 MB
RIDGE = 100.0
FEW = 20  # members below whom it has nothing to say
RECENT = 0.5


class Ease:
    """A table over some of the products."""

    def __init__(self, table: Table, among: "np.ndarray[tuple[int], np.dtype[np.int64]]", items: int) -> None:
        self._table, self._among, self._items = table, among, items
        self._place = np.full(items, -1, np.int64)
        self._place[among] = np.arange(len(among))

    def score(self, history: History, now: float) -> Floats:
        found = np.zeros(self._items)
        inner, _ = self._inside(history)
        if len(inner):
            found[self._among] = self._table.score(inner, now)
        return found

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        inner, places = self._inside(history)
        if self._place[item] < 0:
            return []
        found = self._table.parts(inner, now, int(self._place[item]))
        return [Part(int(places[part.source]), part.value) for part in found]

    def _inside(self, history: History) -> tuple[History, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
        """The history among the model's products, and where each event stands in the whole."""
        places = np.flatnonzero(self._place[history.item] >= 0)
        return History(self._place[history.item[places]], history.at[places], history.worth[places]), places


def fit(shop: Shop, now: float) -> Ease | None:
    counts = shop.liked_by
    among = np.sort(np.argsort(-counts, kind="stable")[:MOST])
    among = among[counts[among] >= max(1, shop.support)]
    if np.count_nonzero(np.diff(shop.taken.indptr)) < FEW or len(among) < 2:
        return None
    taken = shop.taken[:, among]
    gram = np.asarray((taken.T @ taken).todense(), dtype=np.float64)
    if shop.support > 1:
        gram[gram < shop.support] = 0.0
    np.fill_diagonal(gram, counts[among] + RIDGE)
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return Ease(Table(weights, half_life=RECENT * span(shop.events)), among, shop.items)
