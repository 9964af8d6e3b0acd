"""Many sequences, one pass a step: who joined reads its prompt in chunks while the others go on writing."""

import heapq
from collections.abc import Iterator, Sequence

import torch

from llm.engine import Request
from llm.engines.local.generation import Generation
from llm.engines.local.model import LocalModel
from llm.engines.local.network import Piece
from llm.engines.local.prefix import PrefixCache
from llm.engines.local.work import Read, Work

CHUNK = 128  # prompt tokens a step beside replies under way, which wait that long for their next word
PREFILL = 512  # the same where nobody waits
HELD = 2**26  # bytes of the prefix cache


class Batch:
    """The sequences of one model. `slots`: at most so many at a time, 0 for as many as the network holds."""

    def __init__(self, model: LocalModel, slots: int = 0, held: int = HELD, chunk: int = CHUNK) -> None:
        self.model = model
        self.slots = min(slots or model.network.slots, model.network.slots)
        self.prefixes = PrefixCache(model.network, held)
        self._chunk = chunk
        self._free = list(range(self.slots))  # a heap: low slots first, for a pass goes over all up to the highest
        self._at: dict[Work, int] = {}
        self._passing: set[int] = set()  # slots of what was begun before `forget`

    @property
    def free(self) -> int:
        return len(self._free)

    def join(self, work: Work) -> None:
        """Give it a slot; there has to be one. What is known of its prompt is not read again."""
        known = self.prefixes.restore(self._free[0], work.prompt, len(work.prompt) - 1)
        self._at[work] = heapq.heappop(self._free)
        work.feed, work.position = work.feed[known:], known

    def leave(self, work: Work) -> None:
        """Free its slot. What a finished one holds is kept for whoever begins like it."""
        slot = self._at.pop(work)
        if work.done and slot not in self._passing:
            self.prefixes.keep(slot, [*work.prompt, *work.written][: work.position])
        self._passing.discard(slot)
        self.model.network.leave(slot)
        heapq.heappush(self._free, slot)

    def forget(self) -> None:
        """Drop what is kept of prompts, and keep nothing of those that are under way."""
        self.prefixes.clear()
        self._passing |= set(self._at.values())

    def at(self, slot: int) -> Work:
        """Whose slot it is."""
        return next(work for work, taken in self._at.items() if taken == slot)

    def forward(self, works: Sequence[Work]) -> list[Read]:
        """One pass: a token of each that writes, and prompts in the order of `works` as far as a step goes.

        The caller hands each Read to its work. If this raises, nothing has changed.
        """
        sizes = self._sizes(works)
        taken = sorted(sizes, key=lambda work: sizes[work] > 1)
        pieces = [
            Piece(self._at[work], work.position, work.feed[: sizes[work]], work.wanted(sizes[work]), work.sums)
            for work in taken
        ]
        with torch.inference_mode():
            found = self.model.network.forward(pieces)
        logits, totals = found.logits.numpy(), iter(found.totals.numpy())
        likeliest = logits.argmax(axis=1).tolist() if len(logits) else []
        reads, at = [], 0
        for work, piece in zip(taken, pieces, strict=True):
            end = at + piece.wanted
            total = next(totals) if piece.sums else logits[:0, 0]
            reads.append(Read(work, len(piece.tokens), logits[at:end], likeliest[at:end], total))
            read = piece.start < len(work.prompt) <= piece.start + len(piece.tokens)
            if read and piece.slot not in self._passing:
                self.prefixes.keep(piece.slot, work.prompt)
            at = end
        return reads

    def _sizes(self, works: Sequence[Work]) -> dict[Work, int]:
        """How many tokens of each are read in this step."""
        sizes = {work: 1 for work in works if len(work.feed) == 1}
        left = self._chunk if sizes else PREFILL
        for work in works:
            if len(work.feed) > 1 and left > 0:
                sizes[work] = min(len(work.feed), left)
                left -= sizes[work]
        return sizes


def replies(model: LocalModel, requests: Sequence[Request]) -> Iterator[tuple[int, str]]:
    """Every request's reply with its number, as they are done: the batch without a queue, for evaluation."""
    batch, under_way = Batch(model), dict[Work, tuple[int, list[str]]]()
    waiting = list(enumerate(requests))[::-1]
    while waiting or under_way:
        while waiting and batch.free:
            number, request = waiting.pop()
            begun = Generation(model, request)
            batch.join(begun)
            under_way[begun] = number, []
        for read in batch.forward([work for work in under_way if not work.done]):
            under_way[read.work][1].append(read.work.read(read))
        for work in [work for work in under_way if work.done]:
            number, pieces = under_way.pop(work)
            batch.leave(work)
            yield number, "".join(pieces)
