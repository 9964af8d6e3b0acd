"""Inputs made from valid ones by mutation, and from nothing by grammar: what crashes a parser, what hangs it."""

import copy
import json
import logging
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any

MOST = 300  # values of an input
HANG = 1.0  # seconds of the processor for one input
WORDS = (
    "", " ", "\n", "\0", "\ufeff", "\u202e", "\u200b", "\ud800", "é", "价格", "😀", "0", "-1", "1e999",
    "9" * 400, "NaN",
    "null", "true", ",", ";", "\t", '"', "'", "''", "\\", "/", "//", "../", "<", ">", "&", "&amp;", "&#0;",
    "<!ENTITY a 'b'>", "&a;", "<![CDATA[", "]]>", "<!--", "{", "}", "[", "]", "[" * 3000, "(" * 200, "a" * 3000,
    "a " * 1500,
    " " * 3000, "<!--" * 700, "Q" + " " * 3000, "`a " * 1000,
    "=" * 300, "%s", "{0}", "${X}", "$", "@", "#", "*", "**", "- ", "| ", "/ask ", "/post now ",
    "every day at 9", "每天9点", "99:99", "1-2-3", "2026-02-30", "<@1>", "<price1>", "http://", "javascript:", "a@b.c",
    "+49 30 1234567", "4111111111111111", "1,000.00 €", "¥", "％",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, [], {}, [[]], [None], {"": None}, "",
    "x", "\0", "\ud800", "9" * 400, "x" * 5000, "2026-01-01T00:00:00+00:00", [{}] * 3,
)  # fmt: skip


class Hang(BaseException):
    """The time for one input is over."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser. `run` raises only what it says it raises (`refuses`); `make` gives an input of a random generator."""

    name: str
    make: Callable[[Random], Any]
    run: Callable[[Any], object]
    refuses: tuple[type[Exception], ...] = ()


@dataclass(slots=True)
class Found:
    """What a target did with so many inputs. `first` are inputs with their tracebacks, of each place one."""

    inputs: int = 0
    crashes: int = 0
    hangs: int = 0
    refused: int = 0
    first: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        self.inputs, self.crashes = self.inputs + other.inputs, self.crashes + other.crashes
        self.hangs, self.refused = self.hangs + other.hangs, self.refused + other.refused
        self.first = other.first | self.first


def fuzz(target: Target, seed: int, count: int) -> Found:
    """So many inputs, in the main thread of a process: a hang is ended by a signal."""
    random, found = Random(f"{target.name}:{seed}"), Found()
    before, quiet = signal.signal(signal.SIGVTALRM, _over), logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what is refused is logged, too
    try:
        for _ in range(count):
            _one(target, target.make(random), found)
    finally:
        signal.signal(signal.SIGVTALRM, before)
        logging.disable(quiet)
    return found


def _one(target: Target, made: Any, found: Found) -> None:
    found.inputs += 1
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG)
        try:
            target.run(copy.deepcopy(made))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except target.refuses:
        found.refused += 1
    except Hang as hang:
        found.hangs += 1
        places = [one for one in traceback.extract_tb(hang.__traceback__) if "/bot/" in one.filename] or ["elsewhere"]
        found.first.setdefault(f"hang: {places[-1]}", repr(made)[:3000])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        found.crashes += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} {place.filename}:{place.lineno}: {error}"
        found.first.setdefault(what[:300], repr(made)[:3000])


def _over(_signal: int, _frame: FrameType | None) -> None:
    raise Hang


def mutated(random: Random, seed: bytes, others: Sequence[bytes]) -> bytes:
    """Bits turned over, parts cut, dropped, doubled, put in, or taken from another seed."""
    held = bytearray(seed)
    for _ in range(random.choice((0, 1, 1, 2, 4, 8))):
        at, end = sorted((random.randint(0, len(held)), random.randint(0, len(held))))
        end = min(end, at + random.choice((1, 4, 64, 5000)))
        match random.randrange(6):
            case 0:
                for place in range(at, min(at + 1, len(held))):
                    held[place] ^= 1 << random.randrange(8)
            case 1:
                del held[at:end]
            case 2:
                held[at:at] = held[at:end] * random.choice((1, 2, 20))
            case 3:
                held[at:at] = random.choice(WORDS).encode("utf-8", "surrogatepass")
            case 4:
                other = random.choice(others)
                begin = random.randint(0, len(other))
                held[at:end] = other[begin : begin + random.choice((4, 64, 1000))]
            case _:
                del held[random.choice((end, len(held))) :]
    return bytes(held)


def mutated_text(random: Random, seed: str, others: Sequence[str]) -> str:
    """The same on characters, halves of characters too."""
    held = seed
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        at, end = sorted((random.randint(0, len(held)), random.randint(0, len(held))))
        word = random.choice((random.choice(WORDS), random.choice(others), chr(random.randrange(0x110000))))
        held = random.choice((held[:at] + word + held[at:], held[:at] + held[end:], held[:at] + word + held[end:]))
    return held


def phrase(random: Random, words: Sequence[str]) -> str:
    """A text of the parser's own words in any order."""
    return random.choice((" ", "", ", ")).join(random.choice(words) for _ in range(random.randint(0, 12)))


def mutated_json(random: Random, seed: Any) -> Any:
    """Values put in the place of others, keys taken away or doubled under another name, lists made long."""
    held = copy.deepcopy(seed)
    for _ in range(random.choice((0, 1, 1, 2, 3, 6))):
        places = list(_places(held))
        if not places:
            return random.choice(VALUES)
        if len(places) > MOST:  # networks bound what they send
            return held
        inside, key = random.choice(places)
        match random.randrange(5):
            case 0 | 1:
                inside[key] = copy.deepcopy(random.choice(VALUES))
            case 2:
                del inside[key]
            case 3 if isinstance(inside, dict):
                inside[random.choice((*inside, random.choice(WORDS)))] = copy.deepcopy(random.choice(places)[0])
            case _ if isinstance(inside, list):
                inside[:] = inside * random.choice((2, 50))
            case _:
                inside[key] = random.choice(WORDS)
    return held


def _places(held: Any) -> Any:
    """Every container with each of its keys."""
    inside = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    for key, value in [*inside]:
        yield held, key
        yield from _places(value)


def random_json(random: Random, deep: int = 0) -> Any:
    """A value of any kind."""
    if deep > 3 or random.random() < 0.5:
        return random.choice((random.choice(VALUES), random.choice(WORDS), random.randint(-9, 9)))
    if random.random() < 0.5:
        return [random_json(random, deep + 1) for _ in range(random.randint(0, 4))]
    return {random.choice(WORDS): random_json(random, deep + 1) for _ in range(random.randint(0, 4))}


def as_text(random: Random, value: Any, others: Sequence[str]) -> str:
    """JSON, now and then damaged."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    return mutated_text(random, text, others) if random.random() < 0.4 else text
