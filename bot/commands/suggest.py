"""Suggests a product that may suit you, and says why."""

from dataclasses import replace

from bot.commands.base import Call
from bot.knowledge.cards import card
from bot.messages import Button, Outgoing
from storage import members


async def run(call: Call) -> Outgoing:
    """In a group it goes by what was said there only."""
    chat_id = None if call.chat.direct else call.chat.id
    name = call.message.sender.name
    found = await call.tools.suggestions.suggest(call.member_id, name, call.language, chat_id=chat_id)
    if found is None:
        return call.reply(
            call.say("I can't suggest anything yet. Ask me about more products that you like, then try again.")
        )
    member = await call.tools.database.read(lambda tx: members.get(tx, call.member_id))
    buttons = [Button(call.say("Tell me more"), f"/ask {found.product.title}")]
    if not member.subscribed:
        buttons.append(Button(call.say("Send me suggestions"), "/subscribe"))
    text = found.text if found.reason in found.text else f"{found.reason} {found.text}"
    return replace(call.reply(text, buttons, [card(found.product, call.language)]), rests=found.rests, why=found.why)
