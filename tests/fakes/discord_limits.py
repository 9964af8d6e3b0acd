"""The fake Discord's front door: tokens, buckets, 429 as Discord says it, and what goes wrong on purpose."""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from aiohttp import web

from bot.clock import Clock
from tests.fakes.base import Fake
from tests.fakes.discord_checks import Refused, answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
API = "/api/v10"
PER_SECOND = 50
MAJOR = re.compile(r"/(channels|guilds)/(\d+)|/webhooks/\d+/([^/]+)")
BUCKETS = {  # what a route allows in how many seconds, of each channel
    ("POST", "messages"): (5, 5.0), ("PATCH", "messages"): (5, 5.0), ("POST", "typing"): (5, 5.0),
    ("PUT", "reactions"): (1, 0.25), ("GET", "messages"): (5, 5.0), ("webhook", ""): (5, 2.0),
}  # fmt: skip


class Doors:
    """The middleware in front of every route of the API."""

    def __init__(self, clock: Clock, fake: Fake, token: Callable[[], str]) -> None:
        self.clock, self.fake, self.token = clock, fake, token
        self.calls: list[tuple[str, str]] = []  # method and path of each call, in order
        self.invalid = 0
        self._sends = 0
        self._used: dict[str, deque[datetime]] = {}
        self._all: deque[datetime] = deque(maxlen=PER_SECOND)
        self._until: dict[str, datetime] = {}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(API):
            return await handler(request)
        self.calls.append((request.method, request.path.removeprefix(API)))
        public = "/interactions/" in request.path or "/webhooks/" in request.path
        if not public and request.headers.get("Authorization") != f"Bot {self.token()}":
            return self._count(answer({"message": "401: Unauthorized", "code": 0}, 401))
        if self.fake.faults.slow and self.fake.faults.chance.random() < self.fake.faults.slow:
            await asyncio.sleep(1)  # the answer itself is late, whatever the clock says
        route = self._route(request)
        if refused := self._limited(request, route, public):
            return self._count(refused)
        return await self._answered(request, handler, route)

    async def _answered(self, request: web.Request, handler: Handler, route: str) -> web.StreamResponse:
        faults = self.fake.faults
        broken = faults.broken and faults.chance.random() < faults.broken
        if broken and faults.chance.random() < 0.5:  # before it took effect
            return self._broken(request)
        try:
            response = await handler(request)
        except Refused as refused:
            response = refused.response()
        if broken:
            return self._broken(request)
        if request.path.endswith("/callback"):  # knows no limits
            return self._count(response)
        response.headers["X-RateLimit-Bucket"] = route.split("+")[0]
        for name, value in self._left(route).items():
            response.headers[name] = value
        return self._count(response)

    def _broken(self, request: web.Request) -> web.StreamResponse:
        if self.fake.faults.chance.random() < 0.5 and request.transport is not None:
            request.transport.abort()
        return answer(
            {"message": "500: Internal Server Error", "code": 0}, self.fake.faults.chance.choice((500, 502, 503))
        )

    def _count(self, response: web.StreamResponse) -> web.StreamResponse:
        self.invalid += response.status in (401, 403, 429)
        return response

    def _route(self, request: web.Request) -> str:
        """The bucket of a call with its major parameter."""
        path = request.path.removeprefix(API)
        found = MAJOR.search(path)
        major = next((one for one in found.groups()[1:] if one), "") if found else ""
        shape = re.sub(r"/\d+|/@\w+|/%[^/]+", "/x", MAJOR.sub("", path))
        method = "webhook" if "/webhooks/" in path else request.method
        return f"{method}{shape.replace('/', '-')}+{major}"

    def _bucket(self, route: str) -> tuple[int, float] | None:
        for (method, part), bucket in BUCKETS.items():
            if route.startswith(method) and part in route:
                return bucket
        return None

    def _limited(self, request: web.Request, route: str, public: bool) -> web.Response | None:
        now, faults = self.clock.now(), self.fake.faults
        if request.path.endswith("/callback"):
            return None
        if request.method == "POST" and re.search(r"/messages$|/webhooks/", request.path):
            self._sends += 1
            if faults.refuse_every and self._sends % faults.refuse_every == 0:
                return self._refuse(route, now, faults.retry_after)
        if not faults.limits:
            return None
        if not public:
            if len(self._all) == PER_SECOND and now - self._all[0] < timedelta(seconds=1):
                return self._refuse("global", now, 1 - (now - self._all[0]).total_seconds(), everywhere=True)
            self._all.append(now)
        if bucket := self._bucket(route):
            most, seconds = bucket
            used = self._used.setdefault(route, deque(maxlen=most))
            if len(used) == most and (left := seconds - (now - used[0]).total_seconds()) > 0:
                return self._refuse(route, now, left)
            used.append(now)
        return None

    def _refuse(self, route: str, now: datetime, seconds: float, *, everywhere: bool = False) -> web.Response:
        self.fake.refused += 1
        self.fake.refused_twice += now < self._until.get(route, now)
        self._until[route] = now + timedelta(seconds=seconds)
        body = {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": everywhere}
        response = answer(body, 429)
        response.headers.update({"Via": "1.1 google", "Retry-After": str(int(seconds) + 1)})
        response.headers.update({"X-RateLimit-Scope": "global" if everywhere else "user"})
        if everywhere:
            response.headers["X-RateLimit-Global"] = "true"
        return response

    def _left(self, route: str) -> dict[str, str]:
        """How much of a bucket is left, where the limits are enforced."""
        bucket = self._bucket(route)
        if bucket is None or not self.fake.faults.limits:
            return {}
        most, seconds = bucket
        now = self.clock.now()
        used = [one for one in self._used.get(route, ()) if (now - one).total_seconds() < seconds]
        after = seconds - (now - used[0]).total_seconds() if used else seconds
        return {
            "X-RateLimit-Limit": str(most), "X-RateLimit-Remaining": str(most - len(used)),
            "X-RateLimit-Reset": str(now.timestamp() + after), "X-RateLimit-Reset-After": f"{after:.3f}",
        }  # fmt: skip
