"""Messages that would talk the bot out of its part: another role, no limits, orders for all its replies, text to be
decoded and obeyed, by bypass.toml.

No known texts are listed, but signs of how such a message is built; a customer's holds one at most. The model has no
authority to abuse: this only chooses the reply, which is a plain no.
"""

import re
import tomllib
from pathlib import Path

from bot.language import normalise
from bot.safety.rules.base import Rule, Subject, Terms

LONG = 800  # characters: nobody asks a shop that much


class Bypass:
    def __init__(self) -> None:
        held = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
        words = {f"{{{name}}}": f"(?:{held[name]})" for name in ("morals", "answer")}

        def either(expressions: list[str]) -> re.Pattern[str]:
            joined = "|".join(expressions)
            for name, value in words.items():
                joined = joined.replace(name, value)
            return re.compile(joined, re.DOTALL | re.MULTILINE)

        self._alone = either(held["alone"])
        self._signs, self._beside = ([either(one) for one in held[name].values()] for name in ("signs", "beside"))

    def check(self, subject: Subject) -> str | None:
        return "unsafe" if subject.direction == "in" and self.commands(subject.text) else None

    def commands(self, text: str) -> bool:
        """Does it want to command the bot?"""
        said = normalise(text)
        if self._alone.search(said):
            return True
        signs = sum(one.search(said) is not None for one in self._signs)
        if signs != 1:
            return signs > 1
        return (len(said) > LONG) + sum(one.search(said) is not None for one in self._beside) > 1


def build(terms: Terms) -> Rule:
    return Bypass()
