"""The project's own sentence encoder for Chinese: a bag of character n-grams, then a small network.

It places a Chinese text where the English encoder of `encoder.py` places its translation (Reimers & Gurevych 2020,
"Making monolingual sentence embeddings multilingual"); `teach.py` teaches it. A folder of weights holds config.json
(n-gram length, traditional signs and what they are folded to), ngrams.txt (one a line, whose number is its row) and
model.safetensors (half precision). Much less than a millisecond a text, in numpy.
"""

import asyncio
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from llm.bert import Vectors
from llm.engine import EngineError

PART = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[a-z]+|[0-9]+(?:\.[0-9]+)?")
LONGEST = 512  # signs of a text that are read
FILES = ("config.json", "ngrams.txt", "model.safetensors")
Vector = np.ndarray[tuple[int], np.dtype[np.float32]]
Fold = dict[int, int]  # as str.maketrans makes it


class ChineseEncoder:
    """An `Encoder` from a folder, loaded at first use. A text with nothing known in it is 0, near to nothing."""

    languages = frozenset({"zh"})

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._network: Network | None = None

    async def encode(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        """Unit vectors [texts, width]. Raises EngineError where the folder holds no such weights."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.encode_now, texts)

    def encode_now(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        """The same, in the caller's thread."""
        if self._network is None:
            self._network = Network(self._folder)
        found = np.zeros((len(texts), self._network.width), np.float32)
        for row, text in enumerate(texts):
            found[row] = self._network.encode(text)
        return found

    async def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)


def bundled() -> ChineseEncoder:
    """The one that is shipped in `weights/`."""
    return ChineseEncoder(Path(__file__).parent / "weights" / "encoder-zh")


def ngrams(text: str, longest: int, fold: Fold) -> Iterator[str]:
    """What the encoder reads of a text: Chinese n-grams, Latin words, how many signs a number has."""
    seen = unicodedata.normalize("NFKC", text[:LONGEST]).lower().translate(fold)
    for part in PART.findall(seen):
        if part[0].isdigit():
            yield f"#{len(part)}"
        elif part.isascii():
            yield part
        else:
            for size in range(1, longest + 1):
                yield from (part[start : start + size] for start in range(len(part) - size + 1))


class Network:
    """An n-gram's vector and how much it counts, and the layers. Raises EngineError where a file is missing."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        if missing := [name for name in FILES if not (folder / name).is_file()]:
            raise EngineError(f"{folder}: no {missing[0]} in it; a folder made by python -m llm.teach is right")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self._longest: int = config["longest"]
        self._fold: Fold = str.maketrans(config["traditional"], config["simplified"])
        lines = (folder / "ngrams.txt").read_text("utf-8").splitlines()
        self._rows = {ngram: row for row, ngram in enumerate(lines)}
        held = load_file(folder / "model.safetensors")
        self._vectors, self._counts = held["vectors"], np.log1p(np.exp(held["counts"].astype(np.float32)))
        names = ("straight.weight", "straight.bias", "up.weight", "up.bias", "down.weight", "down.bias")
        self._layers = [held[name].astype(np.float32) for name in names]
        self.width: int = config["width"]
        if len(lines) != len(self._vectors):
            raise EngineError(f"{folder}: {len(lines)} n-grams for {len(self._vectors)} vectors; make it again")

    def encode(self, text: str) -> Vector:
        """The unit vector [width] of one text, 0 where nothing in it is known."""
        rows = [row for one in ngrams(text, self._longest, self._fold) if (row := self._rows.get(one)) is not None]
        if not rows:
            return np.zeros(self.width, np.float32)
        bag = self._counts[rows] @ self._vectors[rows].astype(np.float32)
        bag *= len(bag) ** 0.5 / max(float(np.linalg.norm(bag)), 1e-9)
        straight, at, up, more, down, last = self._layers
        hidden = _gelu(up @ bag + more)
        found = straight @ bag + at + down @ hidden + last
        unit: Vector = found / max(float(np.linalg.norm(found)), 1e-9)
        return unit


def _gelu(x: Vector) -> Vector:
    """With tanh (Hendrycks & Gimpel 2016), which numpy has."""
    made: Vector = 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
    return made
