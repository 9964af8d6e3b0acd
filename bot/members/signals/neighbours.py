"""Products that the same members took to (item-kNN, cosine), with less weight on what a member took to long ago."""

import numpy as np
from scipy import sparse

from bot.members.signals.base import Shop, Table, nearest, span, supported

SHRINK = 10.0  # taken to be members more on each side, so that a pair of rare products does not look sure
RECENT = 0.5  # of the log's span: a member's event of that age before their last one counts half


def fit(shop: Shop, now: float) -> Table | None:
    if not len(shop.events):
        return None
    both = sparse.csr_array(shop.taken.T @ shop.taken)
    usual = sparse.diags_array(1.0 / np.sqrt(shop.liked_by + SHRINK))
    near = usual @ supported(both, shop.taken, shop.support) @ usual
    return Table(nearest(near), half_life=RECENT * span(shop.events))
