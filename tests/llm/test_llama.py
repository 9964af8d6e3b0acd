"""The lean Llama against transformers' own module: the same logits, however the tokens are fed."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

import llm
from llm.engines.local import llama
from llm.engines.local.network import Piece
from tests.llm.tiny_models import save, starter_tokenizer

STARTER = Path(llm.__file__).parent / "weights" / "starter"
SHAPES = [
    {"num_attention_heads": 4, "num_key_value_heads": 4},
    {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16},
    {"num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 48, "rope_theta": 500.0},
]


@pytest.fixture(params=[None, *SHAPES], ids=["shipped", "full", "grouped", "theta"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param is None:
        return STARTER
    shape = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2} | request.param
    save(tmp_path, starter_tokenizer(), LlamaConfig(**shape, max_position_embeddings=128))
    return tmp_path


@pytest.mark.parametrize("chunks", [[20], [1] * 20, [7, 1, 5, 7]], ids=["at once", "one by one", "in chunks"])
def test_it_computes_what_transformers_does(folder: Path, chunks: list[int]) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert llama.fits(folder, config)
    network, tokenizer = llama.load(folder, config, "cpu", torch.float32)
    peer = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokens = torch.randint(6, len(tokenizer), (sum(chunks),), generator=torch.Generator().manual_seed(5)).tolist()
    with torch.inference_mode():
        wanted, start = peer(torch.tensor([tokens])).logits[0], 0
        for size in chunks:
            logits = network.forward([Piece(3, start, tokens[start : start + size], size)]).logits
            torch.testing.assert_close(logits, wanted[start : start + size], atol=2e-4, rtol=1e-3)
            start += size


def test_what_it_leaves_out_is_left_to_transformers() -> None:
    config = json.loads((STARTER / "config.json").read_text("utf-8"))
    for other in (
        {"architectures": ["Qwen2ForCausalLM"]},
        {"attention_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "llama3"}},
        {"max_position_embeddings": 131_072},
    ):
        assert not llama.fits(STARTER, config | other)
