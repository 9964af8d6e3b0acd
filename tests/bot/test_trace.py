"""/trace, as an admin reads it."""

from datetime import timedelta

from storage import interactions


async def test_trace_tells_how_the_last_reply_came_about(group):
    await group.say("ann", "how much is the hand grinder?")
    text = await group.say("boss", "/trace")
    for words in (
        "Asked: ann: how much is the hand grinder?",
        "price, question",
        "Fold Hand Grinder (product:",
        "Decided: price, in_stock",
        "Worded by the model.",
        "The check found nothing",
        "price1 = £74.00 (product:",
        "Model: scripted",
        "Planned in 0 ms",
        "Asked Mar 2, 2026, 10:00:30",
    ):
        assert words in text
    assert group.log[-1][2].private_to == "boss"


async def test_trace_of_the_reply_that_it_replies_to(group):
    await group.say("ann", "how much is the hand grinder?")
    first = group.log[-1][1]
    await group.say("ann", "and is it in stock?")
    last = await group.say("boss", "/trace")
    assert "Decided: stock" in last
    assert "It went on from: price, Fold Hand Grinder (product:" in last
    assert "– ann: how much is the hand grinder?" in last
    assert "Decided: price" in await group.say("boss", "/trace", reply_to=first)


async def test_trace_says_what_the_check_kept_back(group):
    await group.say("ann", "is the hand grinder free of charge to post?")
    assert "Worded by" in await group.say("boss", "/trace")


async def test_trace_without_an_answer_says_how(group):
    assert "Reply to an answer of mine" in await group.say("boss", "/trace")
    assert "没有可以追踪的回答" in await group.say("boss", "/追踪")
    assert await group.say("ann", "/trace") == "/trace is for admins of this chat."


async def test_what_was_erased_is_not_traced(group):
    await group.say("ann", "how much is the hand grinder?")
    later = group.clock.now() + timedelta(days=1)
    await group.app.database.write(lambda tx: interactions.forget_texts(tx, group.app.shop.id, later))
    text = await group.say("boss", "/trace")
    assert "hand grinder?" not in text
    assert "erased by now" in text
    assert "Decided: price" in text
