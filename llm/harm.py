"""Hate and harassment by character n-grams: hashed into buckets, weighted by how telling each is, added up.

`python -m llm.harm llm/recipes/harm.toml --data DIR` trains it and says how right it is on what was held out, beside
TF-IDF with the same logistic regression in the same run. A bucket's weight is its log-count ratio (naive Bayes) times
what the regression makes of it (Wang & Manning 2012). Reading it takes NumPy alone.
"""

import argparse
import gzip
import json
import random
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from llm.engine import ModelNotUsable

if TYPE_CHECKING:
    from torch import Tensor

LANGUAGES = ("en", "zh")
WEIGHTS, CORPUS = (Path(__file__).parent / one for one in ("weights/harm", "corpus"))
INNOCENT = 4  # times that such a word is learnt
HARMFUL = ("abuse", "jailbreak", "unsafe")  # intents of the corpus
PRIME, MIX, WIDTH = np.uint64(1_000_003), np.uint64(0x9E3779B97F4A7C15), 64
LEAST = 2  # texts that hold an n-gram, for it to count
LONGEST = 600  # characters of a text that are read
NOISE = re.compile(r"https?://\S+|www\.\S+|&#?\w+;|\brt\b")
NAME = re.compile(r"@\w+")
LONG = re.compile(r"(.)\1{2,}")
Numbers = NDArray[Any]
Rows = list[tuple[Numbers, Numbers]]  # of each text its columns and their values


@dataclass(frozen=True, slots=True)
class Judge:
    """`score` is above 0 where harm is likelier than not; `limits` says from where on it counts, by strictness."""

    weights: Numbers  # [2 ** bits]
    bias: float
    shortest: int
    longest: int
    limits: dict[str, float]

    def score(self, text: str) -> float:
        """Of a text in small letters."""
        found = self._buckets(text)
        return float(self.weights[found].sum()) * len(found) ** -0.5 + self.bias if len(found) else self.bias

    def _buckets(self, text: str) -> Numbers:
        return buckets(tidy(text), self.shortest, self.longest, len(self.weights).bit_length() - 1)


@lru_cache(maxsize=len(LANGUAGES))
def load(language: str, folder: Path = WEIGHTS) -> Judge:
    """Raises ModelNotUsable where the weights are missing or broken."""
    path = folder / f"{language}.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata()
            weights = file.get_tensor("weights").astype(np.float32) * float(told["scale"])
        limits = {name: float(value) for name, value in json.loads(told["limits"]).items()}
        return Judge(weights, float(told["bias"]), int(told["shortest"]), int(told["longest"]), limits)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelNotUsable(f"{path}: {error}; it comes with the checkout") from None


def tidy(text: str) -> str:
    """Without addresses and names; letters that are drawn out are cut short."""
    text = NAME.sub("@", NOISE.sub(" ", text[:LONGEST]))
    return " ".join(LONG.sub(r"\1\1", text).split())


def buckets(text: str, shortest: int, longest: int, bits: int) -> Numbers:
    """The buckets of the text's n-grams, each once."""
    signs = np.frombuffer(f" {text} ".encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    found, rolled = [], np.zeros(len(signs), np.uint64)
    for size in range(1, min(longest, len(signs)) + 1):
        rolled = rolled[: len(signs) - size + 1] * PRIME + signs[size - 1 :] + np.uint64(1)
        if size >= shortest:
            found.append((rolled * MIX) >> np.uint64(WIDTH - bits))
    return np.unique(np.concatenate(found)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Texts:
    """Tidied texts, 1 where one is harmful, and what it is about where the set says so."""

    texts: list[str]
    labels: Numbers
    topics: Numbers

    def some(self, places: Numbers) -> "Texts":
        return Texts([self.texts[at] for at in places], self.labels[places], self.topics[places])


def read(recipe: dict[str, Any], language: str, data: Path) -> tuple[Texts, Texts]:
    """What is learnt, and what is held out. Raises OSError where a set is missing."""
    told = recipe[language]
    every = _labelled(data / told["set"])
    if "held_out" in told:
        return every, _labelled(data / told["held_out"])
    order = list(range(len(every.texts)))
    random.Random(recipe["seed"]).shuffle(order)
    cut = int(told["learnt"] * len(order))
    return every.some(np.array(order[:cut])), every.some(np.array(order[cut:]))


def _labelled(path: Path) -> Texts:
    held = [json.loads(line) for line in _lines(path)]
    labels = [int(one["label"]) if "label" in one else int(one["cls"] != 2) for one in held]
    topics = [str(one.get("topic", "")) for one in held]
    return Texts([tidy(one["text"].casefold()) for one in held], np.array(labels), np.array(topics))


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def calm(recipe: dict[str, Any], language: str, data: Path) -> tuple[list[str], list[str]]:
    """Harmless talk, to be learnt and to set the limits by: of the sets (a text a line, or JSON with `text` or `turns`)
    half each, at most as many learnt as `calm_learnt`; what customers say in the project's own corpus, and the recipe's
    innocent words, are learnt."""
    every = talk([data / one for one in recipe[language]["calm"]])
    random.Random(recipe["seed"]).shuffle(every)
    own: dict[str, list[str]] = tomllib.loads((CORPUS / f"intents.{language}.toml").read_text("utf-8"))
    harmless = [tidy(text.casefold()) for kind, texts in own.items() if kind not in HARMFUL for text in texts]
    told = recipe[language]
    harmless += [tidy(said.format(word)) for word in told["innocent"] for said in told["said_of"]] * INNOCENT
    half = min(len(every) // 2, recipe["calm_learnt"])
    return [*harmless, *every[:half]], every[len(every) // 2 :]


def talk(paths: Sequence[Path]) -> list[str]:
    found: list[str] = []
    for path in paths:
        for line in _lines(path):
            held = json.loads(line) if line.startswith("{") else line
            texts = (
                [held] if isinstance(held, str) else held.get("turns") or held.get("sentences") or [held.get("text")]
            )
            found += [tidy(one.casefold()) for one in texts if isinstance(one, str)]
    return list(dict.fromkeys(found))


def with_calm(learnt: Texts, gentle: list[str]) -> Texts:
    """The set and harmless talk beside it: posts that were gathered by
    their bad words hold hardly any word that only looks like one."""
    labels = np.concatenate([learnt.labels, np.zeros(len(gentle), int)])
    return Texts([*learnt.texts, *gentle], labels, np.concatenate([learnt.topics, [""] * len(gentle)]))


def fit(learnt: Texts, told: dict[str, Any]) -> Judge:
    """Both regressions on the hashed n-grams, as one table of weights; without limits."""
    size, shape = 2 ** int(told["bits"]), (int(told["shortest"]), int(told["longest"]), int(told["bits"]))
    found = [buckets(text, *shape) for text in learnt.texts]
    often = np.bincount(np.concatenate(found), minlength=size)
    rare = np.where(often >= LEAST, np.log((1 + len(found)) / (1 + often)) + 1, 0.0)
    rare /= rare[np.concatenate(found)].mean()
    ratio = np.where(often >= LEAST, ratios(found, learnt.labels, size), 0.0)
    whole, bias = np.zeros(size), 0.0
    for factor, keep, share in ((rare, told["keep"], told["shares"][0]), (ratio, told["bayes"], told["shares"][1])):
        if not share:
            continue
        rows = [(one, factor[one] * len(one) ** -0.5) for one in found]
        weights, middle = regression(rows, learnt.labels, size, keep)
        scores = np.array([(values * weights[one]).sum() for one, values in rows])
        whole += share * factor * weights / scores.std()
        bias += share * middle / scores.std()
    return Judge(whole.astype(np.float32), float(bias), *shape[:2], {})


def ratios(found: Sequence[Numbers], labels: Numbers, size: int) -> Numbers:
    """The logarithm of how much likelier a bucket is in a harmful text."""
    counts = [np.bincount(np.concatenate([one for one, is_ in zip(found, labels, strict=True) if is_ == label]),
                          minlength=size) + 1.0 for label in (1, 0)]  # fmt: skip
    return np.asarray(np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum()))


def regression(rows: Rows, labels: Numbers, size: int, keep: float, steps: int = 60) -> tuple[Numbers, float]:
    """Logistic regression with a square penalty by L-BFGS: weights [size] and bias. `keep` is the usual C."""
    import torch

    table, turned = _sparse(rows, size)
    wanted = torch.from_numpy((labels * 2 - 1).astype(np.float32))
    weights = torch.zeros(size + 1)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=steps, history_size=8, line_search_fn="strong_wolfe", tolerance_grad=1e-4
    )

    def closure() -> "Tensor":
        right = wanted * (table @ weights[:-1] + weights[-1])
        pull = -torch.sigmoid(-right) * wanted * keep
        weights.grad = torch.cat([turned @ pull + weights[:-1], pull.sum()[None]])
        return torch.nn.functional.softplus(-right).sum() * keep + 0.5 * (weights[:-1] ** 2).sum()

    with torch.no_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    learnt: Numbers = weights.numpy()
    return learnt[:-1], float(learnt[-1])


def _sparse(rows: Rows, size: int) -> tuple["Tensor", "Tensor"]:
    """The rows as a sparse table, and that turned."""
    import torch

    lengths = [len(columns) for columns, _ in rows]
    columns, values = (np.concatenate([one[part] for one in rows]) for part in (0, 1))
    at = np.repeat(np.arange(len(rows)), lengths)
    order = np.argsort(columns, kind="stable")
    starts = np.cumsum([0, *lengths]), np.searchsorted(columns[order], np.arange(size + 1))

    def table(start: Numbers, inner: Numbers, held: Numbers, shape: tuple[int, int]) -> "Tensor":
        first, second = (torch.from_numpy(one.astype(np.int64)) for one in (start, inner))
        return torch.sparse_csr_tensor(
            first, second, torch.from_numpy(held.astype(np.float32)), size=shape, check_invariants=True
        )

    return (
        table(starts[0], columns, values, (len(rows), size)),
        table(starts[1], at[order], values[order], (size, len(rows))),
    )


def tf_idf(learnt: Texts, asked: Sequence[str], shortest: int, longest: int, keep: float = 4.0) -> Numbers:
    """What plain char TF-IDF with logistic regression says of texts, above 0 for harmful: what ours is held to."""

    def grams(text: str) -> Counter[str]:
        text = f" {text} "
        sizes = range(shortest, longest + 1)
        return Counter(text[at : at + size] for size in sizes for at in range(len(text) - size + 1))

    held = [grams(text) for text in learnt.texts]
    often = Counter(gram for one in held for gram in one)
    column = {gram: at for at, gram in enumerate(gram for gram, count in often.items() if count >= LEAST)}
    rare = np.array([np.log((1 + len(held)) / (1 + often[gram])) + 1 for gram in column])

    def row(counts: Counter[str]) -> tuple[Numbers, Numbers]:
        held = sorted((column[gram], count) for gram, count in counts.items() if gram in column)
        known = np.array([at for at, _ in held], np.int64)
        values = (1 + np.log([count for _, count in held])) * rare[known]
        return known, values / max(1e-9, float(np.sqrt((values**2).sum())))

    weights, bias = regression([row(one) for one in held], learnt.labels, len(column), keep)
    return np.array([(values * weights[known]).sum() + bias for known, values in map(row, map(grams, asked))])


def macro_f1(labels: Numbers, said: Numbers) -> float:
    """The mean of both classes' F1."""
    found = []
    for label in (0, 1):
        hit = ((said == label) & (labels == label)).sum()
        found.append(2 * hit / max(1, (said == label).sum() + (labels == label).sum()))
    return float(np.mean(found))


def save(judge: Judge, path: Path) -> None:
    """In one byte a weight."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = float(np.abs(judge.weights).max()) / 127
    told = {"scale": scale, "bias": judge.bias, "shortest": judge.shortest, "longest": judge.longest}
    metadata = {name: str(value) for name, value in told.items()} | {"limits": json.dumps(judge.limits)}
    save_file({"weights": np.round(judge.weights / scale).astype(np.int8)}, path, metadata=metadata)


def trained_by(name: str, description: str, out: Path) -> argparse.ArgumentParser:
    """What is said to a program that trains a classifier: a recipe, public sets, and where the weights go."""
    next_ = "next: python -m benchmarks.safety --data DIR"
    parser = argparse.ArgumentParser(prog=f"python -m llm.{name}", description=description, epilog=next_)
    parser.add_argument("recipe", type=Path, help=f"such as llm/recipes/{name}.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder of public sets that the recipe names")
    parser.add_argument("--out", type=Path, default=out, help="where the weights go (default: the shipped ones)")
    return parser


def main() -> None:
    told = "Train the classifiers of harm and say how right they are on what was held out."
    options = trained_by("harm", told, WEIGHTS).parse_args()
    try:
        recipe = tomllib.loads(options.recipe.read_text("utf-8"))
        for language in LANGUAGES:
            _train(recipe, language, options.data, options.out / f"{language}.safetensors")
    except OSError as error:
        sys.exit(str(error))


def _train(recipe: dict[str, Any], language: str, data: Path, out: Path) -> None:
    told = recipe[language]
    learnt, held = read(recipe, language, data)
    gentle, harmless = calm(recipe, language, data)
    judge = fit(with_calm(learnt, gentle), told)
    scores = np.array([judge.score(text) for text in held.texts])
    plain = tf_idf(learnt, held.texts, *((1, 3) if language == "zh" else (1, 4)))
    ours, theirs = (macro_f1(held.labels, (one > 0).astype(int)) for one in (scores, plain))
    print(f"{language}: macro-F1 {ours:.4f} of {len(held.texts):,} held out, TF-IDF {theirs:.4f}")
    told_off = np.array([judge.score(text) for text in harmless])
    limits = {
        name: round(max(0.0, float(np.quantile(told_off, 1 - share))), 3) for name, share in recipe["limits"].items()
    }
    for name, limit in limits.items():
        caught, wrong = (scores[held.labels == label] > limit for label in (1, 0))
        print(f"  {name}: from {limit} on: {caught.mean():.1%} of harmful, {wrong.mean():.2%} of harmless posts")
    save(Judge(judge.weights, judge.bias, judge.shortest, judge.longest, limits), out)


if __name__ == "__main__":
    main()
