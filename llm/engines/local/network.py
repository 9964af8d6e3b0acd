"""What a batch asks of a network: slots that each hold one sequence, and one forward pass over pieces of several.

`lean.py` (Llama, Qwen and their like) reads all pieces in one pass; `huggingface.py` (any other family) one after the
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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

    `wanted`: after how many of the last tokens logits are asked for. `sums`: whether the hidden states are.
    """

    slot: int
    start: int
    tokens: Sequence[int]
    wanted: int
    sums: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """What came of a pass, in the order of its pieces, on the CPU.

    `logits`: float32 [sum of wanted, vocabulary]. `totals`: float32 [pieces that ask for it, hidden], the sum of the
    last hidden states of a piece's tokens.
    """

    logits: Tensor
    totals: Tensor


class Network(Protocol):
    """A model with the keys and values of `slots` sequences.

    `context` is in tokens, `stops` are ids that end a reply.
    """

    vocabulary: int
    context: int
    stops: list[int | None]
    slots: int

    def forward(self, pieces: Sequence[Piece]) -> Pass:
        """One piece a slot; pieces of one token come first. A piece that starts at 0 begins a new sequence. A pass that
        fails for lack of memory may be tried again with fewer pieces; after Lost, without that slot's."""
        ...

    def leave(self, slot: int) -> None:
        """The slot's sequence is over."""
        ...


@runtime_checkable
class Positions(Network, Protocol):
    """One whose keys and values lie apart by positions: they can be copied, and a sequence can go back to any of them.

    `shared`: bytes that one position takes.
    """

    shared: int

    def take(self, slot: int, start: int, end: int) -> Tensor:
        """A copy of what the slot holds of these positions: [layers, positions, ...]."""
        ...

    def give(self, slot: int, block: Tensor) -> None:
        """Put what `take` gave into the slot, from its first position on."""
        ...


def slots_for(position: int, context: int, device: str) -> int:
    """How many sequences fit, at `position` bytes of keys and values a token."""
    room = CPU_BYTES
    if device == "cuda":
        room = int(torch.cuda.mem_get_info()[0] * CUDA_SHARE) - position * context  # that of the spare slot
    return max(1, min(SLOTS, room // (position * context)))


def out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in FULL)
