"""What is wrong with a message in a group, judged by itself and by what was said just before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llm import spam

FLOOD, FLOOD_IN = 6, timedelta(seconds=10)  # so many messages of a member in so long
AGAIN_IN = timedelta(minutes=10)  # in which a text may not be repeated
AGAIN = 3  # of a member in one chat; in a second chat it is two
CHORUS = 4  # members that say the same
SHORT, SHORT_CHORUS = 12, 40  # characters; shorter texts are repeated by everybody
LOOKED = 40  # messages back


@dataclass(frozen=True, slots=True)
class Said:
    """A message, as these rules see it."""

    member: int
    chat: int
    text: str
    at: datetime
    id: str = ""
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """What came before it: of the member everywhere, of everybody in the chat. `new`: the member just came."""

    own: Sequence[Said] = ()
    chat: Sequence[Said] = ()
    new: bool = False
    raid: bool = False


def judge(said: Said, before: Before) -> str | None:
    """The reason to take it away: flood, repeated, invite, spam, link, forward; None for most messages."""
    burst = [one for one in before.own if one.chat == said.chat and said.at - one.at <= FLOOD_IN]
    if len(burst) >= FLOOD - 1:
        return "flood"
    if repeated(said, before):
        return "repeated"
    text = spam.read(said.text)
    if "‹invite›" in text and (before.new or said.forwarded):
        return "invite"
    limits, score = spam.limits(), spam.score(said.text)
    if score > limits["normal"]:
        return "spam"
    foreign = any(f"‹{one}›" in text for one in ("link", "odd", "shortened", "invite"))
    if before.new and foreign:
        return "link"
    if before.raid and before.new and (foreign or score > limits["strict"]):
        return "raid"
    if said.forwarded and (foreign or score > limits["strict"]):
        return "forward"
    return None


def repeated(said: Said, before: Before) -> bool:
    """Does somebody say the same over and over, here or in other chats, or many at once?"""
    text = folded(said.text)
    if len(text) < SHORT:
        return False
    same = [one for one in before.own if said.at - one.at <= AGAIN_IN and folded(one.text) == text]
    if any(one.chat != said.chat for one in same) or len(same) >= AGAIN - 1:
        return True
    others = {one.member for one in before.chat if said.at - one.at <= AGAIN_IN and folded(one.text) == text}
    return len(text) >= SHORT_CHORUS and len(others - {said.member}) >= CHORUS - 1


def folded(text: str) -> str:
    """A text without what is changed so that a copy looks like none."""
    return "".join(one for one in text.casefold() if one.isalnum())


def burst(said: Said, own: Sequence[Said]) -> list[str]:
    """The messages that a flood is made of."""
    near = (one for one in own if one.chat == said.chat and said.at - one.at <= FLOOD_IN)
    return [one.id for one in near if one.id]
