"""What members wait for reaches them once: something is there again, or costs less."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.knowledge.importers import import_paths
from bot.members.triggers import FRESH, Triggers
from storage.database import Database
from storage.tables import SuggestionLog
from tests.bot.changing_shop import LAMP, MUG, TEAPOT, TRAY, Catalogue
from tests.bot.running_shop import NOON, RunningShop, running_shop

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path, "") as opened:
        await bring(opened, tmp_path, Catalogue())
        yield opened


async def bring(shop: RunningShop, folder: Path, goods: Catalogue) -> None:
    await import_paths(shop.database, shop.shop_id, goods.write(folder), clock=shop.clock)


def changed(**rows: tuple[int, int]) -> Catalogue:
    """`tray=(25, 4)`: price and stock."""
    names = {"tray": (TRAY, ""), "mug": (MUG, ""), "lamp": (LAMP, ""), "large": (TEAPOT, "Large")}
    goods = Catalogue()
    goods.variants |= {names[name]: value for name, value in rows.items()}
    return goods


async def waits(shop: RunningShop, name: str, about: str, *, subscribes: bool = True) -> int:
    """Somebody who asked about it yesterday."""
    member = await shop.member(name)
    await shop.ask(member, about, ago=timedelta(days=1))
    await shop.suggestions.subscribe(member, subscribes)
    return member


async def told(shop: RunningShop, now: datetime = NOON + MINUTE) -> list[tuple[int, str]]:
    """What was put into the outbox, all in all, once a process that begins anew looked too."""
    await Triggers(shop.suggestions, lambda: None).step(now)
    return [(row.member_id, row.text) for row in await shop.rows("suggestion")]


async def test_who_asked_about_it_hears_once_that_it_is_there_again(shop: RunningShop, tmp_path: Path) -> None:
    maya = await waits(shop, "Maya", TRAY)
    await waits(shop, "Tom", MUG)
    await waits(shop, "Lin", TRAY, subscribes=False)
    assert await told(shop) == []
    await bring(shop, tmp_path, changed(tray=(25, 4)))
    heard = [(maya, "Slate Tray, which you asked about, is there again: $25.00.")]
    assert await told(shop) == heard
    (row,) = await shop.rows("suggestion")
    assert (row.platform_id, row.direct, row.extra["why"]) == ("direct:maya", True, [["back", TRAY, 1.0]])
    assert row.extra["buttons"][-1] == ["No more suggestions", "/subscribe off"]
    (slot,) = await shop.suggestions.slots()
    assert (slot.candidates, slot.propensities, slot.holdout) == ([slot.chosen], [1.0], False)
    for later in (MINUTE, timedelta(days=1), timedelta(days=2)):
        assert await told(shop, NOON + later + MINUTE) == heard


async def test_who_took_to_it_hears_of_a_lower_price(shop: RunningShop, tmp_path: Path) -> None:
    lin = await waits(shop, "Lin", LAMP)
    for _ in range(2):
        await shop.ask(lin, kind="said", text="您好，谢谢您")
    long_ago = await shop.member("Tom")
    await shop.ask(long_ago, LAMP, ago=timedelta(days=90))
    await shop.suggestions.subscribe(long_ago, True)
    await bring(shop, tmp_path, changed(lamp=(48, 3), mug=(12, 20)))
    assert await told(shop) == [(lin, "您感兴趣的Cedar Lamp现在$48.00，之前$60.00。")]


async def test_a_size_is_named_that_is_there_again(shop: RunningShop, tmp_path: Path) -> None:
    maya = await waits(shop, "Maya", TEAPOT)
    await bring(shop, tmp_path, changed(large=(45, 2)))
    assert await told(shop) == [(maya, "Willow Teapot (Large), which you asked about, is there again: $45.00.")]


async def test_quiet_hours_and_the_days_cap_put_it_off_and_it_goes_before_the_days_suggestion(
    shop: RunningShop, tmp_path: Path
) -> None:
    maya = await waits(shop, "Maya", TRAY)
    await shop.ask(maya, LAMP)
    await bring(shop, tmp_path, changed(tray=(25, 4), lamp=(40, 3)))
    triggers = Triggers(shop.suggestions, lambda: None)

    async def step(now: datetime) -> int:
        await triggers.step(now)
        return len(await shop.rows("suggestion"))

    assert await step(NOON.replace(hour=22)) == 0
    tomorrow = NOON.replace(hour=9) + timedelta(days=1)
    assert await step(tomorrow - MINUTE) == 0
    assert await step(tomorrow) == 1
    assert await shop.suggestions.push(tomorrow) == 0
    assert await step(tomorrow + timedelta(hours=3)) == 1
    assert await step(tomorrow + timedelta(days=1)) == 2
    assert len({text for _, text in await told(shop, tomorrow + timedelta(days=2))}) == 2


async def test_who_has_it_minds_it_or_left_is_told_nothing(shop: RunningShop, tmp_path: Path) -> None:
    owner, minds, left = [await waits(shop, name, TRAY) for name in ("Maya", "Tom", "Lin")]
    await bring(shop, tmp_path, changed(tray=(25, 4)))
    await shop.ask(owner, TRAY, kind="bought")
    await shop.ask(minds, TRAY, kind="dismissed")
    await shop.suggestions.subscribe(left, False)
    assert await told(shop) == []


async def test_what_is_old_untrue_or_of_nobody_is_no_news_and_the_holdout_hears_none(
    shop: RunningShop, tmp_path: Path
) -> None:
    await waits(shop, "Maya", TRAY)
    await bring(shop, tmp_path, changed(tray=(25, 4)))
    shop.suggestions.traits.policy = "off"
    assert await told(shop) == []
    shop.suggestions.traits.policy = "notice"
    assert await told(shop, NOON + FRESH + timedelta(hours=1)) == []
    await bring(shop, tmp_path, Catalogue())
    assert await told(shop) == []
    assert await shop.suggestions.slots() == []
    shop.suggestions.holdout = 1.0
    await bring(shop, tmp_path, changed(tray=(25, 4)))
    assert await told(shop) == await told(shop) == []
    assert [slot.holdout for slot in await shop.suggestions.slots()] == [True]


class Killed(Exception):
    """The process ends here."""


class Dying(Database):
    """A database that takes so many writes, and then no more; of the last one the answer is never seen."""

    def __init__(self, database: Database, writes: int, *, answered: bool) -> None:
        super().__init__(str(database.url))
        self.inner, self.left, self.answered = database, writes, answered

    async def read(self, job: Any) -> Any:
        return await self.inner.read(job)

    async def write(self, job: Any) -> Any:
        self.left -= 1
        if self.left < 0 and self.answered:
            raise Killed
        found = await self.inner.write(job)
        if self.left < 0:
            raise Killed
        return found


async def test_a_kill_between_two_members_tells_each_of_them_once(shop: RunningShop, tmp_path: Path) -> None:
    waiting = [await waits(shop, name, TRAY) for name in ("Maya", "Tom", "Lin")]
    whole = shop.database
    for round_, (writes, answered) in enumerate((count, answered) for count in range(3) for answered in (True, False)):
        now = NOON + round_ * timedelta(days=1)
        shop.clock.set(now)
        await bring(shop, tmp_path, Catalogue())
        await bring(shop, tmp_path, changed(tray=(25, 4)))
        shop.suggestions.database = Dying(whole, writes, answered=answered)
        with pytest.raises(Killed):
            await Triggers(shop.suggestions, lambda: None).step(now + MINUTE)
        shop.suggestions.database = whole
        heard = [member for member, _ in await told(shop, now + MINUTE)]
        assert sorted(heard) == sorted(waiting * (round_ + 1))
        assert len(await shop.suggestions.slots()) == len(heard)


async def test_a_cancelled_one_is_not_told_again(shop: RunningShop, tmp_path: Path) -> None:
    maya = await waits(shop, "Maya", TRAY)
    await bring(shop, tmp_path, changed(tray=(25, 4)))
    assert len(await told(shop)) == 1
    await shop.suggestions.subscribe(maya, False)
    await shop.suggestions.subscribe(maya, True)
    assert await told(shop) == []
    keys = await shop.database.read(lambda tx: tx.scalars(select(SuggestionLog.key)))
    assert [key.split(":")[:3] for key in keys] == [["suggestion", str(maya), "stock"]]
