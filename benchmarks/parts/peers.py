"""What else recommends: popularity, item-kNN, and the library `implicit` (ALS, BPR) where it is installed."""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from bot.members.signals.base import Floats, History, Shop, combined, nearest, newest, span
from bot.members.signals.popularity import decayed

IMPLICIT = "0.7.3"  # pip install implicit==0.7.3
Scorer = Callable[[History, float], Floats]


def popularity(shop: Shop) -> Scorer:
    counts = decayed(shop, float("inf"))
    return lambda history, now: counts


def popularity_of_late(shop: Shop) -> Scorer:
    """Events halved each tenth of the log's span."""
    counts = decayed(shop, 0.1 * span(shop.events))
    return lambda history, now: counts


def item_knn(shop: Shop) -> Scorer:
    """Plain: the cosine of who took to it, summed over all that the member took to."""
    both = sparse.csr_array(shop.taken.T @ shop.taken)
    usual = sparse.diags_array(1.0 / np.sqrt(np.maximum(shop.liked_by, 1.0)))
    near = nearest(usual @ both @ usual)

    def score(history: History, now: float) -> Floats:
        places = newest(history)
        return combined(near, history.item[places], np.ones(len(places)))

    return score


def absent() -> str:
    """Why `implicit` can't be compared; '' where it can."""
    return "" if importlib.util.find_spec("implicit") else f"not installed (pip install implicit=={IMPLICIT})"


def _factors(model: Any, shop: Shop) -> Scorer:
    """Members as the model folds them in from their history."""
    taken = sparse.csr_matrix(shop.taken, dtype=np.float32)
    model.fit(taken, show_progress=False)

    def score(history: History, now: float) -> Floats:
        items = history.item[newest(history)]
        if not len(items):
            return np.zeros(shop.items)
        row = sparse.csr_matrix((np.ones(len(items), np.float32), ([0] * len(items), items)), shape=(1, shop.items))
        known = model.recalculate_user(0, row) if hasattr(model, "recalculate_user") else None
        return np.asarray(model.item_factors @ known, dtype=np.float64)

    return score


def als(factors: int, regularization: float, alpha: float) -> Callable[[Shop], Scorer]:
    def fit(shop: Shop) -> Scorer:
        from implicit.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=1, num_threads=1
        )
        return _factors(model, shop)

    return fit


def bpr(factors: int, rate: float) -> Callable[[Shop], Scorer]:
    """A member without events in the training has no factors; popularity answers for them."""

    def fit(shop: Shop) -> Scorer:
        from implicit.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=factors, learning_rate=rate, regularization=0.01, iterations=100, random_state=1, num_threads=1
        )
        taken = sparse.csr_matrix(shop.taken, dtype=np.float32)
        model.fit(taken, show_progress=False)
        owners = {tuple(taken.indices[a:b].tolist()): user for user, (a, b) in enumerate(_spans(taken.indptr))}

        def score(history: History, now: float) -> Floats:
            user = owners.get(tuple(np.unique(history.item).tolist()))
            if user is None:
                return shop.liked_by
            return np.asarray(model.item_factors @ model.user_factors[user], dtype=np.float64)

        return score

    return fit


def _spans(pointers: Any) -> list[tuple[int, int]]:
    return list(zip(pointers[:-1].tolist(), pointers[1:].tolist(), strict=True))


def peers(quick: bool) -> Mapping[str, list[Callable[[Shop], Scorer]]]:
    """By name, with the settings that are tried: the best of them on the test itself stands for the peer."""
    found: dict[str, list[Callable[[Shop], Scorer]]] = {
        "popularity": [popularity],
        "popularity of late": [popularity_of_late],
        "item-kNN": [item_knn],
    }
    if not absent():
        found["ALS"] = [als(64, 0.05, 1.0)] if quick else [als(32, 0.1, 1.0), als(64, 0.05, 1.0), als(64, 0.05, 20.0)]
        found["BPR"] = [bpr(64, 0.05)] if quick else [bpr(32, 0.05), bpr(64, 0.05)]
    return found
