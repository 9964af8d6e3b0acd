"""What many members take to of late: each event counts half as much after a tenth of the log's span."""

import numpy as np

from bot.members.signals.base import COMMUNITY, Floats, History, Part, Shop, span

RECENT = 0.1


class Popularity:
    """The same for every member."""

    def __init__(self, worth: Floats) -> None:
        self.worth = worth

    def score(self, history: History, now: float) -> Floats:
        return self.worth

    def parts(self, history: History, now: float, item: int) -> list[Part]:
        return [Part(COMMUNITY, float(self.worth[item]))] if self.worth[item] else []


def fit(shop: Shop, now: float) -> Popularity | None:
    worth = np.log1p(decayed(shop, RECENT * span(shop.events)))
    return Popularity(worth) if worth.any() else None


def decayed(shop: Shop, half_life: float) -> Floats:
    """Events of each product, weighed by their age before the last one; 0 where too few members stand behind them."""
    liked = shop.events.among(shop.events.worth > 0)
    if not len(liked):
        return np.zeros(shop.items)
    age = liked.at[-1] - liked.at
    found: Floats = np.bincount(liked.item, 0.5 ** (age / half_life), minlength=shop.items).astype(np.float64)
    found[shop.liked_by < shop.support] = 0.0
    return found
