"""One reply under way: a token a step over the network's key-value cache."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from llm.engine import Request
from llm.engines.local.model import LocalModel
from llm.engines.local.sampling import choose, states_value
from llm.engines.local.text import BROKEN, Text

PREFILL = 512  # prompt tokens a step; a longer prompt takes several steps, so that it can be cancelled between them
TRIES = 32  # refused tokens a step after which the reply ends: a model this far off says nothing worth waiting for
PATIENCE = 2  # times that a reply is kept from ending for the sake of a slot it still needs
BEGUN = 4  # times that a reply is begun, where the ones before ran into what may not be said
LIVELY = 0.5  # the least temperature of those after the first: the likeliest words would run into it again


class Generation:
    """The state of one request. `done` once the reply is complete."""

    def __init__(self, model: LocalModel, request: Request) -> None:
        self._model = model
        self._request = request
        self._params = request.params
        self._random = torch.Generator()
        if request.params.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(request.params.seed)
        self._begun = 0
        self._begin()

    def _begin(self) -> None:
        """Start from the prompt; what was said before is forgotten."""
        model, plan = self._model, self._request.plan
        self._begun += 1
        self._left = min(self._params.max_tokens, model.network.context // 2)
        self._feed = model.prompts.ids(self._request, model.network.context - self._left)
        self._cache: Any = None
        self._text = Text(self._decode)
        self._tail = self._held = ""
        self._silent = True  # nothing given out yet
        self._slots: frozenset[int] = frozenset()
        self._missing: set[int] = set()  # slots without which the reply does not answer: it does not end before them
        self._patience = PATIENCE
        self._once = False
        self._allowed: Tensor | None = None
        if model.allowed is not None:
            vocabulary = model.tokenizer.get_vocab()
            names = (f"<{slot}>" for slot in plan.slots)
            self._slots = frozenset(vocabulary[name] for name in names if name in vocabulary)
            self._missing = {vocabulary[f"<{slot}>"] for slot in plan.needs if f"<{slot}>" in vocabulary}
            self._once = not plan.act.names_often
            self._allowed = model.allowed[plan.language].clone()
            self._allowed[list(self._slots)] = True
        self.done = self._left < 1

    def step(self) -> str:
        """One forward pass; returns the text that became whole by it, often ''. Raises EngineError.

        The starter's reply is given out at its end, for it may have to be begun again.
        """
        piece = self._advance()
        if self._allowed is not None:
            self._held += piece
            return self._held.lstrip() if self.done else ""
        if self._silent:
            piece = piece.lstrip()
            self._silent = not piece
        if self._model.prompts.plain and "\n" in piece:  # the next line is another speaker's
            self.done = True
            piece = piece.split("\n")[0]
        return piece

    def _advance(self) -> str:
        with torch.inference_mode():
            chunk, self._feed = self._feed[:PREFILL], self._feed[PREFILL:]
            logits = self._forward(chunk)
            if self._feed:
                return ""
            astray = self._begun < BEGUN and self._astray(int(logits.argmax()))
            token = None if astray else self._next_token(logits)
        if astray:
            self._params = replace(self._params, temperature=max(LIVELY, self._params.temperature))
            self._begin()
            return ""
        if token is None or token in self._model.stops:
            self.done = True
            return self._text.rest()
        self._feed = [token]
        return self._write(token)

    def _forward(self, tokens: list[int]) -> Tensor:
        logits, self._cache = self._model.network.forward(tokens, self._cache)
        return logits.float().cpu()

    def _astray(self, wanted: int) -> bool:
        """Whether the likeliest token may not be written: what would stand there instead makes no sentence."""
        if self._allowed is None:
            return False
        return bool(self._missing) if wanted in self._model.stops else not self._allowed[wanted]

    def _next_token(self, logits: Tensor) -> int | None:
        """A token that may follow; None if the model only offers what may not."""
        if self._allowed is None:
            return choose(logits, self._params, self._random)
        logits = logits.masked_fill(~self._allowed, -torch.inf)
        if self._missing and self._patience:
            self._patience -= int(logits.argmax()) in self._model.stops
            logits[list(self._model.stops)] = -torch.inf
        for _ in range(TRIES):
            token = choose(logits, self._params, self._random)
            if token in self._model.stops or self._may_follow(token):
                return token
            logits[token] = -torch.inf
        return None

    def _may_follow(self, token: int) -> bool:
        """The mask knows single tokens only; here "htt" + "p", or a currency sign made of single bytes, is found."""
        new = self._text.peek(token)
        if token in self._slots:
            return BROKEN not in new
        return BROKEN not in new[:-1] and not states_value(self._tail + new)

    def _write(self, token: int) -> str:
        piece = self._text.add(token)
        self._left -= 1
        self._missing.discard(token)
        if self._once and token in self._slots and self._allowed is not None:
            self._allowed[token] = False  # no fact is said twice
        self.done = self._left < 1
        self._tail = "" if token in self._slots else (self._tail + piece)[-3:]
        return piece + self._text.rest() if self.done else piece

    def _decode(self, tokens: Sequence[int]) -> str:
        # The starter's slots count as text, whether or not its tokenizer calls them special.
        hidden = not self._model.prompts.starter
        return str(self._model.tokenizer.decode(list(tokens), skip_special_tokens=hidden))
