"""The starter, read without transformers."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from llm.engines.local.lean import CONTEXT, Lean, Missing, Shape
from llm.engines.local.marks import Marks
from llm.protocol import PLAN

PLAIN = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"}  # what other settings would have to say


def fits(folder: Path, config: dict[str, Any]) -> bool:
    """Is it a starter in one file, a Llama without anything that the lean network leaves out?"""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return (
        config.get("architectures") == ["LlamaForCausalLM"]
        and all(config.get(name, usual) == usual for name, usual in PLAIN.items())
        and config.get("max_position_embeddings", CONTEXT + 1) <= CONTEXT
        and rope.get("rope_type", "default") == "default"
        and (folder / "model.safetensors").exists()
        and (folder / "tokenizer.json").exists()
        and json.dumps(PLAN)[1:-1] in (folder / "tokenizer.json").read_text("utf-8")
    )


def load(folder: Path, config: dict[str, Any], device: str, dtype: torch.dtype) -> tuple[Lean, Marks]:
    """Raises Missing, and what safetensors and tokenizers raise for broken files."""
    weights = load_file(folder / "model.safetensors")
    if config.get("tie_word_embeddings"):
        weights.pop("lm_head.weight", None)
    elif "lm_head.weight" not in weights:
        raise Missing("lm_head.weight")
    return Lean(shape(config), weights, device, dtype), Marks(Tokenizer.from_file(str(folder / "tokenizer.json")))


def shape(config: dict[str, Any]) -> Shape:
    """The numbers of a config.json."""
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    theta = float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)
    speeds = 1.0 / theta ** (torch.arange(0, head, 2, dtype=torch.float32) / head)
    groups = config.get("num_key_value_heads") or heads
    context = config["max_position_embeddings"]
    return Shape(config["num_hidden_layers"], heads, groups, head, context, config["rms_norm_eps"], speeds)
