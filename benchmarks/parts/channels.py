"""IRC logs as groups with the bot in them: the busiest helper's part is the bot's.

Who speaks to the helper by a prefix speaks to the bot: by its name (every second such line), else with the prefix
stripped, as a reply where the log's links say what it answers. Of the lines between members every second prefix is
stripped in the same way. What others ask the whole channel and the helper answers is left out: no shop knows it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.parts.labelled import NAMED, named
from bot.conversation.talk import HEARD, SAID, Scene
from bot.messages import Chat, Message, Sender

START = datetime(2026, 3, 2, tzinfo=UTC)
NAME = "Shopkeeper"
ASKS = re.compile(
    r"[?]|\b(?:how|what|whats|why|where|which|when|who|can i|could i|should i|is it|is there|does it|do i)\b"
)


@dataclass(frozen=True, slots=True)
class Line:
    """What a member said, or the bot, as the tables would give it."""

    id: int
    text: str
    message_id: str
    member_id: int
    at: datetime
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @property
    def sent(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Turn:
    """`mentioned`: the bot's name stands in it or it replies to the bot."""

    message: Message
    member_id: int
    names: list[str]
    scene: Scene
    wanted: bool
    mentioned: bool
    named: bool


def turns(log: dict[str, Any]) -> Iterator[Turn]:
    """The annotated lines of a log that are labelled, each with what stands before it."""
    messages = log["messages"]
    links = [(earlier, later) for earlier, later in log["links"] if earlier != later]
    if not links:
        return
    nicks = {nick.lower() for _, nick, _ in messages if nick}
    people = {nick: at + 1 for at, nick in enumerate(dict.fromkeys(nick for _, nick, _ in messages if nick))}
    by_name = {nick.lower(): nick for nick in people}
    spoken_to = Counter(messages[earlier][1] for earlier, later in links if messages[earlier][1] != messages[later][1])
    helper = next(nick for nick, _ in spoken_to.most_common() if nick)
    answers_to: dict[int, list[int]] = {}
    answered: dict[int, list[int]] = {}
    for earlier, later in links:
        answers_to.setdefault(later, []).append(earlier)
        answered.setdefault(earlier, []).append(later)
    first, last = min(later for _, later in links), max(later for _, later in links)
    heard: list[Line] = []
    said: list[Line] = []
    at = START
    for place in range(max(0, first - HEARD), last + 1):
        clock, nick, text = messages[place]
        if not nick:
            continue
        at = _moment(clock, at)
        to = by_name.get(named(text, nicks), "")
        targets = [earlier for earlier in answers_to.get(place, []) if messages[earlier][1] not in (nick, None)]
        if nick == helper:
            whom = people.get(to) or next((people[messages[one][1]] for one in targets), 0)
            said.append(Line(place, text, str(place), whom, at))
            continue
        stripped = bool(to) and place % 2 == 1
        mine = to == helper or any(messages[one][1] == helper for one in targets)
        reply_to, shown, addressed = "", text, False
        if stripped:
            shown = NAMED.sub("", text, count=1)
            linked = [one for one in targets if messages[one][1] == to]
            reply_to = str(linked[-1]) if linked else ""
            addressed = to == helper and bool(reply_to)
        elif to == helper:
            shown = f"{NAME}: {NAMED.sub('', text, count=1)}"
        message = Message(
            str(place), str(place), Chat("irc", log["file"]), Sender(nick, nick), shown, at, addressed, reply_to
        )
        told = any(messages[one][1] == helper for one in answered.get(place, []))
        if place >= first and not (told and not mine):
            wanted = to == helper or (mine and bool(ASKS.search(text.lower())))
            names = [one for one in people if one not in (nick, helper)]
            yield Turn(
                message, people[nick], names, Scene(tuple(heard[-HEARD:]), tuple(said[-SAID:])), wanted,
                addressed or shown.startswith(NAME), to == helper and not stripped,
            )  # fmt: skip
        heard.append(Line(place, shown, str(place), people[nick], at, nick, {"reply_to": reply_to} if reply_to else {}))


def _moment(clock: str | None, before: datetime) -> datetime:
    """The time of a line; within a minute they are some seconds apart."""
    try:
        hour, minute = map(int, (clock or "").split(":"))
    except ValueError:
        return before + timedelta(seconds=5)
    found = before.replace(hour=hour % 24, minute=minute % 60, second=0)
    found = found if found + timedelta(hours=12) > before else found + timedelta(days=1)
    return found if found > before else before + timedelta(seconds=3)
