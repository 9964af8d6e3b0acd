"""Something worth knowing from the shop's articles, in its own sentences."""

from bot.content.base import Desk, Piece, passage
from bot.knowledge.rows import Article
from bot.messages import Button
from llm.protocol import Act, Fact, Plan


async def plan(desk: Desk) -> Piece | None:
    """An article of the language that was not in the last posts."""
    articles = [one for one in desk.library.every_article() if one.row not in desk.recent]
    desk.random.shuffle(articles)
    return next((found for one in articles if (found := _piece(desk, one))), None)


def _piece(desk: Desk, one: Article) -> Piece | None:
    text = passage(one, desk.language)
    if not text:
        return None
    facts = (Fact("text1", text, one.row, "body"), Fact("shop", desk.shop, "shop", "name"))
    made = Plan(Act.ANNOUNCE, desk.language, facts, (), ("text1",), text, 1.0, (one.row,))
    title = one.title.rstrip("#: ：")
    button = Button(desk.say("Tell me more"), f"/ask {title}")
    return Piece(made, above=title, ask=desk.say("Anything unclear? Ask me here."), buttons=(button,), title=title)
