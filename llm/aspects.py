"""Invented shops put together from subjects and what can be wanted to know of them, for the reader to learn from.

A subject (a kind of product, a shop's way of doing something) has aspects; each says something in several ways and is
asked for in several ways. A row tells some of its subject's aspects, two or three in a sentence as product texts have
them; the others are what nothing answers. llm/corpus/aspects holds the subjects.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.tune_encoder import Shop

ASPECTS = Path(__file__).parent / "corpus" / "aspects"
SUBJECTS, TWINS = 26, 0.4  # of a shop, and so many of them with a second row
TOLD = (3, 6)  # aspects of a row
JOINED = (1, 1, 2, 2, 3)  # aspects of a sentence
ABSENT = 2  # of a row, each asked once
IT = "{it}"


@dataclass(slots=True)
class _Draft:
    said: list[tuple[str, str]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    more: list[tuple[str, int]] = field(default_factory=list)
    nowhere: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Thing:
    """What a row is of. `twins`: another row is of the same subject, so that only its own name tells it."""

    language: str
    subject: Mapping[str, Any]
    title: str
    twins: bool


def read(folder: Path = ASPECTS) -> dict[str, list[Mapping[str, Any]]]:
    """Language -> subjects. Raises ValueError with the file, and where a subject has too little."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            held = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: no JSON: {error}") from None
        for number, one in enumerate(held["subjects"], 1):
            if len(one["titles"]) < 2 or not one["called"] or len(one["aspects"]) <= TOLD[1]:
                raise ValueError(f"{path}: subject {number}: needs 2 titles, a name and more than {TOLD[1]} aspects")
        found.setdefault(held["lang"], []).extend(held["subjects"])
    return found


def composed(subjects: Mapping[str, Sequence[Mapping[str, Any]]], count: int, seed: int = 0) -> list[Shop]:
    """So many shops of each language, with questions in `more` and `nowhere`."""
    random_ = random.Random(seed)
    return [
        _shop(f"aspects-{language}-{number}", language, some, random_)
        for language, some in sorted(subjects.items())
        for number in range(count)
    ]


def _shop(name: str, language: str, subjects: Sequence[Mapping[str, Any]], random_: random.Random) -> Shop:
    draft, row = _Draft(), 0
    for subject in random_.sample(subjects, min(SUBJECTS, len(subjects))):
        twins = subject["kind"] == "product" and random_.random() < TWINS
        for title in random_.sample(subject["titles"], 1 + twins):
            _row(draft, row, _Thing(language, subject, title, twins), random_)
            row += 1
    return Shop(name, language, draft.said, draft.rows, (), draft.more, draft.nowhere)


def _row(draft: _Draft, row: int, thing: _Thing, random_: random.Random) -> None:
    aspects = random_.sample(thing.subject["aspects"], len(thing.subject["aspects"]))
    told, absent = aspects[: (many := random_.randint(*TOLD))], aspects[many:]

    def asks(aspect: Mapping[str, Any]) -> str:
        return _asked(random_.choice(aspect["asked"]), thing, random_)

    while told:
        held = told[: random_.choice(JOINED)]
        told = told[len(held) :]
        text = sentence([random_.choice(one["said"]) for one in held], thing.language)
        joint = ": " if thing.subject["kind"] == "product" else " "
        draft.more += [(asks(one), len(draft.said)) for one in held]
        draft.said.append((text, f"{thing.title}{joint}{text}"))
        draft.rows.append(row)
    draft.nowhere += [asks(one) for one in absent[:ABSENT]]


def sentence(parts: Sequence[str], language: str) -> str:
    """`Weighs 430 g; the liner comes out for washing.`"""
    bare = [part.strip().rstrip(".。;；") for part in parts]
    bare[1:] = [part if re.match(r"[A-Z]{2}|[A-Z]\w*\d", part) else part[:1].lower() + part[1:] for part in bare[1:]]
    return "，".join(bare) + "。" if language == "zh" else "; ".join(bare) + "."


def _asked(wording: str, thing: _Thing, random_: random.Random) -> str:
    """The wording with the thing by a name: its title, or what members call it where there is no other."""
    called, title, chinese = random_.choice(thing.subject["called"]), thing.title, thing.language == "zh"
    maker, _, rest = title.partition(" ")
    if thing.subject["kind"] == "article":
        names = [called]
    else:
        names = [title, (f"{maker}的{called}" if rest else title) if chinese else f"{maker} {called}"]
        names += [] if thing.twins else [called]
    name = ("" if chinese else "the ") + (random_.choice(names) if len(names) > 1 else called)
    if random_.random() < 0.5:
        name = name.casefold()
    if IT in wording:
        return wording.replace(IT, name)
    return f"{name}，{wording}" if chinese else f"{name.removeprefix('the ')}, {wording}"
