import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parts import wallclock
from bot.content.times import following, next_time
from bot.content.when import parse
from storage import inbox, interactions, members, schedules
from tests.bot.running_shop import NOON, RunningShop, running_shop


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "following"),
    [
        ("0 9 * * *", "UTC", "2026-05-04T08:59:59", "2026-05-04T09:00"),
        ("0 9 * * *", "UTC", "2026-05-04T09:00", "2026-05-05T09:00"),
        ("0 9 * * *", "Asia/Shanghai", "2026-05-04T08:00", "2026-05-05T01:00"),
        ("0 9 * * 0", "UTC", "2026-05-04T12:00", "2026-05-10T09:00"),  # cron's 0 is Sunday, APScheduler's is Monday
        ("0 9 * * 7", "UTC", "2026-05-04T12:00", "2026-05-10T09:00"),
        ("0 9 * * 1-5", "UTC", "2026-05-08T12:00", "2026-05-11T09:00"),
        ("0 9 1 * 1", "UTC", "2026-05-04T12:00", "2026-05-11T09:00"),  # day and weekday both given: either
        ("0 9 1 * 1", "UTC", "2026-05-28T12:00", "2026-06-01T09:00"),
        ("0 9 29 2 *", "UTC", "2026-05-04T12:00", "2028-02-29T09:00"),
        ("0 9 */2 * 1", "UTC", "2026-05-04T12:00", "2026-05-11T09:00"),  # a star restricts no day: Mondays, odd ones
        ("0 * * * *", "Europe/London", "2026-10-25T00:00", "2026-10-25T01:00"),  # hourly follows elapsed time
        ("0 * * * *", "Europe/London", "2026-03-29T00:30", "2026-03-29T01:00"),
        ("every 7200", "Europe/London", "2026-10-25T00:30", "2026-10-25T02:00"),
        # autumn in London: 01:30 happens at 00:30 and 01:30 UTC
        ("30 1 * * *", "Europe/London", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 1 * * *", "Europe/London", "2026-10-25T00:30", "2026-10-26T01:30"),
        # spring in London: 01:30 is missing, and comes an hour later by the wall
        ("30 1 * * *", "Europe/London", "2026-03-28T12:00", "2026-03-29T01:30"),
        ("30 1 * * *", "Europe/London", "2026-03-29T01:30", "2026-03-30T00:30"),
    ],
)
def test_the_next_time(cron: str, zone: str, after: str, following: str) -> None:
    assert next_time(cron, zone, at(after)) == at(following)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(ValueError, match="doesn't come"):
        next_time("0 9 31 2 *", "UTC", NOON)


DAYS = 4
CHANGES = ("2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24")
ZONES = ("Europe/London", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu")


@lru_cache(maxsize=len(CHANGES) * len(ZONES))
def walked(zone: str, day: str) -> wallclock.Span:
    return wallclock.walk(zone, at(day), DAYS)


rules = st.tuples(
    st.sampled_from(["0", "30", "59", "*/20", "15,45", "*"]),
    st.sampled_from(["0", "1", "2", "1-3", "*", "23", "*/3", "0,2"]),
    st.sampled_from(["*", "*", "25", "*/2", "1,29"]),
    st.sampled_from(["*", "*", "3,10"]),
    st.sampled_from(["*", "0", "0,6", "1-5"]),
).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(rule=rules, zone=st.sampled_from(ZONES), day=st.sampled_from(CHANGES), offset=st.integers(180, 24 * 60))
def test_each_moment_comes_as_who_looks_at_every_minute_sees_it(rule: str, zone: str, day: str, offset: int) -> None:
    assert_as_walked(rule, zone, day, offset)


@pytest.mark.long
@settings(max_examples=4000, deadline=None)
@given(rule=rules, zone=st.sampled_from(ZONES), day=st.sampled_from(CHANGES), offset=st.integers(180, 24 * 60))
def test_each_of_many_moments_comes_so(rule: str, zone: str, day: str, offset: int) -> None:
    assert_as_walked(rule, zone, day, offset)


def assert_as_walked(rule: str, zone: str, day: str, offset: int) -> None:
    start, end = at(day) + timedelta(minutes=offset), at(day) + timedelta(days=DAYS - 1)
    wanted = sorted(one for one in wallclock.due(rule, walked(zone, day)) if start < one <= end)[:50]
    found, after = [], start
    while len(found) < len(wanted):
        after = next_time(rule, zone, after)
        found.append(after)
    assert found == wanted
    assert wanted or (due := following(rule, zone, start)) is None or due.at > end


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path) as opened:
        await opened.tick_until_idle()  # the day's clearing
        opened.woken.clear()
        yield opened


async def test_a_schedule_posts_when_its_time_has_come_and_not_before(shop: RunningShop) -> None:
    schedule = await shop.schedule(parse("every day at 13").rule)
    assert await shop.scheduler.tick() is False
    shop.clock.set(NOON + timedelta(hours=1))
    assert await shop.scheduler.tick() is True
    assert await shop.scheduler.tick() is False
    (row,) = await shop.rows("post")
    assert row.platform_id == "group"
    assert await shop.runs(schedule) == [(NOON + timedelta(hours=1), "done", "")]
    assert shop.woken == ["outbox"]
    shop.clock.set(NOON + timedelta(hours=25))
    await shop.tick_until_idle()
    assert len(await shop.rows("post")) == 2


async def test_a_run_too_late_is_missed_and_says_so(shop: RunningShop) -> None:
    schedule = await shop.schedule("0 13 * * *")
    shop.clock.set(NOON + timedelta(hours=3))
    await shop.tick_until_idle()
    assert await shop.rows("post") == []
    ((_, state, note),) = await shop.runs(schedule)
    assert (state, note) == ("missed", "7200 s late, the catchup window is 3600 s")


async def test_nothing_is_posted_into_a_muted_chat(shop: RunningShop) -> None:
    schedule = await shop.schedule("0 13 * * *")
    until = NOON + timedelta(hours=2)
    await shop.database.write(lambda tx: members.change_chat(tx, shop.group.id, muted_until=until))
    shop.clock.set(NOON + timedelta(hours=1))
    await shop.tick_until_idle()
    assert await shop.rows("post") == []
    assert await shop.runs(schedule) == [(NOON + timedelta(hours=1), "missed", "the chat was muted")]


async def test_of_several_times_gone_by_only_the_last_is_posted(shop: RunningShop) -> None:
    schedule = await shop.schedule("*/20 * * * *")
    shop.clock.set(NOON + timedelta(minutes=90))
    await shop.tick_until_idle()
    runs = await shop.runs(schedule)
    assert [state for _, state, _ in runs] == ["missed", "missed", "missed", "done"]
    assert runs[0][2].startswith("4200 s late")
    assert runs[2][2] == "a later run was due before it was begun"
    assert len(await shop.rows("post")) == 1


async def test_a_month_down_is_recorded_without_a_row_for_each_minute(shop: RunningShop) -> None:
    schedule = await shop.schedule("* * * * *", window=120)
    shop.clock.set(NOON + timedelta(days=30))
    await shop.tick_until_idle()
    runs = await shop.runs(schedule)
    assert [state for _, state, _ in runs].count("done") == 1
    assert any("have no row" in note for _, _, note in runs)
    following = await shop.database.read(lambda tx: schedules.next_due(tx, shop.shop_id))
    assert following == NOON + timedelta(days=30, minutes=1)


async def test_a_run_that_a_kill_left_behind_is_done_once(tmp_path: Path) -> None:
    due = NOON + timedelta(minutes=30)
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("30 * * * *")
        # killed after the run was begun
        run = await shop.database.write(lambda tx: schedules.begin_run(tx, shop.shop_id, schedule, due, "due"))
        await shop.move(schedule, due + timedelta(hours=1))
    async with running_shop(tmp_path, now=due + timedelta(minutes=1)) as shop:
        # and again after its post was put out
        await shop.drafts.post("tip", shop.group, "en", f"post:{run}")
    async with running_shop(tmp_path, now=due + timedelta(minutes=2)) as shop:
        await shop.tick_until_idle()
        assert await shop.runs(schedule) == [(due, "done", "posted 120 s late")]
        assert len(await shop.rows("post")) == 1


async def test_a_run_begun_before_a_long_stop_is_missed_and_overlap_is_skipped(tmp_path: Path) -> None:
    due = NOON + timedelta(minutes=30)
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("30 * * * *")
        await shop.database.write(lambda tx: schedules.begin_run(tx, shop.shop_id, schedule, due, "due"))
        await shop.move(schedule, due + timedelta(hours=2))
    async with running_shop(tmp_path, now=due + timedelta(hours=2)) as shop:
        await shop.tick_until_idle()
        runs = await shop.runs(schedule)
        assert [state for _, state, _ in runs] == ["missed", "missed"]
        assert runs[1][2] == "the run before it was still to be done"


async def test_a_removed_schedule_posts_no_more(shop: RunningShop) -> None:
    schedule = await shop.schedule("0 13 * * *")
    await shop.database.write(lambda tx: schedules.remove(tx, shop.group.id, schedule))
    shop.clock.set(NOON + timedelta(hours=1))
    await shop.tick_until_idle()
    assert await shop.rows("post") == []


async def test_a_run_without_anything_to_post_fails_and_the_others_go_on(shop: RunningShop) -> None:
    broken, whole = await shop.schedule("0 13 * * *", content="poem"), await shop.schedule("0 13 * * *")
    shop.clock.set(NOON + timedelta(hours=1))
    await shop.tick_until_idle()
    assert [(state, note) for _, state, note in await shop.runs(broken)] == [
        ("failed", f"there is no content type 'poem'; there is: {', '.join(shop.drafts.names)}")
    ]
    assert [state for _, state, _ in await shop.runs(whole)] == ["done"]


async def test_parked_messages_are_taken_up_when_due(shop: RunningShop) -> None:
    row = await shop.database.write(lambda tx: inbox.put(tx, shop.shop_id, "web:1", "web:group", {}, NOON))
    assert row
    await shop.database.write(lambda tx: inbox.park(tx, row, NOON + timedelta(seconds=20)))
    assert await shop.scheduler.tick() is False
    shop.clock.set(NOON + timedelta(seconds=20))
    assert await shop.scheduler.tick() is True
    assert shop.woken == ["intake"]
    assert await shop.scheduler.tick() is False


async def test_suggestions_go_out_in_the_hour_after_the_quiet_ones(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone")
    await shop.suggestions.subscribe(maya, True)
    await shop.tick_until_idle()
    assert await shop.rows("suggestion") == []  # it is noon
    shop.clock.set(NOON.replace(hour=9) + timedelta(days=1))
    await shop.tick_until_idle()
    assert len(await shop.rows("suggestion")) == 1


async def test_words_and_handled_messages_are_kept_no_longer_than_said(shop: RunningShop) -> None:
    maya = await shop.member("Maya")
    await shop.ask(maya, "Gripstone", text="how much is it?")
    row = await shop.database.write(lambda tx: inbox.put(tx, shop.shop_id, "web:1", "web:group", {}, NOON))
    await shop.database.write(lambda tx: inbox.done(tx, row or 0))
    await shop.database.write(lambda tx: inbox.put(tx, shop.shop_id, "web:2", "web:group", {}, NOON, done=True))
    shop.clock.set(NOON + timedelta(days=29))
    await shop.tick_until_idle()
    kept = await shop.database.read(lambda tx: interactions.of_member(tx, maya))
    assert [one.text for one in kept] == ["how much is it?"]
    again = await shop.database.write(lambda tx: inbox.put(tx, shop.shop_id, "web:1", "web:group", {}, NOON))
    assert again is not None  # the handled row is gone
    shop.clock.set(NOON + timedelta(days=31))
    await shop.tick_until_idle()
    (one,) = await shop.database.read(lambda tx: interactions.of_member(tx, maya))
    assert one.text == ""
    assert one.product_id == await shop.product("Gripstone")


async def test_it_ticks_by_itself_until_it_is_cancelled(shop: RunningShop) -> None:
    await shop.schedule("0 13 * * *")
    shop.clock.set(NOON + timedelta(hours=1))
    running = asyncio.create_task(shop.scheduler.run())
    await asyncio.wait_for(shop.sending.wait(), 30)
    assert len(await shop.rows("post")) == 1
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_what_moves_on_by_the_clock_is_never_moved_on_twice_at_once(tmp_path: Path) -> None:
    """A step acts on what it has read: beside itself it would tell a forgotten member twice."""
    under_way, most, entered, go_on = 0, 0, asyncio.Event(), asyncio.Event()

    async def step(now: datetime) -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        entered.set()
        await go_on.wait()
        under_way -= 1
        return False

    async with running_shop(tmp_path, steps=[step]) as shop:
        running = asyncio.create_task(shop.scheduler.run())
        try:
            await entered.wait()
            entered.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(entered.wait(), 2.5)  # its own job and the tick, each second
        finally:
            go_on.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert most == 1
