"""Every slash command, as members and admins see it: typed in a group, with the demo shop behind it."""

from pathlib import Path

import pytest

from bot.messages import Button, File, Kind
from storage import interactions, members, outbox
from storage import settings as stored

KETTLE = "Gooseneck Electric Kettle"
POT = "Glass Teapot with Infuser"
MEMBERS = ("ask", "help", "me", "privacy", "product", "subscribe", "suggest")
ADMINS = ("import", "mode", "mute", "post", "profile", "resume", "schedule", "settings")


def last(group):
    """The last message of the bot's, with its buttons and cards."""
    return group.log[-1][2]


async def test_help_lists_the_commands_of_a_member(group):
    text = await group.say("ann", "/help")
    assert all(f"/{name}" in text for name in MEMBERS)
    assert not any(f"/{name}" in text for name in ADMINS)
    assert "/product NAME – Shows products with price and stock." in text


async def test_help_marks_the_commands_of_admins(group):
    members_part, _, admins_part = (await group.say("boss", "/help")).partition("For admins:")
    assert all(f"/{name}" in members_part for name in MEMBERS)
    assert all(f"/{name}" in admins_part for name in ADMINS)


async def test_help_explains_one_command(group):
    assert await group.say("ann", "/help /product") == "/product NAME\nShows products with price and stock."
    assert "Only admins of this chat" in await group.say("ann", "/help mode")
    assert "/nonsense" in await group.say("ann", "/help nonsense")


async def test_commands_have_chinese_names(group):
    text = await group.say("ann", "/帮助")
    assert "/商品 名称 (/product) – 查看商品的价格和库存" in text
    assert "£" in await group.say("ann", "/商品 紫砂壶")
    assert "只有本群管理员可以使用" in await group.say("ann", "/模式 off")


async def test_an_unknown_command_points_to_help(group):
    assert await group.say("ann", "/nonsense") == "I don't know /nonsense. Try /help."
    assert "/帮助" in await group.say("ann", "/你好")


@pytest.mark.parametrize("name", ADMINS)
async def test_admin_commands_are_refused_to_members_and_audited(group, name):
    assert await group.say("ann", f"/{name} off") == f"/{name} is for admins of this chat."
    entry = (await group.app.database.read(lambda tx: stored.audited(tx, group.app.shop.id)))[0]
    assert (entry.action, entry.allowed, entry.data) == (f"/{name}", False, {"args": "off"})


async def test_ask_answers_and_explains_itself(group):
    assert "£" in await group.say("ann", "/ask how much is the gooseneck kettle?")
    assert "for example: /ask" in await group.say("ann", "/ask")


async def test_product_shows_up_to_three_cards(group):
    text = await group.say("ann", "/product teapot")
    shown = last(group)
    assert 1 < len(shown.cards) <= 3
    assert text.splitlines()[0].startswith(f"{shown.cards[0].title} · £")
    assert Button("More like this", "/suggest") in shown.buttons


async def test_product_by_its_full_name_comes_first(group):
    await group.say("ann", f"/product {KETTLE}")
    assert last(group).cards[0].title == KETTLE


async def test_product_without_a_match_gives_an_example_that_works(group):
    text = await group.say("ann", "/product zzqx")
    assert "“zzqx”" in text
    assert "£" in await group.say("ann", text[text.index("/product") :])


async def test_product_without_words_says_how(group):
    assert "for example: /product " in await group.say("ann", "/product")


async def test_privacy_says_how_long_words_are_kept(group):
    text = await group.say("ann", "/privacy")
    assert "30 days" in text
    assert "on the shop's own computer" in text
    await group.say("boss", "/settings retention_days 7")
    assert "7 days" in await group.say("ann", "/privacy")


async def test_me_tells_interests_with_their_reasons_to_the_caller_alone(group):
    assert "no interests of yours yet" in await group.say("ann", "/me")
    await group.say("ann", f"/product {KETTLE}")
    assert f"because you asked about {KETTLE}" in await group.say("ann", "/me")
    assert last(group).private_to == "ann"
    assert "no interests of yours yet" in await group.say("bob", "/me")


async def test_me_keeps_to_what_was_said_in_the_group(group):
    await group.say("ann", f"/product {KETTLE}", chat="ann", direct=True)
    assert KETTLE not in await group.say("ann", "/me")
    assert KETTLE in await group.say("ann", "/me", chat="ann", direct=True)


async def test_suggest_gives_its_reason(group):
    assert "can't suggest anything yet" in await group.say("ann", "/suggest")
    await group.say("ann", f"/product {POT}")
    assert f"You asked about {POT}." in await group.say("ann", "/suggest")
    shown = last(group)
    assert shown.cards[0].title != POT
    assert Button("Send me suggestions", "/subscribe") in shown.buttons


async def subscribed(group, name):
    row = await group.app.database.read(lambda tx: members.find(tx, group.app.shop.id, name))
    return row.subscribed


async def test_subscribe_and_back(group):
    assert "at most 1 a day" in await group.say("ann", "/subscribe")
    assert await subscribed(group, "ann")
    assert "no more suggestions" in await group.say("ann", "/subscribe off")
    assert not await subscribed(group, "ann")
    await group.say("ann", "/订阅 开")
    assert await subscribed(group, "ann")
    assert "neither on nor off" in await group.say("ann", "/subscribe perhaps")
    assert await subscribed(group, "ann")


async def test_mode_shows_and_changes(group):
    assert "I'm in mode questions here." in await group.say("boss", "/mode")
    assert Button("off", "/mode off") in last(group).buttons
    assert "I answer commands only." in await group.say("boss", "/mode off")
    assert await group.say("ann", "how much is the gooseneck kettle?") == ""
    await group.say("boss", "/mode default")
    assert "mode questions" in await group.say("boss", "/mode")
    assert "“loud” is no mode" in await group.say("boss", "/mode loud")


async def test_settings_are_listed_changed_and_taken_back(group):
    text = await group.say("boss", "/settings")
    assert all(name in text for name in ("quiet_hours", "daily_cap", "retention_days", "language", "mode"))
    assert await group.say("boss", "/settings daily_cap 3") == "Done: daily_cap = 3"
    assert "daily_cap = 3" in await group.say("boss", "/settings daily_cap")
    assert "at most 3 a day" in await group.say("ann", "/subscribe")
    await group.say("boss", "/settings set daily_cap default")
    assert "daily_cap = 1" in await group.say("boss", "/settings daily_cap")


async def test_no_quiet_hours_at_all(group):
    assert await group.say("boss", "/settings quiet_hours none") == "Done: quiet_hours = none"
    assert "quiet_hours = none" in await group.say("boss", "/settings quiet_hours")


@pytest.mark.parametrize(
    "change",
    [
        "quiet_hours 25:00-09:00",
        "quiet_hours soon",
        "quiet_hours 21:75-09:00",
        "daily_cap 21",
        "daily_cap -1",
        "retention_days 0",
        "language fr",
    ],
)
async def test_a_wrong_value_is_refused_with_an_example(group, change):
    before = await group.say("boss", "/settings")
    name = change.split()[0]
    text = await group.say("boss", f"/settings {change}")
    assert f"is not right for {name}" in text
    assert f"For example: /settings {name} " in text
    assert await group.say("boss", "/settings") == before


async def test_only_safe_settings_can_be_changed(group):
    assert "can't be changed here" in await group.say("boss", "/settings database_url sqlite://")


async def test_the_language_of_a_chat(group):
    await group.say("boss", "/settings language zh")
    assert "店里的事直接问我就行" in await group.say("ann", "/help")


async def test_profile_is_shown_to_the_admin_alone(group):
    await group.say("ann", f"/product {KETTLE}")
    text = await group.say("boss", "/profile @Ann")
    assert text.startswith("ann: first seen Mar 2, 2026")
    assert KETTLE in text
    assert last(group).private_to == "boss"
    assert await group.say("boss", "/profile zoe") == "I know nobody called zoe here."
    assert "for example: /profile" in await group.say("boss", "/profile")


async def test_post_now_posts_once(group):
    await group.say("boss", "/post now tip")
    counts = await group.app.database.read(lambda tx: outbox.counts(tx, group.app.shop.id))
    assert counts["sent"] == 2
    assert len([shown for _, _, shown in group.log if shown.cards]) == 1


async def test_post_says_what_it_can_write(group):
    assert "for example: /post now tip" in await group.say("boss", "/post tip")
    assert "I can't write “poem”" in await group.say("boss", "/post now poem")


@pytest.mark.parametrize("words", ['"every day at 9"', "“every day at 9”", "every day at 9"])
async def test_a_schedule_is_added_listed_and_removed(group, words):
    assert "every day at 9:00" in await group.say("boss", f"/schedule add {words} tip")
    assert await group.say("boss", "/schedule list") == "1: tip every day at 9:00. Next: Mar 3, 2026, 9:00:00\u202fAM."
    assert last(group).buttons == (Button("Remove 1", "/schedule remove 1"),)
    assert await group.say("boss", "/schedule remove 1") == "Done: schedule 1 is removed."
    assert "Nothing is scheduled" in await group.say("boss", "/schedule")


async def test_the_same_schedule_twice_stands_once(group):
    await group.say("boss", '/schedule add "every day at 9" tip')
    assert "number 1." in await group.say("boss", "/schedule add 0 9 * * * tip")


async def test_a_schedule_of_another_chat_stays(group):
    await group.say("boss", '/schedule add "every day at 9" tip')
    assert "no schedule 1" in await group.say("boss", "/schedule remove 1", chat="other")
    assert "1: tip" in await group.say("boss", "/schedule list")


async def test_a_schedule_in_chinese(group):
    assert "每周一 10:00 发布 tip" in await group.say("boss", "/定时 add “每周一 10:00” tip")
    assert "看不懂“随便”" in await group.say("boss", "/定时 add 随便 tip")


@pytest.mark.parametrize("words", ["add", "add tip", 'add "soon" tip', 'add "every day at 9" poem', "remove", "nix"])
async def test_a_bad_schedule_says_what_would_be_right(group, words):
    text = await group.say("boss", f"/schedule {words}")
    assert "every day at 9" in text or "/schedule remove 1" in text
    assert "Nothing is scheduled" in await group.say("boss", "/schedule list")


async def test_import_says_how(group):
    assert "Drop files onto the chat page" in await group.say("boss", "/import")


async def drop(group, path: Path):
    file = File(path.name, str(path), path.stat().st_size)
    return await group.say("boss", "/import", kind=Kind.FILE, files=(file,))


async def test_a_dropped_file_is_imported(group, tmp_path):
    table = tmp_path / "new.csv"
    table.write_text("title,price,currency\nBamboo Tea Tray,31.00,GBP\n", "utf-8")
    assert (await drop(group, table)).startswith("Imported new.csv.")
    assert "Bamboo Tea Tray · £31.00" in await group.say("ann", "/product bamboo tray")


async def test_a_bad_file_changes_nothing(group, tmp_path):
    table = tmp_path / "bad.csv"
    table.write_text("title,price,currency\nBamboo Tea Tray,cheap,GBP\n", "utf-8")
    text = await drop(group, table)
    assert text.startswith("Nothing was imported from bad.csv.")
    assert "price" in text
    assert KETTLE in await group.say("ann", f"/product {KETTLE}")


async def test_looking_a_product_up_is_no_message(group):
    await group.say("ann", f"/product {KETTLE}")
    row = await group.app.database.read(lambda tx: members.find(tx, group.app.shop.id, "ann"))
    assert (await group.app.database.read(lambda tx: interactions.summary(tx, row.id))).messages == 0
