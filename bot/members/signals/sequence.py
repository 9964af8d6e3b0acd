"""What members take to after what this member took to: pairs close to each other in time, forwards twice as much."""

import numpy as np
from scipy import sparse

from bot.members.signals.base import Shop, Table, nearest, span, supported

WINDOW = 10  # events between the two at most
BACK = 0.5  # what a pair counts the other way round
SHRINK = 5.0
RECENT = 0.1  # of the log's span: a member's event of that age before their last one counts half
FADE, LAST = 0.9, 50  # what each product counts beside the one after it, and how many are looked at


def fit(shop: Shop, now: float) -> Table | None:
    liked = shop.events.among(shop.events.worth > 0)
    if not len(liked):
        return None
    order = np.lexsort((np.arange(len(liked)), liked.member))
    member, item = liked.member[order], liked.item[order]
    rows, columns, values = [], [], []
    for gap in range(1, WINDOW + 1):
        same = (member[gap:] == member[:-gap]) & (item[gap:] != item[:-gap])
        earlier, later = item[:-gap][same], item[gap:][same]
        rows += [earlier, later]
        columns += [later, earlier]
        values += [np.full(len(earlier), 1.0 / gap), np.full(len(earlier), BACK / gap)]
    where = np.concatenate(rows), np.concatenate(columns)
    pairs = sparse.csr_array((np.concatenate(values), where), shape=(shop.items, shop.items))
    pairs.sum_duplicates()
    usual = 1.0 / np.sqrt(shop.liked_by + SHRINK)
    pairs = sparse.csr_array(sparse.diags_array(usual) @ supported(pairs, shop.taken, shop.support))
    return Table(nearest(pairs @ sparse.diags_array(usual)), half_life=RECENT * span(shop.events), last=LAST, fade=FADE)
