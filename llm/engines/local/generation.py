"""One reply under way: what is to be read next, and what comes of the logits."""

import dataclasses
from collections.abc import Sequence
from random import Random

from llm.engine import Delta, Request
from llm.engines.local.model import LocalModel
from llm.engines.local.network import Positions
from llm.engines.local.sampling import NEVER, Row, choose, discourage, likelihoods, states_value
from llm.engines.local.text import BROKEN, Ends, Text
from llm.engines.local.work import Read

TRIES = 32  # refused tokens a step after which the reply ends: a model this far off says nothing worth waiting for
PATIENCE = 2  # times that a reply is kept from ending for the sake of a slot it still needs
BEGUN = 4  # times that a reply is begun, where the ones before ran into what may not be said
LIVELY = 0.5  # the least temperature of those after the first: the likeliest words would run into it again


class Generation:
    """A reply, a Work. Raises EngineError where its plan is longer than the model's context."""

    sums = False

    def __init__(self, model: LocalModel, request: Request) -> None:
        self._model = model
        self._request = request
        self._params = request.params
        self._random = Random(request.params.seed)
        self._most = min(self._params.max_tokens, model.network.context // 2)
        self.prompt: Sequence[int] = model.prompts.ids(request, model.network.context - self._most)
        self._begun = 0
        self._begin(0)

    def _begin(self, known: int) -> None:
        """Start after the prompt, of which so many tokens are read; what was said before is forgotten."""
        model, plan = self._model, self._request.plan
        self._begun += 1
        self.feed, self.position = self.prompt[known:], known
        self.written: list[int] = []
        self._text = Text(self._decode)
        # The next line of a model that was never taught to chat is another speaker's.
        self._ends = Ends([*self._params.stop, *(["\n"] if model.prompts.plain else [])])
        self._tail = self._held = ""
        self._logprobs: list[float] = []  # of tokens whose text was not given out yet
        self._silent = True  # nothing given out yet
        self._slots: frozenset[int] = frozenset()
        self._missing: set[int] = set()  # slots without which the reply does not answer: it does not end before them
        self._patience = PATIENCE
        self._once = False
        self._barred: Row | None = None
        if model.barred is not None:
            vocabulary = model.vocabulary
            names = (f"<{slot}>" for slot in plan.slots)
            self._slots = frozenset(vocabulary[name] for name in names if name in vocabulary)
            self._missing = {vocabulary[f"<{slot}>"] for slot in plan.needs if f"<{slot}>" in vocabulary}
            self._once = not plan.act.names_often
            self._barred = model.barred[plan.language].copy()
            self._barred[list(self._slots)] = 0
        self.done = self._most < 1

    def wanted(self, size: int) -> int:
        """See Work."""
        return int(size == len(self.feed))

    def read(self, read: Read) -> Delta:
        """See Work. The starter's reply is given out at its end, for it may have to be begun again."""
        self.position += read.size
        self.feed = self.feed[read.size :]
        if self.feed:
            return Delta("", self._model.name)
        piece = self._advance(read.rows[0], read.likeliest[0])
        if self._barred is not None:
            self._held += piece
            piece = self._held if self.done else ""
        piece, logprobs = self._shown(piece), []
        if piece or self.done:
            logprobs, self._logprobs = self._logprobs, []
        return Delta(piece, self._model.name, logprobs)

    def _shown(self, piece: str) -> str:
        """What of a piece can be given out: no space at the beginning, nothing from a stop on."""
        if self._silent:
            piece = piece.lstrip()
            self._silent = not piece
        piece, ended = self._ends.add(piece)
        self.done = self.done or ended
        return piece + self._ends.rest() if self.done else piece

    def _advance(self, logits: Row, likeliest: int) -> str:
        if self._begun < BEGUN and self._astray(likeliest):
            self._params = dataclasses.replace(self._params, temperature=max(LIVELY, self._params.temperature))
            self._begin(len(self.prompt) - 1 if isinstance(self._model.network, Positions) else 0)
            return ""
        asked = logits.copy() if self._request.logprobs else None  # choosing writes over them
        token = self._next_token(logits, likeliest)
        if token is None or token in self._model.stops:
            self.done = True
            return self._text.rest()
        if asked is not None:
            self._logprobs += likelihoods(asked[None], [token])
        self.feed = [token]
        return self._write(token)

    def _astray(self, likeliest: int) -> bool:
        """Whether the likeliest token may not be written: what would stand there instead makes no sentence."""
        if self._barred is None:
            return False
        return bool(self._missing) if likeliest in self._model.stops else self._barred[likeliest] < 0

    def _next_token(self, logits: Row, likeliest: int) -> int | None:
        """A token that may follow; None if the model only offers what may not."""
        if self._params.repetition != 1:
            discourage(logits, [*self.prompt, *self.written], self._params.repetition)
        elif self._barred is None and self._params.temperature <= 0:
            return likeliest
        if self._barred is None:
            return choose(logits, self._params, self._random)
        logits += self._barred
        stops = list(self._model.stops)
        if self._missing and self._patience:
            self._patience -= int(logits.argmax()) in self._model.stops
            logits[stops] = NEVER
        for _ in range(TRIES):
            if logits.max() == NEVER:
                return None
            token = choose(logits, self._params, self._random)
            if token in self._model.stops or self._may_follow(token):
                return token
            logits[token] = NEVER
        return None

    def _may_follow(self, token: int) -> bool:
        """The mask knows single tokens only; here "htt" + "p", or a currency sign made of single bytes, is found."""
        new = self._text.peek(token)
        if token in self._slots:
            return BROKEN not in new
        return BROKEN not in new[:-1] and not states_value(self._tail + new)

    def _write(self, token: int) -> str:
        piece = self._text.add(token)
        self.written.append(token)
        self._missing.discard(token)
        if self._once and token in self._slots and self._barred is not None:
            self._barred[token] = NEVER  # no fact is said twice
        self.done = len(self.written) >= self._most
        self._tail = "" if token in self._slots else (self._tail + piece)[-3:]
        return piece + self._text.rest() if self.done else piece

    def _decode(self, tokens: Sequence[int]) -> str:
        # The starter's slots count as text, whether or not its tokenizer calls them special.
        hidden = not self._model.prompts.starter
        return str(self._model.tokenizer.decode(list(tokens), skip_special_tokens=hidden))
