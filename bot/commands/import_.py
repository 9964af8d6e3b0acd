"""Imports products and articles from files that you drop into the chat."""

from bot.commands.base import Call
from bot.messages import Outgoing, Role

role = Role.ADMIN


async def run(call: Call) -> Outgoing:
    files = call.message.files
    if not files:
        return call.reply(
            call.say(
                "Drop files onto the chat page, or choose them with the paper clip, and I'll import them. I read "
                "Shopify and WooCommerce exports, Google Merchant feeds, CSV and JSON with a title and a price, and "
                "questions and policies as Markdown or text. "
                "On the shop's computer, this does the same: python -m bot import FILE"
            )
        )
    names = ", ".join(file.name for file in files)
    try:
        report = await call.tools.import_files(files)
    except ValueError as error:
        text = call.say("Nothing was imported from {names}. This is wrong:", names=names)
        return call.reply(f"{text}\n{error}", private=True)
    return call.reply(f"{call.say('Imported {names}.', names=names)}\n{report}", private=True)
