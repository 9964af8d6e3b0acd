"""Starts suggestions by direct message, or stops them."""

from bot.changeable import in_force
from bot.commands.base import Call
from bot.messages import Button, Outgoing

usage = "[on|off]"
WORDS = {"": True, "on": True, "开": True, "开启": True, "off": False, "关": False, "关闭": False}


async def run(call: Call) -> Outgoing:
    on = WORDS.get(call.args.lower())
    if on is None:
        return call.reply(call.say("“{word}” is neither on nor off. Try: /subscribe off", word=call.again(call.args)))
    await call.tools.suggestions.subscribe(call.member_id, on)
    if not on:
        text = call.say("Done, you get no more suggestions. /subscribe starts them again.")
        return call.reply(text, private=True)
    settings = await call.tools.database.read(lambda tx: in_force(tx, call.shop.id, call.tools.settings))
    text = call.say(
        "Done. Now and then I'll send you a product that suits what you asked about, or the shop's news, by direct "
        "message and at most {count} a day. /subscribe off stops it.",
        count=settings.daily_cap,
    )
    return call.reply(text, (Button(call.say("No more suggestions"), "/subscribe off"),), private=True)
