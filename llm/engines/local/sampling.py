"""How the next token is chosen, and what the starter may not write. In NumPy: rows are too small for torch."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from llm.engine import SamplingParams

Row = NDArray[np.float32]  # logits [vocabulary]

VALUE_SIGNS = frozenset({"Nd", "Nl", "No", "Sc"})  # Unicode categories: digits, number letters, other numbers, currency
LINK = "http"
NEVER = np.float32(-np.inf)
REACH = 25.0  # temperatures below the best beyond which a token's chance is lost in the rounding of a float32
HAN = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
LATIN = re.compile("[A-Za-z]{2}")


def states_value(text: str) -> bool:
    """Whether `text` holds what only a slot may state: a digit, a currency sign, a link, or a slot's bracket."""
    return LINK in text.lower() or any(sign in "<>" or unicodedata.category(sign) in VALUE_SIGNS for sign in text)


def barred_mask(texts: Iterable[str], barred: Iterable[int], size: int, language: str) -> Row:
    """What is added to logits [size]: 0 where a token may be written, else minus infinity.

    `texts` are the tokens' own texts in the order of their ids.
    """
    mask = np.full(size, NEVER, dtype=np.float32)
    for token, text in enumerate(texts):
        if not states_value(text) and not foreign(text, language):
            mask[token] = 0
    mask[list(barred)] = NEVER
    return mask


def foreign(text: str, language: str) -> bool:
    """Whether a token belongs to the other language: a small model slips from one into the other."""
    if language == "zh":
        return bool(LATIN.search(text))
    return bool(HAN.search(text)) or "\ufffd" in text


def discourage(logits: Row, seen: Sequence[int], repetition: float) -> None:
    """Lower the scores of tokens that were there already, in place (Keskar et al. 2019)."""
    ids = np.unique(np.asarray(seen))
    scores = logits[ids]
    logits[ids] = np.where(scores < 0, scores * repetition, scores / repetition)


def choose(logits: Row, params: SamplingParams, random: Random) -> int:
    """The next token: from the `top_k` best, then from the fewest of those that have `top_p` of the chances."""
    if params.temperature <= 0:
        return int(logits.argmax())
    best = logits.max()
    ids = np.flatnonzero(logits >= best - REACH * params.temperature)
    scores = logits[ids]
    if 0 < params.top_k < len(ids):
        kept = np.argpartition(scores, -params.top_k)[-params.top_k :]
        ids, scores = ids[kept], scores[kept]
    order = np.argsort(-scores, kind="stable")
    sums = np.exp((scores[order] - best) / params.temperature, dtype=np.float64).cumsum()
    if params.top_p < 1:
        sums = sums[: int(np.searchsorted(sums, params.top_p * sums[-1])) + 1]
    drawn = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
    return int(ids[order[min(drawn, len(sums) - 1)]])


def likelihoods(rows: NDArray[np.float32], tokens: Sequence[int]) -> list[float]:
    """Natural logarithms of the chance of each token after its row of logits [tokens, vocabulary]."""
    top = rows.max(axis=1)
    sums = np.log(np.exp(rows - top[:, None]).sum(axis=1, dtype=np.float64))
    return [float(one) for one in rows[np.arange(len(tokens)), list(tokens)] - top - sums]
