"""Draws training conversations from the wordings: what was said, the plan, the reply with its slots.

Everything follows from the seed of the `random.Random` that is passed in. Every sixth reply wording and question
wording of an act, and every fourth word of the invented shops, belong to the split "dev" and are never trained on.
"""

import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, product
from pathlib import Path
from typing import Any, Literal, TypeVar

from llm.protocol import END, LANGUAGES, ROW_KINDS, ROWS, SINGLE, SLOT, SLOTS, TOPICS, Act, Fact, Plan, State, prompt

Split = Literal["train", "dev"]
Item = TypeVar("Item")
FOLDER = Path(__file__).parent
ORDER = ("member", "shop", *(f"{kind}{row}" for row in range(1, ROWS + 1) for kind in ROW_KINDS), *SINGLE, *TOPICS)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
EITHER = re.compile(r"\{([^{}]*\|[^{}]*)\}")  # "{right now|today|}": one of these words is taken, or none
MONEY = ("price", "total", "was", "fee", "threshold")
LISTS = {"text": "sentences", "day": "weekdays", "hours": "hours", "days": "days"}  # else the kind with an s
PLACEHOLDERS = ("name", "name2", "label", "option", "need", "topic", "member", "shop")
CHATTER = ("smalltalk", "greet", "thanks", "bye")
SENTENCE_ENDS = "?.!\uff1f\u3002\uff01"  # the last three are the full-width ones of Chinese
SENTENCE = re.compile(r"(?<=[.!?。！？])\s*")
HELD_WORDING, HELD_WORD = 6, 4
SPLICED = 0.25  # replies that open as one wording and go on as another of their kind


class CorpusError(ValueError):
    """A wording file is wrong. The message names the file, the entry and what would be right."""


@dataclass(frozen=True, slots=True)
class Example:
    """One reply in its place. `turns` are (speaker, text), oldest first; the bot's speaker is ''."""

    turns: list[tuple[str, str]]
    plan: Plan
    reply: str

    @property
    def prompt(self) -> str:
        return prompt(self.turns, self.plan)

    @property
    def text(self) -> str:
        return f"{self.prompt}{self.reply}{END}"


@dataclass(frozen=True, slots=True)
class Group:
    """The wordings of one kind of plan. `slots`: all that its wordings use; `needs`: those that all of them use."""

    act: Act
    states: tuple[State, ...]
    slots: tuple[str, ...]
    needs: tuple[str, ...]
    texts: tuple[str, ...]  # all wordings
    kept: tuple[str, ...]  # those of the split


@dataclass(frozen=True, slots=True)
class Words:
    """The invented shops' words: lists by name, and product nouns by trade."""

    lists: dict[str, list[str]]
    trades: list[list[str]]
    spaced: bool


class Corpus:
    """Wordings and words of one language and split. Raises CorpusError when a file is wrong."""

    def __init__(self, language: str, split: Split = "train", folder: Path = FOLDER) -> None:
        self.language = language
        self.groups = _read_replies(folder / f"replies.{language}.toml", split)
        if split == "dev":  # a choice may turn a held-out wording into one that is trained on
            known = {form for group in self.groups for text in {*group.texts} - {*group.kept} for form in every(text)}
            self.groups = [
                replace(group, kept=tuple(text for text in group.kept if known.isdisjoint(every(text))))
                for group in self.groups
            ]
        self.questions = _read_questions(folder / f"questions.{language}.toml", split)
        self.words = read_words(language, split)
        self.acts = sorted({group.act for group in self.groups})
        self.by_act = {act: [group for group in self.groups if group.act is act] for act in self.acts}
        self.drawn = [group for group in self.groups if group.kept]
        # Kinds of plan that differ by their states or rows only are easily mixed up: they are drawn twice as often.
        self.weights = [min(2, len(self.by_act[group.act])) for group in self.drawn]

    def draw(self, rng: random.Random, other: "Corpus | None" = None) -> Example:
        """One example. `other` is the other language's corpus: a few members write in the language not answered in."""
        group = rng.choices(self.drawn, self.weights)[0]
        reply = self._reply(group, rng)
        asked = other if other is not None and rng.random() < 0.05 else self
        return Example(asked._turns(group, rng), self._plan(group, reply, rng), reply)

    def asked(self, rng: random.Random) -> Iterator[tuple[str, str]]:
        """Every question wording with its key, its placeholders filled."""
        for key, texts in self.questions.items():
            yield from ((key, _Scene(self.words, rng).ask(text)) for text in texts)

    def _reply(self, group: Group, rng: random.Random) -> str:
        """A wording, or the first sentence of one and the rest of another where together they say each slot once."""
        reply = either(rng.choice(group.kept), rng)
        if rng.random() < SPLICED:
            opening, rest = SENTENCE.split(reply)[0], SENTENCE.split(either(rng.choice(group.kept), rng))[1:]
            joined = (" " if self.words.spaced else "").join([opening, *filter(None, rest)])
            said = SLOT.findall(joined)
            if any(rest) and {*said} >= {*group.needs} and len(said) == len({*said}):
                return joined
        return reply

    def pose(self, rng: random.Random) -> Example:
        """A question and plan with no wording in mind: the reply is '' and every kind of plan can come."""
        group = rng.choice(self.by_act[rng.choice(self.acts)])
        return Example(self._turns(group, rng), self._plan(group, rng.choice(group.texts), rng), "")

    def _plan(self, group: Group, reply: str, rng: random.Random) -> Plan:
        """The plan behind a reply: often it offers more slots than the reply uses, never fewer."""
        used = {*SLOT.findall(reply), "name1"}
        offered = [slot for slot in group.slots if slot in used or rng.random() < 0.5]
        slots = group.slots if rng.random() < 0.5 else offered
        facts = tuple(Fact(slot, "", "", "") for slot in slots)
        return Plan(group.act, self.language, facts, group.states, needs=group.needs)

    def _turns(self, group: Group, rng: random.Random) -> list[tuple[str, str]]:
        """What was said before the reply: mostly the question alone, else up to two turns before it."""
        scene = _Scene(self.words, rng)
        turns: list[tuple[str, str]] = []
        length = rng.choice((0, 0, 0, 0, 0, 1, 1, 2))
        while len(turns) < length:
            turns += self._exchange(scene, rng)
        question = self._question(group, rng)
        asked = [(scene.speaker(), scene.ask(question))] if question else []
        return [*turns[max(0, len(turns) - length) :], *asked]

    def _question(self, group: Group, rng: random.Random) -> str:
        """A member's wording for this kind of plan, or '' for what the bot says unasked."""
        keys = [f"{group.act}_{state}" for state in group.states] + [str(group.act)]
        texts = next((self.questions[key] for key in keys if key in self.questions), [])
        return rng.choice(texts) if texts else ""

    def _exchange(self, scene: "_Scene", rng: random.Random) -> list[tuple[str, str]]:
        chatter = [text for key in CHATTER for text in self.questions.get(key, [])]
        if chatter and rng.random() < 0.5:
            return [(scene.speaker(), scene.ask(rng.choice(chatter)))]
        group = rng.choice(self.groups)
        question = self._question(group, rng)
        asked = [(scene.speaker(), scene.ask(question))] if question else []
        return [*asked, ("", scene.fill(either(rng.choice(group.texts), rng)))]


def either(text: str, rng: random.Random) -> str:
    """A wording with one of the words taken wherever it leaves a choice."""
    return EITHER.sub(lambda hit: rng.choice(hit[1].split("|")), text)


def every(text: str) -> Iterator[str]:
    """A wording with each of its choices."""
    parts = EITHER.split(text)  # words and choices by turns
    for chosen in product(*([part] if at % 2 == 0 else part.split("|") for at, part in enumerate(parts))):
        yield "".join(chosen)


class Corpora:
    """Both languages of one split; draws either with equal chance."""

    def __init__(self, split: Split = "train", folder: Path = FOLDER) -> None:
        self.of = {language: Corpus(language, split, folder) for language in LANGUAGES}

    def draw(self, rng: random.Random) -> Example:
        language, other = rng.sample(LANGUAGES, 2)
        return self.of[language].draw(rng, self.of[other])


class _Scene:
    """One conversation's shop: the same products and people all through it."""

    def __init__(self, words: Words, rng: random.Random) -> None:
        self._words, self._rng = words, rng
        nouns = rng.sample(rng.choice(words.trades), ROWS)
        self._names = [self._product(noun) for noun in nouns]
        self._people = rng.sample(words.lists["members"], 3)
        self._shop = self._word("shops")

    def _word(self, name: str) -> str:
        return self._rng.choice(self._words.lists[name])

    def _product(self, noun: str) -> str:
        parts = [word for word in (self._word("brands"), self._word("materials")) if self._rng.random() < 0.6]
        name = (" " if self._words.spaced else "").join([*parts, noun])
        return f"{name} {self._rng.randint(2, 900)}" if self._rng.random() < 0.05 else name

    def speaker(self) -> str:
        return self._rng.choice(self._people)

    def ask(self, text: str) -> str:
        """A question wording with its placeholders filled, typed as carelessly as people type."""
        made: dict[str, Callable[[], str]] = {
            "name": lambda: self._names[0],
            "name2": lambda: self._names[1],
            "member": self.speaker,
            "shop": lambda: self._shop,
        }
        text = either(text, self._rng)
        text = PLACEHOLDER.sub(lambda hit: made.get(hit[1], lambda: self._word(f"{hit[1]}s"))(), text)
        if self._rng.random() < 0.3:
            text = text.lower()
        if self._rng.random() < 0.2:
            text = text.rstrip(SENTENCE_ENDS)
        return f"@{self._shop} {text}" if self._rng.random() < 0.1 else text

    def fill(self, text: str) -> str:
        """A reply wording as members saw it, with values in its slots."""
        return SLOT.sub(lambda hit: self._value(hit[1]), text)

    def _value(self, slot: str) -> str:
        kind, rng = slot.rstrip("123"), self._rng
        if kind == "name":
            return self._names[int(slot[-1]) - 1]
        if kind in MONEY:
            return f"{'$' if self._words.spaced else '¥'}{rng.randint(3, 400)}.{rng.choice(('00', '50', '90', '99'))}"
        if kind in ("stock", "count"):
            return str(rng.randint(2, 60))
        if kind in ("options", "there", "gone"):
            return (", " if self._words.spaced else "、").join(rng.sample(self._words.lists["options"], 3))
        if kind == "link":
            return f"https://shop.example/p/{rng.randint(10, 9999)}"
        if kind in ("member", "shop"):
            return self.speaker() if kind == "member" else self._shop
        return self._word(LISTS.get(kind, f"{kind}s"))


def _read_replies(path: Path, split: Split) -> list[Group]:
    groups = []
    for name, tables in _read(path).items():
        if name not in {*Act}:
            raise CorpusError(f"{path.name}: [[{name}]]: no such act; acts are {', '.join(Act)}")
        act, number = Act(name), 0
        for table in tables:
            states = _states(table, f"{path.name}: [[{name}]]")
            texts = [str(text) for text in table["texts"]]
            held = {text for at, text in enumerate(texts, number) if at % HELD_WORDING == HELD_WORDING - 1}
            number += len(texts)
            for _, same in groupby(sorted(texts, key=_shape), key=_shape):
                groups.append(_group(act, states, tuple(same), held, split, path))
    return groups


def _group(
    act: Act, states: tuple[State, ...], texts: tuple[str, ...], held: set[str], split: Split, path: Path
) -> Group:
    used = [set(SLOT.findall(text)) for text in texts]
    every = used[0].union(*used)
    if wrong := every - {*SLOTS}:
        raise CorpusError(f"{path.name}: [[{act}]]: no such slot: {', '.join(sorted(wrong))}")
    held = set() if held >= {*texts} else held  # a kind of plan with a single wording can't be left untrained
    kept = tuple(text for text in texts if (text in held) is (split == "dev"))
    slots, needs = (tuple(slot for slot in ORDER if slot in some) for some in (every, used[0].intersection(*used)))
    return Group(act, states, slots, needs, texts, kept)


def _shape(text: str) -> int:
    """How many rows a wording speaks of: plans of two and of three rows are different kinds."""
    return max((int(slot[-1]) for slot in SLOT.findall(text) if slot[-1].isdigit()), default=0) or 1


def _states(table: dict[str, Any], where: str) -> tuple[State, ...]:
    given = table.get("states", [])
    if wrong := {*given} - {*State}:
        raise CorpusError(f"{where}: no such state: {', '.join(sorted(wrong))}; states are {', '.join(State)}")
    return tuple(state for state in State if state in given)


def _read_questions(path: Path, split: Split) -> dict[str, list[str]]:
    """Question wordings by key: an act, or an act and a state as in `handoff_complaint`."""
    questions = {}
    for key, value in _read(path).items():
        texts = [str(text) for text in (value["texts"] if isinstance(value, dict) else value)]
        for text in texts:
            if wrong := {*PLACEHOLDER.findall(text)} - {*PLACEHOLDERS}:
                raise CorpusError(f"{path.name}: {key}: {text!r}: no such placeholder: {', '.join(sorted(wrong))}")
        questions[key] = _part(texts, HELD_WORDING, split)
    return questions


def read_words(language: str, split: Split) -> Words:
    """The invented shops' words of one language. Raises CorpusError."""
    found = _read(FOLDER / f"words.{language}.toml")
    trades = _part(list(found.pop("trades").values()), HELD_WORD, split)
    return Words({name: _part(words, HELD_WORD, split) for name, words in found.items()}, trades, language != "zh")


def _part(items: list[Item], every: int, split: Split) -> list[Item]:
    return [item for at, item in enumerate(items) if (at % every == every - 1) is (split == "dev")]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file; the corpus has one for each of {', '.join(LANGUAGES)}") from None
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(f"{path.name}: {error}") from None
