"""The schedule file (`SCHEDULES=schedules.toml`), for those who prefer files: read at start, and brought into SQL.

What admins added in a chat is left alone; what stands in the file is known by its name. A file that is wrong anywhere
changes nothing.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from bot.config import SettingsError
from bot.content.options import RIGHT, NotAnOption, options
from bot.content.times import following
from bot.content.when import NotATime, parse
from storage import members, schedules, watched
from storage.database import Database, Transaction

NEEDED = ("name", "chat", "when", "post")
HEAD = re.compile(r"\s*\[\[\s*schedule\s*\]\]")
CHAT = re.compile(r"[a-z]+:\S+")
EXAMPLE = '[[schedule]] with name = "tip", chat = "web:group", when = "every weekday at 9", post = "tip"'
COMPARED = (
    "chat_id", "content", "words", "rule", "timezone", "approve", "unanswered", "jitter", "catchup_window", "lead",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule of the file; `chat` is PLATFORM:ID, `values` are columns."""

    name: str
    chat: str
    values: dict[str, Any]


def read(path: Path, types: Collection[str], platforms: Collection[str], timezone: str) -> list[Entry]:
    """What the file says. `types` are the content types, `timezone` the shop's. Raises SettingsError, which names the
    file and of each mistake line, key and what would be right."""
    try:
        text = path.read_text("utf-8")
        held = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError names line and column
        raise SettingsError(f"SCHEDULES: {path}: {error}; right is {EXAMPLE}") from None
    tables = held.get("schedule", [])
    wrong = [f"{path}: {key}: no such table; right is {EXAMPLE}" for key in held if key != "schedule"]
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise SettingsError(f"SCHEDULES: {path}: schedule: right is {EXAMPLE}")
    lines, found, names = _lines(text), [], set[str]()
    for place, table in enumerate(tables):
        at = lines[place] if place < len(lines) else {}
        entry = None
        for key, mistake in _mistakes(table, types, platforms, names):
            wrong.append(f"{path}, line {at.get(key, at.get('', 0))}: {key}: {mistake}")
        if not wrong:
            try:
                entry = _entry(table, timezone)
            except NotAnOption as error:
                wrong.append(f"{path}, line {at.get(error.name, 0)}: {error}")
            except NotATime as error:
                wrong.append(f"{path}, line {at.get('when', 0)}: when: {error}")
        names.add(str(table.get("name", "")))
        found += [entry] if entry else []
    if wrong:
        raise SettingsError("\n".join(f"SCHEDULES: {one}" for one in wrong))
    return found


def _lines(text: str) -> list[dict[str, int]]:
    """For each table of the file, the line of each key; its own under ''."""
    found: list[dict[str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if HEAD.match(line):
            found.append({"": number})
        elif found and (key := re.match(r"""\s*["']?([\w-]+)["']?\s*=""", line)):
            found[-1].setdefault(key[1], number)
    return found


def _mistakes(
    table: dict[str, Any], types: Collection[str], platforms: Collection[str], names: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Key and what is wrong with it."""
    for key in NEEDED:
        if not isinstance(table.get(key), str) or not table[key].strip():
            yield key, f"it is missing or no text; right is {EXAMPLE}"
    for key in table:
        if key not in (*NEEDED, *RIGHT, "timezone"):
            yield key, f"no such key; right is one of {', '.join((*NEEDED, 'timezone', *RIGHT))}"
    if table.get("name") in names:
        yield "name", f'"{table["name"]}" stands twice; right is a name for each'
    if isinstance(table.get("post"), str) and table["post"] not in types:
        yield "post", f'"{table["post"]}" can\'t be written; right is one of {", ".join(types)}'
    chat = table.get("chat")
    if isinstance(chat, str) and (not CHAT.fullmatch(chat) or chat.partition(":")[0] not in platforms):
        shown = " or ".join(f"{one}:ID" for one in platforms)
        yield "chat", f'"{chat}" is no chat; right is {shown}, with the id of the chat there'
    if "timezone" in table and table["timezone"] not in available_timezones():
        yield "timezone", f'"{table["timezone"]}" is no zone; right is an IANA name such as Europe/London'


def _entry(table: dict[str, Any], timezone: str) -> Entry:
    zone = table.get("timezone", timezone)
    rule = parse(table["when"]).rule  # the same at every start: no "tomorrow", and a day that is over may stay
    values = {"content": table["post"], "words": table["when"], "rule": rule, "timezone": zone}
    values |= options({key: value for key, value in table.items() if key in RIGHT})
    return Entry(table["name"], table["chat"], values)


async def reconcile(database: Database, shop_id: int, entries: Sequence[Entry], now: datetime) -> list[str]:
    """Make SQL hold what the file says, in one transaction; a line for each schedule of what became of it."""

    async def change(tx: Transaction) -> list[str]:
        held = {row.name: row for row in await schedules.of_file(tx, shop_id)}
        lines = [await _bring(tx, shop_id, one, held.get(one.name), now) for one in entries]
        for name in held.keys() - {one.name for one in entries}:
            await schedules.remove(tx, held[name].chat_id, held[name].id)
            lines.append(f"remove     {name}")
        return lines

    return await database.write(change)


async def _bring(tx: Transaction, shop_id: int, entry: Entry, row: Any, now: datetime) -> str:
    platform, _, place = entry.chat.partition(":")
    chat = await members.enter(tx, shop_id, platform, place, "", False)
    values: dict[str, Any] = entry.values | {"chat_id": chat.id}
    due = following(values["rule"], values["timezone"], now)
    shown = f"{entry.name}: {values['content']} {values['words']} in {entry.chat}"
    if row is None:
        await schedules.add(tx, shop_id, name=entry.name, next_due=due and due.at, **values)
        return f"add        {shown}"
    changed = [name for name in COMPARED if getattr(row, name) != values[name]]
    if not changed:
        return f"unchanged  {shown}"
    if {"rule", "timezone", "lead"} & set(changed):
        values["next_due"] = due and due.at
    if "rule" in changed:
        await watched.expect(tx, shop_id, values["rule"])
    await schedules.change(tx, row.id, **values)
    return f"change     {shown} ({', '.join(changed)})"
