"""Where a command's answer goes that only the caller may see: the one place that decides it.

In the chat itself where the platform can show it to one member only; else into a direct chat; and where the bot may not
open one, a line in the group leads there, and `/start` carries on with what was asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.commands.base import Call, Command
from bot.messages import Capabilities, Outgoing, Role
from storage import members
from storage.database import Transaction

PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # what every platform's links take
Way = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Privately:
    """`direct_link` (platform, word) is the address that opens a direct chat and hands the word to `/start`."""

    capabilities: Mapping[str, Capabilities]
    direct_link: Callable[[str, str], str]

    async def place(
        self, tx: Transaction, call: Call, found: Command | None, reply: Outgoing
    ) -> tuple[int, Outgoing, list[Way]]:
        """The chat that the answer goes to, how it looks there, and what the outbox tries where that is refused."""
        can = self.capabilities.get(call.chat.platform, Capabilities())
        here = can.private_replies and (bool(reply.ticket) or not can.private_by_ticket)
        if not reply.private_to or (here and not can.private_by_ticket):
            return call.chat.id, reply, []
        sender = call.message.sender
        address = can.direct_chat.format(member=sender.id)
        own = await members.direct(tx, call.shop.id, call.member_id, call.chat.platform, address, sender.name)
        line = {"chat_id": call.chat.id, "text": self._line(call, found), "reply_to": call.message.id}
        if here:
            return call.chat.id, reply, [{"chat_id": own.id}, line]
        return own.id, replace(reply, private_to="", reply_to="", ticket=""), [line]

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
