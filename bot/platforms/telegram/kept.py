"""What has to survive a restart, in the tables: what buttons mean, which groups there are, what could not be read."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.platforms.telegram.outgoing import STORED
from storage import inbox, members, outbox
from storage.database import Database, Transaction

NAME = "telegram"
RAW = 20_000  # characters of an update that could not be read


@dataclass(frozen=True, slots=True)
class Kept:
    """The tables as this platform needs them."""

    database: Database
    shop_id: int

    async def command(self, chat: str, message_id: str, data: str) -> str:
        """The command line that a button stands for; '' where nobody knows it any more."""
        if not data.startswith(STORED):
            return data
        at, _, key = data.removeprefix(STORED).partition(":")

        async def look(tx: Transaction) -> Any:
            place = await members.seen(tx, self.shop_id, NAME, chat)
            if place is None:
                return None
            if key:
                row = await outbox.by_key(tx, self.shop_id, key)
            else:
                row = await outbox.by_message(tx, place.id, message_id)
            return row if row and row.chat_id == place.id else None

        row = await self.database.read(look)
        buttons = row.extra.get("buttons", []) if row else []
        return str(buttons[int(at)][1]) if at.isdecimal() and int(at) < len(buttons) else ""

    async def topic(self, chat: str, message_id: str) -> str:
        """The chat, or the topic of it, in which this message of the bot's stands: a reaction does not say."""
        found = await self.database.read(lambda tx: outbox.topic_of(tx, self.shop_id, NAME, chat, message_id))
        return found or chat

    async def moved(self, old: int, new: int) -> None:
        """A group became a supergroup: what is known of it, and what it is still to be sent, goes on there."""
        await self.database.write(lambda tx: members.move_chat(tx, self.shop_id, NAME, str(old), str(new)))

    async def groups(self) -> list[int]:
        """Groups that the bot was in, without topics."""
        rows = await self.database.read(lambda tx: members.chats(tx, self.shop_id))
        ids = [row.platform_id.partition("/")[0] for row in rows if row.platform == NAME and not row.direct]
        return list(dict.fromkeys(int(one) for one in ids))

    async def unreadable(self, key: str, update: Any, reason: str, now: datetime) -> None:
        """Keep an update that could not be read where an engineer finds it: a failed row of the inbox."""
        held = {"unreadable": json.dumps(update, ensure_ascii=False)[:RAW]}

        async def keep(tx: Transaction) -> None:
            row = await inbox.put(tx, self.shop_id, key, NAME, held, now)
            if row is not None:
                await inbox.failed(tx, row, reason, final=True)

        await self.database.write(keep)
