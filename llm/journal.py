"""What a training run writes down as it goes: a line a step in loss.jsonl, and the curves as a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOSSES, PICTURE = "loss.jsonl", "loss.png"
SMOOTH = 25  # steps that one point of the drawn loss is the mean of


def cut(folder: Path, done: Mapping[str, float]) -> None:
    """Drop what a killed run wrote after its last checkpoint, steps that are done again. `done`: phase -> its steps."""
    path = folder / LOSSES
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [(line, json.loads(line)) for line in lines if line.endswith("\n")]
    path.write_text("".join(line for line, at in whole if at["step"] <= done[at["phase"]]), encoding="utf-8")


def write(folder: Path, **line: Any) -> None:
    """Add a line; it is in the file when this returns."""
    with (folder / LOSSES).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def draw(folder: Path) -> None:
    """The picture: each phase's loss, and beside it the share of plans that the probe found worded right."""
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in (folder / LOSSES).read_text(encoding="utf-8").splitlines()]
    losses = [line for line in lines if "loss" in line]
    probes = [line for line in lines if "probe" in line]
    phases = list(dict.fromkeys(line["phase"] for line in losses))
    figure = Figure(figsize=(4.5 * (len(phases) + 1), 3.5), layout="constrained")
    for axes, phase in zip(figure.subplots(1, len(phases) + 1)[:-1], phases, strict=True):
        values = [line["loss"] for line in losses if line["phase"] == phase]
        means = [sum(values[at : at + SMOOTH]) / len(values[at : at + SMOOTH]) for at in range(0, len(values), SMOOTH)]
        axes.plot([at * SMOOTH for at in range(len(means))], means)
        axes.set(title=f"loss, {phase}", xlabel="step", ylabel="nats a token")
    last = figure.axes[-1]
    for language in probes[0]["probe"] if probes else ():
        last.plot([line["step"] for line in probes], [line["probe"][language] for line in probes], label=language)
        last.legend()
    last.set(title="probe: plans worded right", xlabel="step", ylim=(0, 1))
    figure.savefig(folder / PICTURE, dpi=110)
