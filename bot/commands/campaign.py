"""Sends one post to many chats, after a preview: starts, stops and reports campaigns."""

import re
from typing import Any

from bot.commands.base import Call, number
from bot.content.audience import NoSuchPlace
from bot.content.campaigns import LONGEST, Stale
from bot.content.drafts import NothingToPost
from bot.messages import Button, Card, Outgoing, Role
from storage import campaigns
from storage.campaigns import DONE, DRAFT, RUNNING, STOPPED

role = Role.ADMIN
usage = 'new "TEXT"|TYPE to all|PLATFORM|CHAT|subscribers | list | show|start|stop|resume NUMBER'
QUOTED = re.compile(
    r"[\"“”「](?P<text>.+)[\"“”」]\s*(?:\bto\b|发给|发到|给)\s*(?P<where>.+)", re.DOTALL | re.IGNORECASE
)
PLAIN = re.compile(r"(?P<type>[\w-]+?)(?:\s+to\s+|\s*(?:发给|发到|给)\s*)(?P<where>.+)", re.DOTALL | re.IGNORECASE)
VERBS = {"新建": "new", "列表": "list", "查看": "show", "开始": "start", "停止": "stop", "继续": "resume"}
LISTED, NAMED, SHORT = 8, 6, 60


async def run(call: Call) -> Outgoing:
    verb, _, rest = call.args.partition(" ")
    verb = VERBS.get(verb, verb.lower())
    if verb == "new":
        return await _new(call, rest.strip())
    if verb in ("", "list"):
        return await _list(call)
    if verb not in ("show", "start", "stop", "resume"):
        return _say(call, call.say("I don't know “{word}” here.", word=verb) + "\n" + _how(call))
    which = number(rest)
    row = await call.tools.database.read(lambda tx: campaigns.get(tx, call.shop.id, which or 0))
    if row is None:
        text = call.say("There is no campaign {number}.", number=rest.strip()[:20] or "?")
        return _say(call, text + "\n" + call.say("/campaign list shows the numbers."))
    if verb in ("start", "resume"):
        return await _start(call, row)
    if verb == "stop":
        return await _stop(call, row)
    return await _show(call, row)


def _say(call: Call, text: str, *buttons: Button, cards: tuple[Card, ...] = ()) -> Outgoing:
    return call.reply(text, buttons, cards, private=True)


def _how(call: Call) -> str:
    name = call.tools.drafts.names[0]
    return call.say(
        'For example: /campaign new "We are open on Sunday" to all, or /campaign new {type} to all', type=name
    )


async def _new(call: Call, rest: str) -> Outgoing:
    quoted, plain = QUOTED.fullmatch(rest), PLAIN.fullmatch(rest)
    found = quoted or plain
    if not found:
        return _say(call, call.say("Say what, and to whom.") + "\n" + _how(call))
    said = {"text": found["text"].strip()} if quoted else {"content": found["type"].lower()}
    if len(said.get("text", "")) > LONGEST:
        return _say(call, call.say("The text is longer than {most} characters.", most=LONGEST))
    if not quoted and said["content"] not in call.tools.drafts.names:
        types = ", ".join(call.tools.drafts.names)
        text = call.say("I can't write “{type}”. What I can write: {types}", type=found["type"], types=types)
        return _say(call, text + "\n" + _how(call))
    try:
        made = await call.tools.campaigns.prepare(call.chat, call.inbox_id, found["where"].strip(), **said)
    except NoSuchPlace as error:
        return _say(call, call.say(error.template, **error.values))
    except NothingToPost:
        return _nothing(call, found["type"])
    return await _preview(call, made)


def _nothing(call: Call, name: str) -> Outgoing:
    return _say(call, call.say("The shop has nothing to write a {type} about right now.", type=name))


async def _preview(call: Call, campaign_id: int) -> Outgoing:
    """What it says, where it goes, and the button that sends it."""

    async def look(tx: Any) -> tuple[Any, int, list[str]]:
        row = await campaigns.get(tx, call.shop.id, campaign_id)
        places = sum((await campaigns.counts(tx, campaign_id)).values())
        return row, places, await campaigns.titles(tx, campaign_id, NAMED)

    row, places, named = await call.tools.database.read(look)
    shown = ", ".join(named) + (" …" if places > len(named) else "")
    head = call.say(
        "Campaign {number}, not sent yet. It goes to {chats} ({count} in all).",
        number=row.id,
        count=places,
        chats=shown,
    )
    texts = list(dict.fromkeys(body["text"] for body in row.bodies.values()))
    body = row.bodies.get(call.language) or next(iter(row.bodies.values()))
    cards = tuple(Card(*one) for one in body["values"]["extra"].get("cards", ()))
    buttons = (
        Button(call.say("Send it ({count})", count=places), f"/campaign start {row.id}"),
        Button(call.say("Drop it"), f"/campaign stop {row.id}"),
    )
    return _say(call, "\n\n".join((head, *texts)), *buttons, cards=cards)


async def _start(call: Call, row: Any) -> Outgoing:
    try:
        started = await call.tools.campaigns.start(row.id)
    except Stale:
        preview = await _preview(call, row.id)
        text = call.say("The catalogue has changed since the preview; this is what it says now.")
        return _say(call, f"{text}\n{preview.text}", *preview.buttons, cards=preview.cards)
    except NothingToPost:
        return _nothing(call, row.content)
    if not started and row.state != RUNNING:
        return await _show(call, row)
    text = call.say("Campaign {number} is on its way. I report here when it is done.", number=row.id)
    return _say(call, text, _stopper(call, row), Button(call.say("How far?"), f"/campaign show {row.id}"))


async def _stop(call: Call, row: Any) -> Outgoing:
    if not await call.tools.campaigns.stop(row.id):
        return await _show(call, row)
    if row.state == DRAFT:
        return _say(call, call.say("Done: campaign {number} is dropped.", number=row.id))
    found = await call.tools.database.read(lambda tx: campaigns.get(tx, call.shop.id, row.id))
    return await _show(call, found)


async def _show(call: Call, row: Any) -> Outgoing:
    if row.state == DRAFT:
        return await _preview(call, row.id)
    text = await call.tools.database.read(lambda tx: call.tools.campaigns.report(tx, row, call.language))
    if row.state == RUNNING:
        return _say(call, text, _stopper(call, row))
    resume = (Button(call.say("Go on"), f"/campaign resume {row.id}"),) if row.state == STOPPED else ()
    return _say(call, text, *resume)


def _stopper(call: Call, row: Any) -> Button:
    return Button(call.say("Stop it"), f"/campaign stop {row.id}")


async def _list(call: Call) -> Outgoing:
    rows = await call.tools.database.read(lambda tx: campaigns.latest(tx, call.shop.id, LISTED))
    if not rows:
        return _say(call, call.say("There is no campaign yet.") + "\n" + _how(call))
    lines = [await call.tools.database.read(lambda tx, row=row: _line(call, tx, row)) for row in rows]  # type: ignore[misc]
    open_ = [row for row in rows if row.state != DONE]
    buttons = [Button(call.say("Show {number}", number=row.id), f"/campaign show {row.id}") for row in open_]
    return _say(call, "\n\n".join(lines), *buttons)


async def _line(call: Call, tx: Any, row: Any) -> str:
    """Its state and figures, and the first words of it."""
    head, figures, *_ = (await call.tools.campaigns.report(tx, row, call.language)).splitlines()
    words = next(iter(row.bodies.values()))["text"].splitlines()[0]
    return f"{head}\n“{words[:SHORT]}”\n{figures}" if row.state != DRAFT else f"{head}\n“{words[:SHORT]}”"
