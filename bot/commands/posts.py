"""Shows the last posts with what members did under them, as a table and a chart."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import charts
from bot.commands.base import Call, number
from bot.language import HAN
from bot.messages import Card, Outgoing, Role
from bot.pictures import Pictures
from bot.texts import moment
from storage import measures
from storage.measures import Figures

role = Role.ADMIN
usage = "[COUNT]"
shows = True
SHOWN, MOST, WORDS = 5, 8, 40  # posts, and characters of each one's text


@dataclass(frozen=True, slots=True)
class Shown:
    """A post, or a campaign."""

    name: str
    where: str
    at: datetime
    figures: Figures


async def run(call: Call) -> Outgoing:
    """In a group it looks at what was posted there only."""
    wanted = number(call.args) if call.args else SHOWN
    if not wanted:
        return call.reply(call.say("“{word}” is no number. Try: /posts 5", word=call.args), private=True)
    here = None if call.chat.direct else call.chat.id
    found = await call.tools.database.read(lambda tx: _last(call, tx, here, min(wanted, MOST)))
    if not found:
        return call.reply(call.say("Nothing was posted yet.") + " /post now tip", private=True)
    lines = [call.say("The last posts, and what members did within a day or under them:")]
    lines += [_line(call, at, one) for at, one in enumerate(found, 1)]
    if not call.tools.settings.public_url:
        lines.append(call.say("Clicks are not counted: PUBLIC_URL is empty."))
    picture = await Pictures(call.tools.settings.pictures).keep(await asyncio.to_thread(_draw, _chart(call, found)))
    card = Card(call.say("What members did"), picture=picture)
    return call.reply("\n".join(lines), (), (card,), private=True)


async def _last(call: Call, tx: Any, here: int | None, count: int) -> list[Shown]:
    """The newest ones of both kinds, newest first."""
    shop, found = call.shop.id, list[Shown]()
    for row in await measures.posts(tx, shop, count, here):
        figures = await measures.figures(tx, measures.of_post(row.id))
        found.append(Shown(_short(row.text), row.title, row.sent or row.created, figures))
    for row in await measures.campaigns(tx, shop, count, here):
        figures = await measures.figures(tx, measures.of_campaign(row.id))
        text = next(iter(row.bodies.values()))["text"]
        found.append(Shown(_short(text), f"{row.words} ({figures.sent})", row.started, figures))
    return sorted(found, key=lambda one: one.at, reverse=True)[:count]


def _short(text: str) -> str:
    line = text.splitlines()[0]
    return line if len(line) <= WORDS else line[: WORDS - 1] + "…"


def _words(call: Call) -> list[tuple[str, str]]:
    """Each figure's field, and what it is called."""
    return [
        ("presses", call.say("pressed")),
        ("clicks", call.say("clicks")),
        ("reactions", call.say("reactions")),
        ("replies", call.say("replies")),
        ("left", call.say("left")),
        ("blocked", call.say("blocked")),
        ("optouts", call.say("unsubscribed")),
    ]


def _line(call: Call, at: int, one: Shown) -> str:
    """A post in two lines: what it is, and its figures; of a click nothing where none could be counted."""
    when = moment(one.at, call.shop.timezone, call.language)
    told = [
        f"{name} {value}" for field, name in _words(call)
        if (value := getattr(one.figures, field)) or field in ("presses", "reactions", "replies")
    ]  # fmt: skip
    if one.figures.unknown:
        told.append(call.say("{count} unknown", count=one.figures.unknown))
    return f"{at}. {when} · {one.where} · “{one.name}”\n   {' · '.join(told)}"


def _chart(call: Call, found: list[Shown]) -> charts.Chart:
    fields = _words(call)
    plain = ("What members did", *("left" if one == "left" else one for one, _ in fields))
    values = [[getattr(one.figures, field) for field, _ in fields] for one in found]
    names = [name for _, name in fields]
    return charts.Chart(call.say("What members did"), names, plain, [one.name for one in found], values)


def _draw(chart: charts.Chart) -> bytes:
    """The font is looked for only where something Chinese is written."""
    said = " ".join((chart.title, *chart.parts, *chart.names))
    return charts.png(chart, font=charts.chinese_font() if HAN.search(said) else None)
