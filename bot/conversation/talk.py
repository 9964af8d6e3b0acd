"""Who talks to whom: what stands around a message in its chat, as the gate needs it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.conversation.bursts import GAP
from bot.language import HAN, normalise, tokens
from bot.messages import Message
from storage import interactions, outbox
from storage.database import Transaction

HEARD, SAID = 30, 40  # lines of members and of the bot that are looked at
MARKED = 1000  # and so many of the last interactions for thumbs under the latter
PRESENT = timedelta(minutes=3)  # who spoke in it is there
ENGAGED = timedelta(minutes=3)  # a member goes on with the bot so long after its reply
BETWEEN = 3  # lines of others that may stand between
RETORT = timedelta(minutes=1)  # a few words so soon after another's line are said to them
ECHO = 0.6  # of a line's words that the line before has too: it is asked back
TURN = timedelta(minutes=2)  # a line is an answer to another so long after it
HOUR = timedelta(hours=1)

LAUGH = re.compile(
    r"(?:[\W_]|ha|he|lo+l|lmao|rofl|xd|wow|omg|nice|same|true|yes+|yep|ok(?:ay)?|oh|ah|h+m+|good|morning|night"
    r"|哈|呵|嘿|嗯|哦|啊|早|安|好的?|对|是的|晚)*"
)
TELLS = re.compile(
    r"^(?:yes|yeah|yep|no|nope|nah|it.?s|they.?re|it is|they are|about|around|i think|i paid|should be|depends|only"
    r"|there (?:is|are)|not|just|always|never|on the|check|see the|\W*\d"
    r"|有的?|没有?|是的?|不是|好像|大概|应该|可以|不能|不行|不用|我记得|对)"
)
SETTLED = re.compile(
    r"\b(?:never ?mind|nvm|found it|got it|figured it out|ignore me|forget it|sorted)\b"
    r"|^(?:thanks|thank you|cheers|ta|ah ok|great)\b"
    r"|算了|找到了|知道了|不用了|看到了|搞定|^(?:谢谢|多谢|谢啦|好的)"
)


def calls(text: str, names: Sequence[str]) -> bool:
    """Is somebody of these called by name in a normalised text?"""
    called = [plain for name in names if len(name) > 1 and (plain := normalise(name)) in text]
    return any(re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text) for plain in called)


def _short(text: str) -> bool:
    """Is it so short that it rests on what another one said?"""
    return len(text) <= 8 if HAN.search(text) else len(text.split()) <= 3


@dataclass(frozen=True, slots=True)
class Scene:
    """Lines of members and of the bot, oldest first; `against`: what members thought of unasked replies lately, thumbs
    down less half of those up."""

    heard: Sequence[Any] = ()
    said: Sequence[Any] = ()
    against: float = 0.0

    def unasked(self, now: datetime) -> int:
        """How many replies of the last hour nobody had asked the bot for."""
        return sum(bool(row.extra.get("unasked")) and row.sent >= now - HOUR for row in self.said)

    def kept(self, message: Message) -> Any:
        """The row of a message that was parked."""
        return next((row for row in self.heard if row.message_id == message.id), None)

    def parts(self, message: Message, member_id: int) -> list[Any]:
        """Earlier parts of the member's burst, which wait for their rest or did when this one came, oldest first."""
        kept = self.kept(message)
        if kept and kept.data.get("joins"):
            return [row for row in self.heard if row.message_id in kept.data["joins"]]
        found, at = [], message.at
        for row in reversed(self.heard):
            if row.member_id != member_id or row.message_id == message.id or row.at > message.at:
                continue
            if not row.data.get("parked") or at - row.at > GAP:
                break
            found.append(row)
            at = row.at
        return found[::-1]

    def addressed(self, message: Message, parts: Sequence[Any]) -> bool:
        """Was the bot spoken to in another part of the burst?"""
        return any(row and row.data.get("parked") == "addressed" for row in (*parts, self.kept(message)))

    def taken_over(self, message: Message) -> bool:
        """Does a later part of the burst hold this one too?"""
        return any(message.id in row.data.get("joins", ()) for row in self.heard)

    def before(self, message: Message, member_id: int) -> str:
        """What the member said just before, if nobody spoke in between."""
        earlier = [row for row in self.heard if row.at <= message.at and row.message_id != message.id]
        last = earlier[-1] if earlier else None
        if last is None or last.member_id != member_id or message.at - last.at > 3 * GAP or last.data.get("reply_to"):
            return ""
        return str(last.text)

    def present(self, message: Message, member_id: int) -> int:
        """How many others spoke lately."""
        since = message.at - PRESENT
        return len({row.member_id for row in self.heard if row.at >= since and row.member_id != member_id})

    def engaged(self, message: Message, member_id: int) -> float:
        """Does the member go on with the bot? 1 where its reply to them was the last thing said, less a while after."""
        own = [row for row in self.said if row.member_id == member_id and row.sent and row.sent <= message.at]
        if not own or message.at - own[-1].sent > ENGAGED or own[-1].extra.get("private_to"):
            return 0.0
        since = own[-1].sent
        lines = [row for row in self.heard if since <= row.at <= message.at and row.message_id != message.id]
        others = [row for row in lines if row.member_id != member_id]
        if len(lines) - len(others) > 1 or any(self._to(row, message, member_id) for row in others):
            return 0.0
        said = [row for row in self.said if row.sent and since < row.sent <= message.at]
        if not others and not said:
            return 1.0
        return 0.5 if len(others) <= BETWEEN and message.at - since <= TURN else 0.0

    def echoes(self, message: Message, member_id: int) -> bool:
        """Does it say again what another member has just said, to ask them back?"""
        earlier = [row for row in self.heard if row.at <= message.at and row.message_id != message.id]
        if not earlier or earlier[-1].member_id == member_id or message.at - earlier[-1].at > TURN:
            return False
        words = set(tokens(message.text))
        return bool(words) and len(words & set(tokens(earlier[-1].text))) >= ECHO * len(words)

    def among_members(self, message: Message, member_id: int, names: Sequence[str]) -> bool:
        """Are the member and another one talking with each other?"""
        earlier = [row for row in self.heard if row.at <= message.at and row.message_id != message.id]
        recent = [row for row in earlier if message.at - row.at <= TURN]
        last = recent[-1] if recent else None
        if last and last.member_id != member_id and message.at - last.at <= RETORT and _short(message.text):
            return True
        for row in recent:
            if row.member_id == member_id:
                if row.data.get("reply_to") or calls(normalise(row.text), names):
                    return True
            elif self._to(row, message, member_id):
                return True
        return False

    def _to(self, row: Any, message: Message, member_id: int) -> bool:
        """Is somebody's line said to the sender of a message?"""
        replied = row.data.get("reply_to")
        mine = any(one.message_id == replied and one.member_id == member_id for one in self.heard) if replied else False
        return mine or calls(normalise(row.text), (message.sender.name,))

    def answered(self, message: Message, member_id: int, names: Sequence[str]) -> bool:
        """Did a human answer a message since, or does its sender say that it is settled?"""
        words = {word for word in tokens(message.text) if len(word) > 1}
        place = next((at for at, row in enumerate(self.heard) if row.message_id == message.id), len(self.heard))
        for row in self.heard[place + 1 :]:
            text = normalise(row.text)
            if row.member_id == member_id:
                if SETTLED.search(text):
                    return True
            elif not row.data.get("bot") and self._answers(row, text, message, member_id, words, names):
                return True
        return False

    def _answers(
        self, row: Any, text: str, message: Message, member_id: int, words: set[str], names: Sequence[str]
    ) -> bool:
        if replied := row.data.get("reply_to"):
            return bool(replied == message.id)
        if calls(text, (message.sender.name,)):
            return True
        if calls(text, [name for name in names if name != row.name]) or LAUGH.fullmatch(text):
            return False
        if "?" in text or "？" in text:
            return False
        return bool(TELLS.search(text)) or not words.isdisjoint(tokens(row.text))

    def told(self, sources: Sequence[str], since: datetime) -> bool:
        """Did the bot say something of these rows since then?"""
        return any(row.sent and row.sent >= since and not set(sources).isdisjoint(row.sources) for row in self.said)

    def humans_since(self) -> bool:
        """Has a human spoken since the bot did?"""
        last = max((row.sent for row in self.said if row.sent), default=None)
        return last is None or any(row.at > last and not row.data.get("bot") for row in self.heard)


async def look(tx: Transaction, chat_id: int) -> Scene:
    """What stands around a message that came in just now, or was parked a while ago."""
    heard, said = await interactions.talk(tx, chat_id, HEARD), await outbox.recent(tx, chat_id, SAID)
    marks = await interactions.marks(tx, chat_id, MARKED)
    unasked = {row.message_id for row in said if row.extra.get("unasked")}
    down: int = sum(mark["emoji"].startswith("👎") for mark in marks if mark["on"] in unasked)
    up: int = sum(mark["emoji"].startswith("👍") for mark in marks if mark["on"] in unasked)
    return Scene(heard, said, down - up / 2)
