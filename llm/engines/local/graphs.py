"""Decoding steps as CUDA graphs, recorded once and replayed as one call: a GPU waits for Python between its kernels.

A step is recorded for a number of rows and a length, both rounded up; rows that nobody needs write to a slot that no
sequence has. A recording is used only if it gives at first what the step gave that was recorded.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.engines.local.network import Piece, out_of_memory

logger = logging.getLogger(__name__)

LENGTH = 256  # positions to which a step's length is rounded up
NEAR = 0.02  # of the spread of the logits

Decode = Callable[[Tensor, int], Tensor]
Record = Callable[[Callable[[], Tensor]], tuple[Tensor, Callable[[], object]]]


def record(step: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
    """A CUDA graph of `step`: where its result lies, and what computes it again from what its inputs hold then."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call] # what libraries set up at a first call must not be recorded
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step()
    return result, graph.replay


@dataclass(frozen=True, slots=True)
class Recorded:
    inputs: Tensor
    logits: Tensor
    replay: Callable[[], object]


class Graphs:
    """`decode` takes tokens, positions, places and ends by slots [4, rows] and a length: logits [rows, vocabulary].

    There are `slots` of `context` positions, and a spare one that rows without a piece write to.
    """

    def __init__(self, decode: Decode, slots: int, context: int, device: str, recorder: Record = record) -> None:
        self._decode, self._slots, self._context, self._device = decode, slots, context, device
        self._record = recorder
        self._recorded: dict[tuple[int, int], Recorded] = {}
        self._usable = True

    def logits(self, pieces: Sequence[Piece]) -> Tensor | None:
        """float32 [pieces, vocabulary] on the device; None for what is no mere step of decoding."""
        if not self._usable or any((len(piece.tokens), piece.wanted, piece.sums) != (1, 1, False) for piece in pieces):
            return None
        slots = [piece.slot for piece in pieces]
        rows = min(1 << max(slots).bit_length(), self._slots)
        longest = min(-(-max(piece.start + 1 for piece in pieces) // LENGTH) * LENGTH, self._context)
        inputs = self._inputs(pieces, rows)
        recorded = self._recorded.get((rows, longest)) or self._made(inputs, rows, longest)
        if recorded is None:
            return None
        recorded.inputs.copy_(inputs)
        recorded.replay()
        return recorded.logits[slots]

    def _inputs(self, pieces: Sequence[Piece], rows: int) -> Tensor:
        told = [[0] * rows, [0] * rows, [self._slots * self._context] * rows, [1] * rows]
        for piece in pieces:
            row = piece.tokens[0], piece.start, piece.slot * self._context + piece.start, piece.start + 1
            for column, value in zip(told, row, strict=True):
                column[piece.slot] = value
        return torch.tensor(told, dtype=torch.long)

    def _made(self, inputs: Tensor, rows: int, longest: int) -> Recorded | None:
        held = inputs.to(self._device)
        wanted = self._decode(held, longest).clone()
        try:
            logits, replay = self._record(lambda: self._decode(held, longest))
            replay()
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            logger.warning("no CUDA graphs: %s", error)
            self._usable = False
            return None
        if float((logits - wanted).abs().max()) > NEAR * float(wanted.std()):
            logger.warning("no CUDA graphs: a recorded step gives something else than the step")
            self._usable = False
            return None
        self._recorded[rows, longest] = Recorded(held, logits, replay)
        return self._recorded[rows, longest]
