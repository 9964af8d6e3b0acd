"""The words of products as sparse vectors, for signals that compare texts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bot.members.signals.base import Floats, Sparse

FEWEST = 2  # products that share a word before it can tell which are alike


@dataclass(frozen=True, slots=True)
class Words:
    """`matrix`: products x words, weighed by rarity, each row of length 1 (or empty)."""

    places: Mapping[str, int]
    rarity: Floats
    matrix: Sparse

    def row(self, said: Iterable[str]) -> Sparse:
        """What is being said, as a row over the same words."""
        counts = Counter(self.places[word] for word in said if word in self.places)
        columns = np.fromiter(counts, np.int64, len(counts))
        values = np.log1p(np.fromiter(counts.values(), np.float64, len(counts))) * self.rarity[columns]
        length = float(np.sqrt(values @ values)) or 1.0
        return sparse.csr_array((values / length, columns, [0, len(columns)]), shape=(1, len(self.places)))


def words_of(products: Sequence[Mapping[str, float]]) -> Words:
    """From how often each product says each word."""
    often = Counter(word for one in products for word in one)
    places = {word: place for place, word in enumerate(sorted(word for word in often if often[word] >= FEWEST))}
    counts = np.array([often[word] for word in places], dtype=np.float64)
    rarity = np.log((len(products) + 1) / (counts + 1)) + 0.1
    held = [[(places[word], times) for word, times in one.items() if word in places] for one in products]
    pointers = np.cumsum([0, *(len(row) for row in held)])
    columns = np.array([column for row in held for column, _ in row], dtype=np.int64)
    values = np.log1p(np.array([times for row in held for _, times in row], dtype=np.float64)) * rarity[columns]
    matrix = sparse.csr_array((values, columns, pointers), shape=(len(products), len(places)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix = sparse.diags_array(1.0 / np.maximum(lengths, 1e-12)) @ matrix
    return Words(places, rarity, sparse.csr_array(matrix))
