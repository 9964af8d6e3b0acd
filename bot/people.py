"""Who said it and where, as rows: met once, then remembered between messages."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.messages import Message
from storage import members, tombstones
from storage.database import Database, Transaction
from storage.members import ChatRow

KNOWN = 10_000  # members and chats that are remembered
NAMES = 200  # of a chat


def remember(held: OrderedDict[Any, Any], key: Any, value: Any, most: int = KNOWN) -> None:
    """Keep what was used last."""
    held[key] = value
    held.move_to_end(key)
    if len(held) > most:
        held.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Known:
    """A message's sender and chat. `kept`: the message is an interaction already, since it was parked."""

    member_id: int
    chat: ChatRow
    kept: bool = False


@dataclass(slots=True)
class People:
    """`met` for those who were; `meet` for everybody."""

    database: Database
    shop_id: int
    _members: OrderedDict[tuple[str, str], tuple[int, datetime | None]] = field(default_factory=OrderedDict)
    _chats: OrderedDict[tuple[str, str], ChatRow] = field(default_factory=OrderedDict)
    _names: OrderedDict[int, OrderedDict[str, None]] = field(default_factory=OrderedDict)

    def met(self, message: Message) -> Known | None:
        """The sender and the chat, if both are remembered; None also of what was said before they were forgotten."""
        member_id, buried = self._members.get((message.chat.platform, message.sender.id), (None, None))
        chat = self._chats.get((message.chat.platform, message.chat.id))
        if member_id is None or chat is None or (buried and message.at <= buried):
            return None
        return Known(member_id, chat)

    async def meet(self, message: Message, now: datetime) -> Known | None:
        """The same, with new rows for who is new. None: they had themselves forgotten after they said this."""
        if known := self.met(message):
            return known
        chat, sender = message.chat, message.sender

        async def both(tx: Transaction) -> tuple[Known | None, datetime | None]:
            buried = await tombstones.buried(tx, self.shop_id, chat.platform, sender.id)
            if buried and message.at <= buried:
                return None, buried
            person = await members.meet(tx, self.shop_id, chat.platform, sender.id, sender.name, now)
            place = await members.enter(tx, self.shop_id, chat.platform, chat.id, chat.title, chat.direct)
            return Known(person, place), buried

        known, buried = await self.database.write(both)
        if known:
            remember(self._members, (chat.platform, sender.id), (known.member_id, buried))
            remember(self._chats, (chat.platform, chat.id), known.chat)
        return known

    async def again(self, message: Message, known: Known) -> Known:
        """The sender as they are after a command, which may have made two members one, or one two. Nobody new is met:
        they may just have had themselves forgotten."""
        account = (self.shop_id, message.chat.platform, message.sender.id)
        own = await self.database.read(lambda tx: members.whose(tx, *account))
        return replace(known, member_id=own or known.member_id)

    def forget_members(self) -> None:
        """Some of them may be another member now, or nobody."""
        for held in (self._members, self._chats, self._names):
            held.clear()

    def forget(self, message: Message) -> None:
        """A chat's row may have changed."""
        self._chats.pop((message.chat.platform, message.chat.id), None)

    def others(self, known: Known, message: Message) -> list[str]:
        """Names of those who talk in this chat, without the sender's."""
        names = self._names.get(known.chat.id) or OrderedDict()
        remember(names, message.sender.name, None, NAMES)
        remember(self._names, known.chat.id, names)
        return [name for name in names if name != message.sender.name]
