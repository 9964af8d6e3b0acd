"""The benchmark of the recommender reads logs, and says what is wrong with one."""

from pathlib import Path

import pytest

from benchmarks.parts.logs import read

EVENTS = """member,item,time,kind
ann,mug,2026-01-02 10:00:00,bought
ben,pot,2026-01-01,asked
ann,pot,1767400000,dismissed
"""
ITEMS = "item,title,text,price\nmug,Red mug,for tea,9\npot,Tea pot,for tea,19\n"


def write(folder: Path, events: str) -> Path:
    path = folder / "events.csv"
    path.write_text(events, "utf-8")
    return path


def test_events_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(ITEMS, "utf-8")
    log = read(write(tmp_path, EVENTS), tmp_path / "items.csv")
    assert (log.members, log.items, log.texts) == (2, 2, ("Red mug for tea", "Tea pot for tea"))
    assert log.events.worth.tolist() == [1.0, 5.0, -1.5]
    assert log.shop(log.events).words is not None


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (EVENTS.replace("2026-01-01", "soon"), "events.csv:3: time: 'soon' is none; right is 2011-07-01 08:30:00"),
        (EVENTS.replace("asked", "hugged"), "events.csv:3: kind: 'hugged' is none; right is one of bought, praised"),
        (EVENTS.replace("kind", "sort"), "events.csv:1: no column kind; right is a header of member, item, time, kind"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, bad: str, told: str) -> None:
    with pytest.raises(SystemExit, match=r"events\.csv") as refused:
        read(write(tmp_path, bad), None)
    assert told in str(refused.value)
