"""Forgets an answer that an admin taught me."""

from bot.commands.base import Call, number
from bot.knowledge.rows import Article
from bot.language import tokens
from bot.messages import Button, Outgoing, Role
from storage import articles

role = Role.ADMIN
usage = "WORDS|NUMBER"
SHOWN = 5  # to choose from
ALIKE = 0.6  # how much less than the best may be meant as well


async def run(call: Call) -> Outgoing:
    library = call.tools.library
    await library.refresh()
    taught = [one for one in library.every_article() if one.taught]
    if not call.args:
        return _choose(
            call, call.say("Put its number or words of it behind it. What admins taught me last:"), taught[::-1]
        )
    named = number(call.args)
    found = _matching(call, call.args) if named is None else library.read_articles([named])
    fit = [one for one in found if one.taught]
    if len(fit) == 1:
        return await _forget(call, fit[0])
    if fit:
        return _choose(call, call.say("Which one?"), fit)
    if found:
        text = call.say(
            "“{title}” wasn't taught in a chat, it comes from {file}. Change it there and import the file again.",
            title=found[0].title,
            file=found[0].source,
        )
        return call.reply(text, private=True)
    return _choose(call, call.say("Nobody taught me anything like “{words}”.", words=call.args), [])


def _matching(call: Call, words: str) -> list[Article]:
    """The articles that these words mean, those that were taught alone where there are any."""
    library = call.tools.library
    hits = [hit for hit in library.articles.search(tokens(words), 20) if hit.cover > 0.5 or hit.called > 0.5]
    rows = {one.row: one for one in library.read_articles([hit.id for hit in hits])}
    some = [hit for hit in hits if rows[hit.row].taught] or hits[:1]
    return [rows[hit.row] for hit in some if hit.score >= ALIKE * some[0].score]


async def _forget(call: Call, one: Article) -> Outgoing:
    now = call.tools.clock.now()
    await call.tools.database.write(lambda tx: articles.forget(tx, call.shop.id, one.id, now))
    text = call.say("Done: I've forgotten “{title}” and its answer: {answer}", title=one.title, answer=one.body)
    return call.reply(text, private=True)


def _choose(call: Call, text: str, some: list[Article]) -> Outgoing:
    lines = [f"{one.id}: {one.title} = {one.body}" for one in some[:SHOWN]]
    buttons = [Button(call.say("Forget {number}", number=one.id), f"/forgetfact {one.id}") for one in some[:SHOWN]]
    return call.reply("\n".join((text, *lines)), buttons, private=True)
