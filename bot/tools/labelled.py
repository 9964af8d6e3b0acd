"""Labelled questions: as lines to replay, and whether a reply is what the merchant would want.

`must_include` holds lists of alternatives, one of each has to occur; `re:` begins a regular expression. `expect` is
answer, silent, handoff, refuse_unknown or friendly; `expect_alt` would be right as well.
"""

import re
import unicodedata
from typing import Any


def as_line(question: dict[str, Any]) -> dict[str, Any]:
    """A question as a line of replay's input."""
    turns = [
        {"member": turn["member"], "text": turn["text"], "ts": f"2026-03-02T10:{number:02d}:00"}
        | ({"mentions_bot": True} if question["addressed"] else {})
        for number, turn in enumerate(question["turns"])
    ]
    return {"id": question["id"], "turns": turns}


def judge(question: dict[str, Any], result: dict[str, Any]) -> bool:
    """Right action, every needed fact said, nothing forbidden said."""
    text, action = result["text"], result["action"]
    if any(_has(text, one) for one in question["must_not_include"]):
        return False
    told = all(any(_has(text, one) for one in choices) for choices in question["must_include"])
    wanted = {question["expect"], *_listed(question.get("expect_alt", []))}
    right = {
        "answer": action == "reply" and told,
        "silent": action == "silent",
        "handoff": action == "handoff",
        "refuse_unknown": action in ("refuse", "handoff"),
        "friendly": action in ("reply", "refuse") and told,
    }
    return any(right[one] for one in wanted)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _has(text: str, wanted: str) -> bool:
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).lower()
    if wanted.startswith("re:"):
        return bool(re.search(wanted[3:], plain, re.IGNORECASE))
    return unicodedata.normalize("NFKC", wanted).lower() in plain
