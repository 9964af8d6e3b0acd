"""Who a campaign goes to, in an admin's words: `all`, a platform, chats by title or number, `subscribers`, `@NAME`,
`segment NAME` (the subscribers in it).

Groups are posted to. A member gets it by direct message only, and only who subscribed and is not opted out.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from storage import members
from storage.database import Transaction
from storage.members import ChatRow

ALL = ("all", "所有", "全部", "所有群")
HERE = ("here", "this", "本群", "这里")
SUBSCRIBERS = ("subscribers", "订阅者", "所有订阅者")
SEGMENT = re.compile(r"(?:segment|分群)\s+(?P<name>\S+)", re.IGNORECASE)
LISTED = 10
UNKNOWN_CHAT = "I know no chat called “{word}”. Right would be all, subscribers, @NAME, or one of: {chats}"
SEVERAL = "Several chats are called “{word}”; say which by its number: {chats}"
NOT_SUBSCRIBED = "{name} is no subscriber: a member gets a direct message only after /subscribe."
NO_SEGMENT = "There is no segment called {name}. /segment lists them."
NOBODY = "Nobody would get it: there is no such chat or subscriber yet."
# platform, a member's id on it -> the id of their direct chat; '' where there is none
Direct = Callable[[str, str], str]
InSegment = Callable[[Transaction, str], Awaitable[set[int] | None]]  # a segment's name -> who is in it


class NoSuchPlace(ValueError):
    """`template` with `values` is the message, so that it can be said in another language."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values))
        self.template, self.values = template, values


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber: their direct chat is entered once the campaign is made."""

    member_id: int
    name: str
    language: str
    platform: str
    place: str


@dataclass(frozen=True, slots=True)
class Audience:
    """In the order in which it is written to."""

    chats: tuple[ChatRow, ...]
    people: tuple[Person, ...]


async def find(
    tx: Transaction, shop_id: int, words: str, here: ChatRow, direct: Direct, segment: InSegment
) -> Audience:
    """Who is meant. Raises NoSuchPlace."""
    chats = await members.chats(tx, shop_id)
    groups = [one for one in chats if not one.direct]
    people = _people(await members.subscribers(tx, shop_id), direct)
    wanted: dict[int, ChatRow] = {}
    persons: dict[int, Person] = {}
    for word in _split(words, groups):
        low = word.casefold()
        if low in SUBSCRIBERS:
            persons |= people
        elif word.startswith("@"):
            one = await members.find(tx, shop_id, word[1:])
            if one is None or one.id not in people:
                raise NoSuchPlace(NOT_SUBSCRIBED, name=word[1:])
            persons[one.id] = people[one.id]
        elif found := SEGMENT.fullmatch(word):
            ids = await segment(tx, found["name"].casefold())
            if ids is None:
                raise NoSuchPlace(NO_SEGMENT, name=found["name"])
            persons |= {member: people[member] for member in sorted(ids) if member in people}
        else:
            wanted |= {one.id: one for one in _chats(word, groups, here)}
    if not (wanted or persons):
        raise NoSuchPlace(NOBODY)
    return Audience(tuple(wanted.values()), tuple(persons.values()))


def _split(words: str, groups: Sequence[ChatRow]) -> list[str]:
    """The parts of a list: between commas, in quotation marks, or words that each stand for something."""
    titles = {one.title.casefold() for one in groups}
    parts: list[str] = []
    for part in re.split(r"[,，、;；]", words):
        plain = part.strip().strip('"“”「」').strip()
        each = plain.split()
        known = {*ALL, *HERE, *SUBSCRIBERS, *titles, *(one.platform for one in groups)}
        several = len(each) > 1 and plain.casefold() not in titles
        if several and all(one.casefold() in known or re.match(r"[#@]\S", one) for one in each):
            parts += each
        elif plain:
            parts.append(plain)
    return parts


def _chats(word: str, groups: Sequence[ChatRow], here: ChatRow) -> Sequence[ChatRow]:
    low = word.casefold()
    if low in ALL:
        return _one_of_each(groups)
    if low in HERE and not here.direct:
        return [here]
    if found := [one for one in groups if one.platform == low]:
        return _one_of_each(found)
    digits = word.removeprefix("#")
    if digits.isascii() and digits.isdecimal() and (found := [one for one in groups if one.id == int(digits[:18])]):
        return found
    found = [one for one in groups if low in (one.title.casefold(), one.platform_id.casefold())]
    if len(found) > 1:
        raise NoSuchPlace(SEVERAL, word=word[:60], chats=_listed(found))
    if not found:
        raise NoSuchPlace(UNKNOWN_CHAT, word=word[:60], chats=_listed(groups))
    return found


def _one_of_each(groups: Sequence[ChatRow]) -> Sequence[ChatRow]:
    """Of a group with topics (`GROUP/TOPIC`) one place: the group itself, or the topic that was met first."""
    chosen: dict[tuple[str, str], ChatRow] = {}
    for one in groups:
        group, _, topic = one.platform_id.partition("/")
        if (one.platform, group) not in chosen or not topic:
            chosen[one.platform, group] = one
    return list(chosen.values())


def _listed(groups: Sequence[ChatRow]) -> str:
    named = [f"#{one.id} {one.title or one.platform_id}" for one in groups[:LISTED]]
    return ", ".join(named + ["…"] * (len(groups) > LISTED))


def _people(subscribers: Sequence[Any], direct: Direct) -> dict[int, Person]:
    """Each subscriber where they were met first, of the platforms that have direct chats."""
    found: dict[int, Person] = {}
    for row in subscribers:
        if row.id not in found and (place := direct(row.platform, row.platform_id)):
            found[row.id] = Person(row.id, row.name, row.language, row.platform, place)
    return found
