"""Whether a sentence is one that no shop's assistant may say: a line through the meanings of a sentence encoder.

What is harmful stands in llm/corpus/improper.LANG.toml, by kind, beside harmless sentences that sound alike; the
project's replies and public talk are harmless too. `python -m llm.improper llm/recipes/improper.toml --data DIR` trains
it and sets the limit by replies that it did not learn. The encoders are those of `llm/bundled.py`.
"""

import random
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from llm import bundled, harm
from llm.bert import Vectors
from llm.corpus.vary import Corpus, Split
from llm.engine import EngineError, ModelNotUsable
from llm.protocol import SLOT

LANGUAGES = ("en", "zh")
WEIGHTS, CORPUS = (Path(__file__).parent / one for one in ("weights/improper", "corpus"))
CHOICE, HAN = re.compile(r"\{([^{}]*)\}"), re.compile(r"[\u3400-\u9fff]")
END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
SHORTEST = 4  # characters of a harmless sentence that is learnt


@dataclass(frozen=True, slots=True)
class Line:
    """`weights` [width + 1], the last of which is the bias. Above the limit a sentence is improper."""

    weights: Vectors
    limit: float

    def holds(self, vectors: Vectors) -> bool:
        """Is one of these sentences, by their vectors, improper? Raises EngineError where another encoder made them."""
        return bool(len(vectors) and (self.scores(vectors) > self.limit).any())

    def scores(self, vectors: Vectors) -> Vectors:
        if vectors.shape[1] + 1 != len(self.weights):
            raise EngineError("the weights of llm/improper.py are for the bundled encoders; `make install` brings them")
        found: Vectors = vectors @ self.weights[:-1] + self.weights[-1]
        return found


@lru_cache(maxsize=len(LANGUAGES))
def load(language: str, folder: Path = WEIGHTS) -> Line:
    """Raises ModelNotUsable where the weights are missing or broken."""
    path = folder / f"{language}.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            return Line(file.get_tensor("weights").astype(np.float32), float(file.metadata()["limit"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelNotUsable(f"{path}: {error}; it comes with the checkout") from None


def wordings(language: str, drawn: int) -> tuple[list[str], list[str]]:
    """What is harmful and what is harmless of the project's own list, each with its choices."""
    held = tomllib.loads((CORPUS / f"improper.{language}.toml").read_text("utf-8"))
    harmful, harmless = (
        [said for texts in held[kind].values() for text in texts for said in _choices(text, drawn)]
        for kind in ("harmful", "harmless")
    )
    return harmful, harmless


def _choices(text: str, drawn: int) -> list[str]:
    drawing = random.Random(text)
    found = {CHOICE.sub(lambda one: drawing.choice(one[1].split("|")), text) for _ in range(2 * drawn)}
    return sorted(found)[:drawn]


def replies(language: str, split: Split, count: int, seed: int) -> list[str]:
    """At most so many sentences of as many replies, with invented values in their slots."""
    corpus, drawing = Corpus(language, split), random.Random(seed)
    found: dict[str, None] = {}
    for _ in range(count):
        example = corpus.draw(drawing)
        values = {fact.slot: fact.value for fact in example.plan.facts}
        text = SLOT.sub(lambda one, values=values: values.get(one[1], ""), example.reply)  # type: ignore[misc]
        found |= dict.fromkeys(one for one in END.split(text) if len(one) >= SHORTEST)
    return [*found][:count]


def talk(recipe: dict[str, Any], language: str, data: Path) -> Iterator[str]:
    """Harmless sentences of the project's pairs and of public sets. Raises OSError where one is missing."""
    pairs = [part for line in (CORPUS / "parallel.tsv").read_text("utf-8").splitlines() for part in line.split("\t")]
    own = [one for one in pairs if len(one) >= SHORTEST and bool(HAN.search(one)) is (language == "zh")]
    every = harm.talk([data / one for one in recipe[language]["talk_of"]])
    for texts, count in ((own, recipe["paired"]), (every, recipe["talk"])):
        random.Random(recipe["seed"]).shuffle(texts)
        yield from texts[:count]


def train(recipe: dict[str, Any], language: str, data: Path) -> tuple[Line, str]:
    """The line, and a sentence on how much it catches of what it has learnt. Raises EngineError, OSError."""
    encoder = bundled.of(language)
    if encoder is None:
        raise EngineError("a bundled encoder is not installed; `make install` brings it")
    harmful, harmless = wordings(language, recipe["drawn"])
    calm = [*replies(language, "train", recipe["replies"], recipe["seed"]), *talk(recipe, language, data)]
    vectors = encoder.encode_now([*harmful, *harmless, *calm])
    labels = np.arange(len(vectors)) < len(harmful)
    counts = np.ones(len(vectors), np.float32)
    counts[len(harmful) : len(harmful) + len(harmless)] = recipe["own"]
    counts[: len(harmful)] = counts[len(harmful) :].sum() / len(harmful) * recipe["harmful"]
    weights = _regression(vectors, labels, counts / counts.mean(), recipe["keep"])
    line = Line(weights, 0.0)
    unseen = line.scores(encoder.encode_now(replies(language, "dev", recipe["replies"], recipe["seed"])))
    line = Line(weights, round(float(np.quantile(unseen, 1 - recipe["limit"])), 3))
    caught = (line.scores(vectors[: len(harmful)]) > line.limit).mean()
    return line, f"{language}: {caught:.0%} of {len(harmful)} harmful wordings, learnt, lie above {line.limit}"


def _regression(vectors: Vectors, labels: harm.Numbers, counts: harm.Numbers, keep: float) -> Vectors:
    """Logistic regression with a square penalty."""
    import torch

    held, wanted = torch.from_numpy(vectors), torch.from_numpy(labels.astype(np.float32) * 2 - 1)
    often = torch.from_numpy(counts.astype(np.float32)) * keep
    weights = torch.zeros(held.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        scores = held @ weights[:-1] + weights[-1]
        loss = (often * torch.nn.functional.softplus(-wanted * scores)).sum() + 0.5 * (weights[:-1] ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    found: Vectors = weights.detach().numpy()
    return found


def main() -> None:
    told = "Train what tells sentences that no shop's assistant may say."
    options = harm.trained_by("improper", told, WEIGHTS).parse_args()
    try:
        recipe = tomllib.loads(options.recipe.read_text("utf-8"))
        options.out.mkdir(parents=True, exist_ok=True)
        for language in LANGUAGES:
            line, caught = train(recipe, language, options.data)
            print(caught)
            tensors = {"weights": line.weights.astype(np.float16)}
            save_file(tensors, options.out / f"{language}.safetensors", metadata={"limit": str(line.limit)})
    except (EngineError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
