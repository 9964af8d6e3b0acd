"""Suggests a product that may suit you, and says why."""

from dataclasses import replace
from typing import Any

from bot.commands.base import Call, number
from bot.knowledge.cards import card
from bot.knowledge.rows import Product
from bot.members.profiles import profile
from bot.messages import Button, Outgoing, Role
from storage import interactions, members
from storage import settings as stored

usage = "[more|not|hide NUMBER | all]"
PREVIEW, SHOWN = ("preview", "预览"), 5
# What a button under a suggestion stands for: the kind of the interaction that it is.
SAID = {"more": "clicked", "not": "dismissed", "hide": "hidden"}


async def run(call: Call) -> Outgoing:
    """In a group it goes by what was said there only."""
    word, _, rest = call.args.partition(" ")
    if word in PREVIEW:
        return await _preview(call, rest.strip().lstrip("@"))
    if word == "all":
        await _keep(call, "shown")
        return call.reply(call.say("Done: I suggest of everything again."), private=True)
    if word in SAID:
        return await _said(call, word, rest)
    return await _suggest(call)


async def _suggest(call: Call, before: str = "") -> Outgoing:
    chat_id = None if call.chat.direct else call.chat.id
    name = call.message.sender.name
    found = await call.tools.suggestions.suggest(call.member_id, name, call.language, chat_id=chat_id)
    if found is None:
        nothing = call.say("I can't suggest anything yet. Ask me about more products that you like, then try again.")
        return call.reply(before or nothing)
    member = await call.tools.database.read(lambda tx: members.get(tx, call.member_id))
    buttons = [*call.tools.suggestions.buttons(found.product, call.language)]
    if not member.subscribed:
        buttons.append(Button(call.say("Send me suggestions"), "/subscribe"))
    text = found.text if found.reason in found.text else f"{found.reason} {found.text}"
    shown = call.reply(f"{before} {text}".strip(), buttons, [card(found.product, call.language)])
    return replace(shown, rests=found.rests, why=found.why)


async def _said(call: Call, word: str, rest: str) -> Outgoing:
    """What a member says to a suggestion."""
    wanted = number(rest)
    products = await call.tools.library.read([wanted]) if wanted else []
    if not products:
        return call.reply(call.say("I don't know which product you mean; press a button under a suggestion."))
    product = products[0]
    await _keep(call, SAID[word], product)
    if word == "more":
        return await _suggest(call)
    gone = {
        "not": call.say("Good, I won't suggest {name} again.", name=product.title),
        "hide": call.say("Good, nothing of {brand} any more. /suggest all takes it back.", brand=product.brand),
    }[word]
    return await _suggest(call, gone)


async def _keep(call: Call, kind: str, product: Product | None = None) -> None:
    """A hidden brand is no event of the product."""
    about: dict[str, Any] = {"product_id": product.id} if product and kind != "hidden" else {}
    data = {"brand": product.brand} if product and kind == "hidden" else {}
    place = (call.shop.id, call.member_id, call.chat.id, kind, call.tools.clock.now())
    await call.tools.database.write(lambda tx: interactions.add(tx, *place, data=data, **about))


async def _preview(call: Call, name: str) -> Outgoing:
    """For admins: what a member would be sent next, with the causes. Who looks at whom is audited."""
    if call.message.sender.role < Role.ADMIN:
        return call.reply(call.say("/{name} is for admins of this chat.", name="suggest preview"))
    shop, now, chat = call.shop.id, call.tools.clock.now(), call.chat
    row = await call.tools.database.read(lambda tx: members.find(tx, shop, name))
    if row is None:
        return call.reply(call.say("I know nobody called {name} here.", name=name or "?"), private=True)
    looked: dict[str, Any] = {"member_id": call.member_id, "chat_id": chat.id, "data": {"args": name, "of": row.id}}
    await call.tools.database.write(lambda tx: stored.audit(tx, shop, "/suggest preview", now, **looked))
    policy, chat_id = call.profiles, None if chat.direct else chat.id
    known = await call.tools.database.read(lambda tx: profile(tx, shop, row.id, now, chat_id=chat_id, policy=policy))
    await call.tools.library.refresh()
    found = (await call.tools.suggestions.fitting(known, now, unasked=True))[:SHOWN]
    if not found:
        return call.reply(call.say("Nothing fits {name} yet.", name=row.name), private=True)
    say = call.tools.suggestions.sentence
    lines = [call.say("{name} would be suggested one of these:", name=row.name)]
    for one in found:
        why = one.reasons[0]
        cause = say(why.kind, why.about, call.language)
        lines.append(
            call.say("- {product} ({score}): {cause}", product=one.product.title, score=f"{one.score:.2f}", cause=cause)
        )
    if not row.subscribed:
        lines.append(call.say("But they have not subscribed: nothing is sent to them."))
    return call.reply("\n".join(lines), private=True)
