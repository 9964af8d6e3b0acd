"""Keys and values of prompts read before, shared by whoever begins with the same tokens.

Blocks of tokens are found by their own tokens and the block before them, as in vLLM (Kwon et al. 2023). The least
recently used go first; a block is always touched before the one that it follows, so ends of prompts go before their
beginnings.
"""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.engines.local.network import Network, Positions, out_of_memory

logger = logging.getLogger(__name__)

BLOCK = 16  # tokens
ROOT = 0


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    held: Tensor


class PrefixCache:
    """At most `limit` bytes of blocks of one network, none of one whose positions can't be copied.

    `reused` and `missed` count prompt tokens.
    """

    def __init__(self, network: Network, limit: int) -> None:
        self._network = network if isinstance(network, Positions) else None
        self._size = self._network.shared * BLOCK if self._network else 0
        self._most = limit // self._size if self._size else 0
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], Block] = OrderedDict()
        self._numbers = ROOT
        self.reused = self.missed = 0

    @property
    def held(self) -> int:
        """Bytes."""
        return len(self._blocks) * self._size

    def clear(self) -> None:
        """Forget all of it."""
        self._blocks.clear()

    def restore(self, slot: int, tokens: Sequence[int], most: int) -> int:
        """Put what is known of `tokens` into the slot, at most so many; returns how many."""
        given = 0
        with self._giving_way():
            known = self._known(tokens, most)
            if known and self._network:
                self._network.give(slot, torch.cat([block.held for block in known], dim=1))
                given = len(known) * BLOCK
        self.reused += given
        self.missed += len(tokens) - given
        return given

    def keep(self, slot: int, tokens: Sequence[int]) -> None:
        """Copy what the slot holds of `tokens`, as far as it isn't there already."""
        if len(tokens) >= 2 * BLOCK and self._network:  # copying fewer costs more than reading them again
            with self._giving_way():
                self._copy(self._network, slot, tokens)

    @contextlib.contextmanager
    def _giving_way(self) -> Iterator[None]:
        """Where memory runs out, the cache is what can be done without."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            logger.warning("no memory for the prefix cache: %.1f MB of it were freed", self.held / 2**20)
            self._blocks.clear()

    def _copy(self, network: Positions, slot: int, tokens: Sequence[int]) -> None:
        parent, keys = ROOT, []
        for start in range(0, min(len(tokens) // BLOCK, self._most) * BLOCK, BLOCK):
            key = (parent, tuple(tokens[start : start + BLOCK]))
            block = self._blocks.get(key)
            if block is None:
                self._numbers += 1
                block = Block(self._numbers, network.take(slot, start, start + BLOCK))
                self._blocks[key] = block
            keys.append(key)
            parent = block.number
        self._touch(keys)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)

    def _known(self, tokens: Sequence[int], most: int) -> list[Block]:
        parent, keys, found = ROOT, [], []
        for start in range(0, min(len(tokens), most) // BLOCK * BLOCK, BLOCK):
            key = (parent, tuple(tokens[start : start + BLOCK]))
            block = self._blocks.get(key)
            if block is None:
                break
            keys.append(key)
            found.append(block)
            parent = block.number
        self._touch(keys)
        return found

    def _touch(self, keys: Sequence[tuple[int, tuple[int, ...]]]) -> None:
        for key in reversed(keys):
            self._blocks.move_to_end(key)
