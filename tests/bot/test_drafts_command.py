"""`/post draft`, `/drafts` and what members do under a post, as they see it in a group with the demo shop behind it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.messages import Kind
from storage import drafts, interactions
from tests.conftest import Group


def last(group: Group):
    """The last message of the bot's, with its buttons and cards."""
    return group.log[-1][2]


async def posts(group: Group) -> list[str]:
    rows = await group.app.database.read(lambda tx: drafts.posts(tx, 1, 30))
    return [row.text for row in rows]


async def under(group: Group, name: str, command: str, message: str, chat: str = "shop") -> str:
    """Press the button that stands for this command, under this message."""
    return await group.say(name, command, kind=Kind.BUTTON, reply_to=message, chat=chat)


async def press(group: Group, label: str, name: str = "boss") -> str:
    """Press a button under the bot's last message."""
    place, message, out = group.log[-1]
    button = next(one for one in out.buttons if one.label == label)
    return await under(group, name, button.command, message, place)


async def test_a_draft_is_looked_at_and_approved(group: Group):
    text = await group.say("boss", "/post draft tip")
    assert text.startswith("Draft 1: tip for shop.\n")
    assert [one.label for one in last(group).buttons] == ["Approve", "Edit", "Write it anew", "Reject"]
    said = text.partition("\n\n")[2]
    assert await posts(group) == []
    await press(group, "Approve")
    assert await posts(group) == [said]
    assert said in group.texts("shop")
    assert await group.say("boss", "/drafts approve 1") == "Draft 1 is posted already."


async def test_an_edit_is_the_answer_to_the_bots_question(group: Group):
    await group.say("boss", "/post draft tip")
    asked = await press(group, "Edit")
    assert asked.startswith("Reply to this message with the text as it should be.")
    shown = await group.say("boss", "Tea for everybody, just $9!", reply_to=group.log[-1][1])
    assert "Tea for everybody, just $9!" in shown
    await press(group, "Approve")
    assert await posts(group) == ["Tea for everybody, just $9!"]


async def test_money_that_nothing_costs_is_pointed_out(group: Group):
    await group.say("boss", "/post draft tip")
    text = await group.say("boss", "/drafts edit 1 Only £1.23 today!")
    assert text.startswith("Mind that nothing in it costs £1.23 in the shop.\nDraft 1: ")
    text = await group.say("boss", "/drafts edit 1 Look here: https://evil.example/")
    assert text.startswith("I may not post that: a rule of safety keeps it back.")


async def test_a_wording_that_nobody_saw_is_not_approved_by_an_old_button(group: Group):
    await group.say("boss", "/post draft tip")
    _, message, out = group.log[-1]
    await press(group, "Write it anew")
    text = await under(group, "boss", out.buttons[0].command, message)
    assert text.startswith("There is a newer wording of it than the one that you saw:")
    assert await posts(group) == []
    await press(group, "Reject")
    assert await group.say("boss", "/drafts") == "No draft waits for a decision."
    assert await group.say("boss", "/drafts approve 1") == "Draft 1 was rejected by boss."


async def test_drafts_are_listed_for_the_admins_of_their_chat(group: Group):
    await group.say("boss", "/post draft tip")
    await group.say("boss", "/post draft question")
    listed = (await group.say("boss", "/drafts")).splitlines()
    assert listed[0] == "These wait for a decision:"
    assert [line.partition(",")[0] for line in listed[1:]] == ["1: tip", "2: question"]
    assert (await press(group, "Look at 2")).startswith("Draft 2: question for shop.")
    assert await group.say("boss", "/drafts", chat="elsewhere") == "No draft waits for a decision."
    text = await group.say("boss", "/drafts approve 1", chat="elsewhere")
    assert text == "There is no draft 1 of this chat."
    assert await group.say("ann", "/drafts") == "/drafts is for admins of this chat."
    assert await group.say("boss", "/drafts dance") == "I don't know “dance” here.\nFor example: /drafts approve 1"


async def test_a_press_under_a_post_is_recorded_as_one_on_it(group: Group):
    await group.say("boss", "/post now tip")
    shown = [one for one in group.log if one[2].buttons]
    _, message, out = next(one for one in shown if one[2].buttons[0].label == "More about it")
    text = await under(group, "ann", out.buttons[0].command, message)
    assert "£" in text
    (post,) = await group.app.database.read(lambda tx: drafts.posts(tx, 1, 30))
    (pressed,) = await group.app.database.read(lambda tx: interactions.pressed(tx, 1, post.id))
    assert pressed.text == out.buttons[0].command


async def test_a_poll_is_voted_on_by_buttons_where_a_network_has_none(group: Group):
    await group.say("boss", "/post now poll")
    _, message, out = next(one for one in group.log if one[2].buttons)
    first, second, *_ = [one.label for one in out.buttons]
    assert [one.command for one in out.buttons][:2] == ["/vote 1", "/vote 2"]
    assert f"1 for {first}" in await under(group, "ann", "/vote 1", message)
    assert f"1 for {second}" in await under(group, "tom", "/vote 2", message)
    text = await under(group, "ann", "/vote 2", message)  # a change of mind
    assert text.startswith(f"Your choice: {second}. So far:")
    assert f"0 for {first}" in text
    assert f"2 for {second}" in text
    assert await group.say("ann", "/vote 1") == "Press one of the buttons under a poll."


async def test_what_stands_behind_a_type_is_the_admins(group: Group):
    await group.say("boss", "/post now holiday christmas")
    assert "Merry Christmas to all who celebrate it!" in group.texts("shop")[-2]
    text = await group.say("boss", "/post now holiday")
    assert text == "The shop has nothing to write a holiday about right now."
    await group.say("boss", "/post now promotion 2026-05-09")
    assert "days left." in "\n".join(group.texts("shop"))


@dataclass(frozen=True)
class Run:
    """A run that waits half an hour for an admin."""

    due: datetime
    id: int = 1
    chat_id: int = 1
    content: str = "tip"
    language: str = "en"
    approve: str = "ask"
    unanswered: str = "skip"
    about: tuple[str, ...] = ()


async def test_a_scheduled_draft_is_decided_in_the_admins_chat(group: Group):
    await group.say("boss", "hello there")
    run, made = Run(group.clock.now() + timedelta(minutes=30)), group.app.router.tools.drafts
    await made.prepare(run)
    await group.settle()
    place, notice, out = group.log[-1]
    assert (place, out.text.splitlines()[0]) == ("admins", "Draft 1: tip for shop. It is posted in 30 min.")
    assert out.cards[0].picture.endswith(".png")
    edit, there = out.buttons[1].command, {"chat": "admins", "direct": True}
    asked = await group.say("boss", edit, kind=Kind.BUTTON, reply_to=notice, **there)
    assert asked.startswith("Reply to this message with the text as it should be.")
    shown = await group.say("boss", "Tea at four.", reply_to=group.log[-1][1], **there)
    assert shown.endswith("Tea at four.")
    text = await group.say("boss", "/drafts approve 1", **there)
    assert text == "Done: draft 1 is posted in 28 min."
    group.clock.set(run.due)
    assert await made.publish(run) == ("done", "")
    await group.settle()
    assert group.texts("shop")[-1] == "Tea at four."
