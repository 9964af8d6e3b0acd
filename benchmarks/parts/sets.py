"""Public sets of questions with the text that answers each, as one shape."""

import gzip
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SEED = 1
ALIASES = 5  # wordings of an entry that are learnt; the others are asked
BODY = 1_200  # characters of an answer or a passage
VALUE = re.compile(r"value:\s*\"?([^\"{}\[\];]+)\"?")


@dataclass(frozen=True, slots=True)
class Text:
    """What may answer: a title (a question, a label) and a body."""

    title: str
    body: str

    @property
    def whole(self) -> str:
        return f"{self.title} {self.body}".strip()


@dataclass(frozen=True, slots=True)
class Question:
    """`among` are the places of the texts to choose from, `right` of those that answer."""

    text: str
    among: tuple[int, ...]
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Set:
    texts: list[Text]
    questions: list[Question]
    aliases: dict[int, list[str]] = field(default_factory=dict)


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sampled(questions: list[Question], count: int | None) -> list[Question]:
    return questions if count is None or count >= len(questions) else random.Random(SEED).sample(questions, count)


def stackfaq(data: Path, count: int | None) -> Set:
    """An FAQ, asked in the words of those who rephrased its questions."""
    chance, texts, questions, aliases = random.Random(SEED), [], [], {}
    entries = lines(data / "stackfaq/faq.jsonl.gz")
    for place, entry in enumerate(entries):
        texts.append(Text(entry["question"], " ".join(entry["answers"][0].split())[:BODY]))
        wordings = chance.sample(entry["rephrasings"], len(entry["rephrasings"]))
        aliases[place] = wordings[:ALIASES]
        questions += [Question(one, tuple(range(len(entries))), frozenset({place})) for one in wordings[ALIASES:]]
    return Set(texts, sampled(questions, count), aliases)


def dstc11(data: Path, count: int | None) -> Set:
    """Questions to a hotel or restaurant that one of its own FAQ entries answers."""
    folder = data / "dstc11_t5_faq_reviews"
    entries = [one for one in lines(folder / "knowledge.jsonl.gz") if one["kind"] == "faq"]
    places = {(one["domain"], one["entity"], one["doc"]): place for place, one in enumerate(entries)}
    questions = []
    for one in lines(folder / "val.jsonl.gz"):
        known = [held for held in one["knowledge"] or () if held["doc_type"] == "faq"]
        right = {places[held["domain"], str(held["entity_id"]), str(held["doc_id"])] for held in known}
        business = {(entries[place]["domain"], entries[place]["entity"]) for place in right}
        if len(business) == 1:
            among = tuple(at for at, held in enumerate(entries) if (held["domain"], held["entity"]) in business)
            questions.append(Question(one["turns"][-1][1], among, frozenset(right)))
    return Set([Text(one["q"], one["a"]) for one in entries], sampled(questions, count))


def cmrc2018(data: Path, count: int | None) -> Set:
    """Chinese questions, and the passage that each was asked of."""
    passages = lines(data / "cmrc2018_zh/cmrc2018_dev.jsonl.gz")
    every = tuple(range(len(passages)))
    questions = [
        Question(asked["q"], every, frozenset({at})) for at, one in enumerate(passages) for asked in one["qas"]
    ]
    return Set([Text("", one["context"]) for one in passages], sampled(questions, count))


def evidence(file: str) -> Callable[[Path, int | None], Set]:
    """Questions about one product, and its attributes and sentences of which some answer."""

    def read(data: Path, count: int | None) -> Set:
        places: dict[str, int] = {}
        texts: list[Text] = []
        held: dict[str, tuple[str, list[int], set[int]]] = {}
        for line in lines(data / "amazon_product_qa" / file):
            place = places.setdefault(line["candidate"], len(texts))
            if place == len(texts):
                texts.append(_candidate(line["candidate"], line.get("source", "attribute")))
            _, among, right = held.setdefault(line["qid"], (line["question"], [], set()))
            among.append(place)
            if line["label"] == "1":
                right.add(place)
        asked = [Question(text, tuple(among), frozenset(right)) for text, among, right in held.values() if right]
        return _used(texts, sampled(asked, count))

    return read


def _candidate(text: str, source: str) -> Text:
    """`age_range: { value:"little kid" }` as a label and its value; prose as it is."""
    label, colon, value = text.partition(":")
    if source != "attribute" or not colon:
        return Text("", text)
    values = [{"true": "yes", "false": "no"}.get(one.strip(), one.strip()) for one in VALUE.findall(value)]
    return Text(label.replace("_", " "), ", ".join(values or [" ".join(re.findall(r"[\w.]+", value))]))


def _used(texts: list[Text], questions: list[Question]) -> Set:
    """Only the texts that a question may choose from."""
    used = sorted({place for one in questions for place in one.among})
    new = {place: at for at, place in enumerate(used)}
    moved = [
        Question(one.text, tuple(new[at] for at in one.among), frozenset(new[at] for at in one.right))
        for one in questions
    ]
    return Set([texts[place] for place in used], moved)
