"""Logs of what members took to, as benchmarks read them: events and items from CSV files."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from bot.language import tokens
from bot.members.signals.base import WORTH, Events, Floats, Ints, Shop
from bot.members.vectors import words_of

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Log:
    """Events over members and items that are places from 0; `texts` by item, all empty where there are none."""

    events: Events
    members: int
    items: int
    texts: tuple[str, ...]

    def shop(self, events: Events) -> Shop:
        """What signals are fitted on: these events of the log, and every text."""
        said = [dict.fromkeys(tokens(text), 1.0) for text in self.texts]
        words = words_of(said).matrix if any(self.texts) else None
        return Shop(events, self.members, self.items, words)

    def of_members(self, chosen: Ints, most: int) -> "Log":
        """A community: these members with their last `most` events, and the items that they touch."""
        events = self.events.among(np.isin(self.events.member, chosen))
        later = np.zeros(len(events), np.int64)  # how many of the member's own events come after each
        counts = np.zeros(self.members, np.int64)
        for place in range(len(events) - 1, -1, -1):
            later[place] = counts[events.member[place]]
            counts[events.member[place]] += 1
        events = events.among(later < most)
        members, member = np.unique(events.member, return_inverse=True)
        items, item = np.unique(events.item, return_inverse=True)
        texts = tuple(self.texts[one] for one in items)
        return Log(replace(events, member=member, item=item), len(members), len(items), texts)


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and row. Raises SystemExit where a column is missing."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := [one for one in needed if one not in (reader.fieldnames or ())]:
            raise SystemExit(f"{path}:1: no column {missing[0]}; right is a header of {', '.join(needed)}")
        yield from ((reader.line_num, row) for row in reader)


def days(text: str, path: Path, line: int) -> float:
    """A time, ISO 8601 or in seconds, as days. Raises SystemExit."""
    try:
        return float(text) / DAY
    except ValueError:
        pass_on = text
    try:
        moment = datetime.fromisoformat(pass_on)
    except ValueError:
        raise SystemExit(f"{path}:{line}: time: {text!r} is none; right is 2011-07-01 08:30:00 or seconds") from None
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)).total_seconds() / DAY


def read(events: Path, items: Path | None) -> Log:
    """`events` has the columns member, item, time, kind; `items` item, title, text, price."""
    found = []
    for line, row in _rows(events, ("member", "item", "time", "kind")):
        if row["kind"] not in WORTH:
            raise SystemExit(f"{events}:{line}: kind: {row['kind']!r} is none; right is one of {', '.join(WORTH)}")
        found.append((row["member"], row["item"], days(row["time"], events, line), WORTH[row["kind"]]))
    texts = {}
    for _, row in _rows(items, ("item", "title", "text", "price")) if items else ():
        texts[row["item"]] = f"{row['title']} {row['text']}".strip()
    return assembled(found, texts)


def online_retail(path: Path) -> Log:
    """The UCI set Online Retail as a log: purchases of known customers, without returns, postage and fees."""
    found, texts = [], {}
    for line, row in _rows(path, ("invoice", "stock_code", "description", "quantity", "ts", "customer")):
        code = row["stock_code"].upper()
        if (
            not row["customer"]
            or row["invoice"].startswith("C")
            or float(row["quantity"]) <= 0
            or not code[0].isdigit()
        ):
            continue
        texts[code] = row["description"]
        found.append((row["customer"], code, days(row["ts"], path, line), WORTH["bought"]))
    return assembled(found, texts)


def assembled(found: list[tuple[str, str, float, float]], texts: Mapping[str, str]) -> Log:
    """Events in the order of time; of the same moment, in that of the file."""
    members = {name: place for place, name in enumerate(dict.fromkeys(one[0] for one in found))}
    items = {name: place for place, name in enumerate(dict.fromkeys(one[1] for one in found))}
    at: Floats = np.array([one[2] for one in found])
    order = np.argsort(at, kind="stable")
    member = np.array([members[one[0]] for one in found])[order]
    item = np.array([items[one[1]] for one in found])[order]
    worth = np.array([one[3] for one in found])[order]
    return Log(
        Events(member, item, at[order], worth), len(members), len(items), tuple(texts.get(one, "") for one in items)
    )
