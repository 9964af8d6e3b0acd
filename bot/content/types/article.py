"""Something worth knowing from the shop's articles, in its own sentences."""

from bot.content.base import Desk, Piece, ask_me, passage
from bot.knowledge.rows import Article
from bot.messages import Button
from llm.protocol import Act, Fact, Plan


async def plan(desk: Desk) -> Piece | None:
    """An article of the language that was not in the last posts."""
    articles = [one for one in desk.library.every_article() if one.row not in desk.recent]
    desk.random.shuffle(articles)
    # One by one, until one is found: reading them all through the rules takes its time.
    shown = (fit for one in articles for fit in desk.library.read_articles([one.id]) if fit.title)
    return next((found for one in shown if (found := _piece(desk, one))), None)


def _piece(desk: Desk, one: Article) -> Piece | None:
    """Said as it stands: what the shipped model puts around a rule is meant for whoever asked about it."""
    text, title = passage(one, desk.language), one.title.strip("#: ：")
    if not text:
        return None
    fact = Fact("text1", text, one.row, "body")
    made = Plan(Act.POLICY, desk.language, (fact,), (), ("text1",), text, 1.0, (one.row,), fixed=True)
    above = desk.random.choice(
        (
            desk.say("Good to know: {title}", title=title),
            desk.say("Often asked here: {title}", title=title),
            desk.say("For those who wondered: {title}", title=title),
            desk.say("From our pages: {title}", title=title),
            desk.say("Worth keeping: {title}", title=title),
        )
    )
    button = Button(desk.say("Tell me more"), f"/ask {title}")
    return Piece(made, above=above, ask=ask_me(desk), buttons=(button,), title=title)
