"""Tokens to text as they come: a piece never ends inside a character or inside a slot."""

import re
from collections.abc import Callable, Sequence

BROKEN = "\ufffd"  # how a tokenizer shows bytes that are no whole character (yet)
OPEN_SLOT = re.compile(r"<[a-z]{0,8}[1-9]?$")


class Text:
    """Grows by one token at a time. `decode` turns token ids into text."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        # ids[start:read] is the piece given out last. It is decoded again with what follows, because some tokenizers
        # write the first token of a text without its leading space.
        self._start = 0
        self._read = 0
        self._before = ""  # the text of ids[start:read]
        self._peeked: tuple[int, str] | None = None
        self._held = ""  # the beginning of a slot
        self._partial = ""  # text that ends in the middle of a character

    def peek(self, token: int) -> str:
        """What `token` would add; ends with BROKEN while its last character still lacks bytes."""
        if self._peeked is None or self._peeked[0] != token:
            self._peeked = token, self._decode([*self._ids[self._start :], token])[len(self._before) :]
        return self._peeked[1]

    def add(self, token: int) -> str:
        """Append `token`; returns the text that is whole now, often ''."""
        new, self._peeked = self.peek(token), None
        self._ids.append(token)
        if new.endswith(BROKEN):
            self._partial = new
            return ""
        self._partial = ""
        self._start, self._read = self._read, len(self._ids)
        self._before = self._decode(self._ids[self._start :])
        text = self._held + new
        unfinished = OPEN_SLOT.search(text)
        cut = unfinished.start() if unfinished else len(text)
        self._held = text[cut:]
        return text[:cut]

    def rest(self) -> str:
        """What was held back for a slot or a character that never became whole, without that character."""
        rest = self._held + self._partial.rstrip(BROKEN)
        self._held = self._partial = ""
        return rest


class Ends:
    """Cuts a text that comes in pieces before the first of some texts; what may be the beginning of one is held."""

    def __init__(self, ends: Sequence[str]) -> None:
        self._ends = [end for end in ends if end]
        self._held = ""

    def add(self, piece: str) -> tuple[str, bool]:
        """The text that can be given out now, and whether it ended."""
        text = self._held + piece
        found = [at for end in self._ends if (at := text.find(end)) >= 0]
        if found:
            self._held = ""
            return text[: min(found)], True
        hold = max((size for end in self._ends for size in range(1, len(end)) if text.endswith(end[:size])), default=0)
        self._held = text[len(text) - hold :]
        return text[: len(text) - hold], False

    def rest(self) -> str:
        """What was held and turned out to be no end."""
        rest, self._held = self._held, ""
        return rest
