"""Updates are confirmed once they are durable: by the next poll, or by the answer to a webhook's request."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError

from bot.clock import Clock
from bot.config import SettingsError
from bot.platforms.telegram.client import UPDATES, Client, Wait

log = logging.getLogger(__name__)
POLL = 25  # seconds that Telegram holds a poll open
STALLED = 45.0  # seconds after which a poll that was not answered is given up and begun again
FIRST, LAST = 1.0, 30.0  # seconds between two tries
LARGEST = 1024 * 1024  # bytes of an update
Raw = dict[str, Any]
Take = Callable[[Raw], Awaitable[None]]  # returns once the update is durable
Prepare = Callable[[Sequence[Raw]], Awaitable[None]]  # is shown what was fetched at once


def chats_of(updates: Sequence[Raw]) -> set[int]:
    """The groups that updates are of, read from whatever they are."""
    found: set[int] = set()
    for payload in (one for update in updates for one in update.values() if isinstance(one, dict)):
        pressed = payload.get("message")
        for chat in (payload.get("chat"), pressed.get("chat") if isinstance(pressed, dict) else None):
            if isinstance(chat, dict) and isinstance(chat.get("id"), int) and chat["id"] < 0:
                found.add(chat["id"])
    return found


class StalledError(Exception):
    """A poll was not answered, and the library's own time limits did not end it."""


async def patient(clock: Clock, what: str, call: Callable[[], Awaitable[Any]]) -> Any:
    """What the call returns, tried again until the network is there. Raises InvalidToken and BadRequest."""
    wait = FIRST
    while True:
        try:
            return await call()
        except (InvalidToken, BadRequest):
            raise
        except TelegramError as error:
            again = error.seconds if isinstance(error, Wait) else wait
            log.warning("Telegram: %s: %s; trying again in %.0f s", what, error, again)
            await clock.sleep(again)
            wait = min(2 * wait, LAST)


class Poller:
    """`run` fetches updates until cancelled, with a new connection whenever the one that it has hangs."""

    def __init__(
        self,
        connect: Callable[[], Client],
        clock: Clock,
        prepare: Callable[[Sequence[Raw]], Awaitable[None]],
        take: Take,
    ) -> None:
        self._connect, self._clock, self._prepare, self._take = connect, clock, prepare, take
        self._offset = 0
        self._wait = FIRST

    async def run(self) -> None:
        """Raises InvalidToken."""
        while True:
            client = self._connect()
            try:
                await self._poll(client)
            except StalledError:
                log.warning("Telegram: a poll hung for %.0f s and was begun anew", STALLED)
            finally:
                await client.hang_up()

    async def _poll(self, client: Client) -> None:
        while True:
            try:
                found = await self._fetch(client)
            except InvalidToken:
                raise
            except TelegramError as error:
                await self._failed(client, error)
                continue
            self._wait = FIRST
            try:
                await self._prepare(found)
                for update in found:
                    await self._take(update)
                    self._offset = update["update_id"] + 1  # only now does the next poll confirm it
            except Exception:  # the boundary: what could not be kept is fetched again
                log.exception("Telegram: updates from %d on were not taken in; trying again", self._offset)
                await self._clock.sleep(LAST)

    async def _fetch(self, client: Client) -> list[Raw]:
        call = asyncio.ensure_future(client.fetch(self._offset, POLL))
        stalled = asyncio.ensure_future(self._clock.sleep(STALLED))
        try:
            await asyncio.wait((call, stalled), return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise StalledError
            return call.result()
        finally:
            stalled.cancel()
            call.cancel()

    async def _failed(self, client: Client, error: TelegramError) -> None:
        wait = error.seconds if isinstance(error, Wait) else self._wait
        self._wait = min(2 * self._wait, LAST)
        if isinstance(error, Conflict) and "webhook" in str(error):
            log.warning("Telegram: a webhook is set for this bot; it is taken away, for TELEGRAM_WEBHOOK_URL is empty")
            await patient(self._clock, "taking the webhook away", client.delete_webhook)
            return
        if isinstance(error, Conflict):
            text = "another program fetches this bot's updates too; stop it, or get a new token from @BotFather"
            log.error("Telegram: %s; trying again in %.0f s", text, wait)
        else:
            log.warning("Telegram can't be reached: %s; trying again in %.0f s", error, wait)
        await self._clock.sleep(wait)


class Webhook:
    """`run` takes updates that Telegram sends to `url`, on `listen`, until cancelled.

    aiohttp is here for the chat page already, and answers only after `take`; the library's own listener would bring
    tornado, and answers from a queue.
    """

    def __init__(self, client: Client, url: str, listen: str, clock: Clock, take: Take) -> None:
        self._client, self._url, self._listen, self._clock, self._take = client, url, listen, clock, take
        # The same after a restart and in every process, and nobody can tell the token from it.
        self._secret = hmac.new(client.token.encode(), b"webhook", hashlib.sha256).hexdigest()
        self._one = asyncio.Lock()  # the order of updates is the order inside a chat

    async def run(self) -> None:
        """Raises InvalidToken, or SettingsError where the port is taken."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post(urlsplit(self._url).path or "/", self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            host, _, port = self._listen.rpartition(":")
            try:
                await web.TCPSite(runner, host, int(port)).start()
            except OSError as error:
                text = f"TELEGRAM_WEBHOOK_LISTEN: {self._listen} can't be had; another port would be right"
                raise SettingsError(text) from error
            await patient(self._clock, "setting the webhook", self._set)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _set(self) -> None:
        await self._client.set_webhook(
            self._url, max_connections=1, allowed_updates=list(UPDATES), secret_token=self._secret
        )

    async def _receive(self, request: web.Request) -> web.Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            raise web.HTTPForbidden
        try:
            update = json.loads(await request.text())
        except ValueError:
            raise web.HTTPBadRequest from None
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            raise web.HTTPBadRequest
        async with self._one:
            await self._take(update)
        return web.Response()
