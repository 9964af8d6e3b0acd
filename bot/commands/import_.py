"""Imports products and articles from files that you drop into the chat."""

from bot.commands.base import Call, Imported
from bot.messages import Outgoing, Role

role = Role.ADMIN


async def run(call: Call) -> Outgoing:
    files = call.message.files
    if not files:
        return call.reply(
            call.say(
                "Drop files onto the chat page, or choose them with the paper clip, and I'll import them. I read "
                "Shopify and WooCommerce exports, Google Merchant feeds, Excel, CSV and JSON with a title and a price "
                "or with questions and answers, and policies as saved web pages, PDF, Word, Markdown or text. "
                "On the shop's computer, this does the same: python -m bot import FILE"
            )
        )
    names = ", ".join(file.name for file in files)
    try:
        report = await call.tools.import_files(files)
    except ValueError as error:
        text = call.say("Nothing was imported from {names}. This is wrong:", names=names)
        return call.reply(f"{text}\n{error}", private=True)
    lines = [call.say("Imported {names}.", names=names), *_lines(call, report)]
    return call.reply("\n".join(lines), private=True)


def _lines(call: Call, report: Imported) -> list[str]:
    """A line for each noun that the files held."""
    nouns = {"products": call.say("Products"), "articles": call.say("Articles")}
    return [
        call.say(
            "{noun}: {added} added, {changed} changed, {unchanged} unchanged, {withdrawn} withdrawn",
            noun=nouns[noun],
            added=added,
            changed=changed,
            unchanged=unchanged,
            withdrawn=withdrawn,
        )
        for noun, (added, changed, unchanged, withdrawn) in report.items()
        if added or changed or unchanged or withdrawn
    ]
