"""kill -9 at the steps of a post, by two processes on one database, on the days that change the clocks."""

from pathlib import Path

import pytest

from benchmarks import schedules


@pytest.mark.long
async def test_nothing_is_posted_twice_and_nothing_is_lost_silently(tmp_path: Path) -> None:
    rows = await schedules.kills(tmp_path, quick=True)
    assert [(row.name, row.note) for row in rows if row.value] == []


@pytest.mark.long
async def test_two_processes_post_each_run_once(tmp_path: Path) -> None:
    rows = await schedules.two_processes(tmp_path, True, f"sqlite:///{tmp_path}/two.db")
    assert [(row.name, row.note) for row in rows if row.value] == []


@pytest.mark.long
async def test_four_processes_overspend_nothing(tmp_path: Path) -> None:
    rows = await schedules.spent(tmp_path, True, f"sqlite:///{tmp_path}/ledger.db")
    assert [(row.name, row.note) for row in rows if row.value] == []
