"""Where a command's answer goes that only the caller may see: the one place that decides it.

In the chat itself where the platform can show it to one member only; else into a direct chat; and where the bot may not
open one, a line in the group leads there, and `/start` carries on with what was asked.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.commands.base import Call, Command
from bot.conversation.handoff import Admin
from bot.messages import Button, Capabilities, Card, Chat, Message, Outgoing, Role
from bot.outbox import extra
from bot.people import Known
from storage import members, outbox
from storage.database import Database, Transaction
from storage.members import ChatRow

log = logging.getLogger(__name__)
PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # what every platform's links take
Way = dict[str, Any]
LOOKED, TOLD = 10, 3  # who acted as an admin: so many are asked about, so many are told


@dataclass(frozen=True, slots=True)
class Placed:
    """The chat that an answer goes to, how it looks there, and what the outbox tries where that is refused. `begun`:
    the group that it was asked for in, where that is another chat; 0 where it is none."""

    chat_id: int
    shown: Outgoing
    ways: tuple[Way, ...] = ()
    begun: int = 0


@dataclass(frozen=True, slots=True)
class Privately:
    """`direct_link` (platform, word) is the address that opens a direct chat and hands the word to `/start`; `ask`
    (chat, member) says who is an admin."""

    database: Database
    capabilities: Mapping[str, Capabilities]
    direct_link: Callable[[str, str], str]
    ask: Callable[[Chat, str], Awaitable[bool]]

    async def where(self, message: Message, known: Known, found: Command | None) -> tuple[Message, Known]:
        """An admin's command under what they were told in a direct chat, by a button or a reply, is meant for the group
        in which they asked: the message as if it had come there."""
        if found is None or found.role is Role.MEMBER or not (known.chat.direct and message.reply_to):
            return message, known

        async def look(tx: Transaction) -> Any:
            row = await outbox.by_message(tx, known.chat.id, message.reply_to)
            begun = row.extra.get("begun") if row and row.member_id == known.member_id else None
            return await members.chat(tx, begun) if begun else None

        group = await self.database.read(look)
        if group is None:
            return message, known
        there = Chat(group.platform, group.platform_id, group.title)
        role = Role.ADMIN if await self.ask(there, message.sender.id) else Role.MEMBER
        sender = replace(message.sender, role=role)
        return replace(message, chat=there, sender=sender, id="", reply_to=""), replace(known, chat=group)

    async def admins(self, shop_id: int, chat: ChatRow) -> list[Admin]:
        """Who is told what admins have to know of a chat: who acted as one there, else elsewhere, and still is one."""
        can = self.capabilities.get(chat.platform, Capabilities())
        if can.admin_chat:
            return [Admin(can.admin_chat)]
        found: dict[int, Admin] = {}
        for row in await self.database.read(lambda tx: members.admins(tx, shop_id, chat, LOOKED)):
            if len(found) == TOLD:
                break
            own = row.platform_id
            if row.member_id not in found and await self.ask(Chat(chat.platform, row.place), own):
                address, here = can.direct_chat.format(member=own), can.mentions and not chat.direct
                if here and row.chat_id != chat.id:
                    here = await self.ask(Chat(chat.platform, chat.platform_id), own)
                found[row.member_id] = Admin(address, row.member_id, row.name, row.chat_id, own if here else "")
        return list(found.values())

    async def tell(
        self, shop_id: int, now: datetime, chat: ChatRow, key: str, text: str, cards: Sequence[Card] = (),
        buttons: Sequence[Button] = (),
    ) -> None:  # fmt: skip
        """Tell the admins of a chat something, once for a key."""
        told = await self.admins(shop_id, chat)
        if not told:
            log.warning("no admin of chat %d is known who could be told of %s", chat.id, key)

        async def put(tx: Transaction) -> None:
            for at, admin in enumerate(told):
                place = await members.direct(tx, shop_id, admin.member_id, chat.platform, admin.address, admin.name)
                held = extra(Outgoing(text, tuple(buttons), tuple(cards)), begun=admin.group)
                values = {"member_id": admin.member_id, "extra": held}
                await outbox.put(tx, shop_id, place.id, f"{key}:{at}", "notice", text, now, **values)

        await self.database.write(put)

    async def place(
        self, tx: Transaction, call: Call, asked_in: ChatRow, found: Command | None, reply: Outgoing
    ) -> Placed:
        """Where the answer to this call goes, which came out of the chat `asked_in`."""
        if call.chat.id != asked_in.id:
            return Placed(asked_in.id, replace(reply, private_to=""), begun=call.chat.id)
        can = self.capabilities.get(call.chat.platform, Capabilities())
        here = can.private_replies and (bool(reply.ticket) or not can.private_by_ticket)
        if not reply.private_to or (here and not can.private_by_ticket):
            return Placed(call.chat.id, reply)
        sender = call.message.sender
        address = can.direct_chat.format(member=sender.id)
        own = await members.direct(tx, call.shop.id, call.member_id, call.chat.platform, address, sender.name)
        line: Way = {"chat_id": call.chat.id, "text": self._line(call, found), "reply_to": call.message.id}
        if not own.direct:  # who speaks as the group itself has none
            return Placed(call.chat.id, call.reply(line["text"]))
        if here:
            return Placed(call.chat.id, reply, ({"chat_id": own.id}, line), call.chat.id)
        return Placed(own.id, replace(reply, private_to="", reply_to="", ticket=""), (line,), call.chat.id)

    def _line(self, call: Call, found: Command | None) -> str:
        """What the group sees where the bot may not write to the member: which way leads there."""
        link = self.direct_link(call.chat.platform, payload(call, found))
        if not link:
            return call.say("I tell you that in a direct chat only. Write to me there, then ask again.")
        if found is not None and found.role > Role.MEMBER:
            return call.say("I tell you that in a direct chat only. Open one, then ask again here: {link}", link=link)
        return call.say("I tell you that in a direct chat only: {link}", link=link)


def payload(call: Call, found: Command | None) -> str:
    """The word that `/start` goes on with."""
    if found is None or found.role > Role.MEMBER:
        return "hello"
    whole = "_".join((found.name, *call.words))
    return whole if PAYLOAD.fullmatch(whole) else found.name
