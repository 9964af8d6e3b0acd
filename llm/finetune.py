"""Stage 6, a model that knows how this shop's members ask: `python -m llm.finetune --help`. torch is in `tuner.py`."""

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from llm.chats import Article, ExportError, Reply, read
from llm.corpus.vary import Corpora, CorpusError, Example
from llm.engine import EngineError
from llm.protocol import SLOT

STARTER = Path("llm/weights/starter")
FEWEST = 20  # conversations; fewer say more about chance than about the shop
HELD_OUT, FEWEST_HELD = 10, 5  # every so many conversations, but no fewer than this
CORPUS = 60  # conversations of the corpus that measure what was forgotten
FORGOT = 1.01  # times the bits per byte of before; what bot/tools/promotion.py allows
RATES = {True: 1e-3, False: 2e-4}  # for the starter; for a model a hundred times its size
NOTES = "tuned.json"
MORE = "let the bot answer more questions, ask members for /training on, and export again"


class NoBetter(Exception):
    """What was learnt does not help with the conversations held out. `notes` are those of tuned.json."""

    def __init__(self, notes: dict[str, Any]) -> None:
        super().__init__(f"no better than before, nothing was written; {MORE}, or try a smaller --rate")
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Parts:
    """An export's replies: those to learn, to choose by when to stop, and to measure with, which choose nothing."""

    learnt: list[Reply]
    watched: list[Reply]
    held: list[Reply]


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m llm.finetune",
        description="Teach a model how this shop's members ask and how they were answered, from an export of "
        "`python -m bot export-training`. Small matrices beside the model's own are learnt (LoRA) and merged at the "
        "end, so that OUT is a whole model. A tenth of the conversations is held out; bits per byte on these, before "
        "and after, say whether it helped, and where it didn't nothing is written. Another tenth says when to stop. "
        "Bits per byte on the project's own corpus say whether it forgot.",
        epilog="next: python -m bot model promote runs/tuned",
    )
    parser.add_argument("export", type=Path, metavar="EXPORT.jsonl", help="what python -m bot export-training wrote")
    parser.add_argument("--out", type=Path, required=True, help="the new model's folder, for example runs/tuned")
    parser.add_argument("--model", default=str(STARTER), help="what to start from (default: the shipped model)")
    parser.add_argument("--steps", type=int, default=40, help="batches to learn from at most (default 40)")
    parser.add_argument("--batch", type=int, default=16, help="conversations in one (default 16)")
    parser.add_argument("--rank", type=int, default=8, help="of the small matrices: more can learn more (default 8)")
    parser.add_argument("--rate", type=float, help="how fast to learn (default 0.001 for the starter, else 0.0002)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same model (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    options = parser.parse_args(arguments)
    for name in ("steps", "batch", "rank", "threads"):
        if getattr(options, name) < 1:
            parser.error(f"--{name}: 1 or more would be right")
    return options


def read_export(path: Path) -> tuple[list[Reply], list[Article]]:
    """The replies and articles of an export. Raises ExportError, also for one with too few conversations."""
    lines = list(read(path))
    replies = [one for one in lines if isinstance(one, Reply)]
    _enough(replies, path)
    return replies, [one for one in lines if isinstance(one, Article)]


def _enough(replies: Sequence[Reply], path: Path) -> None:
    found = len({one.turns for one in replies})
    if found < FEWEST:
        raise ExportError(f"{path}: replies in {found} conversations, at least {FEWEST} are needed; {MORE}")


def split(replies: Sequence[Reply]) -> Parts:
    """By the hashes of the conversations, so that nearly all stay in their part while an export grows."""
    numbers = {one.turns: _number(one) for one in replies}
    order = sorted(numbers, key=numbers.__getitem__)
    count = max(FEWEST_HELD, len(order) // HELD_OUT)
    place = {turns: at // count for at, turns in enumerate(order)}
    held, watched = ([one for one in replies if place[one.turns] == part] for part in (0, 1))
    return Parts([one for one in replies if place[one.turns] > 1], watched, held)


def _number(one: Reply) -> int:
    return int(hashlib.sha256(json.dumps(one.turns).encode()).hexdigest()[:12], 16)


def of_corpus() -> list[Example]:
    """Held-out conversations of the project's own corpus, always the same."""
    rng, corpora = random.Random(7), Corpora("dev")
    return [corpora.draw(rng) for _ in range(CORPUS)]


def tune(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tune into `options.out` and return what tuned.json says.

    Raises ExportError, CorpusError, EngineError, and NoBetter, after which nothing is left at `options.out`.
    """
    if options.out.exists():
        raise ExportError(f"{options.out}: is there already; a fresh --out would be right")
    replies, articles = read_export(options.export)
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    import torch

    from llm.engines.local.sampling import states_value
    from llm.trainer import keep_freed_memory
    from llm.tuner import Student, learn

    fit = [one for one in replies if not states_value(SLOT.sub("", one.reply))]
    _enough(fit, options.export)
    parts = split(fit)
    keep_freed_memory()
    torch.set_num_threads(options.threads)
    student = Student(options.model)
    measured: dict[str, Sequence[Reply | Example]] = {"held-out replies": parts.held, "corpus": of_corpus()}

    def figures(of: Student) -> dict[str, float]:
        return {name: round(of.bits_per_byte([of.reply(one) for one in some]), 4) for name, some in measured.items()}

    counts = {name: len(getattr(parts, name)) for name in ("learnt", "watched", "held")}
    settings = {name: getattr(options, name) for name in ("steps", "batch", "rank", "seed")}
    settings["rate"] = options.rate or RATES[student.prompts.starter]
    notes = {
        "base": options.model,
        "base_sha256": student.digest(),
        "export_sha256": hashlib.sha256(options.export.read_bytes()).hexdigest(),
        "settings": settings,
        "replies": counts | {"unfit": len(replies) - len(fit), "articles": len(articles)},
        "before": figures(student),
    }
    with progress() as bar:
        task = bar.add_task("learning", total=options.steps, loss=float("nan"))

        def told(step: int, loss: float) -> None:
            bar.update(task, completed=step, loss=loss)

        notes["kept_step"], notes["kept_rate"] = learn(student, parts.learnt, articles, settings, told, parts.watched)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{options.out.name}-", dir=options.out.parent) as folder:
        half = Path(folder) / options.out.name
        student.save(half)
        notes["after"] = figures(Student(str(half)))  # of the files, as the bot will read them
        if notes["after"]["held-out replies"] >= notes["before"]["held-out replies"]:
            raise NoBetter(notes)
        notes["date"] = datetime.now(UTC).isoformat(timespec="seconds")
        (half / NOTES).write_text(json.dumps(notes, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(half, options.out)
    return notes


def progress() -> Progress:
    told = TextColumn("loss {task.fields[loss]:.3f}  left")
    return Progress("{task.description}", BarColumn(), MofNCompleteColumn(), told, TimeRemainingColumn())


def table(notes: dict[str, Any]) -> str:
    """The figures for reading."""
    lines = [f"{'bits per byte':24}{'before':>10}{'after':>10}"]
    lines += [f"{name:24}{notes['before'][name]:10.3f}{notes['after'][name]:10.3f}" for name in notes["before"]]
    counts = notes["replies"]
    lines.append(f"{counts['learnt']:,} replies learnt up to step {notes['kept_step']}, {counts['held']:,} held out")
    if counts["unfit"]:
        lines.append(f"{counts['unfit']:,} replies left out: they say a number, price or link that no slot holds")
    if notes["after"]["corpus"] > notes["before"]["corpus"] * FORGOT:
        lines.append("it forgot more than promotion allows: are the replies of the export what the shop would say?")
    return "\n".join(lines)


def main() -> None:
    options = options_of()
    try:
        notes = tune(options)
    except NoBetter as outcome:
        sys.stdout.write(f"{table(outcome.notes)}\n")
        sys.exit(f"{options.out}: {outcome}")
    except (ExportError, CorpusError, EngineError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        sys.exit(130)
    sys.stdout.write(f"{table(notes)}\n{options.out}: a whole model. next: python -m bot model promote {options.out}\n")


if __name__ == "__main__":
    main()
