"""Labelled development shops: their files and questions."""

import json
from pathlib import Path
from typing import Any

SHOPS = Path(__file__).parent / "shops"


def questions(shop: str, split: str) -> list[dict[str, Any]]:
    """The labelled questions of one half: `dev` is for looking at, `test` is not."""
    lines = (SHOPS / shop / "questions.jsonl").read_text("utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["split"] == split]


def files(shop: str) -> list[Path]:
    """What the shop's merchant would import."""
    names = ("shop.json", "catalog.csv", "feed.xml", "faq.md")
    return [SHOPS / shop / name for name in names if (SHOPS / shop / name).exists()]
