"""Stage 6, a model that knows how this shop's members ask: `python -m llm.finetune --help`. torch is in `tuner.py`."""

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from llm.chats import Article, ExportError, Reply, read
from llm.corpus.vary import Corpora, CorpusError, Example
from llm.engine import EngineError

STARTER = Path("llm/weights/starter")
FEWEST = 20  # replies; fewer say more about chance than about the shop
HELD_OUT = 10  # every so many conversations
CORPUS = 60  # conversations of the corpus that measure what was forgotten
RATES = {True: 1e-3, False: 2e-4}  # for the starter; for a model a hundred times its size
NOTES = "tuned.json"


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m llm.finetune",
        description="Teach a model how this shop's members ask and how they were answered, from an export of "
        "`python -m bot export-training`. Small matrices beside the model's own are learnt (LoRA) and merged at the "
        "end, so that OUT is a whole model. Every tenth conversation is held out and never learnt; bits per byte on "
        "these, before and after, say whether it helped, those on the project's own corpus whether it forgot.",
        epilog="next: python -m bot model promote runs/tuned",
    )
    parser.add_argument("export", type=Path, metavar="EXPORT.jsonl", help="what python -m bot export-training wrote")
    parser.add_argument("--out", type=Path, required=True, help="the new model's folder, for example runs/tuned")
    parser.add_argument("--model", default=str(STARTER), help="what to start from (default: the shipped model)")
    parser.add_argument("--steps", type=int, default=40, help="batches to learn from (default 40)")
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
    """The replies and articles of an export. Raises ExportError, also for one with too few replies."""
    lines = list(read(path))
    replies = [one for one in lines if isinstance(one, Reply)]
    if len(replies) < FEWEST:
        raise ExportError(
            f"{path}: {len(replies)} replies, at least {FEWEST} are needed; let the bot answer more questions, ask "
            "members for /training on, and export again"
        )
    return replies, [one for one in lines if isinstance(one, Article)]


def split(replies: Sequence[Reply]) -> tuple[list[Reply], list[Reply]]:
    """What is learnt, and the tenth of the conversations that is held out: those with the lowest hashes, so that nearly
    all of them stay on their side while an export grows."""
    numbers = {one.turns: _number(one) for one in replies}
    held = {*sorted(numbers, key=numbers.__getitem__)[: max(1, len(numbers) // HELD_OUT)]}
    return [one for one in replies if one.turns not in held], [one for one in replies if one.turns in held]


def _number(one: Reply) -> int:
    return int(hashlib.sha256(json.dumps(one.turns).encode()).hexdigest()[:12], 16)


def of_corpus() -> list[Example]:
    """Held-out conversations of the project's own corpus, always the same."""
    rng, corpora = random.Random(7), Corpora("dev")
    return [corpora.draw(rng) for _ in range(CORPUS)]


def tune(options: argparse.Namespace) -> dict[str, Any]:
    """Fine-tune into `options.out` and return what tuned.json says. Raises ExportError, CorpusError, EngineError."""
    if options.out.exists():
        raise ExportError(f"{options.out}: is there already; a fresh --out would be right")
    replies, articles = read_export(options.export)
    learnt, held = split(replies)
    os.putenv("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported: waiting threads must not spin
    import torch

    from llm.trainer import keep_freed_memory
    from llm.tuner import Student, learn

    keep_freed_memory()
    torch.set_num_threads(options.threads)
    student = Student(options.model)
    measured: dict[str, Sequence[Reply | Example]] = {"held-out replies": held, "corpus": of_corpus()}

    def figures(of: Student) -> dict[str, float]:
        return {name: round(of.bits_per_byte([of.reply(one) for one in some]), 4) for name, some in measured.items()}

    rate = options.rate or RATES[student.prompts.starter]
    settings = {name: getattr(options, name) for name in ("steps", "batch", "rank", "seed")} | {"rate": rate}
    counts = {"learnt": len(learnt), "held_out": len(held), "articles": len(articles)}
    notes = {
        "base": options.model,
        "base_sha256": student.digest(),
        "export_sha256": hashlib.sha256(options.export.read_bytes()).hexdigest(),
        "settings": settings,
        "replies": counts,
        "before": figures(student),
    }
    with progress() as bar:
        task = bar.add_task("learning", total=options.steps, loss=float("nan"))
        learn(student, learnt, articles, settings, lambda loss: bar.update(task, advance=1, loss=loss))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{options.out.name}-", dir=options.out.parent) as folder:
        half = Path(folder) / options.out.name
        student.save(half)
        notes["after"] = figures(Student(str(half)))  # of the files, as the bot will read them
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
    return "\n".join([*lines, f"{counts['learnt']:,} replies learnt, {counts['held_out']:,} held out"])


def main() -> None:
    options = options_of()
    try:
        notes = tune(options)
    except (ExportError, CorpusError, EngineError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        sys.exit(130)
    sys.stdout.write(f"{table(notes)}\n{options.out}: a whole model. next: python -m bot model promote {options.out}\n")


if __name__ == "__main__":
    main()
