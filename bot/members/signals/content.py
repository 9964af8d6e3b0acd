"""Products whose texts are like those of the products that the member took to."""

from scipy import sparse

from bot.members.signals.base import Shop, Sparse, Table, nearest, rare

BLOCK = 2_000  # products that are compared with all at once
LIKE = 0.05  # the least likeness that counts
HALF_LIFE = 30.0


def fit(shop: Shop, now: float) -> Table | None:
    return None if shop.words is None else Table(alike(shop.words), half_life=HALF_LIFE)


def alike(words: Sparse) -> Sparse:
    """The nearest products of each by the cosine of their words."""
    words = rare(words)
    turned = sparse.csr_array(words.T)
    blocks = []
    for start in range(0, words.shape[0], BLOCK):
        likeness = sparse.csr_array(words[start : start + BLOCK] @ turned)
        likeness.data[likeness.data < LIKE] = 0.0
        blocks.append(nearest(likeness, first=start))
    return sparse.csr_array(sparse.vstack(blocks)) if blocks else words @ turned
