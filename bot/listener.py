"""The shop's public address: short links, and nothing else. The chat page is never served here.

A short link leads to the address that stands in its row, or nowhere: nothing in a request can change that. Following
one is counted, unless it was a program that looks what is behind it (a HEAD request, a chat network's previewer, a
browser's prefetch). Of who followed it nothing is kept: no address, no browser, no cookie, no log line.
"""

import asyncio
import logging
import re

from aiohttp import web

from bot.clock import Clock
from bot.config import SettingsError
from storage import clicks
from storage.database import Database

log = logging.getLogger(__name__)
CODE = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
# Slackbot, Twitterbot, LinkedInBot, bingbot … call themselves bots; these don't all.
PROGRAM = re.compile(
    r"(?<!cu)bot\b|(?<!cu)bot[/;_-]|crawl|spider|preview|facebookexternalhit|facebookcatalog|whatsapp|slack|viber|skype"
    r"|snapchat|embedly|iframely|pinterest|vkshare|bitlybot|headless|scan|monitor|uptime|curl/|wget/|python|okhttp"
    r"|go-http-client|java/|libwww|httpx|axios|node-fetch",
    re.IGNORECASE,
)
BUSY = 100  # clicks that are being written down; more at once are led on without being counted
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


class Listener:
    """`run` it where the shop has a public address; it listens on HOST:PORT."""

    def __init__(self, database: Database, clock: Clock, listen: str) -> None:
        self._database, self._clock, self._listen = database, clock, listen
        self._busy = 0
        self.port = 0  # while it is served
        self.opened = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled. Raises SettingsError where the port can't be had."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/l/{code}", self._follow)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            host, _, port = self._listen.rpartition(":")
            try:
                await web.TCPSite(runner, host.strip("[]"), int(port)).start()
            except OSError as error:
                text = f"PUBLIC_LISTEN: {self._listen} can't be had; another port would be right"
                raise SettingsError(text) from error
            self.port = runner.addresses[0][1]
            self.opened.set()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _follow(self, request: web.Request) -> web.Response:
        code = request.match_info["code"]
        found = await self._database.read(lambda tx: clicks.follow(tx, code)) if CODE.fullmatch(code) else None
        if found is None or not found.address.startswith(("https://", "http://")):
            return web.Response(status=404, text="There is no such link.\n", headers=HEADERS)
        if request.method == "GET" and not is_program(request) and self._busy < BUSY:
            await self._count(found.shop_id, found.id)
        return web.Response(status=302, headers={**HEADERS, "Location": found.address})

    async def _count(self, shop_id: int, link_id: int) -> None:
        self._busy += 1
        try:
            now = self._clock.now()
            await self._database.write(lambda tx: clicks.count(tx, shop_id, link_id, now))
        except Exception:  # the boundary: a visitor is led on all the same
            log.exception("a click was not counted")
        finally:
            self._busy -= 1


def is_program(request: web.Request) -> bool:
    """Does a program look what is behind the link, rather than a person follow it?"""
    headers = request.headers
    if "prefetch" in (headers.get("Sec-Purpose", "") + headers.get("Purpose", "") + headers.get("X-Moz", "")).lower():
        return True
    agent = headers.get("User-Agent", "")
    return not agent or bool(PROGRAM.search(agent))
