"""Takes a member's names and words out of what others' rows hold: notices to admins, greetings, lists, audits."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from bot.language import HAN

GONE = "•••"
BEGINS = 6  # letters by which a quote is looked for
LONGEST = 40  # letters from which a quote is one, though the rest is cut off
SHORTEST, SHORTEST_HAN = 12, 6  # letters of words that are told apart from anybody's
# Kinds of the bot's messages that speak to many or of others: there a name may be a product's, too.
PUBLIC = ("post", "suggestion", "reply")


class Redaction:
    """Of one member. `names` are found as whole words, `said` where it is quoted whole or from its beginning on.
    `asked`: questions of theirs that an admin's answer may be filed under."""

    def __init__(self, names: Collection[str], said: Collection[str], asked: Collection[str] = ()) -> None:
        self._asked = frozenset(asked)
        forms = sorted({one.strip() for one in names if len(one.strip()) > 1}, key=len, reverse=True)
        self._names = re.compile("|".join(map(_whole, forms))) if forms else None
        self._called = re.compile("|".join(map(_whole, forms)), re.IGNORECASE) if forms else None
        self._said: dict[str, list[str]] = defaultdict(list)  # by their first letters, LONGEST at most
        for text in said:
            for form in {text.strip(), " ".join(text.split())}:
                if len(form) >= (SHORTEST_HAN if HAN.search(form) else SHORTEST):
                    self._said[form[:LONGEST]].append(form)
        self._starts = {key[:BEGINS] for key in self._said}
        self._lengths = sorted({len(key) for key in self._said}, reverse=True)

    def text(self, text: str, *, named: bool = True, command: bool = False) -> str:
        """The text without them; with `named` false only what was said is taken out. A `command`, such as `/mute ann`,
        means Ann in whatever case."""
        text, names = self._unquoted(text), self._called if command or text.startswith("/") else self._names
        return names.sub(GONE, text) if named and names else text

    def value(self, value: Any, **how: bool) -> Any:
        """The same of every text in something of JSON."""
        if isinstance(value, str):
            return self.text(value, **how)
        if isinstance(value, Mapping):
            return {key: self.value(one, **how) for key, one in value.items()}
        return [self.value(one, **how) for one in value] if isinstance(value, list | tuple) else value

    def change(self, table: str, row: Mapping[str, Any], columns: Collection[str]) -> dict[str, Any]:
        """The columns of a row that name or quote them, without that."""
        if table == "article":
            return {"title": GONE} if row["title"] in self._asked else {}
        how = {"named": (named := _names_members(table, row)), "command": table == "audit"}
        wanted = [one for one in columns if not (table == "outbox" and not named and one == "text")]
        made = {one: self.value(row[one], **how) for one in wanted}
        return {one: value for one, value in made.items() if value != _plain(row[one])}

    def _unquoted(self, text: str) -> str:
        if not self._said or len(text) < BEGINS:
            return text
        parts, last, at = [], 0, 0
        while at <= len(text) - BEGINS:
            if text[at : at + BEGINS] in self._starts and (found := self._quote(text, at)):
                parts += [text[last:at], GONE]
                last = at = at + found
            else:
                at += 1
        return "".join([*parts, text[last:]])

    def _quote(self, text: str, at: int) -> int:
        """How many letters are a quote from there on."""
        for length in self._lengths:
            if forms := self._said.get(text[at : at + length]):
                return max(_same(form, text, at) for form in forms)
        return 0


def _whole(name: str) -> str:
    return re.escape(name) if HAN.search(name) else rf"(?<!\w){re.escape(name)}(?!\w)"


def _same(form: str, text: str, at: int) -> int:
    """How long the text goes on there as the form begins."""
    if text.startswith(form, at):
        return len(form)
    return next(place for place, letter in enumerate(form) if text[at + place : at + place + 1] != letter)


def _names_members(table: str, row: Mapping[str, Any]) -> bool:
    """May a name in this row be a member's? In what speaks to a whole chat it may be a product's."""
    if table == "outbox":
        return row["kind"] not in PUBLIC or "greeted" in row["extra"]
    if table == "draft":
        return "greeted" in row["data"].get("extra", {})
    return True


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
