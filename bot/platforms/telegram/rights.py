"""Who is an admin of a group, as Telegram says it; asked again after a minute."""

import logging
from collections import OrderedDict
from datetime import datetime, timedelta

from telegram.error import TelegramError

from bot.clock import Clock
from bot.platforms.telegram.client import Client

log = logging.getLogger(__name__)
KEPT, FAILED, NOTHING = timedelta(seconds=60), timedelta(seconds=10), timedelta()
CHATS = 1_000


class Admins:
    """`of` a group; nobody is one while Telegram can't be asked."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._held: OrderedDict[int, tuple[datetime, timedelta, frozenset[int]]] = OrderedDict()

    async def of(self, chat: int) -> frozenset[int]:
        """User ids, the bot's own among them where it is one; nobody in a direct chat."""
        if chat > 0:
            return frozenset()
        asked, kept, found = self._held.get(chat, (self._clock.now(), NOTHING, frozenset()))
        if NOTHING <= self._clock.now() - asked < kept:  # a clock may be set back
            return found
        kept = KEPT
        try:
            found = frozenset(one.user.id for one in await self._client.get_chat_administrators(chat))
        except TelegramError as error:
            log.warning("who is an admin of chat %d can't be asked: %s", chat, error)
            found, kept = frozenset(), FAILED
        self._held[chat] = (self._clock.now(), kept, found)
        self._held.move_to_end(chat)
        while len(self._held) > CHATS:
            self._held.popitem(last=False)
        return found

    def forget(self, chat: int) -> None:
        """Somebody's rights changed there."""
        self._held.pop(chat, None)
