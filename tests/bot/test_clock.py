"""The clocks that stand still until somebody sets them."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from bot.clock import FileClock, ManualClock

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


async def fall_asleep(clock: ManualClock, *seconds: float) -> tuple[list[float], list[asyncio.Task[None]]]:
    """Sleepers that write down when they were woken; all sleep once this returns."""
    woken: list[float] = []

    async def one(length: float) -> None:
        await clock.sleep(length)
        woken.append(length)

    tasks = [asyncio.create_task(one(length)) for length in seconds]
    await asyncio.sleep(0)
    return woken, tasks


async def test_sleepers_wake_in_the_order_of_their_times():
    clock = ManualClock(START)
    woken, tasks = await fall_asleep(clock, 30, 10, 20)
    clock.set(START + timedelta(minutes=1))
    await asyncio.gather(*tasks)
    assert woken == [10, 20, 30]


async def test_only_those_wake_whose_time_has_come():
    clock = ManualClock(START)
    woken, tasks = await fall_asleep(clock, 30, 10, 20)
    clock.set(START + timedelta(seconds=20))
    await asyncio.gather(tasks[1], tasks[2])
    assert woken == [10, 20]
    assert not tasks[0].done()
    clock.set(START + timedelta(seconds=30))
    await tasks[0]


async def test_who_was_cancelled_does_not_hold_up_the_others():
    clock = ManualClock(START)
    woken, tasks = await fall_asleep(clock, 10, 20)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    clock.set(START + timedelta(seconds=20))
    await tasks[1]
    assert woken == [20]


async def test_no_time_is_no_sleep():
    clock = ManualClock(START)
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.now() == START


def test_a_moment_in_another_zone_is_the_same_moment():
    shanghai = timezone(timedelta(hours=8))
    clock = ManualClock(datetime(2026, 3, 2, 18, 0, tzinfo=shanghai))
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)


async def test_a_file_sets_the_clock_from_outside(tmp_path: Path):
    path = tmp_path / "now"
    path.write_text(START.isoformat())
    clock = FileClock(path)
    assert clock.now() == START
    sleeping = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    path.write_text((START + timedelta(seconds=60)).isoformat())
    await sleeping
    assert clock.now() == START + timedelta(seconds=60)


def test_a_file_without_a_zone_means_utc_and_half_a_file_is_not_yet_read(tmp_path: Path):
    path = tmp_path / "now"
    path.write_text("2026-03-02T10:00:00\n")
    clock = FileClock(path)
    assert clock.now() == START
    path.write_text("2026-03-")
    assert clock.now() == START
    path.unlink()
    assert clock.now() == START
