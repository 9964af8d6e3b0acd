"""How a token is chosen, against transformers' own processors, and where a reply stops."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor, TopKLogitsWarper, TopPLogitsWarper

from llm.engine import SamplingParams
from llm.engines.local.sampling import choose, discourage, likelihoods
from llm.engines.local.text import Ends
from tests.llm.tiny_models import ask, collect, running, save_wishful, say

DRAWS = 4000
LOGITS = np.random.default_rng(1).normal(0, 3, 300).astype(np.float32)


def chances(params: SamplingParams) -> torch.Tensor:
    """What transformers would draw from."""
    scores = torch.tensor(LOGITS)[None] / params.temperature
    if params.top_k:
        scores = TopKLogitsWarper(params.top_k)(None, scores)
    if params.top_p < 1:
        scores = TopPLogitsWarper(params.top_p)(None, scores)
    return scores.softmax(-1)[0]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(0.7, 50, 0.95),
        SamplingParams(1.5, 5, 1.0),
        SamplingParams(1.0, 0, 0.8),
        SamplingParams(2.0, 0, 1.0),
        SamplingParams(0.05, 50, 0.95),
    ],
)
def test_tokens_are_drawn_as_often_as_they_should(params: SamplingParams) -> None:
    drawn = random.Random(1)
    found = Counter(choose(LOGITS.copy(), params, drawn) for _ in range(DRAWS))
    wanted = chances(params)
    assert all(wanted[token] > 0 for token in found)
    for token, chance in enumerate(wanted.tolist()):
        spread = (DRAWS * chance * (1 - chance)) ** 0.5
        assert abs(found[token] - DRAWS * chance) <= 4.5 * spread + 1, token


def test_repetition_is_discouraged_as_transformers_does() -> None:
    seen = [3, 7, 7, 250]
    ours = LOGITS.copy()
    discourage(ours, seen, 1.3)
    theirs = RepetitionPenaltyLogitsProcessor(1.3)(torch.tensor([seen]), torch.tensor(LOGITS)[None])[0]
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)


def test_likelihoods_are_those_of_a_softmax() -> None:
    rows = np.stack([LOGITS, LOGITS[::-1]])
    wanted = torch.tensor(rows.copy()).double().log_softmax(-1)
    assert likelihoods(rows, [5, 9]) == pytest.approx([float(wanted[0, 5]), float(wanted[1, 9])], abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_text_ends_before_its_stop_however_it_is_cut(size: int) -> None:
    text, ends = "It costs 5. ### Ask ###END more", Ends(["###END", "never"])
    said = ""
    for at in range(0, len(text), size):
        piece, ended = ends.add(text[at : at + size])
        said += piece
        if ended:
            break
    assert said == "It costs 5. ### Ask "
    assert ended


def test_what_only_began_like_a_stop_is_said_in_the_end() -> None:
    ends = Ends(["\n\n"])
    assert ends.add("a\n") == ("a", False)
    assert ends.add("b\n") == ("\nb", False)
    assert ends.rest() == "\n"


async def test_a_reply_stops_where_it_is_told(tmp_path: Path) -> None:
    async with running(save_wishful(tmp_path, ["a", "b", "c", "d"], endless=True)) as engine:
        stop = ask(params=SamplingParams(0, max_tokens=40, stop=("cda",)))
        assert "".join(await collect(engine, stop)) == "ab"
        assert await say(engine, ask(params=SamplingParams(0, max_tokens=3, stop=("cda",)))) == "abc"
