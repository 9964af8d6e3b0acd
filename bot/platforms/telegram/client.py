"""The library's client, with updates as they came, and what its errors mean for who wants to send."""

import json
import logging
from typing import Any

import httpx
from telegram import Bot
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.messages import SendError

API = "https://api.telegram.org"
UPDATES = ("message", "callback_query", "my_chat_member", "chat_member", "message_reaction")
AGAIN = 5.0  # seconds until a call that the network lost is tried again
MARGIN = 0.25  # seconds on top of what the server says to wait
CONNECTIONS = 32
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Wait(TelegramError):
    """The server answered 429: not before so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Telegram says to wait {seconds:.0f} s")
        self.seconds = seconds


class Request(HTTPXRequest):
    """One that says how long to wait without the library's warning about its coming change of that."""

    async def do_request(self, *args: Any, **more: Any) -> tuple[int, bytes]:
        status, body = await super().do_request(*args, **more)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise Wait(_told(body))
        return status, body


def _told(body: bytes) -> float:
    """The seconds that a 429 says to wait; a second where it says nothing readable."""
    try:
        return float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 1.0


class Client(Bot):
    """Calls of one bot. `hang_up` when done."""

    def __init__(self, token: str, api_url: str = "") -> None:
        for name in ("httpx", "httpcore", "telegram.Bot"):  # they write addresses, and the token is in them
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("telegram.request").setLevel(logging.CRITICAL)  # what fails there is said where it matters
        base = api_url or API
        super().__init__(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=Request(connection_pool_size=CONNECTIONS, read_timeout=15, pool_timeout=10),
            get_updates_request=Request(connection_pool_size=2),
        )

    async def fetch(self, offset: int, seconds: int) -> list[dict[str, Any]]:
        """Updates from this number on, as they came: one that the library can't read must not hide the others."""
        asked = {"offset": offset or None, "timeout": seconds, "allowed_updates": list(UPDATES)}
        found = await self._post("getUpdates", asked, read_timeout=seconds + 10.0)
        held = found if isinstance(found, list) else []
        return [one for one in held if isinstance(one, dict) and isinstance(one.get("update_id"), int)]

    async def hang_up(self) -> None:
        """Close the connections, also of a client that was never initialized."""
        for request in self._request:
            await request.shutdown()


def refused(error: TelegramError) -> SendError:
    """What a failed call means for the message: wait, never, or again after a while."""
    if isinstance(error, Wait):
        return SendError(str(error), error.seconds + MARGIN)
    if isinstance(error, Forbidden | BadRequest):
        return SendError(str(error), blocked=isinstance(error, Forbidden))
    if isinstance(error, InvalidToken):
        return SendError("Telegram refuses the token", 12 * AGAIN)
    if isinstance(error, NetworkError):
        return SendError(str(error), AGAIN, unsure=not isinstance(error.__cause__, NOT_SENT))
    return SendError(str(error), AGAIN, unsure=not isinstance(error, Conflict))


__all__ = ["API", "UPDATES", "Client", "Wait", "refused"]
