"""What the Chinese encoder learns from: pairs of the same meaning in both languages, words of a dictionary, topics.

The project's own pairs stand in corpus/parallel.tsv (Chinese, English, group). Public: sentence pairs as JSON lines
(`zh`, `en`) and CC-CEDICT in its text form.
"""

import gzip
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.data import RecipeError

OWN = Path(__file__).parent / "corpus" / "parallel.tsv"
HAN = re.compile(r"[\u4e00-\u9fff]+")
ENTRY = re.compile(r"(\S+) (\S+) \[(.*?)\] /(.*)/")
ASIDE = re.compile(r"\[.*?\]|\(.*?\)|[\u4e00-\u9fff|]+")
NO_MEANING = ("surname", "variant of", "old variant", "see ", "used in", "abbr. for", "erhua variant",
              "Japanese variant", "CL:", "Taiwan pr", "also pr", "archaic variant")  # fmt: skip
LONGEST = 4  # characters of a dictionary's word that is taken
GLOSS = 90  # characters of its meanings


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its translation; `held` ones are measured, not learnt."""

    zh: str
    en: str
    held: bool


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Words with their meanings, how often they were seen, and the simplified sign of each traditional one."""

    words: Mapping[str, str]
    seen: Mapping[str, int]
    fold: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    zh: Sequence[str]
    en: Sequence[str]
    held: bool


def own_pairs(held: Mapping[str, Any], path: Path = OWN) -> list[Pair]:
    """Every tenth English side with all its Chinese ones is held out, and whole groups."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    if wrong := [number for number, row in enumerate(rows, 1) if len(row) != 3]:
        raise RecipeError(f"{path}:{wrong[0]}: not Chinese, English and group with tabs between")
    place = {en: at for at, en in enumerate(dict.fromkeys(en for _, en, _ in rows))}
    return [Pair(zh, en, _last(place[en], held["every"]) or group in held["groups"]) for zh, en, group in rows]


def public_pairs(path: Path, every: int) -> list[Pair]:
    """Pairs of one side that stand in both splits are held out."""
    rows = [(one["zh"], one["en"]) for one in map(json.loads, _text(path).splitlines())]
    held = {side for at, row in enumerate(rows) if _last(at, every) for side in row}
    return [Pair(zh, en, zh in held or en in held) for zh, en in rows]


def read_topics(folder: Path, held: Sequence[str]) -> list[Topic]:
    """Wordings by topic from en.toml and zh.toml; the mark of a title is taken off."""
    both = [tomllib.loads((folder / f"{spoken}.toml").read_text("utf-8")) for spoken in ("zh", "en")]
    zh, en = ({name: [text.lstrip("# ") for text in texts] for name, texts in one.items()} for one in both)
    return [Topic(name, zh[name], en[name], name in held) for name in zh]


def read_dictionary(path: Path, texts: Iterable[str]) -> Dictionary:
    """Words of up to four characters that the texts have. No names."""
    meanings: dict[str, list[str]] = {}
    signs: dict[str, Counter[str]] = {}
    for match in filter(None, map(ENTRY.match, _text(path).splitlines())):
        traditional, word, said, senses = match.groups()
        if len(traditional) == len(word):
            for old, new in zip(traditional, word, strict=True):
                signs.setdefault(old, Counter())[new] += 1
        if HAN.fullmatch(word) and len(word) <= LONGEST and not said[0].isupper():
            found = (
                ASIDE.sub("", sense).strip(" ;,") for sense in senses.split("/") if not sense.startswith(NO_MEANING)
            )
            meanings.setdefault(word, []).extend(filter(None, found))
    simplified = {sign for word in meanings for sign in word}
    fold = {old: new.most_common(1)[0][0] for old, new in signs.items() if old not in simplified}
    seen = _counted(texts, meanings)
    words = {word: "; ".join(dict.fromkeys(found))[:GLOSS] for word, found in meanings.items() if found and seen[word]}
    return Dictionary(words, seen, fold)


def seen_texts(paths: Iterable[Path]) -> Iterable[str]:
    return map(_text, paths)


def _counted(texts: Iterable[str], words: Mapping[str, object]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for text in texts:
        for run in HAN.findall(text):
            for size in range(1, LONGEST + 1):
                seen.update(part for at in range(len(run) - size + 1) if (part := run[at : at + size]) in words)
    return seen


def _last(at: int, every: int) -> bool:
    return at % every == every - 1


def _text(path: Path) -> str:
    """Raises RecipeError where there is no such file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}; the recipe and the command line name the files") from None
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
