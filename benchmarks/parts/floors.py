"""What retrieval is held against: plain BM25 and TF-IDF, as textbooks have them. They share no code with the bot's."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from snowballstemmer import stemmer

K1, B = 1.5, 0.75
WORDS = re.compile(r"[^\W_]+")
HAN = re.compile(r"[\u3400-\u9fff]+")
STOP = """a an and are as at be but by can could did do does for from had has have he her his how i if in into is it its
    me my no not of on or our she should so such that the their them then there these they this to was we were what when
    where which who why will with would you your"""
STOPPED = frozenset(STOP.split())
_stemmer = stemmer("english")


def terms(text: str) -> list[str]:
    """Stems without stop words; of Chinese every sign and every pair of signs."""
    found: list[str] = []
    for word in WORDS.findall(text.lower()):
        if runs := HAN.findall(word):
            found += [run[at : at + size] for run in runs for size in (1, 2) for at in range(len(run) - size + 1)]
        elif word not in STOPPED:
            found.append(_stemmer.stemWord(word))
    return found


class Bm25:
    """Robertson and Zaragoza 2009, with the usual k1 and b."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = [sum(one.values()) for one in counts]
        average = sum(lengths) / len(lengths) or 1.0
        often = Counter(term for one in counts for term in one)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, one in enumerate(counts):
            for term, count in one.items():
                rare = math.log(1 + (len(texts) - often[term] + 0.5) / (often[term] + 0.5))
                norm = K1 * (1 - B + B * lengths[place] / average)
                self._postings[term].append((place, rare * count * (K1 + 1) / (count + norm)))

    def scores(self, question: str) -> dict[int, float]:
        """Place of a text -> its score, of those that share a term."""
        found: dict[int, float] = defaultdict(float)
        for term in set(terms(question)):
            for place, worth in self._postings.get(term, ()):
                found[place] += worth
        return found


class TfIdf:
    """The cosine of the texts' vectors, term counts times smoothed inverse document frequency."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        often = Counter(term for one in counts for term in one)
        self._rare = {term: 1 + math.log((1 + len(texts)) / (1 + count)) for term, count in often.items()}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, one in enumerate(counts):
            for term, weight in self._unit(one).items():
                self._postings[term].append((place, weight))

    def _unit(self, counts: Counter[str]) -> dict[str, float]:
        weights = {term: count * self._rare.get(term, 0.0) for term, count in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}

    def scores(self, question: str) -> dict[int, float]:
        """Place of a text -> its score, of those that share a term."""
        found: dict[int, float] = defaultdict(float)
        for term, weight in self._unit(Counter(terms(question))).items():
            for place, other in self._postings.get(term, ()):
                found[place] += weight * other
        return found
