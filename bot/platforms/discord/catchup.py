"""What was said while nobody listened: each channel's history after the last message that was taken in.

A channel is caught up before anything that is heard in it is taken in, so that its order holds and no gap can hide
behind a later message.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import discord

from bot.clock import Clock
from bot.platforms.discord.answering import Call

log = logging.getLogger(__name__)
Seen = Callable[[], Awaitable[Mapping[str, str]]]  # id of a chat -> id of the last message that was taken in there
Take = Callable[[str, str, dict[str, Any]], Awaitable[None]]  # channel, chat, message as the API shows it
BACK = timedelta(hours=23)  # older messages are left alone: the inbox knows for a day at least what it took in
UNDER_WAY = timedelta(minutes=10)  # how long a message may have waited to be taken in
NEW = timedelta(minutes=1)  # what a bot that never heard anything goes back
PAGES, PAGE = 5, 100  # messages of a channel, at most
CHANNELS = 20_000  # that are remembered
AT_ONCE = 4  # channels


class Catchup:
    """`listen` to a channel in order; `all` of them are caught up once the bot is there; `broken` when the line broke.

    take(channel, chat, message): takes one message of a channel's history in; what it can't read it leaves out.
    """

    def __init__(self, call: Call, seen: Seen, take: Take, clock: Clock) -> None:
        self._call, self._seen, self._take, self._clock = call, seen, take, clock
        self._caught: OrderedDict[str, None] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._since: Mapping[str, str] | None = None
        self._asking = asyncio.Lock()

    def broken(self) -> None:
        """Something may have been missed: every channel is looked at again."""
        self._caught.clear()
        self._since = None

    def missed(self, channel: str) -> None:
        """A message of this channel was heard and not taken in."""
        self._caught.pop(channel, None)
        self._since = None

    async def listen(self, channel: str, chat: str, receive: Callable[[], Awaitable[None]]) -> None:
        """Take in what is heard in a channel, after what was missed there."""
        lock = self._locks.setdefault(channel, asyncio.Lock())
        async with lock:
            await self._catch_up(channel, chat)
            await receive()

    async def all(self, channels: Mapping[str, str]) -> None:
        """Catch up with these (id of the channel -> of the chat), a few at a time. Raises what one of them raised."""
        waiting = iter(channels.items())

        async def some() -> None:
            for channel, chat in waiting:
                async with self._locks.setdefault(channel, asyncio.Lock()):
                    await self._catch_up(channel, chat)

        # One that fails must not cut the others off: what is just being taken in would be kept and never looked at.
        ended = await asyncio.gather(*(some() for _ in range(AT_ONCE)), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def since(self) -> Mapping[str, str]:
        """The last message of each chat, as of before anything was taken in on this line."""
        async with self._asking:
            if self._since is None:
                self._since = await self._seen()
            return self._since

    async def _catch_up(self, channel: str, chat: str) -> None:
        if channel in self._caught:
            return
        since, now = await self.since(), self._clock.now()
        earliest = now - (BACK if since else NEW)
        if chat in since:
            last = int(since[chat])
        else:  # nothing that was said there was ever taken in, but it may have been under way when the bot was killed
            first = discord.utils.snowflake_time(min(map(int, since.values()), default=0))
            last = discord.utils.time_snowflake(max(first - UNDER_WAY, earliest))
        await self._read(channel, chat, max(last, discord.utils.time_snowflake(earliest)))
        self._caught[channel] = None
        if len(self._caught) > CHANNELS:
            self._caught.popitem(last=False)

    async def _read(self, channel: str, chat: str, after: int) -> None:
        for _ in range(PAGES):
            params = {"limit": PAGE, "after": after}
            try:
                page = await self._call("GET", "/channels/{channel_id}/messages", None, params, channel_id=channel)
            except discord.HTTPException as error:
                if error.status == 429 or error.status >= 500:
                    raise
                log.warning("what was said in channel %s meanwhile can't be read: %s", channel, error.text)
                return
            for message in reversed(page):
                await self._take(channel, chat, message)
            if len(page) < PAGE:
                return
            after = int(page[0]["id"])
