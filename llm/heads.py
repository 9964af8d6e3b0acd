"""A linear head: what a text wants, its intent, read off its vector and off its words.

`python -m llm.heads` trains it on labelled wordings, on the corpus' questions for the plans, whose acts are intents or
part of one, and on wordings about a shop's ways. Beside the logistic regression, in which each class weighs the same,
stands a naive Bayes of the same phrases (Wang & Manning 2012): it is right where the other is unsure. It says how many
labelled wordings it gets right that were held out: a fifth at a time.
"""

import argparse
import json
import random
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from llm import bundled
from llm.bert import Vectors
from llm.corpus.vary import Corpus
from llm.encoder import HEADS, Head, phrases
from llm.engine import EngineError

if TYPE_CHECKING:
    from torch import Tensor

CORPUS = Path(__file__).parent / "corpus"
FOLDS, BATCH, STEPS, RATE = 5, 128, 375, 0.02
DECAY, LEFT_OUT, SCALE = 0.02, 0.3, 4.0  # of phrases; share of them that a step doesn't see; of a vector's part
POSED = 0.3  # share of a batch that are questions of the plans
SEEN, SMOOTH, BAYES, ONCE = 2, 0.3, 0.5, 0.5  # texts that hold a phrase; of the naive Bayes; a plan's question in it
KINDS = {
    "total": "price", "stock_mixed": "stock", "detail": "fact", "describe": "fact", "unknown_absent": "fact",
    "shipping": "policy", "shipping_free": "policy", "shipping_not_free": "policy", "hours": "policy", "count": "list",
    "contrast": "compare", "handoff_complaint": "complaint", "handoff_request": "human", "greet": "chat",
    "thanks": "chat", "bye": "chat", "smalltalk": "chat", "about": "chat",
}  # fmt: skip
OF_PRODUCTS = {"restock", "sizing_help", "care_cleaning", "storage_shelf_life", "safety_allergens", "assembly",
               "authenticity", "sustainability"}  # topics that are asked of products as well  # fmt: skip
Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Wordings:
    """Texts with their vectors and labels; the first `labelled` are what is measured, the others questions of plans."""

    names: tuple[str, ...]
    texts: Sequence[str]
    vectors: Vectors
    labels: Numbers
    labelled: int


def read(language: str, topics: Path | None = None, folder: Path = CORPUS) -> Wordings:
    """`topics` holds wordings about a shop's ways. Raises EngineError where the language's encoder is missing."""
    encoder = bundled.of(language)
    if encoder is None:
        raise EngineError("a bundled encoder is not installed; `make install` brings it")
    held: dict[str, list[str]] = tomllib.loads((folder / f"intents.{language}.toml").read_text("utf-8"))
    names = tuple(held)
    own = [(text, names.index(name)) for name in names for text in held[name]]
    random_ = random.Random(1)
    asked = [pair for split in ("train", "dev") for _ in range(2) for pair in Corpus(language, split).asked(random_)]
    kinds = [(text, KINDS.get(key, key)) for key, text in dict.fromkeys(asked)]
    ways: dict[str, list[str]] = tomllib.loads((topics / f"{language}.toml").read_text("utf-8")) if topics else {}
    kinds += [(text, "policy") for topic, some in ways.items() if topic not in OF_PRODUCTS for text in some]
    posed = [(text, names.index(kind)) for text, kind in kinds if kind in names and not text.startswith("#")]
    texts = [text for text, _ in (*own, *posed)]
    labels = np.array([label for _, label in (*own, *posed)])
    return Wordings(names, texts, encoder.encode_now(texts, asked=True), labels, len(own))


def fit(held: Wordings, learnt: Numbers) -> Head:
    """A head of the texts at these places."""
    count = len(held.names)
    often = Counter(phrase for at in learnt for phrase in phrases(held.texts[at]))
    known = {phrase: row for row, phrase in enumerate(sorted(one for one in often if often[one] >= SEEN))}
    rows = {int(at): np.array([known[one] for one in phrases(held.texts[at]) if one in known]) for at in learnt}
    worth = np.full((len(known), count), SMOOTH, np.float32)
    for at, some in rows.items():
        worth[some, held.labels[at]] += 1 if at < held.labelled else ONCE
    bayes = np.log(worth / worth.sum(0))
    weights, said = _regression(held, learnt, rows, len(known))
    return Head(held.names, weights, known, said + BAYES * (bayes - bayes.mean(1, keepdims=True)))


def _regression(held: Wordings, learnt: Numbers, rows: dict[int, Numbers], known: int) -> tuple[Vectors, Vectors]:
    """Weights of vectors [width + 1, names] and of phrases [phrases, names]."""
    import torch
    from torch.nn.functional import cross_entropy, embedding_bag

    count, random_ = len(held.names), np.random.default_rng(1)
    own = learnt < held.labelled
    share = POSED if 0 < own.sum() < len(own) else 0.0
    chances = np.where(own, (1 - share) / max(1, own.sum()), share / max(1, (~own).sum()))
    classes = np.bincount(held.labels[learnt], weights=chances, minlength=count)
    even = torch.from_numpy(1 / (count * np.maximum(classes, 1e-6))).float()
    vectors = torch.zeros(held.vectors.shape[1] + 1, count, requires_grad=True)
    said = torch.zeros(known, count, requires_grad=True)
    optimizer = torch.optim.AdamW(
        [{"params": [vectors], "weight_decay": 0.05}, {"params": [said], "weight_decay": DECAY}], lr=RATE
    )

    def scores(places: Numbers) -> "Tensor":
        bags = [rows[int(at)][random_.random(len(rows[int(at)])) > LEFT_OUT] for at in places]
        sizes = [len(bag) for bag in bags]
        each = np.repeat([max(1, size) ** -0.5 for size in sizes], sizes).astype(np.float32)
        starts = torch.from_numpy(np.cumsum([0, *sizes[:-1]]))
        words = embedding_bag(
            torch.from_numpy(np.concatenate(bags).astype(np.int64)), said, starts, mode="sum",
            per_sample_weights=torch.from_numpy(each),
        )  # fmt: skip
        meant = torch.from_numpy(held.vectors[places]) @ vectors[:-1] * SCALE
        return words + meant + vectors[-1]

    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        places = random_.choice(learnt, BATCH, p=chances)
        optimizer.zero_grad()
        wanted = torch.from_numpy(held.labels[places])
        loss = cross_entropy(scores(places), wanted, weight=even, label_smoothing=0.05)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    weights: Vectors = vectors.detach().numpy()
    weights[:-1] *= SCALE
    return weights, said.detach().numpy()


def held_out(held: Wordings) -> Vectors:
    """[labelled, names]: the scores of each labelled wording by a head that has not learnt it."""
    found = np.zeros((held.labelled, len(held.names)), np.float32)
    every = np.arange(len(held.texts))
    for fold in range(FOLDS):
        out = (every % FOLDS == fold) & (every < held.labelled)
        head = fit(held, every[~out])
        found[every[out]] = [head.scores(held.texts[at], held.vectors[at]) for at in every[out]]
    return found


def honest(scores: Vectors, labels: Numbers) -> float:
    """What scores are to be multiplied by so that their probabilities come true."""

    def surprise(factor: float) -> float:
        scaled = factor * scores
        whole = scaled.max(1) + np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1))
        return float((whole - scaled[np.arange(len(labels)), labels]).mean())

    return min((at / 20 for at in range(4, 60)), key=surprise)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.heads",
        description="Train the linear head on the labelled wordings and the questions of llm/corpus, over their words "
        "and the bundled sentence encoders, and print how many labelled wordings it gets right when held out.",
        epilog="the shipped ones had --topics bot/knowledge/wordings; next: python -m benchmarks.answers --quick",
    )
    parser.add_argument("--out", type=Path, default=HEADS, help="where the weights go (default: the shipped ones)")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="default en")
    parser.add_argument("--topics", type=Path, help="folder with wordings by topic of a shop's ways: en.toml, zh.toml")
    options = parser.parse_args()
    try:
        held = read(options.language, options.topics)
    except (EngineError, OSError) as error:
        sys.exit(str(error))
    scores, labels = held_out(held), held.labels[: held.labelled]
    factor = honest(scores, labels)
    report(held.names, scores, labels, factor)
    save(fit(held, np.arange(len(held.texts))), factor, options.out / f"{options.language}.safetensors")


def save(head: Head, factor: float, path: Path) -> None:
    """The head with its scores multiplied, in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"names": [*head.names], "phrases": sorted(head.phrases, key=lambda one: head.phrases[one])}
    tensors = {"weights": factor * head.weights, "said": factor * head.said}
    save_file(
        {name: one.astype(np.float16) for name, one in tensors.items()},
        path,
        metadata={name: json.dumps(one, ensure_ascii=False) for name, one in told.items()},
    )


def report(names: Sequence[str], scores: Vectors, labels: Numbers, factor: float) -> None:
    taken = scores.argmax(1)
    chances = np.exp(factor * (scores - scores.max(1, keepdims=True)))
    sure = (chances / chances.sum(1, keepdims=True)).max(1)
    print(f"{(taken == labels).mean():.1%} of {len(labels):,} held-out wordings; scores times {factor:.2f}")
    for least in (0.8, 0.5):
        some = sure >= least
        right = (taken == labels)[some].mean()
        print(f"  probability of {least} and more: {some.mean():.0%} of them, {right:.0%} right")
    for at, one in enumerate(names):
        here = taken[labels == at]
        most = Counter(here.tolist()).most_common(3)
        shown = ", ".join(f"{names[other]} {count}" for other, count in most)
        print(f"  {one:24} {(here == at).mean():4.0%}  {shown}")


if __name__ == "__main__":
    main()
