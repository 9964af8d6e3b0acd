"""To add a rule:

1. Write `bot/safety/rules/NAME.py` with a function `build(allowed_hosts: frozenset[str]) -> Rule`.
2. The rule's `check` gets a `Subject` and returns a short reason, or None where it has nothing against it.
3. `abuse` and `unsafe` as reasons of an incoming text choose the reply; any other reason keeps a text from going out.

A rule that raises counts as a refusal: nothing passes because a check failed.
"""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Subject:
    """A text on its way. `quoted` are the values of rows in it: what the merchant wrote is theirs to publish."""

    text: str
    direction: Literal["in", "out"]
    quoted: tuple[str, ...] = ()

    @property
    def own(self) -> str:
        """The text without the merchant's own values."""
        text = self.text
        for value in filter(None, self.quoted):
            text = text.replace(value, " ")
        return text


class Rule(Protocol):
    def check(self, subject: Subject) -> str | None:
        """The reason to stop the text, or None."""
