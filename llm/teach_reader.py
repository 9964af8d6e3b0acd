"""Teaches the reader which sentence answers what a member types, and that none may: `python -m llm.teach_reader`.

Its layers over question and sentence joined learn to tell the sentence that answers from the shop's nearest others, and
from none of them: a softmax with one more choice. The questions are those of llm/corpus/asked, of which the encoder was
taught with some: how near it finds their sentence is no news, so it is left out with these; and those of shops that
`llm.aspects` puts together, in short sentences of many facts as product texts have them.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from llm import aspects, bundled, encoder_e5, reader
from llm.bert import tuned
from llm.engine import EngineError
from llm.reader import UPPER, Joint
from llm.tune_encoder import ASKED, Shop, differences, learning, pairs, read_all

EPOCHS, RATE, WARM = 2, 1.5e-4, 60
HEADS = 10  # times as fast as the layers learn what is new on top of them
QUESTIONS = 16  # of a step
WRONG, NEAREST, AMONG = 5, 3, 20  # sentences beside the right one; so many the nearest, the others among the nearest
REMOVED = 0.12  # of the questions are put to the shop without the row that answers
BLIND = 0.25  # are read without how near the vectors are
RANK = 64
COMPOSED = 34  # shops of each language, put together of subjects


@dataclass(frozen=True, slots=True)
class Question:
    """`answer`: the place of the sentence that answers, None where none does. `near`: how near each sentence is by its
    vector; `known`: the encoder was taught with it."""

    shop: Shop
    text: str
    answer: int | None
    near: Tensor
    known: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with sentences beside it, the right one's place among them, which is behind the last where there is
    none, and how near each is."""

    text: str
    said: Sequence[str]
    near: Tensor
    right: int


@dataclass(slots=True)
class Teacher:
    """The network with layers that learn on top; what those below make of a text is made once."""

    joint: Joint
    below: dict[tuple[str, bool], Tensor] = field(default_factory=dict)

    @property
    def learnt(self) -> list[list[Tensor]]:
        """Those of the layers, and those on top of them."""
        layers = [one for layer in self.joint.layers for _, pair in pairs(layer) for one in pair]
        return [layers, [*self.joint.heads().values()]]

    def scores(self, choices: Sequence[Choice]) -> list[Tensor]:
        """Of each choice's sentences, and behind them of none."""
        asked = [self._apart(one.text, asked=True) for one in choices for _ in one.said]
        said = [self._apart(text, asked=False) for one in choices for text in one.said]
        found = self.joint.scores(asked, said, torch.cat([one.near for one in choices]))
        each = torch.split(found, [len(one.said) for one in choices])
        return [torch.cat([some, self.joint.none]) for some in each]

    def loss(self, choices: Sequence[Choice]) -> Tensor:
        scores = self.scores(choices)
        lost = [cross_entropy(some[None], torch.tensor([one.right])) for some, one in zip(scores, choices, strict=True)]
        return torch.stack(lost).mean()

    def _apart(self, text: str, *, asked: bool) -> Tensor:
        if (text, asked) not in self.below:
            with torch.no_grad():
                self.below[text, asked] = self.joint.apart([text], asked=asked)[0].half()
        return self.below[text, asked].float()


def untaught() -> Joint:
    """The network, its layers ready to learn. Raises EngineError where the encoder is not installed."""
    net = tuned(encoder_e5.network(), encoder_e5.TUNED)
    width = net.width
    heads = {
        "sides": torch.zeros(2, width), "weight": torch.zeros(1, 2 * width), "bias": torch.zeros(1),
        "near": torch.tensor([6.0]), "none": torch.tensor([1.5]), "cosine": torch.tensor([6.0]),
    }  # fmt: skip
    means = torch.from_numpy(np.load(encoder_e5.MEANS))
    layers = [learning(layer) for layer in net.layers[-UPPER:]]
    return Joint(net, layers, {name: one.requires_grad_() for name, one in heads.items()}, means)


def questions(shops: Sequence[Shop]) -> list[Question]:
    """All of them, with how near each sentence is as the bot has it."""
    found = []
    for shop in track(shops, "vectors", console=Console(stderr=True)):
        encoder = bundled.of(shop.language)
        if encoder is None:
            raise EngineError("an encoder is missing; `make install` brings both")
        some = [(text, at, True) for text, at in shop.asked] + [(text, at, False) for text, at in shop.more]
        every = [*some, *((text, None, False) for text in shop.nowhere)]
        said = torch.from_numpy(encoder.encode_now([titled for _, titled in shop.said]))
        near = torch.from_numpy(encoder.encode_now([text for text, *_ in every], asked=True)) @ said.T
        found += [Question(shop, text, at, row, known) for (text, at, known), row in zip(every, near, strict=True)]
    return found


def choice(one: Question, random_: random.Random) -> Choice:
    """The question with sentences that don't answer it, most of the time beside the one that does."""
    shop, answer = one.shop, one.answer
    wrong = [at for at in one.near.argsort(descending=True)[:AMONG].tolist() if at != answer]
    if answer is not None and random_.random() < REMOVED:
        wrong, answer = [at for at in wrong if shop.rows[at] != shop.rows[answer]], None
    held, further = wrong[:NEAREST], wrong[NEAREST:]
    held += random_.sample(further, min(len(further), WRONG - NEAREST))
    right = len(held) if answer is None else 0
    held = held if answer is None else [answer, *held]
    blind = one.known or random_.random() < BLIND
    near = torch.full((len(held),), reader.USUAL) if blind else one.near[held]
    return Choice(one.text, [shop.said[at][1] for at in held], near, right)


def teach(teacher: Teacher, every: Sequence[Question], epochs: int = EPOCHS, seed: int = 0) -> None:
    """Prints a bar."""
    random_ = random.Random(seed)
    layers, heads = teacher.learnt
    groups = [{"params": layers, "pace": 1}, {"params": heads, "pace": HEADS}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, weight_decay=0.01)
    order = [one for _ in range(epochs) for one in random_.sample(every, len(every))]
    starts = range(0, len(order), QUESTIONS)
    for number, at in enumerate(track(starts, "teaching", console=Console(stderr=True))):
        for group in optimizer.param_groups:
            group["lr"] = RATE * group["pace"] * min(1.0, (number + 1) / WARM) * (1 - number / len(starts))
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            lost = teacher.loss([choice(one, random_) for one in order[at : at + QUESTIONS]])
        lost.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*layers, *heads], 1.0)
        optimizer.step()


def learnt(joint: Joint, rank: int = RANK) -> dict[str, Tensor]:
    """What is loaded beside the encoder: the layers as differences of low rank to its own, and what is on top."""
    heads = {name: one.detach().contiguous() for name, one in joint.heads().items()}
    return differences(joint.net, joint.layers, rank, 1.0) | heads


def right(teacher: Teacher, every: Sequence[Question], among: int = 8) -> tuple[float, float]:
    """The share of answered questions whose own sentence comes first, and how often such a question's best sentence
    has more that speaks for it than one's that has no answer."""
    first, told, untold = 0, list[float](), list[float]()
    with torch.no_grad():
        for one in every:
            held = one.near.topk(among).indices.tolist()
            put = Choice(one.text, [one.shop.said[at][1] for at in held], one.near[held], 0)
            scores = teacher.scores([put])[0][:-1]
            (untold if one.answer is None else told).append(float(scores.max()))
            first += one.answer == held[int(scores.argmax())]
    ahead = sum((one > other) + 0.5 * (one == other) for one in told for other in untold)
    return first / max(1, len(told)), ahead / max(1, len(told) * len(untold))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llm.teach_reader", description=__doc__)
    parser.add_argument("--asked", type=Path, default=ASKED, help="folder of shops with their questions")
    parser.add_argument("--aspects", type=Path, default=aspects.ASPECTS, help="folder of subjects and their aspects")
    parser.add_argument("--out", type=Path, default=reader.TAUGHT, help="where what was learnt goes")
    parser.add_argument("--hold", type=int, default=0, help="leave out every N-th shop and say what is right there")
    options = parser.parse_args()
    try:
        shops = read_all(options.asked)
        shops += aspects.composed(aspects.read(options.aspects), COMPOSED)
        teacher, every = Teacher(untaught()), questions(shops)
    except (EngineError, OSError, ValueError) as error:
        sys.exit(str(error))
    held = [shop.name for shop in shops[:: options.hold]] if options.hold else []
    teach(teacher, [one for one in every if one.shop.name not in held])
    for name in held:
        first, ahead = right(teacher, [one for one in every if one.shop.name == name])
        print(f"{name}: the right sentence first {100 * first:.0f} %, answered ahead of unanswerable {ahead:.2f}")
    save_file(learnt(teacher.joint), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(shops) - len(held)} shops")


if __name__ == "__main__":
    main()
