"""Parsers answer or refuse whatever comes in: inputs as `benchmarks/fuzz.py` makes them, and what once broke one."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.fuzzed import EVENT, NOW, UPDATES, _edge, _hear, _import, targets
from benchmarks.parts.fuzzing import HANG, Found, Hang, Target, fuzz
from bot.config import SettingsError
from bot.content import schedulefile, when
from bot.content.when import NotATime

INPUTS = 20_000
SHARES = (0.03, 0.65, 0.15, 0.14, 0.02, 0.01)  # more of those that cost less: ten seconds in all


def test_inputs_without_a_crash_or_a_hang() -> None:
    found = Found()
    for (target, _), share in zip(targets(), SHARES, strict=True):
        found.add(fuzz(target, 1, round(INPUTS * share)))
    assert found.first == {}
    assert (found.inputs, found.crashes, found.hangs) == (INPUTS, 0, 0)


def test_what_crashes_and_what_hangs_is_found() -> None:
    def parse(made: str) -> None:
        if made == "hang":
            while True:
                pass
        if made != "right":
            raise ValueError(made) if made == "refused" else KeyError(made)

    found = Found()
    for made in ("right", "refused", "crash", "hang"):
        found.add(fuzz(Target("x", lambda _, made=made: made, parse, (ValueError,)), 0, 1))  # type: ignore[misc]
    assert (found.inputs, found.refused, found.crashes, found.hangs) == (4, 1, 1, 1)
    assert HANG == 1.0
    assert not issubclass(Hang, Exception)


def test_an_update_without_a_time_is_kept_apart() -> None:
    """Taken in, it could not be stored, and would be fetched again for ever."""
    edge, before = _edge(), _edge().unreadable
    edge.take({"update_id": 1, "message_reaction": UPDATES[6]["message_reaction"] | {"date": None}})
    assert edge.unreadable == before + 1


MALFORMED = ({"content": 5}, {"content": None}, {"author": None}, {"flags": "x"}, {"type": [{}]})


@pytest.mark.parametrize("change", MALFORMED)
def test_a_message_that_can_not_be_read_holds_none_up(change: dict[str, Any]) -> None:
    """Tried again, it would keep the rest of its channel from being read."""
    _hear({"message": EVENT | change, "used": None})


@pytest.mark.parametrize("words", ["in " + "9" * 400 + " hours", "in 9999999 hours", "999999999小时后"])
def test_a_time_too_far_away_is_no_time(words: str) -> None:
    with pytest.raises(NotATime):
        when.parse(words, NOW)


SPACES = " " * 5000
ENDLESS = (f"# {SPACES}x", "#" + "[" * 20_000, f"Q{SPACES}", "<!--" * 5000, "`a " * 7000, f"{SPACES}|")


@pytest.mark.parametrize("line", ENDLESS, ids=lambda line: line.strip()[:3])
def test_lines_without_end_are_read_in_time(line: str) -> None:
    found = fuzz(Target("markdown", lambda _: f"# Care\n\n{line}\n\n{line}?".encode(), _import), 0, 1)
    assert (found.crashes, found.hangs) == (0, 0)


def test_brackets_without_end_are_no_schedule(tmp_path: Path) -> None:
    file = tmp_path / "schedules.toml"
    file.write_text("schedule = " + "[" * 5000, "utf-8")
    with pytest.raises(SettingsError, match=r"schedules\.toml: maximum recursion"):
        schedulefile.read(file, ("tip",), ("web",), "UTC")
