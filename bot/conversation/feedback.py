"""What members think of an answer: up makes the wording an alias, down asks the shop for a better one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.conversation.teaching import ANSWERING, learnable
from bot.knowledge.library import Library
from bot.language import language
from bot.messages import Message
from bot.safety.verdict import Safety
from storage import aliases, interactions, outbox, questions, ratings
from storage.database import Transaction
from storage.members import ChatRow

THUMBS = {"\N{THUMBS UP SIGN}": 1, "\N{THUMBS DOWN SIGN}": -1}


def thumb(emoji: str) -> int:
    """1 or -1; 0 for anything else. The colour of a thumb does not matter."""
    return THUMBS.get(emoji[:1], 0)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Takes thumbs and puts questions on the list of what the shop should answer, inside the caller's transaction."""

    shop_id: int
    library: Library
    safety: Safety

    async def react(self, tx: Transaction, message: Message, member_id: int, chat: ChatRow, now: datetime) -> None:
        """A member's thumb on one of the bot's messages: each counts once, and the last of a member's counts."""
        value = thumb(message.text)
        row = await outbox.by_message(tx, chat.id, message.reply_to) if value else None
        if row and row.extra.get("of"):  # a later part of a long answer
            row = await outbox.by_key(tx, self.shop_id, row.extra["of"])
        if row is None:
            return
        await ratings.rate(tx, self.shop_id, row.id, member_id, value, now)
        await self.weigh(tx, row, chat, now)

    async def opinion(self, tx: Transaction, message: Message, chat: ChatRow) -> dict[str, Any]:
        """What a thumb under a suggestion or a post says of the one product that it is about, for the interaction."""
        value = thumb(message.text)
        row = await outbox.by_message(tx, chat.id, message.reply_to) if value else None
        about = [one for one in row.sources if one.startswith("product:")] if row else []
        if row is None or row.kind not in ("suggestion", "post") or len(about) != 1:
            return {}
        return {"product": int(about[0].partition(":")[2]), "signs": ["+" if value > 0 else "-"]}

    async def weigh(self, tx: Transaction, row: Any, chat: ChatRow, now: datetime) -> None:
        """What all the thumbs under an answer come to. In a direct chat none makes a wording everybody's."""
        up, down = await ratings.thumbs(tx, row.id)
        asked = await interactions.said(tx, row.chat_id, str(row.extra.get("asked", "")))
        if row.kind != "reply" or asked is None:
            return
        if up > down:
            await questions.liked(tx, self.shop_id, row.chat_id, asked.message_id)
            if not chat.direct:
                await self._learn(tx, row, asked, now)
        else:
            await aliases.unlearn(tx, self.shop_id, row.id)
        if down > up:
            await self._list(tx, row.chat_id, asked.member_id, asked.message_id, asked.text, "disliked", now)

    async def unknown(
        self, tx: Transaction, chat_id: int, member_id: int, message_id: str, text: str, now: datetime
    ) -> None:
        """The bot said that it doesn't know."""
        await self._list(tx, chat_id, member_id, message_id, text, "unknown", now)

    async def _list(
        self, tx: Transaction, chat_id: int, member_id: int, message_id: str, text: str, cause: str, now: datetime
    ) -> None:
        place = (self.shop_id, chat_id, member_id, message_id)
        await questions.add(tx, *place, text, language(text), cause, now)

    async def _learn(self, tx: Transaction, row: Any, asked: Any, now: datetime) -> None:
        """Let the one row that the answer rests on be found by the question's wording."""
        if row.extra.get("act") not in ANSWERING or row.action != "reply" or len(row.sources) != 1:
            return
        spoken = str(row.extra.get("language", "en"))
        before = await outbox.sources_before(tx, row, 2)
        text = learnable(asked.text, row.sources[0], self.library, spoken, alone=row.sources[0] not in before)
        if text is None or self.safety.verdict(text, "in"):
            return
        about = {"outbox_id": row.id, "member_id": asked.member_id}
        await aliases.add(tx, self.shop_id, row.sources[0], text, language(text, spoken), "thumbs", now, **about)
