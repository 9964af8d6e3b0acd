"""What a batch asks of a network: slots that each hold one sequence, and one forward pass over pieces of several.

`lean.py` (Llama, Qwen and their like) reads all pieces in one pass; `huggingface.py` (any other family) one after the
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from llm.engine import EngineMemory

SLOTS = 32  # sequences at a time; more only helps where memory is faster than arithmetic
CPU_BYTES = 2**31  # for keys and values; taken from the system only as far as they are written
FULL = ("not enough memory", "can't allocate memory", "out of memory")  # how torch says it, besides its own class
CUDA_SHARE = 0.6  # of the memory that is free once the weights are loaded


class Lost(EngineMemory):
    """Memory ran out while a slot's piece was read, and the slot's sequence can't go on. The others can."""

    def __init__(self, slot: int) -> None:
        super().__init__("memory ran out while this request was read; fewer at a time would fit")
        self.slot = slot


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens to be read on from `start`, the number of positions that the slot holds already.

    `wanted`: after how many of the last tokens logits are asked for.
    """

    slot: int
    start: int
    tokens: Sequence[int]
    wanted: int


class Network(Protocol):
    """A model with the keys and values of `slots` sequences. `context` is in tokens, `stops` are ids that end a reply.

    `shared`: bytes that one position takes in `take` and `give`; 0 where they are not to be had.
    """

    vocabulary: int
    context: int
    stops: list[int | None]
    slots: int
    shared: int

    def forward(self, pieces: Sequence[Piece]) -> Tensor:
        """float32 logits [sum of wanted, vocabulary] on the CPU, in the order of the pieces. One piece a slot; pieces
        of one token come first. A pass that fails for lack of memory may be tried again with fewer pieces; after
        Lost, without that slot's."""
        ...

    def take(self, slot: int, start: int, end: int) -> Tensor:
        """A copy of what the slot holds of these positions: [layers, positions, ...]."""
        ...

    def give(self, slot: int, block: Tensor) -> None:
        """Put what `take` gave into the slot, from its first position on."""
        ...

    def leave(self, slot: int) -> None:
        """The slot's sequence is over."""
        ...


def slots_for(position: int, context: int, device: str) -> int:
    """How many sequences fit, at `position` bytes of keys and values a token."""
    room = int(torch.cuda.mem_get_info()[0] * CUDA_SHARE) if device == "cuda" else CPU_BYTES
    return max(1, min(SLOTS, room // (position * context)))


def out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in FULL)
