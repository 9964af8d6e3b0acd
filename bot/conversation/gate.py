"""Speak or stay silent: certain when addressed, unasked only for a confident question to the shop.

Unasked, a question waits a while for a human where others are there. Quiet is the default when in doubt.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.config import Settings
from bot.conversation import sure
from bot.conversation.bursts import PART, greets, joined, unfinished
from bot.conversation.context import Context
from bot.conversation.plan import Planner
from bot.conversation.talk import SETTLED, Scene, calls
from bot.conversation.understanding import ASKING, Reading, complaint, glance, read
from bot.language import normalise
from bot.messages import Message
from llm.protocol import Act, Plan

STALE = timedelta(minutes=10)  # an unasked answer later than this talks into another conversation
EACH = 20.0  # seconds that a question waits for each other member who is there
LIVELY = 3  # in this mode it waits so many times less, and may speak so many times more
GOES_ON = 0.5  # of the threshold falls for a question that goes on from the bot's answer to the same member
WARY = 0.1  # what each thumb down adds to the threshold
WARIEST = 0.3
UNASKED = 0.6  # how sure of its plan it is that speaks unasked, where rules left open what to say
ROWS = (Act.DETAIL, Act.DESCRIBE, Act.POLICY)  # acts that quote what one row says
JOKES = re.compile(r"haha|\blo+l\b|lmao|\brofl\b|[😂🤣😅🙈😭]|哈哈|嘿嘿")
FACTS = (
    Act.PRICE, Act.TOTAL, Act.STOCK, Act.OPTIONS, Act.DETAIL, Act.DESCRIBE, Act.POLICY, Act.SHIPPING, Act.HOURS,
    Act.LINK, Act.COMPARE, Act.CONTRAST, Act.RECOMMEND, Act.COUNT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Silent:
    """Only recorded. `joins`: ids of earlier messages that this one is the last part of."""

    why: str
    joins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Speak:
    """`text`: all parts of what is asked."""

    why: str
    text: str = ""
    unasked: bool = False
    joins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """Decide again then."""

    due: datetime
    addressed: bool = False
    joins: tuple[str, ...] = ()


Decision = Silent | Speak | Later
Recall = Callable[[str], Awaitable[Context]]  # the context of a text of this member


@dataclass(frozen=True, slots=True)
class Manners:
    """What the merchant settles. `wait`: seconds at most that a question waits for a human; `hourly`: unasked replies
    of a chat; `bots`: names or ids of bots that are answered; `names`: what the bot is called by."""

    precision: float = 0.98
    wait: float = 30.0
    hourly: int = 20
    bots: frozenset[str] = frozenset()
    names: tuple[str, ...] = ("shopkeeper", "店小二")


def manners(settings: Settings, shop: str) -> Manners:
    """What the settings say; the bot is called by the shop's name too."""
    bots, names = listed(settings.answer_bots), (*listed(settings.bot_names), normalise(shop))
    return Manners(
        settings.gate_precision,
        settings.gate_wait,
        settings.unasked_per_hour,
        frozenset(bots),
        tuple(filter(None, names)),
    )


def listed(text: str) -> tuple[str, ...]:
    """The names of a setting, with commas between them."""
    return tuple(name for part in text.split(",") if (name := normalise(part).strip()))


@dataclass(frozen=True, slots=True)
class Place:
    """Where and by whom a message was said; `names` are those who talk in this chat, without the sender's."""

    mode: str
    language: str
    member_id: int = 0
    names: Sequence[str] = ()


class Gate:
    def __init__(self, planner: Planner, manners: Manners) -> None:
        self._planner, self._manners = planner, manners
        either = "|".join(re.escape(name) for name in manners.names) or r"(?!)"
        greeted = "(?:hi|hey|hello|ok|okay|dear|yo|so|and|please|你好|请问)"
        self._called = re.compile(
            rf"^(?:{greeted}[ ,，]*)?@?(?:{either})(?:\s*[,:!?，：！？、]|\s*$|(?<=[\u4e00-\u9fff]))"
            rf"|^{greeted}[ ,，]+(?:{either})\b|[,，] ?(?:{either})[?!.。？！]*$"
        )

    def hourly(self, mode: str) -> int:
        """Unasked replies that a chat in this mode may get in an hour."""
        return self._manners.hourly * (LIVELY if mode == "lively" else 1)

    def to_me(self, message: Message) -> bool:
        """Is it said to the bot for certain: mentioned, replied to, called by name, or alone with it?"""
        return message.addressed or message.chat.direct or bool(self._called.search(normalise(message.text)))

    def certainly_silent(self, message: Message, mode: str, names: Sequence[str]) -> bool:
        """Is it plain without a look into the shop that nothing will be said?"""
        if message.text.startswith("/"):
            return False
        if message.sender.bot:
            return not self._answers(message)
        if self.to_me(message):
            return False
        if mode in ("off", "mention"):
            return True
        return bool(message.reply_to or aside(message.text, glance(message.text), names))

    def lonely(self, message: Message) -> bool:
        """Is there nothing to know of the chat before it is answered?"""
        return not message.sender.bot and self.to_me(message) and not unfinished(message.text)

    def directed(self, message: Message, place: Place, scene: Scene) -> bool:
        """Is it said to the bot, by name or by who talks to whom, whatever it says?"""
        if self.to_me(message):
            return True
        reading = glance(message.text)
        if message.reply_to or not reading.has("question") or aside(message.text, reading, place.names):
            return False
        return scene.engaged(message, place.member_id) > 0.0

    def _answers(self, message: Message) -> bool:
        return normalise(message.sender.name) in self._manners.bots or message.sender.id in self._manners.bots

    async def decide(
        self,
        message: Message,
        place: Place,
        scene: Scene,
        now: datetime,
        recall: Recall,
    ) -> Decision:
        """What to do with a message that is no command. `recall` gives the context of a text of this member."""
        if message.sender.bot:
            return self._to_bot(message, place, scene)
        if place.mode == "off":
            return Silent("mode off")
        if scene.taken_over(message):
            return Silent("a part of what was said after it")
        parts = scene.parts(message, place.member_id)
        text, joins = message.text, tuple(part.message_id for part in parts)
        if parts and not message.reply_to and not calls(normalise(text), place.names):
            text = joined([*(part.text for part in parts), text])
        else:
            parts, joins = [], ()
        if self.to_me(message) or scene.addressed(message, parts):
            waits = unfinished(text) and not (message.chat.direct and greets(text))
            if waits and now - message.at < PART:
                return Later(message.at + PART, True, joins)
            return Speak("addressed", text, joins=joins)
        if place.mode == "mention":
            return Silent("not addressed")
        if now - message.at > STALE:
            return Silent("stale", joins)
        decision = await self._unasked(replace(message, text=text), place, scene, now, recall)
        return replace(decision, joins=joins)

    def _to_bot(self, message: Message, place: Place, scene: Scene) -> Decision:
        """Bots are never answered unless listed; and never twice without a human in between, so that none loop."""
        if not self._answers(message) or place.mode == "off" or not self.to_me(message):
            return Silent("a bot")
        return Speak("a bot that is listed", message.text) if scene.humans_since() else Silent("bots among themselves")

    async def _unasked(
        self,
        message: Message,
        place: Place,
        scene: Scene,
        now: datetime,
        recall: Recall,
    ) -> Decision:
        reading = read(message.text, place.language)
        if silent := aside(message.text, reading, place.names):
            return silent
        if message.reply_to:
            return Silent("a reply to somebody else")
        if SETTLED.search(reading.text) or scene.answered(message, place.member_id, place.names):
            return Silent("answered by a human")
        if unfinished(message.text):
            due = message.at + PART
            return Later(due) if now < due else Silent("it hangs in the air")
        await self._planner.library.refresh()
        found = await self._sure(message, reading, place, scene, recall)
        if isinstance(found, Silent):
            return found
        text, plans, engaged = found
        sources = [source for plan in plans for source in plan.sources]
        lively = LIVELY if place.mode == "lively" else 1
        if scene.told(sources, message.at):
            return Silent("told meanwhile")
        if scene.unasked(now) >= self.hourly(place.mode):
            return Silent("spoke often enough in this hour")
        wait = 0.0 if engaged else self._wait(reading, scene.present(message, place.member_id)) / lively
        due = message.at + timedelta(seconds=wait)
        if now < due:
            return Later(due)
        return Speak("a confident question", text, unasked=True)

    def _wait(self, reading: Reading, others: int) -> float:
        """Seconds: none where nobody else is there, longer the more could answer."""
        return min(self._manners.wait, EACH * (others + reading.has("to_all")))

    async def _sure(
        self,
        message: Message,
        reading: Reading,
        place: Place,
        scene: Scene,
        recall: Recall,
    ) -> tuple[str, list[Plan], bool] | Silent:
        """All of what is asked, with the plans of an answer that is good enough to be given unasked, and whether the
        member goes on with the bot."""
        engaged, text = scene.engaged(message, place.member_id), message.text
        before = scene.before(message, place.member_id)
        if before and not engaged and len(reading.words) < 3 and reading.has("followup", *ASKING):
            text = f"{before} {text}"
            reading = read(text, place.language)
        found = await sure.evidence(reading, self._planner.library)
        least = sure.threshold(reading.language, found, self._manners.precision)
        if scene.echoes(message, place.member_id):
            return Silent("a member is asked back")
        if scene.among_members(message, place.member_id, place.names) or not _worded(text):
            least = (1.0 + least) / 2
        least = min(0.99, least + min(WARIEST, max(0.0, WARY * scene.against)))
        if reading.has("question"):
            least *= 1.0 - GOES_ON * engaged
        if sure.chance(reading.language, found) < least:
            return Silent("not confident")
        plans = await self._planner.plan(text, await recall(text))
        sources = [source for plan in plans if plan.act in ROWS for source in plan.sources]
        if sources and not await sure.agrees(reading, self._planner.library, sources):
            return Silent("what is meant and what would be said differ")
        return (text, plans, engaged >= 1.0) if answers(plans) else Silent("nothing to say to it")


def _worded(text: str) -> bool:
    """Does it ask by more than its question mark?"""
    return glance(re.sub("[?？]", " ", text)).has("question", "asks_too", *ASKING)


def aside(text: str, reading: Reading, names: Sequence[str]) -> Silent | None:
    """What is plainly not for the shop: no question, or one to somebody else."""
    if "@" in text or not reading.has("question", "asks_too", *ASKING):
        return Silent("no question to the shop")
    if not reading.has("question") and (reading.has("mine") or JOKES.search(reading.text)):
        return Silent("a remark")
    if complaint(reading) or reading.has("to_somebody") or calls(reading.text, names):
        return Silent("said to somebody else")
    return None


def answers(plans: Sequence[Plan]) -> bool:
    """Do these plans tell something of the shop's?"""
    return bool(plans) and all(plan.act in FACTS and plan.facts and plan.sure >= UNASKED for plan in plans)
