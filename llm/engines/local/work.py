"""What takes a slot of a batch. A reply is generation.py's; here is what only reads: scoring a text, embedding one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from llm.engine import Delta, EngineError, Request
from llm.engines.local.sampling import likelihoods

if TYPE_CHECKING:
    from llm.engines.local.model import LocalModel

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Read:
    """What a pass made of a work's next `size` tokens.

    `rows`: the logits wanted [wanted, vocabulary], which may be written over; `likeliest`: the best token of each.
    `total`: the sum of the tokens' last hidden states [hidden], empty unless the work `sums`.
    """

    work: "Work"
    size: int
    rows: Numbers
    likeliest: Sequence[int]
    total: Numbers


class Work(Protocol):
    """`feed` is to be read from `position` on; before the first step it begins with `prompt`, which others may share.

    `sums`: it asks for its tokens' hidden states.
    """

    prompt: Sequence[int]
    feed: Sequence[int]
    position: int
    done: bool
    written: list[int]
    sums: bool

    def wanted(self, size: int) -> int:
        """After how many of the last tokens logits are needed, where `size` of `feed` are read."""
        ...

    def read(self, read: Read) -> Delta:
        """Go on after that; returns what became whole by it, often ''."""
        ...


class Scoring:
    """How likely a model finds `text` as the reply to a request: `chances` has a logarithm for each of its tokens.

    Raises EngineError where both together are longer than the model's context, or the text is empty.
    """

    sums = False

    def __init__(self, model: "LocalModel", request: Request, text: str) -> None:
        self._text: list[int] = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        room = model.network.context - len(self._text)
        if not self._text or room < 1:
            raise EngineError(f"a text of {len(self._text)} tokens can't be scored")
        self.prompt: Sequence[int] = model.prompts.ids(request, room)
        self.feed: Sequence[int] = [*self.prompt, *self._text[:-1]]
        self.position = 0
        self.written: list[int] = []
        self.chances: list[float] = []
        self.done = False

    def wanted(self, size: int) -> int:
        """From the prompt's last token on."""
        return max(0, min(size, self.position + size - len(self.prompt) + 1))

    def read(self, read: Read) -> Delta:
        """See Work."""
        self.position += read.size
        self.feed = self.feed[read.size :]
        if len(read.rows):
            following = self._text[len(self.chances) : len(self.chances) + len(read.rows)]
            self.chances += likelihoods(read.rows, following)
        self.done = not self.feed
        return Delta("", "")


class Embedding:
    """A text as a `vector` of length 1: the mean of the last hidden states of its tokens, beyond the context cut off.

    Raises EngineError for an empty text.
    """

    sums = True

    def __init__(self, model: "LocalModel", text: str) -> None:
        ids: list[int] = model.tokenizer(text, add_special_tokens=True)["input_ids"]
        if not ids:
            raise EngineError("an empty text can't be embedded")
        self.prompt: Sequence[int] = ()  # nothing is shared: all hidden states are needed
        self.feed: Sequence[int] = ids[: model.network.context]
        self.position = 0
        self.written: list[int] = []
        self.vector: tuple[float, ...] = ()
        self.done = False
        self._total: Numbers = np.zeros(1, np.float32)

    def wanted(self, size: int) -> int:
        """None."""
        return 0

    def read(self, read: Read) -> Delta:
        """See Work."""
        self.position += read.size
        self.feed = self.feed[read.size :]
        self._total = self._total + read.total
        self.done = not self.feed
        if self.done:
            length = float(np.linalg.norm(self._total)) or 1.0
            self.vector = tuple((self._total / length).tolist())
        return Delta("", "")
