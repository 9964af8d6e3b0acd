"""Labelled messages for the gate: questions of the labelled shops, and what people say to each other in public data.

Chatter: lines of held-out or learning IRC logs (`irc_disentanglement`), of conversations about everything
(`topical_chat`), and of Chinese small talk (`lccc_sample_zh`). What is prefixed with somebody's name stays out: rules
settle it.
"""

import gzip
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.parts.process import ROOT
from bot.clock import ManualClock
from bot.knowledge.importers import import_paths
from bot.knowledge.library import Library
from llm.encoder import Encoders
from storage import migrate, shops
from storage.database import Database

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SHOPS, DEMO = ROOT / "tests" / "shops", ROOT / "bot" / "demo"
FILES = ("shop.json", "catalog.csv", "feed.xml", "faq.md", "faq.zh.md")
NAMED = re.compile(r"^@?([^\s:,]+)[:,]\s*")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message, and whether a question to the shop that it answers. `half` is 0 or 1."""

    text: str
    wanted: bool
    source: str
    half: int


def questions(shop: Path, half: int) -> list[Labelled]:
    """What members asked a shop in their own words; unanswerable ones are not wanted."""
    name = "questions.jsonl" if (shop / "questions.jsonl").exists() else "golden.jsonl"
    held = [json.loads(line) for line in (shop / name).read_text("utf-8").splitlines()]
    wanted = {"answer": True, "refuse_unknown": False, "silent": False}
    return [
        Labelled(one["turns"][0]["text"], wanted[one["expect"]], one["expect"], half)
        for one in held
        if one["expect"] in wanted and len(one["turns"]) == 1
    ]


def chatter(data: Path, how_many: int, *, held_out: bool) -> list[Labelled]:
    """So many lines of each source. Held out: of IRC the dev logs, of the others every second conversation."""
    random = Random(1)
    lines = {"irc": [text for log in logs(data, "dev" if held_out else "train") for text in _unnamed(log)]}
    for source in ("topical_chat", "lccc_sample_zh"):
        lines[source] = [text for text in _spoken(data / source, held_out) if 2 < len(text) < LONGEST]
    return [
        Labelled(text, False, source, at % 2)
        for source, held in lines.items()
        for at, text in enumerate(random.sample(held, min(how_many, len(held))))
    ]


def logs(data: Path, split: str) -> Iterator[dict[str, Any]]:
    """IRC logs: messages ([time, nick, text]) and links ([earlier, later])."""
    with gzip.open(data / "irc_disentanglement" / f"{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _unnamed(log: dict[str, Any]) -> list[str]:
    nicks = {nick.lower() for _, nick, _ in log["messages"] if nick}
    return [text for _, nick, text in log["messages"] if nick and not named(text, nicks)]


def named(text: str, nicks: Sequence[str] | set[str]) -> str:
    """The nick that a line begins with."""
    found = NAMED.match(text)
    return found[1].lower() if found and found[1].lower() in nicks else ""


def _spoken(folder: Path, held_out: bool) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in islice(lines, int(held_out), None, 2):
                found += [one if isinstance(one, str) else one[1] for one in json.loads(line)["turns"]]
    return found


@asynccontextmanager
async def opened(folder: Path, shop: Path, encoders: Encoders | None = None) -> AsyncIterator[Library]:
    """A shop's library on a database of its own."""
    url = f"sqlite:///{folder}/{shop.name}.db"
    migrate.upgrade(url)
    async with Database(url) as database:
        shop_id = await database.write(lambda tx: shops.create(tx, shop.name, "USD", "UTC", "en"))
        files = [shop / name for name in FILES if (shop / name).exists()]
        await import_paths(database, shop_id, files, clock=ManualClock(NOW))
        library = Library(database, shop_id, encoders)
        await library.refresh()
        await library.catch_up()
        yield library
