"""The starter without transformers, whose import alone takes as long as the rest of a start: a lean Llama.

One sequence, merged projections, a key-value cache that grows in place. The architecture is that of Touvron et al. 2023
(RMSNorm, rotary positions, SwiGLU) with grouped queries; tests hold it against transformers' own module.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

from llm.protocol import END, PLAN

CONTEXT = 4096  # a cache of this many positions is made for every reply
PLAIN = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu"}  # what other settings would have to say


class Missing(KeyError):
    """A weight that the file should hold."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(slots=True)
class Cache:
    """Keys and values of what was read: [layers, key-value heads, context, head]; `length` positions are filled."""

    keys: Tensor
    values: Tensor
    length: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    before: Tensor  # norm weights [hidden]
    qkv: Tensor  # [(heads + 2 key-value heads) * head, hidden]
    out: Tensor
    after: Tensor
    gate_up: Tensor  # [2 * inner, hidden]
    down: Tensor


class Llama:
    """The network: token ids in, logits of the last one out."""

    def __init__(self, config: dict[str, Any], weights: dict[str, Tensor], device: str, dtype: torch.dtype) -> None:
        self.device = device
        self.heads = config["num_attention_heads"]
        self.groups = config.get("num_key_value_heads") or self.heads
        self.head = config.get("head_dim") or config["hidden_size"] // self.heads
        self.vocabulary, self.context = config["vocab_size"], config["max_position_embeddings"]
        self.stops: list[int | None] = []  # the tokenizer's own mark alone
        self._epsilon = config["rms_norm_eps"]
        moved = _Weights({name: weight.to(device, dtype) for name, weight in weights.items()})
        self._embedding = moved["model.embed_tokens.weight"]
        self._head = self._embedding if config.get("tie_word_embeddings") else moved["lm_head.weight"]
        self._norm = moved["model.norm.weight"]
        self._layers = [_layer(moved, f"model.layers.{number}.") for number in range(config["num_hidden_layers"])]
        self._cosine, self._sine = _rotation(_theta(config), self.head, self.context, device, dtype)

    def forward(self, tokens: list[int], cache: Cache | None) -> tuple[Tensor, Cache]:
        """Logits [vocabulary] after the last of `tokens`, which go on from what the cache holds."""
        cache = cache or self._empty()
        start, end = cache.length, cache.length + len(tokens)
        rotation = self._cosine[start:end], self._sine[start:end]
        seen = torch.ones(len(tokens), end, dtype=torch.bool, device=self.device).tril(start) if start else None
        hidden = self._embedding[torch.tensor(tokens, device=self.device)]
        for number, layer in enumerate(self._layers):
            read = rms_norm(hidden, (hidden.shape[-1],), layer.before, self._epsilon)
            keys, values = cache.keys[number, :, :end], cache.values[number, :, :end]
            hidden = hidden + self._attend(layer, read, keys, values, rotation, seen)
            read = rms_norm(hidden, (hidden.shape[-1],), layer.after, self._epsilon)
            gate, up = linear(read, layer.gate_up).chunk(2, -1)
            hidden = hidden + linear(silu(gate) * up, layer.down)
        cache.length = end
        last = rms_norm(hidden[-1], (hidden.shape[-1],), self._norm, self._epsilon)
        return linear(last, self._head), cache

    def _attend(
        self,
        layer: Layer,
        read: Tensor,
        keys: Tensor,
        values: Tensor,
        rotation: tuple[Tensor, Tensor],
        seen: Tensor | None,
    ) -> Tensor:
        """What a layer's attention adds to [tokens, hidden]; writes the new keys and values into the cache."""
        new = len(read)
        sizes = [self.heads * self.head, self.groups * self.head, self.groups * self.head]
        parts = torch.split(linear(read, layer.qkv), sizes, dim=-1)
        query, key, value = (part.view(new, -1, self.head).transpose(0, 1) for part in parts)
        keys[:, -new:], values[:, -new:] = _turned(key, *rotation), value
        said = scaled_dot_product_attention(
            _turned(query, *rotation)[None],
            keys[None],
            values[None],
            attn_mask=seen if new > 1 else None,
            is_causal=seen is None and new > 1,
            enable_gqa=self.groups < self.heads,
        )
        return linear(said[0].transpose(0, 1).reshape(new, -1), layer.out)

    def _empty(self) -> Cache:
        shape = (len(self._layers), self.groups, self.context, self.head)
        return Cache(self._embedding.new_zeros(shape), self._embedding.new_zeros(shape))


def _layer(weights: dict[str, Tensor], name: str) -> Layer:
    attention, inner = f"{name}self_attn.", f"{name}mlp."
    return Layer(
        weights[f"{name}input_layernorm.weight"],
        torch.cat([weights[f"{attention}{one}_proj.weight"] for one in "qkv"]),
        weights[f"{attention}o_proj.weight"],
        weights[f"{name}post_attention_layernorm.weight"],
        torch.cat([weights[f"{inner}gate_proj.weight"], weights[f"{inner}up_proj.weight"]]),
        weights[f"{inner}down_proj.weight"],
    )


def _theta(config: dict[str, Any]) -> float:
    rope = config.get("rope_parameters") or {}
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)


def _rotation(theta: float, head: int, context: int, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines [context, head], the halves of a head turned together as transformers has them."""
    speeds = 1.0 / theta ** (torch.arange(0, head, 2, dtype=torch.float32) / head)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), speeds).repeat(1, 2)
    return angles.cos().to(device, dtype), angles.sin().to(device, dtype)


def _turned(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = vectors.chunk(2, -1)
    return vectors * cosine + torch.cat([-second, first], -1) * sine


class Marks:
    """The starter's tokenizer, as far as prompts and generation ask for one of transformers."""

    chat_template = None
    eos_token = END

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._added = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
        self.eos_token_id = self._added.get(END)
        self.all_special_tokens = [
            token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special
        ]

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}

    def get_vocab(self) -> dict[str, int]:
        return dict(self._tokenizer.get_vocab())

    def get_added_vocab(self) -> dict[str, int]:
        return self._added

    def decode(self, tokens: list[int], *, skip_special_tokens: bool = False) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens))

    def batch_decode(self, rows: list[list[int]]) -> list[str]:
        return [str(text) for text in self._tokenizer.decode_batch(rows, skip_special_tokens=False)]


class _Weights(dict[str, Tensor]):
    def __missing__(self, name: str) -> Tensor:
        raise Missing(name)


def fits(folder: Path, config: dict[str, Any]) -> bool:
    """Is it a starter in one file, a Llama without anything that this module leaves out?"""
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


def load(folder: Path, config: dict[str, Any], device: str, dtype: torch.dtype) -> tuple[Llama, Marks]:
    """Raises Missing, and what safetensors and tokenizers raise for broken files."""
    weights = load_file(folder / "model.safetensors")
    return Llama(config, weights, device, dtype), Marks(Tokenizer.from_file(str(folder / "tokenizer.json")))
