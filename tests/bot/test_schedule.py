"""/schedule and /quiet as admins see them, and the schedule file."""

from pathlib import Path

import pytest

from bot.config import SettingsError
from bot.content.schedulefile import read, reconcile
from bot.messages import Button
from storage import members, outbox, schedules
from tests.bot.running_shop import NOON, running_shop

TYPES, PLATFORMS = ("tip", "poll"), ("web",)
NINE = "9:00:00\u202fAM"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("add tip every day at 9", f"Done: tip every day at 9:00, number 1. Next: Mar 3, 2026, {NINE}."),
        ("every day at 9 tip", f"Done: tip every day at 9:00, number 1. Next: Mar 3, 2026, {NINE}."),
        ("add tomorrow at 9 tip", f"Done: tip on 3 March 2026 at 9:00, number 1. Next: Mar 3, 2026, {NINE}."),
        ("add 每月1号9点 tip", "好的：每月1日 9:00 发布 tip，编号 1。"),
        ("添加 明天9点 tip", "好的：2026年3月3日 9:00 发布 tip，编号 1。下一次：2026年3月3日 09:00:00。"),
        ("add when a price drops tip", "Done: tip when a price drops, number 1."),
    ],
)
async def test_it_is_said_in_any_order_and_language(group, words, said):
    assert (await group.say("boss", f"/schedule {words}")).startswith(said)


async def test_quiet_hours_are_told_of_at_once(group):
    text = await group.say("boss", "/schedule add every day at 22 tip")
    assert "quiet hours here (21:00–9:00): it is posted when they are over, Mar 3, 2026, 9:00" in text
    assert "Not in the quiet hours, 21:00–9:00" in await group.say("boss", "/schedule add every 2 hours tip")


async def test_it_is_paused_and_goes_on(group):
    await group.say("boss", "/schedule add every day at 9 tip")
    assert await group.say("boss", "/schedule pause 1") == "Done: schedule 1 is paused."
    assert group.log[-1][2].buttons == (Button("Resume 1", "/schedule resume 1"),)
    assert await group.say("boss", "/schedule list") == "1: tip every day at 9:00. Paused."
    assert "goes on. Next: Mar 3" in await group.say("boss", "/schedule resume 1")
    assert "no schedule 7" in await group.say("boss", "/schedule pause 7")


async def test_its_next_ten_times_are_shown(group):
    lines = (await group.say("boss", "/schedule preview every weekday at 9")).splitlines()
    assert lines[0] == "The next times, in Europe/London:"
    assert lines[1] == f"- Tuesday Mar 3, 2026, {NINE}"
    assert len(lines) == 11
    await group.say("boss", "/schedule add every day at 22 tip")
    assert "(quiet hours)" in await group.say("boss", "/schedule preview 1")


async def test_a_run_can_be_had_now(group):
    await group.say("boss", "/schedule add every day at 22 tip")
    assert "tip comes now" in await group.say("boss", "/schedule now 1")
    counts = await group.app.database.read(lambda tx: outbox.counts(tx, group.app.shop.id))
    assert counts["sent"] == 3  # two answers and the post
    assert "Next: Mar 2" in await group.say("boss", "/schedule list")


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("approve=maybe", "auto or ask"),
        ("lead=3d", "a time up to a day"),
        ("unanswered=shout", "post, skip or plain"),
        ("catchup=1s", "from 10s"),
    ],
)
async def test_a_wrong_option_says_what_is_right(group, words, right):
    assert right in await group.say("boss", f"/schedule add every day at 9 tip {words}")
    assert "Nothing is scheduled" in await group.say("boss", "/schedule list")


async def test_how_it_posts_is_said_with_it(group):
    text = await group.say("boss", "/schedule add every day at 9 tip approve=ask unanswered=skip jitter=5m")
    assert "A draft is shown to the admins 30 minutes before." in text
    (chat,) = await group.app.database.read(lambda tx: members.chats(tx, group.app.shop.id))
    (row,) = await group.app.database.read(lambda tx: schedules.of_chat(tx, chat.id))
    assert (row.approve, row.unanswered, row.lead, row.jitter) == ("ask", "skip", 1800, 300)


async def test_a_chats_own_zone_holds(group):
    assert "Done: timezone = Asia/Shanghai" in await group.say("boss", "/settings timezone asia/shanghai")
    assert "Next: Mar 3, 2026, 9:00" in await group.say("boss", "/schedule add every day at 9 tip")
    lines = await group.say("boss", "/schedule preview 1")
    assert lines.startswith("The next times, in Asia/Shanghai:")


async def test_quiet_shows_and_sets_the_hours_of_the_chat_and_the_shop(group):
    text = await group.say("boss", "/quiet")
    assert text.startswith("Quiet here from 21:00 to 9:00 (Europe/London).\nPosts: 0 of 12 today, 0 of 60 this week.")
    text = await group.say("boss", "/quiet 10pm to 8am")
    assert text.startswith("Quiet here from 22:00 to 8:00 (Europe/London).\nThey are this chat's own")
    assert "from 21:00" in await group.say("boss", "/quiet", chat="other")
    assert "from 23:00 to 7:00" in await group.say("boss", "/quiet shop 23-7", chat="other")
    assert "from 22:00" in await group.say("boss", "/quiet")
    assert "from 23:00" in await group.say("boss", "/quiet default")
    assert "这里没有安静时段。" in await group.say("boss", "/安静 none")
    assert "For example" in await group.say("boss", "/quiet now and then")
    assert "for admins" in await group.say("ann", "/quiet none")


GOOD = """
[[schedule]]
name = "morning"
chat = "web:group"
when = "every weekday at 9"
post = "tip"
approve = "ask"

[[schedule]]
name = "advent"
chat = "web:group"
when = "2026-12-24 18:00"
post = "poll"
timezone = "Asia/Shanghai"
"""


def entries(folder: Path, text: str):
    path = folder / "schedules.toml"
    path.write_text(text, "utf-8")
    return read(path, TYPES, PLATFORMS, "UTC")


async def test_a_file_is_brought_into_sql_with_a_plan(tmp_path):
    async with running_shop(tmp_path, "") as shop:

        async def brought(text: str) -> list[str]:
            return await reconcile(shop.database, shop.shop_id, entries(tmp_path, text), shop.clock.now())

        own = await shop.schedule("0 13 * * *")
        assert await brought(GOOD) == [
            "add        morning: tip every weekday at 9 in web:group",
            "add        advent: poll 2026-12-24 18:00 in web:group",
        ]
        assert await brought(GOOD) == [
            "unchanged  morning: tip every weekday at 9 in web:group",
            "unchanged  advent: poll 2026-12-24 18:00 in web:group",
        ]
        changed = GOOD.replace("weekday", "day").partition('\n[[schedule]]\nname = "advent"')[0]
        assert await brought(changed) == [
            "change     morning: tip every day at 9 in web:group (words, rule)",
            "remove     advent",
        ]
        rows = await shop.database.read(lambda tx: schedules.of_chat(tx, shop.group.id))
        assert [(row.id, row.name, row.rule) for row in rows] == [
            (own, "", "0 13 * * *"),
            (own + 1, "morning", "0 9 * * *"),
        ]
        assert rows[1].next_due == NOON.replace(day=5, hour=9)
        assert rows[1].begins == NOON.replace(day=5, hour=8, minute=30)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('when = "every weekday at 9"', 'when = "soon"', "line 5: when:", "every day at 9"),
        ('when = "every weekday at 9"', 'when = "tomorrow at 9"', "line 5: when:", "every day at 9"),
        ('post = "tip"', 'post = "poem"', "line 6: post:", "one of tip, poll"),
        ('chat = "web:group"\nwhen = "every', 'chat = "group"\nwhen = "every', "line 4: chat:", "web:ID"),
        ('approve = "ask"', 'approve = "maybe"', "line 7: approve:", "auto or ask"),
        ('approve = "ask"', 'aprove = "ask"', "line 7: aprove:", "one of name, chat, when, post"),
        ('name = "advent"', 'name = "morning"', "line 10: name:", "a name for each"),
        ('timezone = "Asia/Shanghai"', 'timezone = "China"', "line 14: timezone:", "IANA"),
        ('post = "poll"\n', "", "line 9: post:", "missing"),
        ('name = "morning"', "name = morning", "line 3, column", "[[schedule]]"),
    ],
)
def test_a_bad_file_names_line_and_key_and_what_is_right(tmp_path, old, new, line, said):
    assert old in GOOD
    with pytest.raises(SettingsError) as refused:
        entries(tmp_path, GOOD.replace(old, new, 1))
    text = str(refused.value)
    assert text.startswith("SCHEDULES: ")
    assert line in text
    assert said in text
    assert "schedules.toml" in text


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml"):
        read(tmp_path / "none.toml", TYPES, PLATFORMS, "UTC")
