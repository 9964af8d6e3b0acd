"""Conversations end to end on the demo shop, with the scripted engine: each test reads as a chat."""

from bot.messages import Kind
from storage import interactions


async def test_a_question_is_answered_from_the_catalogue(group):
    assert "£" in await group.say("ann", "how much is the gooseneck kettle?")


async def test_small_talk_is_recorded_but_not_answered(group):
    assert await group.say("ann", "nice weather today, Tom", addressed=False) == ""
    said = await group.app.database.read(lambda tx: interactions.shown(tx, group.app.shop.id, "test", "shop", 10))
    assert [row.text for row in said] == ["nice weather today, Tom"]


async def test_a_confident_question_to_the_shop_is_answered_unasked(group):
    assert "£" in await group.say("ann", "how much is the gooseneck kettle?", addressed=False)


async def test_mode_off_keeps_it_silent(group):
    await group.say("boss", "/mode off")
    assert await group.say("ann", "how much is the gooseneck kettle?") == ""


async def test_a_human_is_called(group):
    await group.say("ann", "I want to talk to a real person")
    assert any("ann" in text for text in group.texts("admins"))


async def test_the_same_message_twice_is_answered_once(group):
    await group.say("ann", "how much is the gooseneck kettle?")
    group.numbers = iter([1, 99])
    assert await group.say("ann", "how much is the gooseneck kettle?") == ""


async def test_a_reaction_is_kept_and_not_answered(group):
    assert await group.say("ann", "👍", kind=Kind.REACTION) == ""


async def test_follow_up_goes_on_from_the_last_reply(group):
    await group.say("ann", "how much is the gooseneck kettle?")
    assert "kettle" in (await group.say("ann", "and is it in stock?")).lower()
