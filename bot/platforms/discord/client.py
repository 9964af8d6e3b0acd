"""discord.py's client, pointed where the settings say, with the intents that the application has."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord
from discord.http import HTTPClient, Route

from bot.clock import Clock
from bot.platforms.discord.attached import form

log = logging.getLogger(__name__)
Parse = Callable[[Any], None]
PATIENCE = 30.0  # seconds that a rate limit may hold a call here; a longer one goes back to the outbox
STEP, BURST = timedelta(seconds=1 / 35), 10  # between two calls, and how many may come together
LONGEST = timedelta(seconds=30)  # that calls may queue up
FREE = ("/interactions", "/webhooks")  # routes that are not counted
CLOSING = 1.0  # seconds that saying goodbye may take
READY = 1.0  # seconds of silence after which every server is known
UNREACHED = (OSError, aiohttp.ClientError, TimeoutError)  # what a call raises where the network fails


class Ended(ConnectionError):
    """The client was closed meanwhile."""


class Exhausted(Exception):
    """Discord allows no more new lines for `seconds`: one more would cost the token."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no new line for {seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """Keeps all calls together below the fifty a second that Discord allows; the library waits only once it is told."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._next = clock, clock.now()

    async def turn(self) -> None:
        now = self._clock.now()
        if self._next - now > LONGEST:  # the clock was set back
            self._next = now
        self._next = max(self._next, now - BURST * STEP) + STEP
        if self._next > now:
            await self._clock.sleep((self._next - now).total_seconds())


class Http(HTTPClient):
    """The library's calls, to another server where one is set, at our pace."""

    api_url = gateway_url = ""
    pace: Pace

    async def request(self, route: Route, **kwargs: Any) -> Any:
        """One call. Raises discord.HTTPException, discord.RateLimited, or one of UNREACHED."""
        if not route.path.startswith(FREE):
            await self.pace.turn()
        if self.api_url and route.url.startswith(Route.BASE):
            route.url = self.api_url + route.url.removeprefix(Route.BASE)
        return await super().request(route, **kwargs)

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        if self.gateway_url:
            url = f"{self.gateway_url}?{urlsplit(url).query}"
        return await super().ws_connect(url, compress=compress)


class Client(discord.AutoShardedClient):
    """`call` is any call of the API by its path."""

    def __init__(
        self, intents: discord.Intents, clock: Clock, *, api_url: str, gateway_url: str, shards: Sequence[int] = ()
    ) -> None:
        self._urls, self._pace = (api_url.rstrip("/"), gateway_url), Pace(clock)
        self._ended = asyncio.Event()
        self._wanted, self.unread = list(shards), 0  # events that the library could not read
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
        super().__init__(
            intents=intents, max_messages=None, chunk_guilds_at_startup=False, guild_ready_timeout=READY,
            member_cache_flags=discord.MemberCacheFlags.none(), allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=PATIENCE,
        )  # fmt: skip

    def _get_state(self, **options: Any) -> Any:
        made = Http(self.loop, max_ratelimit_timeout=PATIENCE)
        made.pace, (made.api_url, made.gateway_url) = self._pace, self._urls
        self.http = made
        state = super()._get_state(**options)
        state.parsers = {event: self._guarded(event, parse) for event, parse in state.parsers.items()}
        return state

    def _guarded(self, event: str, parse: Parse) -> Parse:
        """An event that the library can't read would end the client; it is left out. Without READY nothing works."""

        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception:
                if event == "READY":
                    raise
                self.unread += 1
                log.exception("an event %s of Discord's can't be read and is left out", event)

        return guarded

    async def launch_shards(self) -> None:
        """Those that are this process's, of as many as Discord recommends. Raises Exhausted."""
        count, _, limit = await self.http.get_bot_gateway()
        if limit["remaining"] <= len(self._wanted or range(count)):
            raise Exhausted(limit["reset_after"] / 1000)
        if self._wanted:
            self.shard_ids, self.shard_count = self._wanted, max(count, *(one + 1 for one in self._wanted))
        await super().launch_shards()

    async def close(self) -> None:
        self._ended.set()
        await super().close()

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        params: dict[str, Any] | None = None,
        **parts: Any,
    ) -> Any:
        """One call; `parts` fill the path, and `json` may name files. Raises as `Http.request`, and Ended where the
        client is closed meanwhile."""
        more = await form(json) if json is not None else {}
        if params is not None:
            more["params"] = params
        if self._ended.is_set():
            raise Ended
        work = asyncio.ensure_future(self.http.request(Route(method, path, **parts), **more))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Ended
            return work.result()
        except RuntimeError as error:  # the session under it was closed
            if self.is_closed():
                raise Ended from error
            raise
        finally:
            ended.cancel()
            work.cancel()


@contextlib.asynccontextmanager
async def opened(client: Client) -> AsyncIterator[Client]:
    """A client that is closed at the end, in bounded time also where the other side says nothing any more."""
    await client.__aenter__()
    try:
        yield client
    finally:
        await asyncio.wait([asyncio.ensure_future(client.close())], timeout=CLOSING)


async def connected(client: Client) -> None:
    """Until the client ends. The library swallows a cancellation while it opens a line anew: it is closed instead."""
    serving = asyncio.ensure_future(client.connect())
    try:
        await asyncio.wait([serving])
    finally:
        if not serving.done():
            await asyncio.wait([asyncio.ensure_future(client.close())], timeout=CLOSING)
            serving.cancel()
            await asyncio.wait([serving])
    serving.result()


def intents(flags: discord.ApplicationFlags) -> discord.Intents:
    """What the bot listens to, of the privileged ones those that the application was given."""
    wanted = discord.Intents.none()
    wanted.guilds = wanted.guild_messages = wanted.dm_messages = True
    wanted.guild_reactions = wanted.dm_reactions = True
    wanted.message_content, wanted.members = has_content(flags), has_members(flags)
    return wanted


def has_content(flags: discord.ApplicationFlags) -> bool:
    return flags.gateway_message_content or flags.gateway_message_content_limited


def has_members(flags: discord.ApplicationFlags) -> bool:
    return flags.gateway_guild_members or flags.gateway_guild_members_limited


__all__ = ["UNREACHED", "Client", "Exhausted", "connected", "has_content", "has_members", "intents", "opened"]
