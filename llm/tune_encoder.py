"""Teaches the multilingual encoder how members ask: `python -m llm.tune_encoder`.

Its upper layers learn to place what a member types nearer to the sentence that answers it than to the shop's other
sentences (InfoNCE, van den Oord et al. 2018). The questions and the shops are written for it, llm/corpus/asked. Half of
what was learnt is kept, as a difference of low rank to each weight (Hu et al. 2021, "LoRA"), which `llm.bert.tuned`
adds when weights are loaded.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from llm import encoder_e5
from llm.bert import Bert, Layer
from llm.encoder import AT_ONCE
from llm.engine import EngineError

ASKED = Path(__file__).parent / "corpus" / "asked"
UPPER = 6  # layers that learn
EPOCHS, RATE, WARM = 1, 1e-4, 20
QUESTIONS, SENTENCES = 16, 64  # of a step, all of one shop
SHARPNESS = 16.0  # of the softmax
KEPT = 0.5  # share of what was learnt that is added (Wortsman et al. 2022): all of it forgets plainer questions
RANK = 32


@dataclass(frozen=True, slots=True)
class Shop:
    """`said`: each sentence alone and behind its row's title; `rows`: the row of each; `asked`: a question and the
    place of the sentence that answers it; `more`: the same, which only the reader is taught with (`teach_reader.py`);
    `nowhere`: questions that no sentence answers."""

    name: str
    language: str
    said: Sequence[tuple[str, str]]
    rows: Sequence[int]
    asked: Sequence[tuple[str, int]]
    more: Sequence[tuple[str, int]] = ()
    nowhere: Sequence[str] = ()


def read(path: Path) -> Shop:
    """Raises ValueError with the file, and where a question's sentence is not there its number."""
    try:
        held = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON: {error}") from None
    said: list[tuple[str, str]] = []
    places: dict[tuple[int, int], int] = {}
    for row, one in enumerate(held["rows"]):
        joint = ": " if one["kind"] == "product" else " "
        for at, sentence in enumerate(one["sentences"]):
            places[row, at] = len(said)
            said.append((sentence, f"{one['title']}{joint}{sentence}"))

    def placed(kind: str) -> list[tuple[str, int]]:
        for number, (_, row, at) in enumerate(held.get(kind, ()), 1):
            if (row, at) not in places:
                raise ValueError(f"{path}: {kind}, question {number}: no sentence {at} in row {row}; count both from 0")
        return [(text, places[row, at]) for text, row, at in held.get(kind, ())]

    rows = [row for row, _ in places]
    return Shop(held["name"], held["lang"], said, rows, placed("asked"), placed("more"), held.get("nowhere", ()))


def read_all(folder: Path) -> list[Shop]:
    """Every shop of a folder, by its file's name. Raises ValueError as `read` does, and where there is none."""
    shops = [read(path) for path in sorted(folder.glob("*.json"))]
    if not shops:
        raise ValueError(f"{folder}: no shop in it; *.json such as those of {ASKED}")
    return shops


@dataclass(slots=True)
class Tuner:
    """The network with layers that learn on top; what those below make of a text is made once."""

    net: Bert
    means: Tensor  # [2, width]: of what is said, of what is asked
    upper: list[Layer] = field(init=False)
    below: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.upper = [learning(layer) for layer in self.net.layers[-UPPER:]]

    @property
    def learnt(self) -> list[Tensor]:
        return [one for layer in self.upper for _, pair in pairs(layer) for one in pair]

    def vectors(self, texts: Sequence[str], *, asked: bool) -> Tensor:
        """Unit vectors [texts, width], as `E5` makes them."""
        named = [encoder_e5.BEFORE[asked] + text for text in texts]
        self._read([text for text in dict.fromkeys(named) if text not in self.below])
        longest = max(len(self.below[text]) for text in named)
        hidden = torch.zeros(len(named), longest, self.net.width)
        mask = torch.zeros(len(named), longest, dtype=torch.bool)
        for row, text in enumerate(named):
            held = self.below[text]
            hidden[row, : len(held)], mask[row, : len(held)] = held.float(), True
        hidden = self.net.through(hidden, mask, self.upper) * mask[..., None]
        mean = normalize(hidden.sum(1) / mask.sum(1, keepdim=True), dim=-1)
        return normalize(mean - self.means[int(asked)], dim=-1)

    def _read(self, texts: list[str]) -> None:
        texts.sort(key=len)  # those of a length go together
        for start in range(0, len(texts), AT_ONCE):
            some = texts[start : start + AT_ONCE]
            with torch.no_grad():
                tokens, mask = self.net.tokens(some)
                hidden = self.net.through(self.net.embedded(tokens), mask, self.net.layers[:-UPPER])
            sizes = mask.sum(1).tolist()
            self.below |= {text: one[:size].half() for text, one, size in zip(some, hidden, sizes, strict=True)}

    def loss(self, shop: Shop, questions: Sequence[tuple[str, int]], random_: random.Random) -> Tensor:
        answers = [place for _, place in questions]
        others = random_.sample(range(len(shop.said)), min(SENTENCES, len(shop.said)))
        places = list(dict.fromkeys([*answers, *others]))[: max(SENTENCES, len(answers))]
        said = self.vectors([random_.choice(shop.said[place]) for place in places], asked=False)
        near = self.vectors([text for text, _ in questions], asked=True) @ said.T
        return cross_entropy(near * SHARPNESS, torch.tensor([places.index(place) for _, place in questions]))


def learning(layer: Layer) -> Layer:
    def copied(pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        weight, bias = (one.clone().requires_grad_() for one in pair)
        return weight, bias

    return Layer(**{name: copied(pair) for name, pair in pairs(layer)})


def pairs(layer: Layer) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    return ((one.name, getattr(layer, one.name)) for one in fields(layer))


def steps(shops: Sequence[Shop], random_: random.Random) -> list[tuple[Shop, list[tuple[str, int]]]]:
    """One epoch: every question once, those of a step of one shop."""
    found = []
    for shop in shops:
        questions = [*shop.asked]
        random_.shuffle(questions)
        found += [(shop, questions[at : at + QUESTIONS]) for at in range(0, len(questions), QUESTIONS)]
    random_.shuffle(found)
    return found


def tune(tuner: Tuner, shops: Sequence[Shop], epochs: int = EPOCHS, seed: int = 0) -> None:
    """Prints a bar; the same seed learns the same."""
    random_ = random.Random(seed)
    optimizer = torch.optim.AdamW(tuner.learnt, lr=RATE, weight_decay=0.01)
    every = [one for _ in range(epochs) for one in steps(shops, random_)]
    for number, (shop, questions) in enumerate(track(every, "tuning", console=Console(stderr=True))):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (number + 1) / WARM) * (1 - number / len(every))
        optimizer.zero_grad()
        tuner.loss(shop, questions, random_).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(tuner.learnt, 1.0)
        optimizer.step()


def differences(net: Bert, upper: Sequence[Layer], rank: int = RANK, kept: float = KEPT) -> dict[str, Tensor]:
    """What was learnt, as far as it is `kept`, by layer and part: two factors of a matrix's difference, or the whole of
    a vector's."""
    found: dict[str, Tensor] = {}
    first = len(net.layers) - len(upper)
    for number, (layer, before) in enumerate(zip(upper, net.layers[first:], strict=True), first):
        for (name, pair), (_, old) in zip(pairs(layer), pairs(before), strict=True):
            for kind, one, other in zip(("weight", "bias"), pair, old, strict=True):
                change = kept * (one - other).detach()
                if change.dim() == 1:
                    found[f"{number}.{name}.{kind}"] = change.half()
                    continue
                left, sizes, right = torch.linalg.svd(change, full_matrices=False)
                root = sizes[:rank].sqrt()
                found[f"{number}.{name}.{kind}.a"] = (left[:, :rank] * root).half().contiguous()
                found[f"{number}.{name}.{kind}.b"] = (root[:, None] * right[:rank]).half().contiguous()
    return found


def right(tuner: Tuner, shop: Shop) -> int:
    """How many questions have their own sentence nearest."""
    with torch.no_grad():
        said = tuner.vectors([one[0] for one in shop.said], asked=False)
        near = tuner.vectors([text for text, _ in shop.asked], asked=True) @ said.T
    return int((near.argmax(1) == torch.tensor([place for _, place in shop.asked])).sum())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llm.tune_encoder", description=__doc__)
    parser.add_argument("--asked", type=Path, default=ASKED, help="folder of shops with their questions")
    parser.add_argument("--out", type=Path, default=encoder_e5.TUNED, help="where what was learnt goes")
    parser.add_argument("--hold", type=int, default=0, help="leave out every N-th shop and say what it gains")
    options = parser.parse_args()
    try:
        shops = read_all(options.asked)
        net = encoder_e5.network()
    except (EngineError, OSError, ValueError) as error:
        sys.exit(str(error))
    held = shops[:: options.hold] if options.hold else []
    tuner = Tuner(net, torch.from_numpy(np.load(encoder_e5.MEANS)))
    before = {shop.name: right(tuner, shop) for shop in held}
    tune(tuner, [shop for shop in shops if shop not in held])
    for shop in held:
        told = f"{before[shop.name]} -> {right(tuner, shop)} of {len(shop.asked)}"
        print(f"{shop.name}: the right sentence first {told}")
    save_file(differences(tuner.net, tuner.upper), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(shops) - len(held)} shops")


if __name__ == "__main__":
    main()
