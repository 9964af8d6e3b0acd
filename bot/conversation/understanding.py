"""What a member's words point to: cues read off the text, and the questions that one message holds.

Rules of this release; the classifier over a sentence encoder comes in beside them, through the same `Reading`.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from bot.conversation.phrases import COUNTS, REMARK, SAYS
from bot.knowledge.budget import budget
from bot.knowledge.library import Ranking
from bot.knowledge.places import located
from bot.knowledge.topics import about
from bot.knowledge.units import tenths
from bot.language import HAN, language, normalise, tokens

SPLIT = re.compile(
    r"(?<=[?？!！。;；\n])\s*|\.\s+(?=\w)|,?\s+\b(?:and also|also,|plus,)\s+|(?:，|,)?(?:另外|还有就是|顺便问)"
)
JOINED = re.compile(
    r",?\s+(?:and|n|&|\+)\s+(?=(?:how|hows|what|whats|when|whens|where|wheres|which|is|are|do|does|can|could|will|whos?)\b)"
    r"|,\s+(?=(?:how|hows|what|whats|where|is it|are they|does it|do they|can it|can i|do you|do u|will it)\b)"
    r"|(?<=[\u4e00-\u9fff米ml0-9]) (?=[\u4e00-\u9fff])"
    r"|[，,](?=.{0,12}(?:多少|几|吗|怎么|多久|什么|多[大长高重宽厚]|送不|有没|能不|是不|可不|[不没么嘛]$))"
)
AND = re.compile(r"^\s*(?:and|n|&|\+|also|plus)\s+(?=\w)")  # `and is it light?` asks as much without it
BOTH, WHICH_OF = re.compile("[和跟与]|还是"), re.compile("哪|谁|选")  # `A跟B 哪个好` is one question
SURE, SURER, LEAST, NONE = 0.5, 0.8, 0.1, 0.04  # probabilities of an intent: enough for a cue, little, and none
TRUSTED = ("en", "zh")  # languages whose head is right often enough
CLEAR = 0.85  # of one intent, which makes the others unlikely
NEEDS = ("recommend", "compare", "stock")  # they are worded in more ways than expressions can list
LEARNT = (*NEEDS, "price", "options", "list")
SUM = 4  # words of a sum and no more
MENTION = re.compile(r"@[\w.-]+")


@lru_cache(maxsize=2)
def cues(*, han: bool) -> dict[str, re.Pattern[str]]:
    """Cue -> its Chinese or its other expressions as one pattern, from cues.toml. A cue without any is left out."""
    lists = tomllib.loads(Path(__file__).with_name("cues.toml").read_text("utf-8"))
    chosen = {name: [one for one in held if bool(HAN.search(one)) is han] for name, held in lists.items()}
    return {name: re.compile(_either(held)) for name, held in chosen.items() if held}


def _either(expressions: list[str]) -> str:
    r"""One expression for all of them; a leading \b is tried once for all, not once for each."""
    words = [one.removeprefix(r"\b") for one in expressions if one.startswith(r"\b")]
    others = [one for one in expressions if not one.startswith(r"\b")]
    return "|".join([*([rf"\b(?:{'|'.join(words)})"] if words else []), *others])


def glance(text: str) -> "Reading":
    """Whether it asks something; if so, the cues that say whether it is for the shop. No words."""
    plain = _plain(text)
    found = _found(plain, ("question", "asks_too", *ASKING))
    return Reading(plain, (), "", found and found | _found(plain, OTHERS))


def _plain(text: str) -> str:
    return tenths(normalise(MENTION.sub(" ", text)).strip())


def _found(plain: str, names: tuple[str, ...] = ()) -> frozenset[str]:
    """The cues (of these names, else of all) in a normalised text."""
    scripts = [cues(han=han) for han in (True, False) if not han or HAN.search(plain)]
    return frozenset(name for held in scripts for name in (names or held) if name in held and held[name].search(plain))


def _nothing(row: str) -> Mapping[str, float]:
    return {}


def _neither(row: str) -> tuple[float, float]:
    return 0.0, 0.0


Near = Callable[[str], Mapping[str, float]]  # a row -> how near each of its sentences is to what is asked


@dataclass(frozen=True, slots=True)
class Reading:
    """One question or remark: its text, tokens, language, and the cues found in it."""

    text: str
    words: tuple[str, ...]
    language: str
    cues: frozenset[str]
    ranking: Ranking | None = field(default=None, compare=False, repr=False)  # by meaning, where an encoder knows it
    wants: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)  # intent -> probability
    whole: str = field(default="", compare=False)  # with what was asked before, where its own words ask nothing
    need: float = field(default=0.0, compare=False)  # how likely something is sought for a need
    near: Near = field(default=_nothing, compare=False, repr=False)
    told: Mapping[tuple[str, str], float] = field(default_factory=dict, compare=False, repr=False)  # see Library.told
    halves: Callable[[str], tuple[float, float]] = field(default=_neither, compare=False, repr=False)

    @property
    def about(self) -> Mapping[str, float]:
        """Topic or act -> how likely the text is about it; worked out when asked for."""
        return about(self.text, self.language)

    @property
    def names_only(self) -> bool:
        """`hmm ok and straight?`: something is named, and nothing asked of it."""
        return not self.has(*ASKING) and not SAYS.search(self.text)

    def answers(self, row: str) -> float:
        """Whether a sentence of a row answers, -1 to 1, as far as they were read; 0 where none was."""
        read = [odds for (of, _), odds in self.told.items() if of == row]
        return max(read, default=-1.0 if self.told else 0.0)

    def has(self, *names: str) -> bool:
        """Is any of these cues there?"""
        return not self.cues.isdisjoint(names)


def read(text: str, default: str) -> Reading:
    """The cues of a text. `default` is the language where the script doesn't tell."""
    plain = _plain(text)
    found = _found(plain)
    meant = [f"={name.removeprefix('means_')}" for name in sorted(found) if name.startswith("means_")]
    return Reading(plain, (*tokens(located(plain)), *meant), language(plain, default), found)


def understood(reading: Reading, wants: Mapping[str, float]) -> Reading:
    """With what a trained head says that it wants: a cue needs some of its probability, and much of it is a cue."""
    reading = replace(reading, need=wants.get("recommend", 0.0))
    if COUNTS.search(reading.text):
        return replace(reading, wants=wants, cues=(reading.cues - {"list", "recommend"}) | {"stock"})
    if not wants or reading.language not in TRUSTED:
        return reading
    sure = {name for name in LEARNT if wants.get(name, 0.0) >= (SURE if name in NEEDS else SURER)}
    if reading.has("recommend") and not reading.has("compare"):
        sure.discard("compare")  # `which grinder would you take for espresso` names one side only
    clear = max(wants.values()) >= CLEAR
    ruled = {name for name in (*LEARNT, "offtopic") if clear and wants.get(name, 0.0) < NONE}
    return replace(reading, wants=wants, cues=(reading.cues - ruled) | sure)


def _wronged(wants: Mapping[str, float]) -> float:
    return wants.get("complaint", 0.0) + wants.get("human", 0.0)


def complaint(reading: Reading) -> bool:
    """Somebody is wronged, or something of theirs went wrong; asking what would happen if it did is a question."""
    if reading.has("hypothetical") and not reading.has("grievance"):
        return False
    if reading.wants and not reading.has("grievance") and _wronged(reading.wants) < LEAST:
        return False
    return reading.has("grievance") or (reading.has("mine") and reading.has("trouble"))


def split(text: str, default: str) -> list[Reading]:
    """The questions of one message, at most three; greetings and fillers between them are dropped."""
    plain = MENTION.sub(" ", text)
    if remark := REMARK.match(plain.strip()):
        further = plain.strip()[remark.end() :]
        if _found(_plain(further), ("question", "followup", *ASKING)):
            plain = text = further  # `bummer. n the other one?`
    parts = [part for whole in SPLIT.split(plain) if whole for part in _joined(whole) if part.strip()]
    parts[1:] = [AND.sub("", part) for part in parts[1:]]
    readings = [read(part, default) for part in parts]
    if len(readings) == 1 and parts[0] == plain.strip():
        return readings
    asked = [one for one in readings if one.words and one.has("question", *ASKING)]
    if len(asked) > 1 and not any(_bare_budget(one) for one in asked):
        if not readings[0].has("question", "thanks", "greet", "bye", *ASKING):  # `sending to Belfast. what is it`
            asked[0] = read(f"{parts[0].strip()} {parts[readings.index(asked[0])].strip()}", default)
        return asked[:3]
    whole = read(text, default)
    return [replace(whole, cues=whole.cues | asked[0].cues)] if asked else [whole]


def _bare_budget(reading: Reading) -> bool:
    """`30 quid max`: no question of its own, but a limit on what was asked."""
    return budget(reading.text) is not None and len(reading.words) <= SUM


def _joined(text: str) -> list[str]:
    """`how much is it and does it float`: two questions, if the first is one by itself."""
    parts = [part for part in JOINED.split(text) if part]
    found: list[str] = []
    for part in parts:
        same = found and WHICH_OF.match(part) and BOTH.search(found[-1])
        if same or (found and not _found(_plain(found[-1]), ("question", *ASKING))):
            found[-1] = text[text.find(found[-1]) : text.find(part, text.find(found[-1]) + len(found[-1])) + len(part)]
        else:
            found.append(part)
    return found


OTHERS = ("grievance", "mine", "trouble", "hypothetical", "to_somebody")  # cues of what is not for the shop
ASKING = ("price", "stock", "options", "compare", "link", "recommend", "list", "cheapest", "dearest")
