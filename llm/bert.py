"""A lean BERT (Devlin et al. 2019): importing transformers takes longer than all the rest. A test holds it against
transformers' own module."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llm.engine import EngineError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

LONGEST = 128  # tokens of a text that are read
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Layer:
    qkv: "tuple[Tensor, Tensor]"
    out: "tuple[Tensor, Tensor]"
    after: "tuple[Tensor, Tensor]"
    up: "tuple[Tensor, Tensor]"
    down: "tuple[Tensor, Tensor]"
    last: "tuple[Tensor, Tensor]"


class Bert:
    """The network. `held` are its tensors by Hugging Face's names, `words` gives tokens their vectors."""

    def __init__(
        self,
        tokenizer: "Tokenizer",
        config: Mapping[str, Any],
        held: "Mapping[str, Tensor]",
        words: "Callable[[Tensor], Tensor]",
    ) -> None:
        import torch

        self._torch, self._tokenizer, self._words = torch, tokenizer, words
        tokenizer.enable_truncation(LONGEST)
        tokenizer.enable_padding(pad_id=config["pad_token_id"])
        self.width, self._heads = config["hidden_size"], config["num_attention_heads"]
        self._epsilon = config["layer_norm_eps"]
        self._places = held["embeddings.position_embeddings.weight"]
        self._kind = held["embeddings.token_type_embeddings.weight"][0]
        self._norm = _pair(held, "embeddings.LayerNorm")
        self.layers = [_layer(held, f"encoder.layer.{number}.") for number in range(config["num_hidden_layers"])]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [texts, width]: the mean of what the last layer says of each token."""
        torch = self._torch
        with torch.inference_mode():
            tokens, mask = self.tokens(texts)
            hidden = self.through(self.embedded(tokens), mask, self.layers)
            held = hidden * mask[..., None]
            mean = held.sum(1) / mask.sum(1, keepdim=True)
            found: Vectors = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return found

    def tokens(self, texts: Sequence[str]) -> "tuple[Tensor, Tensor]":
        """Tokens [texts, longest], and which of them are a text's."""
        read = self._tokenizer.encode_batch(list(texts))
        mask = self._torch.tensor([one.attention_mask for one in read], dtype=self._torch.bool)
        return self._torch.tensor([one.ids for one in read]), mask

    def embedded(self, tokens: "Tensor") -> "Tensor":
        """[texts, longest, width]: what goes into the first layer."""
        hidden = self._words(tokens) + self._places[: tokens.shape[1]] + self._kind
        return self._torch.nn.functional.layer_norm(hidden, (self.width,), *self._norm, self._epsilon)

    def through(self, hidden: "Tensor", mask: "Tensor", layers: Sequence[Layer]) -> "Tensor":
        """What these layers make of it."""
        from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

        def normed(hidden: "Tensor", pair: "tuple[Tensor, Tensor]") -> "Tensor":
            return layer_norm(hidden, (self.width,), *pair, self._epsilon)

        rows, length = mask.shape
        for layer in layers:
            split = linear(hidden, *layer.qkv).view(rows, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            mixed = scaled_dot_product_attention(split[0], split[1], split[2], mask[:, None, None, :])
            hidden = normed(hidden + linear(mixed.transpose(1, 2).reshape(rows, length, -1), *layer.out), layer.after)
            hidden = normed(hidden + linear(gelu(linear(hidden, *layer.up)), *layer.down), layer.last)
        return hidden


def tuned(net: Bert, path: Path) -> Bert:
    """The network with what `llm.tune_encoder` learnt added to its weights. Raises EngineError without it."""
    from safetensors.torch import load_file

    if not path.is_file():
        raise EngineError(f"{path} is not there; `python -m llm.tune_encoder` makes it")
    net.layers = changed(net.layers, load_file(path))
    return net


def changed(layers: Sequence[Layer], differences: "Mapping[str, Tensor]") -> list[Layer]:
    """The layers with these added: of a vector by its name, such as `7.up.bias`, of a matrix as the two factors under
    its name with `.a` and `.b`. Those of other names are left out."""
    held = {name: one.float() for name, one in differences.items()}

    def of(name: str, one: "Tensor") -> "Tensor":
        if name in held:
            return one + held[name]
        return one + held[f"{name}.a"] @ held[f"{name}.b"] if f"{name}.a" in held else one

    def layer(number: int, before: Layer) -> Layer:
        pairs = {part.name: getattr(before, part.name) for part in fields(Layer)}
        return Layer(
            **{
                name: (of(f"{number}.{name}.weight", weight), of(f"{number}.{name}.bias", bias))
                for name, (weight, bias) in pairs.items()
            }
        )

    return [layer(number, one) for number, one in enumerate(layers)]


def from_folder(folder: Path, sha256: str = "") -> Bert:
    """The network that a folder of Hugging Face's form holds. Raises EngineError where a file is missing or another."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    path = folder / "model.safetensors"
    if not path.is_file():
        raise EngineError(f"{folder}: no model.safetensors in it; the folder of a BERT-like encoder is right")
    check(path, sha256)
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    held = load_file(path)
    table = held.pop("embeddings.word_embeddings.weight")
    return Bert(Tokenizer.from_file(str(folder / "tokenizer.json")), config, held, table.__getitem__)


def check(path: Path, sha256: str) -> None:
    """Raises EngineError where a file is not the one of this hash; '' is any."""
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise EngineError(f"{path}: not the weights that were tried; run `make install` again")


def _pair(held: "Mapping[str, Tensor]", name: str) -> "tuple[Tensor, Tensor]":
    try:
        return held[f"{name}.weight"], held[f"{name}.bias"]
    except KeyError as error:
        raise EngineError(f"no {error} among the tensors; weights of a BERT-like encoder are right") from None


def _layer(held: "Mapping[str, Tensor]", name: str) -> Layer:
    import torch

    three = [_pair(held, f"{name}attention.self.{one}") for one in ("query", "key", "value")]
    return Layer(
        (torch.cat([one[0] for one in three]), torch.cat([one[1] for one in three])),
        _pair(held, f"{name}attention.output.dense"),
        _pair(held, f"{name}attention.output.LayerNorm"),
        _pair(held, f"{name}intermediate.dense"),
        _pair(held, f"{name}output.dense"),
        _pair(held, f"{name}output.LayerNorm"),
    )
