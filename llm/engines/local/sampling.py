"""How the next token is chosen, and what the starter may not write."""

import re
import unicodedata
from collections.abc import Iterable

import torch
from torch import Tensor

from llm.engine import SamplingParams

VALUE_SIGNS = frozenset({"Nd", "Nl", "No", "Sc"})  # Unicode categories: digits, number letters, other numbers, currency
LINK = "http"


def states_value(text: str) -> bool:
    """Whether `text` holds what only a slot may state: a digit, a currency sign, a link, or a slot's bracket."""
    return LINK in text.lower() or any(sign in "<>" or unicodedata.category(sign) in VALUE_SIGNS for sign in text)


def allowed_mask(texts: Iterable[str], barred: Iterable[int], size: int, language: str) -> Tensor:
    """bool [size], true where a token may be written. `texts` are the tokens' own texts in the order of their ids."""
    mask = torch.zeros(size, dtype=torch.bool)
    fine = torch.tensor([not states_value(text) and not foreign(text, language) for text in texts], dtype=torch.bool)
    mask[: len(fine)] = fine
    mask[list(barred)] = False
    return mask


HAN = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
LATIN = re.compile("[A-Za-z]{2}")


def foreign(text: str, language: str) -> bool:
    """Whether a token belongs to the other language: a small model slips from one into the other."""
    if language == "zh":
        return bool(LATIN.search(text))
    return bool(HAN.search(text)) or "\ufffd" in text


def choose(logits: Tensor, params: SamplingParams, random: torch.Generator) -> int:
    """The next token id from logits [vocabulary], on the CPU."""
    if params.temperature <= 0:
        return int(logits.argmax())
    values, ids = torch.topk(logits / params.temperature, min(params.top_k or len(logits), len(logits)))
    chances = values.softmax(0)
    if params.top_p < 1:
        before = chances.cumsum(0) - chances
        chances = chances.masked_fill(before >= params.top_p, 0)
    return int(ids[torch.multinomial(chances, 1, generator=random)])
