"""The question of the day: one that the shop's articles answer. A button shows the answer."""

from bot.content.base import Desk, Piece, passage
from bot.messages import Button
from llm.protocol import Act, Plan


async def plan(desk: Desk) -> Piece | None:
    """An article whose title asks something, not told lately. What was taught has a member's own words as title."""
    asked = [one for one in desk.library.every_article() if one.title.rstrip().endswith(("?", "？")) and not one.taught]
    asked = [one for one in asked if one.row not in desk.recent and passage(one, desk.language)]
    desk.random.shuffle(asked)
    one = next((fit for one in asked for fit in desk.library.read_articles([one.id]) if fit.title), None)
    if one is None:
        return None
    openings = (
        desk.say("Question of the day: {question}", question=one.title),
        desk.say("Do you know the answer? {question}", question=one.title),
        desk.say("A question for you all: {question}", question=one.title),
        desk.say("Who knows this one? {question}", question=one.title),
        desk.say("Guess first, then look: {question}", question=one.title),
        desk.say("One that we are asked again and again: {question}", question=one.title),
    )
    made = Plan(Act.ANNOUNCE, desk.language, quote=desk.random.choice(openings), sources=(one.row,), fixed=True)
    button = Button(desk.say("Show the answer"), f"/ask {one.title}")
    hint = desk.say("Your guess? The button has the answer.")
    return Piece(made, beneath=(hint,), buttons=(button,), title=one.title)
