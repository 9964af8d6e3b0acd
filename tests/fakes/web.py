"""The members' side of the chat page, told as the fakes tell that of other networks: open pages on real websockets."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from tests.fakes.base import DIRECT, Fake, Seen
from tests.served_bot import SEATS, TOKEN, Page

ROOM = "group"  # the page's only one


class FakePage(Fake):
    """Members are the page's seats; every group is its one group."""

    name = "web"
    mention = "@shop "

    def __init__(self) -> None:
        super().__init__()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._pages: dict[str, Page] = {}
        self._living = list[asyncio.Task[None]]()

    def settings(self) -> Mapping[str, str]:
        return {"WEB_PORT": str(self._port), "WEB_TOKEN": TOKEN}

    async def __aenter__(self) -> Self:
        url = f"http://127.0.0.1:{self._port}"
        self._pages = {seat: Page(url, seat, self._hear) for seat in SEATS}
        self._living = [asyncio.create_task(page.live()) for page in self._pages.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    async def drop(self) -> None:
        for task in self._living:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def say(self, chat: str, member: str, text: str, *, reply_to: str = "") -> str:
        message = str(uuid4())
        place = chat if chat.startswith(DIRECT) else ROOM
        await self._pages[member].say({"id": message, "chat": place, "text": text, "reply_to": reply_to})
        return message

    def _hear(self, frame: dict[str, Any]) -> None:
        """Each page tells what it is shown; the group's messages come by all of them, and count once."""
        said = frame.get("message", {})
        if frame["type"] != "message" or said["sender"] != "bot":
            return
        chat = said["chat"] if said["chat"].startswith(DIRECT) else "shop"
        labels = tuple(button["label"] for button in said["buttons"])
        last = next((one for one in reversed(self.log) if one.id == said["id"]), None)
        if last is None or (last.text, last.buttons) != (said["text"], labels):
            edit, at = last is not None, datetime.now(UTC)
            seen = Seen(at, chat, said["id"], said["text"], said["reply_to"], edit, said["private_to"], labels)
            self.log.append(seen)
