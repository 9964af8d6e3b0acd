"""What the member buys again and again, once it is due: nothing is said of products that people buy once."""

import numpy as np

from bot.members.signals.base import WORTH, Floats, History, Part, Shop

PRIOR = 5.0  # buyers that a product is taken to have had besides, who bought again as often as those of all products
SOON = 0.25  # of the usual time between two purchases: before that nobody needs it again
DAY = 0.5  # purchases of the same half day are one


class Repurchase:
    """`again`: the chance that a buyer comes back for a product; `gap`: the usual days until then."""

    def __init__(self, again: Floats, gap: Floats) -> None:
        self.again, self._gap = again, gap

    def score(self, history: History, now: float) -> Floats:
        found = np.zeros(len(self.again))
        for item, value in self._due(history, now).items():
            found[item] = value
        return found

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        value = self._due(history, now).get(item)
        last = np.flatnonzero(history.item == item)
        return [Part(int(last[-1]), value)] if value else []

    def _due(self, history: History, now: float) -> dict[int, float]:
        bought = np.flatnonzero(history.worth >= WORTH["bought"])
        if not len(bought):
            return {}
        items, at = history.item[bought], history.at[bought]
        found, back, times = np.unique(items[::-1], return_index=True, return_counts=True)
        since = (now - at[::-1][back]) / self._gap[found]
        due = np.clip(since / SOON, 0.0, 1.0) * 0.5 ** np.maximum(0.0, since / 2 - 1)
        worth = self.again[found] * np.log1p(times) * due
        return dict(zip(found.tolist(), worth.tolist(), strict=True))


def fit(shop: Shop, now: float) -> Repurchase | None:
    events = shop.events.among(shop.events.worth >= WORTH["bought"])
    if not len(events):
        return None
    order = np.lexsort((events.at, events.item, events.member))
    member, item, at = events.member[order], events.item[order], events.at[order]
    apart = np.diff(at)
    same = (member[1:] == member[:-1]) & (item[1:] == item[:-1]) & (apart > DAY)
    pair = member * shop.items + item
    buyers = np.bincount(np.unique(pair) % shop.items, minlength=shop.items)
    back = np.bincount(np.unique(pair[1:][same]) % shop.items, minlength=shop.items)
    if not same.any():
        return None
    usual = float(np.median(apart[same]))
    times = np.bincount(item[1:][same], minlength=shop.items)
    days = np.bincount(item[1:][same], apart[same], minlength=shop.items)
    again = (back + PRIOR * back.sum() / buyers.sum()) / (buyers + PRIOR)
    return Repurchase(again, (days + PRIOR * usual) / (times + PRIOR))
