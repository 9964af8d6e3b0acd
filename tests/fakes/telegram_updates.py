"""Updates as the server holds them: until they are confirmed by a later poll, or taken by a webhook."""

import asyncio
import contextlib
from itertools import count
from typing import Any

import aiohttp

from bot.clock import Clock
from tests.fakes.telegram_params import ApiError, Values, bad

ONLY_ASKED = ("chat_member", "message_reaction", "message_reaction_count")  # nobody gets these without naming them
KINDS = ("message", "edited_message", "callback_query", "my_chat_member", *ONLY_ASKED)
AGAIN = 0.2  # seconds until a push that was refused is tried again; the server's are longer


class Updates:
    """`add` one; `poll` for them, or `push` them to a webhook until cancelled."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = count(9000)
        self.waiting: dict[int, dict[str, Any]] = {}
        self.url = self.secret = self.error = ""
        self._asked: list[str] | None = None
        self._come = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self.polls = 0

    def add(self, kind: str, payload: Any) -> int:
        """Keep it, if the bot asked for this kind; its number."""
        number = next(self._numbers)
        wanted = kind in self._asked if self._asked else kind not in ONLY_ASKED
        if wanted or kind not in KINDS:
            self.waiting[number] = {"update_id": number, kind: payload}
            self._come.set()
        return number

    def ask(self, values: Values) -> None:
        if "allowed_updates" in values:
            if not all(one in KINDS or isinstance(one, str) for one in values["allowed_updates"]):
                raise bad("can't parse allowed_updates: expected an Array of String")
            self._asked = values["allowed_updates"] or None

    async def poll(self, values: Values) -> list[dict[str, Any]]:
        """Raises ApiError: 409 where a webhook is set, and for the one that polls when a second one comes."""
        if self.url:
            text = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
            raise ApiError(409, f"{text}webhook first")
        self.ask(values)
        self.drop()
        offset, limit = values.get("offset", 0), max(1, min(values.get("limit", 100), 100))
        if offset < 0:
            offset = sorted(self.waiting)[offset:][0] if self.waiting else 0
        for number in [one for one in self.waiting if one < offset]:
            del self.waiting[number]
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poller, self.polls = mine, self.polls + 1
        try:
            await self._until_some(mine, values.get("timeout", 0))
        finally:
            if self._poller is mine:
                self._poller = None
        return [self.waiting[number] for number in sorted(self.waiting)[:limit]]

    async def _until_some(self, mine: asyncio.Future[None], seconds: int) -> None:
        if self.waiting or not seconds:
            return
        self._come.clear()
        waits = [asyncio.ensure_future(self._come.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait([*waits, mine], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        if mine.done():
            text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
            raise ApiError(409, text)

    def drop(self) -> None:
        """End the poll that is under way, as a second one does."""
        if self._poller and not self._poller.done():
            self._poller.set_result(None)

    def set_webhook(self, values: Values) -> bool:
        url = values["url"]
        if url and not url.startswith(("https://", "http://127.0.0.1")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        self.ask(values)
        self.url, self.secret, self.error = url, values.get("secret_token", ""), ""
        if values.get("drop_pending_updates"):
            self.waiting.clear()
        self._come.set()
        return True

    def info(self) -> dict[str, Any]:
        found = {"url": self.url, "has_custom_certificate": False, "pending_update_count": len(self.waiting)}
        if self.error:
            found |= {"last_error_message": self.error, "last_error_date": int(self._clock.now().timestamp())}
        return found | ({"allowed_updates": self._asked} if self._asked else {})

    async def push(self) -> None:
        """One after the other, as with `max_connections` 1."""
        async with aiohttp.ClientSession() as client:
            while True:
                self._come.clear()
                while self.url and self.waiting:
                    number = min(self.waiting)
                    if not await self._push(client, self.waiting[number]):
                        await self._clock.sleep(AGAIN)
                        continue
                    self.waiting.pop(number, None)
                await self._come.wait()

    async def _push(self, client: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.secret} if self.secret else {}
        self.error = "Connection refused"
        with contextlib.suppress(aiohttp.ClientError):
            async with client.post(self.url, json=update, headers=headers) as answer:
                self.error = "" if answer.ok else f"Wrong response from the webhook: {answer.status} {answer.reason}"
                return answer.ok
        return False
