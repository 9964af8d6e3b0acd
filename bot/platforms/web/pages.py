"""The open pages. Each has a bounded queue and a writer, so that a slow one holds up nobody."""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSCloseCode, web

QUEUE = 512  # frames that a page may be behind before it is cut off; it comes back by itself and reads the history
CLOSING = 2.0  # seconds that a page has to say goodbye


class Page:
    """One open page: its socket, and the seat that it looks from ("" until it took one)."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.seat = ""
        self.socket = socket
        self._transport = transport
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE)
        self._held: list[str] | None = None

    def put(self, frame: str) -> None:
        """Queue a frame; a page that is too far behind loses its connection instead."""
        if self._held is not None and len(self._held) < QUEUE:
            self._held.append(frame)
        elif self._held is None and not self._queue.full():
            self._queue.put_nowait(frame)
        else:
            self._transport.abort()

    def hold(self) -> None:
        """Keep frames back: what happens while the history is being read comes after it."""
        self._held = []

    def release(self, first: str) -> None:
        """Queue `first`, then what was held back."""
        held, self._held = self._held or [], None
        for frame in (first, *held):
            self.put(frame)

    async def write(self) -> None:
        """Send what is queued until cancelled or cut off."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.socket.send_str(await self._queue.get())

    async def close(self) -> None:
        """Say that the server goes away; whoever doesn't listen is cut off."""
        try:
            async with asyncio.timeout(CLOSING):
                await self.socket.close(code=WSCloseCode.GOING_AWAY)
        except (TimeoutError, ConnectionError):
            self._transport.abort()


class Pages:
    """All open pages."""

    def __init__(self) -> None:
        self._pages: set[Page] = set()

    def __len__(self) -> int:
        return len(self._pages)

    def add(self, page: Page) -> None:
        self._pages.add(page)

    def discard(self, page: Page) -> None:
        self._pages.discard(page)

    def show(self, frame: str, to: Callable[[str], bool]) -> None:
        """Queue a frame for every page whose seat may see it."""
        for page in list(self._pages):
            if page.seat and to(page.seat):
                page.put(frame)

    async def close(self) -> None:
        await asyncio.gather(*(page.close() for page in list(self._pages)))
