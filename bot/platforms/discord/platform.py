"""Discord as a platform: a client that is kept running, and what the bot says on it."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import discord

from bot.clock import Clock
from bot.messages import Capabilities, Chat, Outgoing
from bot.platforms.base import Action, Commands, Finding, Platform, React, Receive, SendError, Typing
from bot.platforms.discord import saying, slash
from bot.platforms.discord.admins import Admins
from bot.platforms.discord.answering import Answers
from bot.platforms.discord.catchup import Catchup, Seen
from bot.platforms.discord.checks import WITHOUT_CONTENT, WITHOUT_MEMBERS, look
from bot.platforms.discord.client import (
    UNREACHED,
    Client,
    Exhausted,
    connected,
    has_content,
    has_members,
    intents,
    opened,
)
from bot.platforms.discord.files import Files
from bot.platforms.discord.hearing import DIRECT, NAME, Complete, Ears
from bot.platforms.discord.moderating import moderate
from bot.platforms.discord.unmarked import Said, Unmarked

log = logging.getLogger(__name__)
FIRST, MOST = 1.0, 60.0  # seconds between two tries
STEADY = timedelta(minutes=1)  # a client that lived so long starts the count anew
BETWEEN = timedelta(seconds=1.5)  # two parts of a reply: a channel's edits share a bucket of five in five seconds
PATIENCE = 3.0  # seconds that a message waits for a client that is just being opened
BAD_TOKEN, NO_HISTORY = 4004, 160002  # a close code, and Discord's code
BLOCKED = (10003, 10004, 50001, 50007)  # no such channel or server, no access to it, no direct messages from the bot
CHATS = 5_000
WRONG_TOKEN = (  # nosec B105  # what is said of one
    "DISCORD_TOKEN: Discord refuses it; Discord stays off until the bot is started with the right one. "
    "“Reset Token” on the page “Bot” of discord.com/developers makes a new one"
)


async def nothing_seen() -> Mapping[str, str]:
    return {}


async def nothing_said(messages: Sequence[str]) -> Mapping[str, Outgoing]:
    return {}


@dataclass(slots=True)
class On:
    """What works with a client that is logged in."""

    client: Client
    admins: Admins
    answers: Answers
    unmarked: Unmarked


@dataclass(slots=True)
class Spacing:
    """When a part of a reply was shown last in each chat."""

    shown: dict[str, datetime] = field(default_factory=dict)

    def too_soon(self, chat: str, now: datetime) -> bool:
        """Is it too soon for the next part? If not, that is shown now."""
        if chat in self.shown and now - self.shown[chat] < BETWEEN:
            return True
        self.shown.pop(chat, None)
        self.shown[chat] = now
        if len(self.shown) > CHATS:
            del self.shown[next(iter(self.shown))]
        return False


class Discord(Platform):
    """One application with its bot.

    api_url, gateway_url: other servers that speak Discord's API. shards: of this process, none for all. commands: for
    registration. seen: of each chat the last message that was taken in. said: of some messages those that the outbox
    sent. complete: what an option that is completed may mean. uploads: the folder for dropped files.
    """

    name = NAME
    capabilities = Capabilities(
        edits=True,
        streams=True,
        buttons=True,
        cards=True,
        reactions=True,
        polls=True,
        mentions=True,
        private_replies=True,
        private_by_ticket=True,
        files=True,
        idempotent=True,
        max_length=1900,  # what has to be escaped makes it longer
        may_train="never",
        direct_chat=DIRECT + "{member}",
        profiles="optin",
        removes=True,
        mutes=True,
        bans=True,
        slows=True,
    )

    def __init__(
        self,
        *,
        token: str,
        commands: Commands,
        clock: Clock,
        api_url: str = "",
        gateway_url: str = "",
        shards: Sequence[int] = (),
        seen: Seen = nothing_seen,
        said: Said = nothing_said,
        complete: Complete | None = None,
        uploads: Path | None = None,
    ) -> None:
        self._token, self._api_url, self._gateway_url, self._shards = token, api_url, gateway_url, shards
        self._commands, self._clock, self._seen, self._said = commands, clock, seen, said
        self._complete, self._files = complete, Files(uploads)
        self._parts = Spacing()
        self._on: On | None = None
        self._settled = asyncio.Event()  # it is known whether Discord can be reached
        self._bare = False  # the privileged intents are refused
        self._failing: datetime | None = None  # since when no call has succeeded
        self.broken = 0  # clients that were ended by what the library can't read

    # the client

    async def run(self, receive: Receive) -> None:
        """Keep a client running until cancelled; a wrong token is said and ends it."""
        library = logging.getLogger("discord")
        if library.getEffectiveLevel() < logging.INFO:
            library.setLevel(logging.INFO)  # below it, it writes events down with the tokens in them
        wait = FIRST
        try:
            while (more := await self._try(receive)) is not None:
                lived, least = more
                wait = FIRST if lived > STEADY else min(wait * 2, MOST)
                await self._clock.sleep(max(wait, least))
        finally:
            self._settled.set()

    async def _try(self, receive: Receive) -> tuple[timedelta, float] | None:
        """Serve with a fresh client until that ends; how long it lived, and the seconds to wait at least. None: another
        one would not do better."""
        self._settled.clear()
        started, least = self._clock.now(), 0.0
        try:
            await self._serve(receive)
        except discord.LoginFailure:
            log.error(WRONG_TOKEN)
            return None
        except discord.PrivilegedIntentsRequired:
            self._bare = True
        except discord.ConnectionClosed as closed:
            if closed.code == BAD_TOKEN:
                log.error(WRONG_TOKEN)
                return None
            log.warning("Discord closed the line with %s; a new one is opened", closed.code)
        except (discord.HTTPException, discord.GatewayNotFound, *UNREACHED) as error:
            log.warning("Discord can't be reached and is tried again: %s", type(error).__name__)
        except Exhausted as error:
            least = error.seconds
            log.warning("Discord allows no new line for %d s; until then nothing is heard", error.seconds)
        except Exception:  # the boundary: the library ends a client at a frame that it can't read
            self.broken += 1
            log.exception("a client of Discord broke and is replaced")
        finally:
            self._on = None
            self._settled.set()
        return self._clock.now() - started, least

    async def _serve(self, receive: Receive) -> None:
        async with opened(self._client(await self._intents())) as client:
            await client.login(self._token)
            assert client.user is not None
            assert client.application_id is not None
            admins = Admins(client, self._clock)
            answers = Answers(client.call, client.application_id, self._clock)
            self._on = On(client, admins, answers, Unmarked(client.call, self._said, str(client.user.id)))

            async def history(channel: str, chat: str, message: dict[str, Any]) -> None:
                await ears.history(channel, chat, message)

            ears = Ears(
                client, receive, admins=admins, answers=answers, files=self._files, commands=self._commands,
                catchup=Catchup(client.call, self._seen, history, self._clock), complete=self._complete,
                said=self._said, clock=self._clock,
            )  # fmt: skip
            ears.wire()
            await self._register(client)
            self._settled.set()
            await connected(client)

    def _client(self, intents: discord.Intents) -> Client:
        return Client(intents, self._clock, api_url=self._api_url, gateway_url=self._gateway_url, shards=self._shards)

    async def _intents(self) -> discord.Intents:
        """What can be listened to; says what is off."""
        async with opened(self._client(discord.Intents(guilds=True))) as probe:
            await probe.login(self._token)
            flags = probe.application_flags
        wanted = intents(flags)
        if self._bare:
            wanted.message_content = wanted.members = False
        if not has_content(flags) or self._bare:
            log.warning("Message Content Intent is off: %s", WITHOUT_CONTENT)
        if not has_members(flags) or self._bare:
            log.warning("Server Members Intent is off: %s", WITHOUT_MEMBERS)
        return wanted

    async def _register(self, client: Client) -> None:
        commands = slash.registered(self._commands, completes=self._complete is not None)
        try:
            await client.call("PUT", "/applications/{app}/commands", commands, app=client.application_id)
        except discord.HTTPException as error:
            if error.status == 401:
                raise
            log.warning("slash commands were not registered: %s", error.text)

    # what the bot says

    async def send(self, chat: Chat, outgoing: Outgoing, key: str) -> str:
        """Show a message, once for each key. Raises SendError."""
        on = await self._reach()
        private = bool(outgoing.private_to) and not chat.direct
        wanted = saying.body(outgoing, private=private)
        with self._refusals():
            channel = await self._channel(on, chat)

            async def find() -> str:
                found = await on.unmarked.find(channel, wanted["content"], "")
                return str(found["id"]) if found else ""

            if outgoing.ticket and (shown := await on.answers.answer(outgoing.ticket, wanted, find)):
                return shown
            if private:
                raise SendError("the time is over in which one member alone can be answered there")
            return await self._say(on, channel, wanted, outgoing, key)

    async def _say(self, on: On, channel: str, wanted: dict[str, Any], outgoing: Outgoing, key: str) -> str:
        """An ordinary message, which may have been sent before."""
        reply_to = "" if outgoing.ticket else outgoing.reply_to  # of a ticket's event no message stands there
        shown = await on.unmarked.find(channel, wanted["content"], reply_to)
        if shown is None:
            made = wanted | {"nonce": saying.nonce(key), "enforce_nonce": True}
            if reply_to:
                made["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
            shown = await self._post(on, channel, made)
        if saying.changed(shown, wanted):  # an earlier part of it
            await self._patch(on, channel, shown["id"], wanted)
        on.unmarked.sure(channel)
        return str(shown["id"])

    async def _post(self, on: On, channel: str, made: dict[str, Any]) -> dict[str, Any]:
        path = "/channels/{channel_id}/messages"
        try:
            return dict(await on.client.call("POST", path, made, channel_id=channel))
        except discord.HTTPException as error:
            if error.code != NO_HISTORY:
                raise
            del made["message_reference"]  # replies need the right to read the history
            return dict(await on.client.call("POST", path, made, channel_id=channel))

    async def edit(self, chat: Chat, message_id: str, outgoing: Outgoing) -> None:
        """Replace what a message shows; parts of a reply only now and then. Raises SendError."""
        if not outgoing.done and self._parts.too_soon(chat.id, self._clock.now()):
            return
        on = await self._reach()
        private = bool(outgoing.private_to) and not chat.direct
        wanted = saying.body(outgoing, private=private)
        with self._refusals():
            if not private:
                await self._patch(on, await self._channel(on, chat), message_id, wanted)
            elif not outgoing.ticket or not await on.answers.edit(outgoing.ticket, message_id, wanted):
                raise SendError("the time is over in which it can be changed")

    @staticmethod
    async def _patch(on: On, channel: str, message_id: str, wanted: dict[str, Any]) -> None:
        path = "/channels/{channel_id}/messages/{message_id}"
        wanted = {name: value for name, value in wanted.items() if name != "poll"}  # which can't be changed
        await on.client.call("PATCH", path, wanted, channel_id=channel, message_id=message_id)

    async def act(self, chat: Chat, action: Action) -> None:
        """Show that the bot is writing, or a reaction of its own. Raises SendError."""
        on = await self._reach()
        with self._refusals():
            channel = await self._channel(on, chat)
            if isinstance(action, React):
                path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"
                await on.client.call("PUT", path, channel_id=channel, message_id=action.message_id, emoji=action.emoji)
            elif not isinstance(action, Typing):
                await moderate(on.client, channel, action, self._clock.now())
            else:
                await on.client.call("POST", "/channels/{channel_id}/typing", channel_id=channel)

    async def ask(self, chat: Chat, member: str) -> bool:
        """May this member manage the chat's server? In a direct chat nobody may. Raises SendError."""
        if chat.direct:
            return False
        on = await self._reach()
        with self._refusals():
            place: Any = on.client.get_channel(int(chat.id)) or await on.client.fetch_channel(int(chat.id))
            return await on.admins.ask(place.guild.id, int(member))

    async def check(self) -> list[Finding]:
        """How the set-up is, asked of Discord without opening a line."""
        return await look(lambda: self._client(discord.Intents(guilds=True)), self._token)

    @staticmethod
    async def _channel(on: On, chat: Chat) -> str:
        return await on.admins.channel(chat.id.removeprefix(DIRECT)) if chat.direct else chat.id

    async def _reach(self) -> On:
        """What sends, once it is known whether anything does. Raises SendError."""
        if not self._settled.is_set():
            waits = [asyncio.ensure_future(self._settled.wait()), asyncio.ensure_future(self._clock.sleep(PATIENCE))]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if self._on is None:
            raise SendError("Discord can't be reached", self._later())
        return self._on

    def _later(self) -> float:
        """Seconds until the next try of a call that failed: as long as none has succeeded so far, within bounds."""
        now = self._clock.now()
        self._failing = self._failing or now
        return min(max(FIRST, (now - self._failing).total_seconds()), MOST)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """What a call raises, as SendError."""
        try:
            yield
            self._failing = None
        except discord.RateLimited as error:
            raise SendError("Discord asks to wait", error.retry_after) from error
        except discord.HTTPException as error:
            if error.status == 429:
                raise SendError("Discord asks to wait", self._later()) from error
            if error.status < 500 and error.status != 401:
                raise SendError(
                    f"Discord refuses it: {error.code} {error.text}", blocked=error.code in BLOCKED
                ) from error
            raise SendError(f"Discord fails: {error.status}", self._later(), unsure=True) from error
        except UNREACHED as error:
            raise SendError(f"Discord can't be reached: {type(error).__name__}", self._later(), unsure=True) from error
