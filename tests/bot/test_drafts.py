"""Drafts of scheduled posts: written ahead of time, decided by admins, and posted once whatever happens between."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.handoff import Admin
from bot.knowledge.importers import import_paths
from storage import drafts as rows
from tests.bot.running_shop import NOON, SHOPS, RunningShop, running_shop

DUE = NOON + timedelta(minutes=30)
BOSS = (Admin("direct:boss", None, "Boss"),)
PASSED = "A tip: <name1>, <price1>. <text1>"


@dataclass(frozen=True)
class Run:
    """What the ticker hands over."""

    id: int = 1
    schedule_id: int = 1
    chat_id: int = 1
    content: str = "tip"
    due: datetime = field(default=DUE)
    language: str = "en"
    approve: str = "ask"
    unanswered: str = "skip"
    about: tuple[str, ...] = ()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[RunningShop]:
    async with running_shop(tmp_path, admins=BOSS, answers=[PASSED] * 3) as opened:
        yield opened


async def draft(shop: RunningShop, run: Run) -> Any:
    return await shop.database.read(lambda tx: rows.by_key(tx, shop.shop_id, f"run:{run.id}"))


async def test_an_admin_sees_the_draft_with_its_time_and_four_buttons(shop: RunningShop) -> None:
    run = Run(chat_id=shop.group.id)
    await shop.drafts.prepare(run)
    await shop.drafts.prepare(run)  # as often as the ticker likes
    (notice,) = await shop.rows("notice")
    first, second, _, said, *_ = notice.text.splitlines()
    assert first == "Draft 1: tip for Group. It is posted in 30 min."
    assert second == "If nobody decides, it is not posted."
    assert said.startswith("A tip: ")
    assert [label for label, _ in notice.extra["buttons"]] == ["Approve", "Edit", "Write it anew", "Reject"]
    assert notice.extra["cards"][0][-1].endswith(".png"), "a card is drawn where there is no picture"
    assert notice.platform_id == "direct:boss"
    assert await shop.rows("post") == []


async def test_what_was_approved_is_posted_when_due_and_once(shop: RunningShop) -> None:
    run, boss = Run(chat_id=shop.group.id), await shop.member("Boss")
    await shop.drafts.prepare(run)
    assert await shop.drafts.approve(await draft(shop, run), boss) is True
    assert await shop.drafts.approve(await draft(shop, run), boss) is False
    shop.clock.set(DUE)
    assert await shop.drafts.publish(run) == ("done", "")
    assert await shop.drafts.publish(run) == ("done", "")
    (post,) = await shop.rows("post")
    assert (post.key, post.worded_by, post.extra["draft"]) == ("post:1", "model", 1)
    assert post.text == (await draft(shop, run)).text
    assert post.extra["buttons"][0][0] == "More about it"


async def test_decided_drafts_are_kept_no_longer_than_words_are(shop: RunningShop) -> None:
    posted, open_one = Run(chat_id=shop.group.id), Run(chat_id=shop.group.id, id=2)
    for run in (posted, open_one):
        await shop.drafts.prepare(run)
    await shop.drafts.approve(await draft(shop, posted), await shop.member("Boss"))
    shop.clock.set(DUE)
    await shop.drafts.publish(posted)
    shop.clock.set(DUE + timedelta(days=31))
    await shop.tick_until_idle()
    assert (await draft(shop, posted), (await draft(shop, open_one)).state) == (None, "open")


async def test_what_was_rejected_is_not_posted_and_says_by_whom(shop: RunningShop) -> None:
    run, boss = Run(chat_id=shop.group.id, unanswered="post"), await shop.member("Boss")
    await shop.drafts.prepare(run)
    await shop.drafts.reject(await draft(shop, run), boss)
    shop.clock.set(DUE)
    assert await shop.drafts.publish(run) == ("missed", "rejected by Boss")
    assert await shop.rows("post") == []


@pytest.mark.parametrize(
    ("unanswered", "outcome", "by"),
    [("skip", "missed", []), ("post", "done", ["model"]), ("plain", "done", ["quote"])],
)
async def test_when_nobody_decides_the_schedule_does(
    shop: RunningShop, unanswered: str, outcome: str, by: list[str]
) -> None:
    run = Run(chat_id=shop.group.id, unanswered=unanswered)
    await shop.drafts.prepare(run)
    shop.clock.set(DUE)
    assert await shop.drafts.publish(run) == (outcome, "nobody decided about it")
    assert [row.worded_by for row in await shop.rows("post")] == by
    assert await shop.drafts.publish(run) == (outcome, "nobody decided about it"), "the same after a kill"


async def test_without_approval_it_is_made_ahead_and_nobody_is_asked(shop: RunningShop) -> None:
    run = Run(chat_id=shop.group.id, approve="auto")
    await shop.drafts.prepare(run)
    asked = len(shop.engine.seen)
    shop.clock.set(DUE)
    assert await shop.drafts.publish(run) == ("done", "")
    assert len(shop.engine.seen) == asked, "nothing is written at the last minute"
    assert await shop.rows("notice") == []
    assert len(await shop.rows("post")) == 1


async def test_a_run_that_nobody_prepared_is_written_when_due(shop: RunningShop) -> None:
    shop.clock.set(DUE)
    assert await shop.drafts.publish(Run(chat_id=shop.group.id, approve="auto")) == ("done", "")
    assert len(await shop.rows("post")) == 1


async def test_nothing_to_say_is_a_failure_with_its_reason(shop: RunningShop) -> None:
    run = Run(chat_id=shop.group.id, content="pricedrop")
    await shop.drafts.prepare(run)
    assert await shop.rows("notice") == []
    shop.clock.set(DUE)
    assert await shop.drafts.publish(run) == ("failed", "the shop has nothing for 'pricedrop' now")


async def test_a_draft_whose_price_changed_is_not_posted_as_it_was(tmp_path: Path) -> None:
    async with running_shop(tmp_path, admins=BOSS, answers=[PASSED] * 9) as shop:
        run, boss = Run(chat_id=shop.group.id, unanswered="post"), await shop.member("Boss")
        await shop.drafts.prepare(run)
        before = await draft(shop, run)
        await shop.drafts.approve(before, boss)
        folder = tmp_path / "new"
        folder.mkdir()
        prices = (SHOPS / "cycling" / "catalog.csv").read_text().replace(".00,", ".50,")
        (folder / "catalog.csv").write_text(prices)
        await import_paths(shop.database, shop.shop_id, [folder], clock=shop.clock)
        shop.clock.set(DUE)
        assert await shop.drafts.publish(run) == ("done", "the shop's rows changed since it was approved")
        (post,) = await shop.rows("post")
    assert ".50" in post.text
    assert ".00" not in post.text
    assert ".00" in before.text


async def test_an_edit_is_the_merchants_own_words_behind_safety(shop: RunningShop) -> None:
    run = Run(chat_id=shop.group.id)
    await shop.drafts.prepare(run)
    row = await draft(shop, run)
    card = row.data["extra"]["cards"][0]
    assert await shop.drafts.edit(row, "Buy now at https://evil.example/x") == "unsafe"
    assert (await draft(shop, run)).text == row.text, "nothing is lost"
    assert await shop.drafts.edit(row, f"Look at the {card[0]}, everybody!") == ""
    edited = await draft(shop, run)
    assert (edited.text, edited.version) == (f"Look at the {card[0]}, everybody!", 2)
    assert [fact[1] for fact in edited.data["facts"]] == ["name"], "a price that it says no more is not claimed"
    assert [one["kind"] for one in edited.data["rests"]["claims"]] == ["card"]
    assert await shop.drafts.edit(row, "another") == "gone", "of a version that is there no more"
    assert await shop.drafts.strange(edited, "only $1.23 today") == ["$1.23"]
    assert await shop.drafts.strange(edited, f"only {card[1].split(' ')[0]} today") == []


async def test_written_anew_it_is_another_version(shop: RunningShop) -> None:
    run = Run(chat_id=shop.group.id)
    await shop.drafts.prepare(run)
    row = await draft(shop, run)
    assert await shop.drafts.again(row) is True
    assert await shop.drafts.again(row) is False
    newer = await draft(shop, run)
    assert (newer.version, newer.state) == (2, "open")
    assert newer.text != row.text


async def test_killed_between_any_two_steps_it_is_posted_once(tmp_path: Path) -> None:
    """Each step in a process of its own; the last kill came before the run was marked."""
    for step in range(4):
        async with running_shop(tmp_path, admins=BOSS, now=DUE if step else NOON) as shop:
            run = Run(chat_id=shop.group.id, unanswered="post")
            if step == 0:
                await shop.drafts.prepare(run)
            else:
                assert await shop.drafts.publish(run) == ("done", "nobody decided about it")
            assert len(await shop.rows("notice")) == 1
            assert len(await shop.rows("post")) == (1 if step else 0)


async def test_a_decision_is_taken_from_the_state_that_was_seen_or_not_at_all(shop: RunningShop) -> None:
    run, boss = Run(chat_id=shop.group.id), await shop.member("Boss")
    await shop.drafts.prepare(run)
    row = await draft(shop, run)
    assert await shop.drafts.reject(row, boss) is True
    assert await shop.drafts.approve(row, boss) is False
    assert await shop.drafts.edit(row, "Something else") == "gone"
    assert (await draft(shop, run)).state == "rejected"


async def test_a_chinese_draft_is_told_of_in_chinese(tmp_path: Path) -> None:
    async with running_shop(tmp_path, "wenju", admins=BOSS) as shop:
        await shop.drafts.prepare(Run(chat_id=shop.group.id, language="zh", unanswered="plain"))
        (notice,) = await shop.rows("notice")
    first, second, *_ = notice.text.splitlines()
    assert first == "草稿 1：tip，发往Group。 30 分钟后发出。"
    assert second == "没有人处理的话就用店里的原文发，不用模型的措辞。"
    assert [label for label, _ in notice.extra["buttons"]] == ["通过", "修改", "重写", "不发"]


async def test_a_post_is_about_what_began_its_run(shop: RunningShop) -> None:
    row = f"product:{await shop.product('Quickline')}"
    run = Run(chat_id=shop.group.id, approve="auto", about=(row,))
    await shop.drafts.prepare(run)
    assert (await draft(shop, run)).data["sources"] == [row]
