"""Training tokens per second of llm/trainer.py against transformers' Trainer: same model, same rows, same AdamW.

The starter's size with random weights, fp32 on one CPU thread, rows of 256 random tokens. Each loop has a process of
its own, made ready as its users would have it; they take turns, so that a busy machine slows all of them alike. What is
held against the target is the ratio of a turn by CPU seconds: with one thread these are the clock's where nothing else
runs, and other work on the machine disturbs them less.
"""

import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer as PeerTrainer
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from benchmarks.parts.process import ROOT
from benchmarks.parts.report import Row, main
from llm import model as models
from llm import tokenizer as tokenizers
from llm.data import read_recipe
from llm.trainer import Trainer, keep_freed_memory

RECIPE = ROOT / "llm" / "recipes" / "starter.toml"
TOKENIZER = ROOT / "llm" / "weights" / "starter"
ROWS, LENGTH, WARM = 8, 256, 3  # rows a step, tokens a row, steps that are not counted
RATE = 1e-3
Speed = tuple[float, float]  # tokens per second by the clock, and per CPU second

PEER, KEPT, OURS = "Hugging Face Trainer", "the same, freed memory kept", "our loop"


def batches(steps: int) -> list[list[list[int]]]:
    """Rows of random token ids for every step."""
    drawn = np.random.default_rng(1).integers(100, 8000, (WARM + steps, ROWS, LENGTH))
    return drawn.tolist()  # type: ignore[no-any-return]


class Watch:
    """Tokens per second from its start to `speed`."""

    def __init__(self) -> None:
        self._clock, self._cpu = time.perf_counter(), time.process_time()

    def speed(self, steps: int) -> Speed:
        tokens = steps * ROWS * LENGTH
        return tokens / (time.perf_counter() - self._clock), tokens / (time.process_time() - self._cpu)


class Timed(TrainerCallback):
    """Starts a watch once the trainer is warm."""

    watch: Watch

    def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if state.global_step == WARM:
            self.watch = Watch()


def ready(keep: bool) -> None:
    """What a process does before it trains."""
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()


def theirs(folder: Path, steps: int) -> Speed:
    """transformers' Trainer, told to do nothing beside training."""
    model = models.build(read_recipe(RECIPE)["model"], tokenizers.load(TOKENIZER), 1)
    rows = [{"input_ids": row, "labels": row} for batch in batches(steps) for row in batch]
    settings = TrainingArguments(
        output_dir=str(folder), max_steps=WARM + steps, per_device_train_batch_size=ROWS, learning_rate=RATE,
        lr_scheduler_type="constant", optim="adamw_torch_fused", adam_beta1=0.9, adam_beta2=0.98, weight_decay=0.01,
        max_grad_norm=1.0, use_cpu=True, dataloader_pin_memory=False,
        disable_tqdm=True, logging_strategy="no", save_strategy="no", report_to="none",
    )  # fmt: skip
    timed = Timed()
    trainer = PeerTrainer(model, settings, train_dataset=rows, callbacks=[timed])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return timed.watch.speed(steps)


def ours(folder: Path, steps: int) -> Speed:
    """The loop of llm/trainer.py, with AdamW as the peer has it."""
    recipe = read_recipe(RECIPE) | {"optimizer": "adamw"}
    trainer = Trainer(recipe, folder, tokenizers.load(TOKENIZER), None, "cpu")
    watch = Watch()
    for step, batch in enumerate(batches(steps)):
        if step == WARM:
            watch = Watch()
        trainer._learn([(row, 0) for row in batch], RATE, 1)
    return watch.speed(steps)


LOOPS: dict[str, tuple[Callable[[Path, int], Speed], bool]] = {  # the bool: is freed memory kept
    PEER: (theirs, False),
    KEPT: (theirs, True),
    OURS: (ours, True),
}


async def measure(folder: Path, quick: bool) -> list[Row]:
    """Every row of the table."""
    turns, steps = (3, 5) if quick else (7, 15)
    spawn, loop = multiprocessing.get_context("spawn"), asyncio.get_running_loop()
    pools = {name: ProcessPoolExecutor(1, spawn, ready, (keep,)) for name, (_, keep) in LOOPS.items()}
    speeds: dict[str, list[Speed]] = {name: [] for name in LOOPS}
    try:
        for turn in range(turns):
            for name in list(LOOPS)[:: -1 if turn % 2 else 1]:
                speeds[name].append(await loop.run_in_executor(pools[name], LOOPS[name][0], folder / name, steps))
    finally:
        for pool in pools.values():
            pool.shutdown()
    return [
        *(_row(name, found, f"in {turns} turns of {steps} steps") for name, found in speeds.items()),
        Row("our loop against the Trainer", ratio(speeds, PEER, 1), "", at_least=1.15),
        Row("the same, by the clock", ratio(speeds, PEER, 0), ""),
        Row("against the Trainer with freed memory kept", ratio(speeds, KEPT, 1), ""),
    ]


def _row(name: str, found: list[Speed], where: str) -> Row:
    rates = [rate for _, rate in found]
    return Row(name, statistics.median(rates), "tokens/CPU s", note=f"{min(rates):.0f} to {max(rates):.0f} {where}")


def ratio(speeds: dict[str, list[Speed]], other: str, by: int) -> float:
    """The median over the turns of our loop's speed against another's."""
    return statistics.median(a[by] / b[by] for a, b in zip(speeds[OURS], speeds[other], strict=True))


def summary(rows: Sequence[Row]) -> str:
    found = {row.name: row.value for row in rows}
    return (
        f"{found[OURS]:.0f} tokens per CPU second against {found[PEER]:.0f},"
        f" {found['our loop against the Trainer']:.2f} times"
    )


if __name__ == "__main__":
    sys.exit(
        main(
            "training",
            __doc__,
            measure,
            summary,
            takes="about five minutes",
            quick="fewer and shorter turns: a look, not a figure to quote",
        )
    )
