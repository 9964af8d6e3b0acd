"""What a shop teaches its bot, as its admins and members see it: typed in a group, with the demo shop behind it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.conversation.teaching import standing
from bot.intake import unpack
from bot.messages import Button, File, Kind
from storage import aliases, questions, ratings
from storage.tables import Inbox

CARD = "do you have a loyalty card?"
BIKES = "do you sell bicycles?"
SMASHED = "if it gets here smashed what do i do"
UP, DOWN = "👍", "👎"


def last(group):
    """The last message of the bot's, with its buttons."""
    return group.log[-1][2]


async def react(group, name, emoji, on=None, **more):
    await group.say(name, emoji, kind=Kind.REACTION, reply_to=on or group.log[-1][1], **more)


async def test_what_is_taught_is_said_from_then_on(group):
    text = await group.say("boss", f"/teach {CARD} = Not yet, but ask again in May.")
    assert text.startswith(f"Done: I answer “{CARD}” with that.")
    assert "ask again in May" in await group.say("ann", "is there a loyalty card?")


async def test_the_same_question_again_changes_the_answer(group):
    first = await group.say("boss", f"/teach {CARD} = Not yet.")
    second = await group.say("boss", "/teach Do you have a  LOYALTY card = Yes, since May.")
    assert "is changed" in second
    assert second.split("number ")[1] == first.split("number ")[1]
    assert "since May" in await group.say("ann", CARD)


async def test_teach_alone_explains_itself(group):
    for words in ("", "loyalty", "= yes", "loyalty ="):
        assert "For example: /teach Do you wrap gifts? = Yes" in await group.say("boss", f"/teach {words}".strip())
    assert "too long" in await group.say("boss", "/teach a = " + "b" * 3001)
    assert await group.say("ann", "/teach a = b") == "/teach is for admins of this chat."


async def test_teaching_in_chinese(group):
    assert "好了" in await group.say("boss", "/教 可以刻字吗？＝可以，刻字 8 英镑。")
    assert "刻字 8 英镑" in await group.say("ann", "壶上能刻字不？")
    assert "教我" not in await group.say("boss", "/忘掉 刻字")
    assert "8 英镑" not in await group.say("ann", "可以刻字吗？")


async def test_a_taught_answer_stands_in_for_a_files_until_it_is_forgotten(group):
    title = group.app.library.read_articles([1])[0].title
    assert "stands in for what faq.md says" in await group.say("boss", f"/teach {title} = Ask Alex.")
    assert "Ask Alex." in await group.say("ann", title)
    assert "I've forgotten" in await group.say("boss", "/forgetfact alex")
    assert "Ask Alex." not in await group.say("ann", title)


async def test_forgetting_asks_back_where_several_fit(group):
    await group.say("boss", f"/teach {CARD} = Not yet.")
    await group.say("boss", "/teach Do you have a gift card? = Yes.")
    assert (await group.say("boss", "/forgetfact card")).startswith("Which one?")
    first, second = last(group).buttons
    assert "I've forgotten" in await group.say("boss", first.command, kind=Kind.BUTTON)
    assert "I've forgotten" in await group.say("boss", "/forgetfact card")
    assert "Nobody taught me" in await group.say("boss", second.command)


async def test_what_a_file_says_is_not_forgotten_in_a_chat(group):
    assert "comes from faq.md. Change it there" in await group.say("boss", "/forgetfact how do i return something")
    assert "Nobody taught me anything like “zzqx”." in await group.say("boss", "/forgetfact zzqx")
    assert "What admins taught me last:" in await group.say("boss", "/forgetfact")


async def test_no_import_withdraws_what_was_taught(group, tmp_path):
    await group.say("boss", f"/teach {CARD} = Not yet.")
    page = tmp_path / "faq.md"
    page.write_text("## Where are you?\nAt the harbour.\n", "utf-8")
    for _ in range(2):  # the first makes the demo shop's own rows leave
        file = File(page.name, str(page), page.stat().st_size)
        await group.say("boss", "/import", kind=Kind.FILE, files=(file,))
        assert "Not yet." in await group.say("ann", CARD)
        page.write_text("## When do you close?\nAt six.\n", "utf-8")


async def test_find_shows_what_is_retrieved_and_why(group):
    text = await group.say("boss", f"/find {SMASHED}")
    first, second, *_ = text.splitlines()
    assert first.startswith("What I'd do: quote an article, from article:")
    assert second.startswith("1. article:")
    assert "words 1.00" in second
    assert last(group).private_to == "boss"
    assert "for example: /find" in await group.say("boss", "/find")
    assert "引用知识条目" in await group.say("boss", "/查找 可以退货吗")


async def learnt(group, row=""):
    return [one.text for one in await group.app.database.read(lambda tx: aliases.every(tx, 1, row))]


async def test_a_thumb_up_makes_the_wording_an_alias(group):
    await group.say("ann", SMASHED)
    await react(group, "ann", UP)
    assert await learnt(group) == [SMASHED]
    assert f"learnt: “{SMASHED}”" in await group.say("boss", f"/find {SMASHED}")
    assert [one.command for one in last(group).buttons] == ["/aliases remove 1"]
    assert f"1: “{SMASHED}” → What if my parcel" in await group.say("boss", "/aliases")
    assert "is forgotten" in await group.say("boss", "/aliases remove 1")
    assert "no wordings yet" in await group.say("boss", "/aliases")
    assert "learnt" not in await group.say("boss", f"/find {SMASHED}")


async def test_a_row_is_found_by_words_that_only_its_alias_has(group):
    library = group.app.library
    wording = "my kitty whacked the fluffernutter off its shelf"
    assert not library.knows("fluffernutt")
    await group.app.database.write(
        lambda tx: aliases.add(tx, 1, "article:12", wording, "en", "thumbs", group.clock.now())
    )
    assert "Send us a photo" in await group.say("ann", "what if the kitty whacked a fluffernutter?")
    assert library.knows("fluffernutt")


async def test_a_thumb_counts_once_and_the_last_one_counts(group):
    await group.say("ann", SMASHED)
    answer = group.log[-1][1]
    await react(group, "ann", UP, answer)
    await react(group, "ann", "👍🏽", answer)
    row = 1
    assert await group.app.database.read(lambda tx: ratings.thumbs(tx, row)) == (1, 0)
    await react(group, "ann", DOWN, answer)
    assert await group.app.database.read(lambda tx: ratings.thumbs(tx, row)) == (0, 1)
    assert await learnt(group) == []
    assert f"“{SMASHED}” 👎 1" in await group.say("boss", "/unanswered")
    await react(group, "ann", UP, answer)
    assert await learnt(group) == [SMASHED]
    assert "no question that I couldn't answer" in await group.say("boss", "/unanswered")
    await react(group, "bob", DOWN, answer)  # opinions differ
    assert await learnt(group) == []


async def test_other_reactions_and_thumbs_elsewhere_teach_nothing(group):
    await group.say("ann", SMASHED)
    await react(group, "ann", "🎉")
    await react(group, "ann", UP, "of-somebody-else")
    await group.say("ann", "hello there")
    await react(group, "ann", UP)
    assert await learnt(group) == []


async def test_a_question_that_goes_on_from_another_is_no_wording(group):
    await group.say("ann", "how much is the gooseneck kettle?")
    await group.say("ann", "and does it come with a warranty card in the box?")
    await react(group, "ann", UP)
    assert await learnt(group) == []


@pytest.mark.parametrize(
    "text",
    ["thanks!", "how much is it", "and in blue?", "那个有货吗", "write to ann@example.com when my parcel is late",
     "is https://x.example my parcel?", "do you ship? and when do you close?", "x" * 300],
)  # fmt: skip
def test_what_does_not_stand_for_itself_is_not_learnt(text):
    assert standing(text, "en") is None


async def test_an_import_that_takes_a_row_takes_its_aliases(group, tmp_path):
    await group.say("ann", SMASHED)
    await react(group, "ann", UP)
    page = tmp_path / "faq.md"
    page.write_text("## Where are you?\nAt the harbour.\n", "utf-8")
    await group.say("boss", "/import", kind=Kind.FILE, files=(File(page.name, str(page), page.stat().st_size),))
    assert await learnt(group) == []
    assert "no wordings yet" in await group.say("boss", "/aliases")


async def test_unanswered_questions_that_ask_the_same_stand_together(group):
    await group.say("ann", BIKES)
    await group.say("bob", "do you sell bicycles or bicycle bells?")
    await group.say("cat", "who designed the cast iron kettle?")
    text = await group.say("boss", "/unanswered")
    assert text.splitlines() == [
        "Questions that I couldn't answer:",
        "1: “do you sell bicycles or bicycle bells?” – asked 2 times",
        f"   “{BIKES}”",
        "3: “who designed the cast iron kettle?”",
    ]
    assert last(group).buttons == (Button("Answer 1", "/answer 1"), Button("Answer 3", "/answer 3"))
    assert "off the list" in await group.say("boss", "/unanswered drop 3")
    assert "designed" not in await group.say("boss", "/unanswered")


async def test_one_tap_answers_whoever_asked_and_teaches(group):
    await group.say("ann", BIKES)
    asked = str(next(group.numbers) - 1)
    await group.say("bob", BIKES, chat="bob", direct=True)
    await group.say("boss", "/unanswered", chat="boss", direct=True)
    await group.say("boss", "/answer 1", kind=Kind.BUTTON, chat="boss", direct=True)
    assert f"What is the answer to “{BIKES}”?" in last(group).text
    prompt = group.log[-1][1]
    text = await group.say("boss", "No, but Harbour Cycles next door does.", chat="boss", direct=True, reply_to=prompt)
    assert "sent to all who asked (2)" in text
    assert "your answer counted as the approval" in text
    told = f"About “{BIKES}”: No, but Harbour Cycles next door does."
    assert [out.reply_to for _, _, out in group.log if out.text == told] == [asked, ""]
    assert group.texts("shop")[-1] == group.texts("bob")[-1] == told
    assert "Harbour Cycles" in await group.say("cat", "where do you sell bicycles?")
    assert "no question that I couldn't answer" in await group.say("boss", "/unanswered")
    assert "no open question 1" in await group.say("boss", "/answer 1 again")


async def test_an_answer_is_sent_once_though_its_command_runs_twice(group):
    await group.say("ann", BIKES)
    said = "/answer 1 Harbour Cycles does."
    await group.say("boss", said)
    inbox_id, message = await last_command(group)
    await group.app.router.handle(inbox_id, message, None)  # as after a kill before it was marked done
    await group.settle()
    assert sum("Harbour Cycles" in text and text.startswith("About") for text in group.texts("shop")) == 1
    assert "no open question" not in group.texts("shop")[-1]


async def last_command(group):
    """The last message as the inbox holds it."""

    async def find(tx):
        return (await tx.execute(select(Inbox.__table__).order_by(Inbox.id.desc()).limit(1))).one()

    row = await group.app.database.read(find)
    return row.id, unpack(row.message)


async def test_only_the_admin_that_was_asked_answers_by_a_reply(group):
    await group.say("ann", BIKES)
    await group.say("boss", "/answer 1")
    assert "About" not in await group.say("ann", "No.", reply_to=group.log[-1][1])


async def test_a_group_shows_what_was_asked_there_only(group):
    await group.say("ann", BIKES, chat="ann", direct=True)
    assert "no question" in await group.say("boss", "/unanswered")
    assert BIKES in await group.say("boss", "/unanswered", chat="boss", direct=True)


async def test_questions_leave_with_the_members_words(group):
    await group.say("ann", BIKES)
    group.clock.set(group.clock.now() + timedelta(days=31))
    await group.settle()
    assert await group.app.database.read(lambda tx: questions.unsettled(tx, 1, 10)) == []


async def test_a_wrong_answer_is_put_right_after_approval(group):
    await group.say("ann", "when do you deliver to france?")
    answer = group.log[-1][1]
    await group.say("bob", BIKES)
    text = await group.say("boss", "/wrong Within five days.", reply_to=answer)
    assert text.startswith("Draft 1: “when do you deliver to france?” = Within five days.")
    assert last(group).buttons[0] == Button("Approve 1", "/approve 1")
    assert "five days" not in await group.say("ann", "when do you deliver to france?")
    assert "1: “when do you deliver to france?”" in await group.say("boss", "/approve")
    await group.say("boss", "/approve 1", kind=Kind.BUTTON)
    assert "Within five days." in await group.say("ann", "when do you deliver to france?")
    assert "france" not in await group.say("boss", "/unanswered")


async def test_without_a_reply_the_last_answer_was_wrong(group):
    await group.say("ann", BIKES)
    assert f"“{BIKES}” = Only bells." in await group.say("boss", "/wrong Only bells.")
    assert "is discarded" in await group.say("boss", "/approve 1 no")
    assert "No draft waits" in await group.say("boss", "/approve")
    assert "bells" not in await group.say("ann", BIKES)
    assert "Reply to my answer with /wrong" in await group.say("boss", "/wrong")


@pytest.mark.parametrize("words", ["/answer", "/answer x", "/answer 99999999999999999999 y", "/answer 7"])
async def test_a_bad_number_is_told(group, words):
    assert "number" in (text := await group.say("boss", words)) or "no open question" in text


async def test_there_is_nothing_to_correct_in_an_empty_chat(group):
    assert "/teach takes both" in await group.say("boss", "/wrong Yes.")
    for name in ("aliases remove 4", "approve 4", "unanswered drop 4"):
        assert " 4" in await group.say("boss", f"/{name}")
