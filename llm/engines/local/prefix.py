"""Keys and values of prompts read before, shared by whoever begins with the same tokens.

Blocks of tokens are found by their own tokens and the block before them, as in vLLM (Kwon et al. 2023). The least
recently used go first; a block is always touched before the one that it follows, so ends of prompts go before their
beginnings.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.engines.local.network import Network

BLOCK = 16  # tokens
ROOT = 0


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    held: Tensor


class PrefixCache:
    """At most `limit` bytes of blocks of one network. `reused` and `missed` count prompt tokens."""

    def __init__(self, network: Network, limit: int) -> None:
        self._network = network
        self._size = network.shared * BLOCK
        self._most = limit // self._size if self._size else 0
        self._blocks: OrderedDict[tuple[int, tuple[int, ...]], Block] = OrderedDict()
        self._numbers = ROOT
        self.reused = self.missed = 0

    @property
    def held(self) -> int:
        """Bytes."""
        return len(self._blocks) * self._size

    def restore(self, slot: int, tokens: Sequence[int], most: int) -> int:
        """Put what is known of `tokens` into the slot, at most so many; returns how many."""
        known = self._known(tokens, most)
        if known:
            self._network.give(slot, torch.cat([block.held for block in known], dim=1))
        self.reused += len(known) * BLOCK
        self.missed += len(tokens) - len(known) * BLOCK
        return len(known) * BLOCK

    def keep(self, slot: int, tokens: Sequence[int]) -> None:
        """Copy what the slot holds of `tokens`, as far as it isn't there already."""
        if len(tokens) < 2 * BLOCK or not self._most:
            return  # copying costs more than reading so few again
        parent, keys = ROOT, []
        for start in range(0, min(len(tokens) // BLOCK, self._most) * BLOCK, BLOCK):
            key = (parent, tuple(tokens[start : start + BLOCK]))
            block = self._blocks.get(key)
            if block is None:
                self._numbers += 1
                block = Block(self._numbers, self._network.take(slot, start, start + BLOCK))
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
