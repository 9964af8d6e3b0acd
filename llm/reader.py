"""Reads a question and a sentence together, and says how likely the sentence answers it.

A cross-encoder (Nogueira & Cho 2019, "Passage re-ranking with BERT"): the lower layers of the multilingual encoder read
each of the two by itself, as they do for a vector (MacAvaney et al. 2020, "PreTTR"); its upper layers, taught anew by
`llm.teach_reader`, read both at once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llm import encoder_e5
from llm.bert import Bert, Layer, changed
from llm.encoder import SentenceEncoder, give_back
from llm.engine import EngineError

if TYPE_CHECKING:
    from torch import Tensor

UPPER = 6  # layers that read both at once
HEADS = ("sides", "weight", "bias", "near", "none", "cosine")
USUAL = 0.4  # how near the nearest sentence is
TAUGHT = Path(__file__).parent / "weights" / "e5" / "reader.safetensors"


class Joint:
    """The network: `net`'s lower layers, and `layers` over question and sentence joined."""

    def __init__(self, net: Bert, layers: Sequence[Layer], held: "Mapping[str, Tensor]", means: "Tensor") -> None:
        self.net, self.layers, self._means = net, layers, means
        self.sides, self.weight, self.bias, self.near, self.none, self.cosine = (held[name] for name in HEADS)

    def heads(self) -> "dict[str, Tensor]":
        """What is learnt on top of the layers, by name."""
        return {name: getattr(self, name) for name in HEADS}

    def apart(self, texts: Sequence[str], *, asked: bool) -> "list[Tensor]":
        """What the lower layers make of each text: [tokens, width]."""
        tokens, mask = self.net.tokens([encoder_e5.BEFORE[asked] + text for text in texts])
        hidden = self.net.through(self.net.embedded(tokens), mask, self.net.layers[:-UPPER])
        return [one[:size] for one, size in zip(hidden, mask.sum(1).tolist(), strict=True)]

    def scores(self, asked: "Sequence[Tensor]", said: "Sequence[Tensor]", near: "Tensor") -> "Tensor":
        """[pairs]: how much speaks for each, of what the lower layers made of both and how near their vectors are."""
        import torch
        from torch.nn.functional import linear, normalize

        both = [torch.cat([one + self.sides[0], other + self.sides[1]]) for one, other in zip(asked, said, strict=True)]
        hidden = torch.nn.utils.rnn.pad_sequence(both, batch_first=True)
        at = torch.arange(hidden.shape[1])
        first = at < torch.tensor([len(one) for one in asked])[:, None]
        every = at < torch.tensor([len(one) for one in both])[:, None]
        read = self.net.through(hidden, every, self.layers).float()
        means = [(read * part[..., None]).sum(1) / part.sum(1, keepdim=True) for part in (first, every & ~first)]
        units = [
            normalize(normalize(one, dim=-1) - self._means[side], dim=-1)
            for one, side in zip(means, (1, 0), strict=True)
        ]
        told = linear(torch.cat(means, -1), self.weight, self.bias)[:, 0]
        return (near - USUAL) * self.near + (units[0] * units[1]).sum(-1) * self.cosine + told


class Reader:
    """Reads with the lower layers of the multilingual encoder, in its thread; loaded at its first use."""

    def __init__(self, encoder: SentenceEncoder, path: Path = TAUGHT) -> None:
        self._encoder, self._path = encoder, path
        self._joint: Joint | None = None

    async def read(self, question: str, said: Sequence[str], near: Sequence[float]) -> list[float]:
        """As `llm.encoder.PairReader` says."""
        run = partial(self.read_now, question, said, near)
        return await asyncio.get_running_loop().run_in_executor(self._encoder.thread, run)

    def read_now(self, question: str, said: Sequence[str], near: Sequence[float]) -> list[float]:
        """The same, in the caller's thread."""
        import torch

        if not said:
            return []
        if self._joint is None:
            self._joint = load(self._encoder.network, self._path)
            give_back()
        joint = self._joint
        with torch.inference_mode():
            asked = joint.apart([question], asked=True) * len(said)
            scores = joint.scores(asked, joint.apart(said, asked=False), torch.tensor(near)) - joint.none
        found: list[float] = scores.tolist()
        return found


def load(net: Bert, path: Path) -> Joint:
    """Raises EngineError where weights are missing."""
    import torch
    from safetensors.torch import load_file

    if not path.is_file():
        raise EngineError(f"{path} is not there; `python -m llm.teach_reader` makes it")
    held = load_file(path)
    means = torch.from_numpy(np.load(encoder_e5.MEANS))
    return Joint(net, changed(net.layers, held)[-UPPER:], {name: held[name].float() for name in HEADS}, means)
