"""What becomes of the runs of schedules: drafted ahead, put off, held back, missed and told of, begun by events."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.attention import Limits
from bot.content.drafts import NothingToPost
from bot.runs import DueRun, Over
from storage import attention, members, outbox, schedules
from storage.imports import Entry, begin, compare, entry, make_current, stage
from tests.bot.running_shop import NOON, RunningShop, running_shop

ONE = timedelta(hours=1)


@dataclass
class Desk:
    """A producer whose drafts wait for an answer: None until it is given."""

    answer: Over | None = ("done", "")
    drafted: list[DueRun] = field(default_factory=list)
    asked: list[DueRun] = field(default_factory=list)
    broken: bool = False

    async def prepare(self, run: DueRun) -> None:
        self.drafted.append(run)
        if self.broken:
            raise NothingToPost("the shop has nothing")

    async def publish(self, run: DueRun) -> Over | None:
        self.asked.append(run)
        return self.answer


async def at(shop: RunningShop, moment: datetime) -> None:
    shop.clock.set(moment)
    await shop.tick_until_idle()


async def test_a_draft_is_made_ahead_once_and_posted_when_it_was_approved(tmp_path: Path) -> None:
    desk = Desk(answer=None)
    async with running_shop(tmp_path, producer=desk) as shop:
        schedule = await shop.schedule("0 13 * * *", lead=1800, approve="ask", unanswered="skip")
        await at(shop, NOON + timedelta(minutes=29))
        assert desk.drafted == []
        await at(shop, NOON + timedelta(minutes=30))
        await at(shop, NOON + timedelta(minutes=45))
        (run,) = desk.drafted
        assert (run.due, run.approve, run.unanswered, run.content) == (NOON + ONE, "ask", "skip", "tip")
        assert desk.asked == []
        await at(shop, NOON + ONE)
        assert [one.id for one in desk.asked] == [run.id]  # nobody answered yet
        assert await shop.runs(schedule) == [(NOON + ONE, "due", "")]
        desk.answer = ("done", "")
        await at(shop, NOON + ONE + timedelta(minutes=2))
        assert await shop.runs(schedule) == [(NOON + ONE, "done", "posted 120 s late")]


async def test_after_a_kill_the_draft_is_asked_for_again(tmp_path: Path) -> None:
    for minutes in (40, 41):
        desk = Desk()
        async with running_shop(tmp_path, producer=desk, now=NOON) as shop:
            if minutes == 40:
                await shop.schedule("0 13 * * *", lead=1800)
            await at(shop, NOON + timedelta(minutes=minutes))
            assert len(desk.drafted) == 1


async def test_a_producer_decides_that_nothing_is_posted_and_the_place_is_given_back(tmp_path: Path) -> None:
    desk = Desk(answer=("skipped", "nobody answered"))
    async with running_shop(tmp_path, producer=desk) as shop:
        schedule = await shop.schedule("0 13 * * *")
        await at(shop, NOON + ONE)
        assert await shop.runs(schedule) == [(NOON + ONE, "skipped", "nobody answered")]
        assert await shop.database.read(lambda tx: attention.of(tx, shop.shop_id)) == []


async def test_admins_are_told_once_of_what_was_not_posted(tmp_path: Path) -> None:
    async with running_shop(tmp_path, producer=Desk(broken=True)) as shop:
        schedule = await shop.schedule("0 13 * * *")
        await at(shop, NOON + ONE)
        assert [state for _, state, _ in await shop.runs(schedule)] == ["failed"]
        await at(shop, NOON + ONE + timedelta(minutes=2))
        await at(shop, NOON + ONE + timedelta(minutes=5))
        (text,) = shop.told
        assert text.startswith(f"Not posted in Group:\n{schedule}: tip, due May 4, 2026")
        assert "the shop has nothing" in text


async def test_what_was_cut_off_while_it_was_sent_is_told_as_unknown(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("0 13 * * *")
        await at(shop, NOON + ONE)
        (row,) = await shop.rows("post")
        await shop.database.write(lambda tx: outbox.mark(tx, row.id, "unknown"))
        await at(shop, NOON + ONE + timedelta(minutes=2))
        ((_, state, note),) = await shop.runs(schedule)
        assert (state, note) == ("unknown", "nobody saw whether it arrived, and it is not sent again")
        assert "nobody saw" in shop.told[0]


async def test_what_could_not_be_sent_gives_its_place_back(tmp_path: Path) -> None:
    async with running_shop(tmp_path, chats=Limits(1)) as shop:
        await shop.schedule("0 13 * * *")
        await at(shop, NOON + ONE)
        (row,) = await shop.rows("post")
        await shop.database.write(lambda tx: outbox.mark(tx, row.id, "failed", error="blocked"))
        await at(shop, NOON + ONE + timedelta(minutes=2))
        assert await shop.database.read(lambda tx: attention.of(tx, shop.shop_id)) == []
        assert "blocked" in shop.told[0]


async def test_posts_keep_their_distance_and_the_caps(tmp_path: Path) -> None:
    async with running_shop(tmp_path, chats=Limits(2, gap=10)) as shop:
        first, second, third = [await shop.schedule("0 13 * * *") for _ in range(3)]
        await at(shop, NOON + ONE)
        assert await shop.runs(second) == [(NOON + ONE, "due", "minimum gap")]
        await at(shop, NOON + ONE + timedelta(minutes=10))
        assert await shop.runs(second) == [(NOON + ONE, "done", "posted 600 s late: minimum gap")]
        assert await shop.runs(third) == [(NOON + ONE, "due", "daily cap")]
        await at(shop, NOON + 2 * ONE + timedelta(seconds=1))
        assert await shop.runs(third) == [
            (NOON + ONE, "missed", "3601 s late, the catchup window is 3600 s: daily cap")
        ]
        assert [state for _, state, _ in await shop.runs(first)] == ["done"]


async def test_quiet_hours_put_off_what_is_due_in_them_and_leave_out_what_comes_often(tmp_path: Path) -> None:
    async with running_shop(tmp_path, producer=Desk()) as shop:
        fixed, often = await shop.schedule("0 22 * * *"), await shop.schedule("every 14400")
        await at(shop, NOON + timedelta(hours=12))
        assert await shop.runs(fixed) == [(NOON + timedelta(hours=10), "due", "")]
        await at(shop, NOON + timedelta(hours=21))
        assert [(state, note) for _, state, note in await shop.runs(fixed)] == [("done", "")]
        assert ("skipped", "quiet hours") in [(state, note) for _, state, note in await shop.runs(often)]
        assert all("quiet" not in text for text in shop.told)


async def test_a_chats_own_quiet_hours_and_zone_hold(tmp_path: Path) -> None:
    desk = Desk()
    async with running_shop(tmp_path, producer=desk, quiet=None) as shop:
        own = {"quiet_hours": "20:00-23:00", "timezone": "Asia/Shanghai"}
        await shop.database.write(lambda tx: members.change_chat(tx, shop.group.id, **own))
        await shop.schedule("0 13 * * *")
        await at(shop, NOON + ONE)  # 21:00 in Shanghai
        assert desk.asked == []
        await at(shop, NOON + 3 * ONE)
        assert [run.due for run in desk.asked] == [NOON + 3 * ONE]


async def test_chance_puts_a_post_off_by_the_same_however_often_it_is_begun(tmp_path: Path) -> None:
    desk = Desk()
    async with running_shop(tmp_path, producer=desk) as shop:
        await shop.schedule("0 13 * * *", jitter=600)
        await at(shop, NOON + ONE + timedelta(seconds=600))
        await at(shop, NOON + timedelta(days=1, hours=1, seconds=600))
        first, second = (run.due - NOON - ONE for run in desk.asked)
        assert timedelta() <= first <= timedelta(seconds=600)
        assert first != second - timedelta(days=1)


async def test_a_paused_schedule_misses_nothing(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("0 13 * * *")
        await shop.database.write(lambda tx: schedules.change(tx, schedule, paused=True))
        await at(shop, NOON + timedelta(days=2))
        assert await shop.runs(schedule) == []
        assert shop.told == []


async def test_a_time_that_comes_once_comes_once(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("once 2026-05-04T13:00")
        await at(shop, NOON + ONE)
        await at(shop, NOON + timedelta(days=400))
        assert await shop.runs(schedule) == [(NOON + ONE, "done", "")]


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-10-25", ["2026-10-25T00:30"]),  # 01:30 comes twice in London
        ("2026-03-29", ["2026-03-29T01:30"]),  # and here not at all: 02:30 by the wall
    ],
)
async def test_a_wall_time_is_posted_once_on_the_days_that_change_the_clocks(
    tmp_path: Path, day: str, due: list[str]
) -> None:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC)
    async with running_shop(tmp_path, now=start, producer=Desk(), quiet=None) as shop:
        schedule = await shop.schedule("30 1 * * *", "Europe/London")
        for minutes in range(0, 300, 15):
            await at(shop, start + timedelta(minutes=minutes))
        assert [f"{one:%Y-%m-%dT%H:%M}" for one, _, _ in await shop.runs(schedule)] == due


async def test_the_same_wall_time_has_no_second_run_at_another_moment(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        schedule = await shop.schedule("30 1 * * *", "Europe/London")

        async def begun(moment: datetime) -> int | None:
            place = (shop.shop_id, schedule, moment)
            return await shop.database.write(lambda tx: schedules.begin_run(tx, *place, local="2026-10-25T01:30"))

        assert await begun(NOON) is not None
        assert await begun(NOON + ONE) is None


def product(handle: str, price: int, stock: int) -> Entry:
    row = {"title": handle, "brand": "", "category": "", "tags": [], "description": "", "attributes": {}}
    row |= {"link": "", "image": "", "visible": True}
    variant = {"sku": "", "options": {}, "price": price * 10_000, "compare_at": None, "currency": "USD"}
    return entry("product", handle, row, [variant | {"stock": stock, "available": None}])


async def imported(shop: RunningShop, *products: Entry) -> None:
    async def run(tx) -> None:  # type: ignore[no-untyped-def]
        run_id = await begin(tx, shop.shop_id, shop.clock.now())
        await stage(tx, shop.shop_id, run_id, products, shop.clock.now())
        found = await compare(tx, shop.shop_id, run_id, products=False, sources=())
        await make_current(tx, shop.shop_id, run_id, shop.clock.now(), found, shop={})

    await shop.database.write(run)


async def test_imports_begin_the_runs_that_wait_for_what_they_bring(tmp_path: Path) -> None:
    desk = Desk()
    async with running_shop(tmp_path, "", producer=desk) as shop:
        await imported(shop, product("a", 10, 8), product("b", 10, 0))
        rules = ("on new", "on price", "on restock", "on stock 5")
        numbers = {rule: await shop.schedule(rule) for rule in rules}
        await shop.tick_until_idle()
        assert desk.asked == []  # what was there before is no event

        async def happened(minute: int, *products: Entry) -> dict[str, list[int]]:
            shop.clock.set(NOON + timedelta(minutes=minute))
            desk.asked.clear()
            await imported(shop, *products)
            await shop.tick_until_idle()
            named = {number: rule for rule, number in numbers.items()}
            ids = {one: int(one.partition(":")[2]) for run in desk.asked for one in run.about}
            return {named[run.schedule_id]: [ids[one] for one in run.about] for run in desk.asked}

        assert await happened(1, product("a", 10, 8), product("b", 10, 0)) == {}
        assert await happened(2, product("a", 9, 8), product("c", 1, 1)) == {"on new": [3], "on price": [1]}
        assert await happened(3, product("a", 12, 4), product("b", 10, 3)) == {"on restock": [2], "on stock 5": [1]}
        assert await happened(4, product("a", 12, 3)) == {}
        assert [state for _, state, _ in await shop.runs(numbers["on price"])] == ["done"]
        assert shop.told == []


async def test_two_schedulers_on_one_database_begin_each_run_once(tmp_path: Path) -> None:
    """Both look at the same time; what each would do is in the tables before the other does it."""
    first, second = Desk(), Desk()
    async with running_shop(tmp_path, producer=first, quiet=None) as one:
        schedule = await one.schedule("*/20 * * * *")
        async with running_shop(tmp_path, producer=second, quiet=None) as other:
            for minutes in range(0, 130, 10):
                for shop in (one, other):
                    await at(shop, NOON + timedelta(minutes=minutes))
            runs = await one.runs(schedule)
    assert [state for _, state, _ in runs] == ["done"] * 6
    assert len(first.asked) + len(second.asked) == 6
