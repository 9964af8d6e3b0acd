"""Keeps other sites out of the page: a site open in the same browser can reach 127.0.0.1 too."""

import re

from aiohttp import web
from aiohttp.typedefs import Handler

_OURS = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a Host that isn't this computer (DNS rebinding) and an Origin that isn't this page (cross-site)."""
    if not _OURS.fullmatch(request.headers.get("Host", "")):
        raise web.HTTPForbidden(text="This page answers to 127.0.0.1 and localhost only.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers['Host']}":
        raise web.HTTPForbidden(text="Another site's page can't talk to this one.")
    return await handler(request)


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every response."""
    response.headers.update(_HEADERS)
