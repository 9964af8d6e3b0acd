"""A welcome for the members who joined since the last one."""

from datetime import timedelta
from typing import Any

from bot.content.base import Desk, Piece
from bot.knowledge.facts import needs_of
from bot.messages import Button
from bot.texts import listing
from llm.protocol import Act, Fact, Plan
from storage import interactions, talk
from storage.database import Transaction

NEW = timedelta(days=7)
NAMED, NAME = 10, 40  # of those greeted at once, more are only counted; characters of a name that is called out


async def plan(desk: Desk) -> Piece | None:
    """Who joined, is still there, and was not greeted. Names are their bearers' own words: safety looks at them."""

    async def look(tx: Transaction) -> list[Any]:
        return await interactions.joined(tx, desk.chat_id, await talk.greeted(tx, desk.chat_id), desk.now - NEW)

    came = await desk.database.read(look)
    if not came:
        return None
    names = list(dict.fromkeys(row.name for row in came if len(row.name) <= NAME and desk.safe(row.name)))
    shop = Fact("shop", desk.shop, "shop", "name")
    more = {"greeted": came[-1].id}
    buttons = (Button(desk.say("What can you do?"), "/help"),)
    if not names or len(names) > NAMED:
        text = desk.say("Welcome, all of you! Ask me about {shop}; /help shows how.", shop=desk.shop)
        return Piece(Plan(Act.WELCOME, desk.language, quote=text, fixed=True), buttons=buttons, more=more)
    who = listing(names, desk.language)
    quote = desk.say("Welcome, {names}! Ask me about {shop}; /help shows how.", shop=desk.shop, names=who)
    facts = (Fact("member", who, "member", "name"), shop)
    needs = ("member", *needs_of(Act.WELCOME, ("member", "shop")))
    made = Plan(Act.WELCOME, desk.language, facts, (), needs, quote, fixed=len(names) > 1)
    return Piece(made, buttons=buttons, more=more)
