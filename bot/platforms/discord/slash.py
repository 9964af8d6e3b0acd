"""Commands as Discord registers them, and what was chosen as the line that somebody would have typed.

A usage such as `NUMBER ANSWER`, `[on|off]` or `MINUTES [NAME]` becomes options; what is less regular becomes one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.platforms.base import CommandHelp, Commands

MANAGE_GUILD = str(1 << 5)
LANGUAGES = {"zh": "zh-CN"}  # ours -> Discord's
TAKES_FILES = ("import",)
COMPLETED = ("product",)  # commands whose option is completed while it is typed
STRING, BOOLEAN, ATTACHMENT = 3, 5, 11
CHAT, DIRECT = 0, 1  # contexts
_CHOICES = re.compile(r"\[?([a-z]+(?:\|[a-z]+)+)\]?")
_PART = re.compile(r"[\[\]]|=|[A-Z]+(?:\|[A-Z]+)*|[a-z]+")
_SINGLE = ("NUMBER", "MINUTES", "NAME", "QUESTION")  # may be followed by another option
_NAME = re.compile(r"[-_'\w]{1,32}")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a usage: a word that is typed as it stands (`option` is ''), or an option. `depth` counts brackets."""

    word: str
    option: str
    depth: int


def parts(usage: str) -> list[Part]:
    """The pieces of a usage; of one that is no plain sequence, a single option."""
    found: list[Part] = []
    depth = 0
    for word in _PART.findall(usage):
        if word in "[]":
            depth += 1 if word == "[" else -1
        else:
            option = word.split("|")[0].lower() if word.isupper() or "|" in word else ""
            found.append(Part(word, option, depth))
    options = [one for one in found if one.option]
    regular = "".join(_PART.findall(usage)) == usage.replace(" ", "")
    follow = all(one.word in _SINGLE for one in options[:-1])
    if regular and follow and len({one.option for one in options}) == len(options):
        return found
    return [Part(usage, "words", 1 if usage.startswith("[") else 0)]


def _options(english: CommandHelp, local: Mapping[str, CommandHelp]) -> Iterator[dict[str, Any]]:
    if english.name in TAKES_FILES:
        yield {"type": ATTACHMENT, "name": "file", "description": "CSV, XLSX, JSON, XML, PDF, DOCX, HTML, MD, TXT"}
    if not english.usage:
        return
    described = {
        "description": english.usage[:100],
        "description_localizations": {LANGUAGES[one]: (held.usage or "-")[:100] for one, held in local.items()},
    }
    if choices := _CHOICES.fullmatch(english.usage):
        named = [{"name": one, "value": one} for one in choices.group(1).split("|")]
        required = not english.usage.startswith("[")
        yield {"type": STRING, "name": "choice", "required": required, "choices": named, **described}
        return
    shown = parts(english.usage)
    for one in shown:
        if one.option:
            more = {"autocomplete": True} if english.name in COMPLETED else {}
            yield {"type": STRING, "name": one.option, "required": one.depth == 0, **described, **more}
        elif _is_flag(one, shown):
            yield {"type": BOOLEAN, "name": one.word, "required": False, **described}


def _is_flag(part: Part, shown: Sequence[Part]) -> bool:
    """A word in brackets of its own, such as `[no]`: said or not."""
    return part.depth > 0 and part.word.isalpha() and not any(one.option and one.depth == part.depth for one in shown)


def registered(commands: Commands, *, completes: bool) -> list[dict[str, Any]]:
    """Every command, for a bulk overwrite."""
    others = {one: {held.name: held for held in commands(one)} for one in LANGUAGES}
    made = []
    for english in commands("en"):
        local = {one: held[english.name] for one, held in others.items() if english.name in held}
        names = {LANGUAGES[one]: held.typed for one, held in local.items() if _NAME.fullmatch(held.typed)}
        options = [one if completes else _without(one, "autocomplete") for one in _options(english, local)]
        made.append(
            {
                "name": english.name, "type": 1, "description": english.help[:100], "options": options,
                "name_localizations": names, "integration_types": [0],
                "description_localizations": {LANGUAGES[one]: held.help[:100] for one, held in local.items()},
                "contexts": [CHAT] if english.admin else [CHAT, DIRECT],
                "default_member_permissions": MANAGE_GUILD if english.admin else None,
            }
        )  # fmt: skip
    return made


def _without(held: dict[str, Any], name: str) -> dict[str, Any]:
    return {one: value for one, value in held.items() if one != name}


def line(name: str, options: Sequence[Mapping[str, Any]], usage: str) -> str:
    """What was chosen, as it would be typed: `/name words`."""
    given = {one["name"]: one["value"] for one in options if one["type"] != ATTACHMENT}
    if not given or not usage:
        return f"/{name}"
    if "choice" in given:
        return f"/{name} {given['choice']}"
    shown, words = parts(usage), []
    for one in shown:
        if one.option:
            words.append(str(given.get(one.option, "")))
        elif _is_flag(one, shown):
            words.append(one.word if given.get(one.word) else "")
        elif one.depth == 0 or any(other.option in given for other in shown if other.depth == one.depth):
            words.append(one.word)
    return " ".join([f"/{name}", *(word for word in words if word)])
