"""To add a rule:

1. Write `bot/safety/rules/NAME.py` with a function `build(terms: Terms) -> Rule`. NAME is what SAFETY_DRY_RUN calls it.
2. The rule's `check` gets a `Subject` and returns a short reason, or None where it has nothing against it.
3. `abuse`, `selfharm` and `unsafe` as reasons of an incoming text choose the reply; any other reason is answered as
   `unsafe`. A reason of a text that goes out keeps it in: the row is quoted instead.
4. A list of words is data: `NAME.toml` beside it, as `_lexicon.py` reads it.

A rule that raises counts as a refusal: nothing passes because a check failed.
"""

from dataclasses import dataclass
from typing import Literal, Protocol
from unicodedata import category, normalize

# `row`: a sentence of the merchant's own rows, which somebody else may have planted there.
Direction = Literal["in", "out", "row"]
Strictness = Literal["relaxed", "normal", "strict"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the merchant's settings say to the rules."""

    hosts: frozenset[str] = frozenset()  # that links may lead to
    competitors: tuple[str, ...] = ()  # names that the bot doesn't speak of
    familiar: bool = False  # whether a model may only say what is like the project's own replies


@dataclass(frozen=True, slots=True)
class Subject:
    """A text on its way. `quoted` are the values of rows in it: what the merchant wrote is theirs to publish."""

    text: str
    direction: Direction
    quoted: tuple[str, ...] = ()
    strictness: Strictness = "normal"
    names: tuple[str, ...] = ()  # of members, in the text: nobody's words but theirs
    typed: bool = False  # by an admin, and not by a model
    known: tuple[str, ...] = ()  # what its model was shown: rows, and what members said; () where no model said it

    @property
    def own(self) -> str:
        """The text without the merchant's own values."""
        text = self.text
        for value in filter(None, self.quoted):
            text = text.replace(value, " ")
        return text

    @property
    def shown(self) -> tuple[str, ...]:
        """The text without those values as it stands and, where that differs, as it would be read: wide signs made
        narrow, nothing invisible."""
        own = self.own
        if own.isascii():
            return (own,)
        read = "".join(one for one in normalize("NFKC", own) if category(one) != "Cf")
        return tuple(dict.fromkeys((own, read)))


class Rule(Protocol):
    def check(self, subject: Subject) -> str | None:
        """The reason to stop the text, or None."""
