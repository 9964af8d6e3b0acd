"""Shows which rows I find for a question, and why."""

from collections.abc import Sequence

from bot.commands.base import Call
from bot.conversation.context import Context
from bot.conversation.meant import meant
from bot.conversation.plan import Planner
from bot.conversation.understanding import Reading, split
from bot.knowledge.library import Library
from bot.knowledge.passages import prose
from bot.knowledge.retrieval import Hit
from bot.knowledge.rows import Alias, Article
from bot.language import language, tokens
from bot.messages import Button, Outgoing, Role
from llm.protocol import Act

role = Role.ADMIN
usage = "QUESTION"
ROWS, SENTENCE = 5, 90  # rows shown, and characters of the sentence that answers


async def run(call: Call) -> Outgoing:
    if not call.args:
        return call.reply(call.say("Put a question behind it, for example: /find Do you ship abroad?"), private=True)
    library = call.tools.library
    await library.refresh()
    context = Context(language(call.args, call.language), shop=call.shop.name)
    plans = await Planner(library).plan(call.args, context)
    readings = await meant(library, split(library.spelling.mend(call.args), context.language), context)
    lines = [await _planned(call, plan.act, plan.sources) for plan in plans]
    buttons: list[Button] = []
    for reading in readings:
        if len(readings) > 1:
            lines.append(f"“{reading.text}”")
        for place, (worth, hit) in enumerate(_ranked(library, reading), 1):
            lines += await _row(call, reading, place, worth, hit)
            if learnt := _alias(library, reading, hit.row):
                lines.append("   " + call.say("learnt: “{words}”", words=learnt.text))
                buttons.append(
                    Button(call.say("Forget “{words}”", words=learnt.text[:30]), f"/aliases remove {learnt.id}")
                )
    if len(lines) == len(plans):
        lines.append(call.say("No row says anything of it."))
    return call.reply("\n".join(lines), buttons[:ROWS], private=True)


def _act(call: Call, act: str) -> str:
    """What a reply does, in words where that is one of the usual things."""
    words = {
        Act.PRICE: call.say("tell a price"),
        Act.STOCK: call.say("tell what is in stock"),
        Act.OPTIONS: call.say("tell what there is to choose"),
        Act.DETAIL: call.say("tell a detail"),
        Act.DESCRIBE: call.say("quote a description"),
        Act.POLICY: call.say("quote an article"),
        Act.COMPARE: call.say("compare"),
        Act.RECOMMEND: call.say("recommend"),
        Act.ASK_BACK: call.say("ask which one is meant"),
        Act.UNKNOWN: call.say("say that I don't know"),
        Act.OFFTOPIC: call.say("say that it's not for me"),
        Act.HANDOFF: call.say("call a human"),
        Act.SMALLTALK: call.say("chat"),
    }
    return words.get(Act(act), act)


async def _planned(call: Call, act: str, sources: Sequence[str]) -> str:
    titles = [f"{row} “{await call.tools.library.title(row)}”" for row in sources]
    if not titles:
        return call.say("What I'd do: {act}", act=_act(call, act))
    return call.say("What I'd do: {act}, from {rows}", act=_act(call, act), rows=", ".join(titles))


def _ranked(library: Library, reading: Reading) -> list[tuple[float, Hit]]:
    """Rows with what they are worth, best first: as the planner sees them."""
    if reading.ranking:
        both = [*reading.ranking.products, *reading.ranking.articles]
        return sorted(both, key=lambda pair: -pair[0])[:ROWS]
    hits = library.find_articles(reading.words, reading.language, reading.about)[:ROWS]
    hits += library.products.search(reading.words, ROWS)
    return sorted(((hit.score, hit) for hit in hits), key=lambda pair: -pair[0])[:ROWS]


async def _row(call: Call, reading: Reading, place: int, worth: float, hit: Hit) -> list[str]:
    library = call.tools.library
    parts = [call.say("words {share}", share=f"{hit.cover:.2f}")]
    if reading.ranking:
        parts.insert(0, call.say("meaning {share}", share=f"{reading.ranking.near.get(hit.row, 0.0):.2f}"))
    if hit.named and hit.row in library.products.places:
        parts.append(call.say("name {share}", share=f"{hit.named:.2f}"))
    said = await _sentence(library, reading, hit)
    lines = [f"{place}. {hit.row} “{await library.title(hit.row)}” · {worth:.2f} ({', '.join(parts)})"]
    return [*lines, f"   {said}"] if said else lines


async def _sentence(library: Library, reading: Reading, hit: Hit) -> str:
    """The sentence of the row that answers best."""
    near = reading.near(hit.row)
    if near:
        return max(near, key=lambda one: near[one])[:SENTENCE]
    index = library.products if hit.row in library.products.places else library.articles
    for one in (*library.read_articles([hit.id]),) if index is library.articles else await library.read([hit.id]):
        body = one.body if isinstance(one, Article) else one.description
        return prose(reading.words, body, index, SENTENCE)[0][:SENTENCE]
    return ""


def _alias(library: Library, reading: Reading, row: str) -> Alias | None:
    """The row's wording that shares most words with the question."""
    asked = set(reading.words)
    shared = [(len(asked & set(tokens(one.text))), one) for one in library.aliases.get(row, ())]
    most, best = max(shared, key=lambda pair: pair[0], default=(0, None))
    return best if most else None
