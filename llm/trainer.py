"""The training loop behind `python -m llm.train`: phases, batches, checkpoints that survive kill -9.

The batch of a step follows from the seed and the step alone, so a run that was stopped goes on to the same loss.
"""

import ctypes
import hashlib
import json
import math
import os
import random
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, track
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer

from llm import journal
from llm import model as models
from llm.corpus.vary import Corpora, Example
from llm.data import RecipeError, public_documents
from llm.engine import SamplingParams
from llm.evaluate import score
from llm.protocol import LANGUAGES, REPLY
from llm.tokenizer import PAD, mark

CHECKPOINT, TEXT = "checkpoint.safetensors", "text.npy"
PHASES = ("pretrain", "supervised", "polish")  # polish: supervised once more, from a lower rate
PROBED = 40  # plans of each language
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


@dataclass
class Place:
    """Where a run stands; what a checkpoint keeps beside the tensors."""

    recipe: str  # digest: a checkpoint of another recipe is refused
    phase: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Trainer:
    """One run in one folder. Goes on from the folder's checkpoint if there is one."""

    def __init__(self, recipe: dict[str, Any], out: Path, tokenizer: Tokenizer, data: Path | None, device: str) -> None:
        """Raises RecipeError when the folder holds a run of another recipe, or public text is missing."""
        self.recipe, self.out, self.tokenizer = recipe, out, tokenizer
        self.pad = mark(tokenizer, PAD)
        self.reply_mark = mark(tokenizer, REPLY)
        self.phases = [name for name in PHASES if name in recipe and (name != "pretrain" or data is not None)]
        described = json.dumps([recipe, self.phases, hashlib.sha256(tokenizer.to_str().encode()).hexdigest()])
        self.place = Place(hashlib.sha256(described.encode()).hexdigest())
        self.model = models.build(recipe["model"], tokenizer, recipe["seed"], device)
        self.named = dict(self.model.named_parameters())
        self.precision = torch.autocast(device, torch.bfloat16, enabled=device != "cpu")  # on a CPU fp32 is faster
        if device != "cpu":
            self.model.model.compile(dynamic=True)
        self.optimizers = self._optimizers()
        self.text = self._public_text(data) if data is not None and "pretrain" in self.phases else None
        self.corpora = Corpora("train")
        self.resumed = (out / CHECKPOINT).exists()
        if self.resumed:
            self._restore()
        journal.cut(out, {name: self._done(at) for at, name in enumerate(self.phases)})

    def run(self) -> None:
        """Train to the end and write the weights."""
        while self.place.phase < len(self.phases):
            self._run_phase(self.phases[self.place.phase])
            self.place.phase, self.place.step = self.place.phase + 1, 0
            self.optimizers = self._optimizers()
            self._checkpoint()
        models.save(self.model, self.out)
        journal.draw(self.out)

    def _run_phase(self, name: str) -> None:
        settings, place = self.recipe[name], self.place
        steps = settings["steps"]
        bar, task = _progress(name, place.step, steps)
        with bar:
            while place.step < steps:
                started = time.perf_counter()
                rate = _rate(settings, place.step)
                rows = self._text_rows(settings) if name == "pretrain" else self._reply_rows(settings)
                loss = self._learn(rows, rate, settings["parts"])
                read = sum(len(ids) for ids, _ in rows)
                place.step, place.tokens = place.step + 1, place.tokens + read
                took = time.perf_counter() - started
                place.seconds += took
                line = {"phase": name, "step": place.step, "loss": loss, "rate": rate, "tokens": place.tokens}
                journal.write(self.out, **line, seconds=round(place.seconds, 2))
                if name != "pretrain" and place.step % self.recipe["probe_every"] == 0:
                    journal.write(self.out, phase=name, step=place.step, probe=self._probe())
                bar.update(task, advance=1, loss=loss, speed=read / took, tokens=place.tokens)
                if place.step % self.recipe["checkpoint_every"] == 0 and place.step < steps:
                    self._checkpoint()

    def _learn(self, rows: list[models.Row], rate: float, parts: int) -> float:
        """One step over rows that are sorted by length and put through in parts, so that little is padding."""
        rows = sorted(rows, key=lambda row: len(row[0]))
        total = sum(len(ids) - max(first, 1) for ids, first in rows)
        size, summed = math.ceil(len(rows) / parts), 0.0
        for at in range(0, len(rows), size):
            with self.precision:
                loss, _ = models.loss(self.model, rows[at : at + size], self.pad)
            (loss / total).backward()  # type: ignore[no-untyped-call]
            summed += loss.item()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        return summed / total

    def _probe(self) -> dict[str, float]:
        """Share of held-out plans worded right: the loss keeps falling where this stands still."""

        def word(examples: list[Example], params: SamplingParams) -> list[str]:
            return models.generate(self.model, self.tokenizer, [one.prompt for one in examples], params)

        return {one: score(word, one, PROBED, 0.0)[0]["good"] for one in LANGUAGES}

    def _text_rows(self, settings: dict[str, Any]) -> list[models.Row]:
        assert self.text is not None
        length = settings["length"]
        rng = np.random.default_rng([self.recipe["seed"], self.place.step])
        starts = rng.integers(0, len(self.text) - length, settings["batch"])
        return [(self.text[start : start + length].tolist(), 0) for start in starts]

    def _reply_rows(self, settings: dict[str, Any]) -> list[models.Row]:
        before = sum(self.recipe[name]["steps"] for name in self.phases[: self.place.phase] if name != "pretrain")
        rng = random.Random(f"{self.recipe['seed']} {before + self.place.step}")
        drawn = [self.corpora.draw(rng) for _ in range(settings["batch"])]
        texts = [(replace(one, turns=[]) if rng.random() < settings["bare"] else one).text for one in drawn]
        context = self.recipe["model"]["context"]
        rows = [encoding.ids[-context:] for encoding in self.tokenizer.encode_batch(texts)]
        return [(ids, ids.index(self.reply_mark) + 1) for ids in rows]

    def _public_text(self, data: Path) -> "np.ndarray[Any, np.dtype[np.uint16]]":
        """The recipe's public text as one row of token ids; encoded once and kept in the run's folder."""
        path = self.out / TEXT
        if not path.exists():
            ids: list[int] = []
            for text in track(public_documents(self.recipe, data), "encoding public text"):
                ids += self.tokenizer.encode(text).ids
            half = path.with_suffix(".part.npy")
            np.save(half, np.array(ids, dtype=np.uint16))
            os.replace(half, path)
        found = np.load(path)
        if len(found) <= self.recipe["pretrain"]["length"]:
            raise RecipeError(f"{data}: {len(found)} tokens of public text are less than one row of the recipe")
        return found  # type: ignore[no-any-return]

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW, or for the layers' matrices Muon (kellerjordan.github.io/posts/muon), scaled to AdamW's steps."""
        adamw = partial(torch.optim.AdamW, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        if self.recipe["optimizer"] == "adamw":
            return [adamw(self.named.values())]
        matrices = {name for name, weight in self.named.items() if weight.ndim == 2 and ".layers." in name}
        rest = [weight for name, weight in self.named.items() if name not in matrices]
        muon = torch.optim.Muon(
            [self.named[name] for name in sorted(matrices)], weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        )
        return [muon, adamw(rest)]

    def _checkpoint(self) -> None:
        """Written beside and then moved over the last one: a kill leaves one of the two, never half of one."""
        tensors = {f"model/{name}": weight.detach() for name, weight in self.named.items()}
        for name, weight in self.named.items():
            for optimizer in self.optimizers:
                for key, value in optimizer.state.get(weight, {}).items():
                    tensors[f"{key}/{name}"] = value
        half = self.out / f"{CHECKPOINT}.part"
        save_file(tensors, half, metadata={"place": json.dumps(self.place.__dict__)})
        os.replace(half, self.out / CHECKPOINT)

    def _restore(self) -> None:
        with safe_open(self.out / CHECKPOINT, framework="pt") as file:
            place = Place(**json.loads(file.metadata()["place"]))
            if place.recipe != self.place.recipe:
                raise RecipeError(f"{self.out} holds a run of another recipe, tokenizer or --data; give a fresh --out")
            for key in file.keys():  # noqa: SIM118
                kind, name = key.split("/", 1)
                weight, value = self.named[name], file.get_tensor(key)
                if kind == "model":
                    weight.data.copy_(value)
                else:
                    self._optimizer_of(weight).state[weight][kind] = value.to(weight.device)
        self.place = place

    def _optimizer_of(self, weight: torch.Tensor) -> torch.optim.Optimizer:
        def holds(optimizer: torch.optim.Optimizer) -> bool:
            return any(weight is one for group in optimizer.param_groups for one in group["params"])

        return next(optimizer for optimizer in self.optimizers if holds(optimizer))

    def _done(self, phase: int) -> float:
        """How many steps of a phase are done."""
        if phase == self.place.phase:
            return self.place.step
        return math.inf if phase < self.place.phase else 0


def _progress(name: str, step: int, steps: int) -> tuple[Progress, TaskID]:
    told = "loss {task.fields[loss]:.3f}  {task.fields[speed]:,.0f} tokens/s  {task.fields[tokens]:,} tokens  left"
    bar = Progress("{task.description}", BarColumn(), MofNCompleteColumn(), TextColumn(told), TimeRemainingColumn())
    return bar, bar.add_task(name, completed=step, total=steps, loss=math.nan, speed=0.0, tokens=0)


def _rate(settings: dict[str, Any], step: int) -> float:
    """Linear warm-up, then a cosine down to a twentieth of the peak."""
    warmup, steps, peak = settings["warmup"], settings["steps"], settings["rate"]
    if step < warmup:
        return float(peak * (step + 1) / warmup)
    done = (step - warmup) / max(1, steps - warmup)
    return float(peak * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2))


def keep_freed_memory() -> None:
    """Let glibc reuse freed blocks instead of giving them back each step: measured 1.3 times the tokens per second."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
