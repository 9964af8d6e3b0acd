"""Shows the rows that an answer rests on: reply to it with /source, or get the last one's."""

from bot.commands.base import Call
from bot.knowledge.cards import card
from bot.messages import Outgoing
from storage import outbox
from storage.database import Transaction

usage = "[ROW]"
MOST = 3


async def run(call: Call) -> Outgoing:
    """`ROW` is as the button under an answer names it: `product:12`, `article:4`."""
    await call.tools.library.refresh()
    rows = call.words[:MOST] or await call.tools.database.read(lambda tx: _of_answer(tx, call))
    products = await call.tools.library.named(_ids(rows, "product:"))
    articles = call.tools.library.read_articles(_ids(rows, "article:"))
    if not products and not articles:
        text = call.say("No row of the shop's stands behind it. Reply to an answer of mine with /source.")
        return call.reply(text, private=True)
    told = [f"{one.title}\n{one.body}".strip() for one in articles]
    told += [one.title for one in products]
    return call.reply("\n\n".join(told), (), [card(one, call.language) for one in products], private=True)


def _ids(rows: list[str], noun: str) -> list[int]:
    numbers = [row.removeprefix(noun) for row in rows if row.startswith(noun)]
    return [int(number) for number in numbers if number.isascii() and number.isdecimal() and len(number) < 16]


async def _of_answer(tx: Transaction, call: Call) -> list[str]:
    row = await outbox.answered(tx, call.chat.id, call.message.reply_to)
    return list(row.sources[:MOST]) if row else []
