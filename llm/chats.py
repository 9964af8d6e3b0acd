"""An export of the shop's own chats, as `python -m bot export-training` writes it and `llm.finetune` reads it.

JSON lines of two kinds. A member's name in `turns` is an invented one; the bot's own speaker is ''.

    {"kind": "reply", "turns": [["Ann", "how much is it?"]], "reply": "It's <price1>.",
     "plan": {"act": "price", "language": "en", "states": [], "slots": ["name1", "price1"]}}
    {"kind": "article", "title": "Returns", "body": "Within 30 days.", "language": "en"}
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.protocol import LANGUAGES, SLOT, SLOTS, Act, Fact, Plan, State


class ExportError(ValueError):
    """An export can't be used. The message names file, line and field, and what would be right."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in its place. `turns` are (speaker, text), oldest first; facts in `plan` are slots without values."""

    turns: tuple[tuple[str, str], ...]
    plan: Plan
    reply: str


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of the merchant's own writing."""

    title: str
    body: str
    language: str


def written(one: Reply | Article) -> str:
    """The line of one reply or article, with its end."""
    if isinstance(one, Article):
        held: dict[str, Any] = {"kind": "article", "title": one.title, "body": one.body, "language": one.language}
    else:
        plan = {"act": one.plan.act, "language": one.plan.language, "states": one.plan.states, "slots": one.plan.slots}
        held = {"kind": "reply", "turns": one.turns, "plan": plan, "reply": one.reply}
    return json.dumps(held, ensure_ascii=False) + "\n"


def read(path: Path) -> Iterator[Reply | Article]:
    """The lines of an export; empty ones are skipped. Raises ExportError."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _line(line, f"{path}:{number}")
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror}; make it with `python -m bot export-training {path}`") from None
    except UnicodeDecodeError:
        raise ExportError(f"{path}: is not UTF-8 text; `python -m bot export-training` writes such files") from None


def _line(line: str, where: str) -> Reply | Article:
    try:
        held = json.loads(line)
    except json.JSONDecodeError as error:
        raise ExportError(f"{where}: {error.msg}; one JSON object a line is right") from None
    if not isinstance(held, dict) or held.get("kind") not in ("reply", "article"):
        raise ExportError(f'{where}: kind: "reply" or "article" is right')
    if held["kind"] == "article":
        return Article(_text(held, "title", where), _text(held, "body", where), _language(held, "", where))
    turns = held.get("turns")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        raise ExportError(f'{where}: turns: a list of [speaker, text] is right, "" speaks for the bot')
    plan = _plan(held.get("plan"), where)
    return Reply(tuple((name, text) for name, text in turns), plan, _template(held, plan, where))


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, list) and len(turn) == 2 and all(isinstance(part, str) for part in turn)


def _plan(held: Any, where: str) -> Plan:
    if not isinstance(held, dict):
        raise ExportError(f'{where}: plan: an object with "act", "language", "states" and "slots" is right')
    if held.get("act") not in [*Act]:
        raise ExportError(f"{where}: plan.act: {held.get('act')!r} is none; one of {', '.join(Act)} is right")
    states = _listed(held, "states", [*State], where)
    facts = tuple(Fact(slot, "", "", "") for slot in _listed(held, "slots", [*SLOTS], where))
    return Plan(Act(held["act"]), _language(held, "plan.", where), facts, tuple(map(State, states)))


def _listed(held: dict[str, Any], name: str, known: list[str], where: str) -> list[str]:
    """A field of the plan that is a list of known words."""
    words = held.get(name)
    if not isinstance(words, list):
        raise ExportError(f"{where}: plan.{name}: a list is right, {type(words).__name__} stands there")
    if wrong := [str(word) for word in words if word not in known]:
        raise ExportError(f"{where}: plan.{name}: {', '.join(wrong)} is none of {', '.join(known)}")
    return words


def _template(held: dict[str, Any], plan: Plan, where: str) -> str:
    text = _text(held, "reply", where)
    if foreign := {*SLOT.findall(text)} - {*plan.slots}:
        raise ExportError(
            f"{where}: reply: <{min(foreign)}> is not among plan.slots; a reply uses what its plan offers"
        )
    return text


def _language(held: dict[str, Any], inside: str, where: str) -> str:
    if held.get("language") not in LANGUAGES:
        raise ExportError(f"{where}: {inside}language: one of {', '.join(LANGUAGES)} is right")
    return str(held["language"])


def _text(held: dict[str, Any], name: str, where: str) -> str:
    text = held.get(name)
    if not isinstance(text, str) or not text.strip():
        raise ExportError(f"{where}: {name}: a text is right, {'an empty one' if text == '' else text!r} stands there")
    return text
