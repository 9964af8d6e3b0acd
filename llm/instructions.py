"""A plan in words, for a model that follows instructions: the same act, states and facts as `protocol.prompt`."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm.protocol import Plan


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("instructions.toml").read_text(encoding="utf-8"))


def in_words(plan: Plan) -> str:
    """The system message: task, what code found out, the facts with their marks, the rows that they come from."""
    say = _texts()[plan.language]
    lines = [say["start"].strip().format(task=say["acts"][plan.act])]
    if plan.states:
        lines.append(
            say["states"].format(states=say["between"].join(say["states_in_words"][one] for one in plan.states))
        )
    if plan.facts:
        lines.append(say["facts"].format(example=plan.facts[0].slot))
        lines += [f"<{fact.slot}> = {fact.value}" for fact in plan.facts]
    if plan.needs:
        lines.append(say["needs"].format(needs=say["between"].join(f"<{slot}>" for slot in plan.needs)))
    if plan.rows:
        lines += [say["rows"], *(f"{number}. {row}" for number, row in enumerate(plan.rows, 1))]
    return "\n".join([*lines, say["end"]])


def told() -> list[str]:
    """Every fixed text of the system message: what no reply may repeat."""
    found: list[str] = []
    for say in _texts().values():
        found += [say[part] for part in ("start", "states", "facts", "needs", "rows", "end")]
    return [re.sub(r"\{\w+\}", "\n", text) for text in found]
