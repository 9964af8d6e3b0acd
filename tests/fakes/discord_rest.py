"""The fake Discord's REST routes: who am I, guilds, channels, messages, reactions, files."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.fakes.base import Seen
from tests.fakes.discord_checks import (
    Refused,
    answer,
    check_components,
    check_edit,
    check_embeds,
    check_message,
    invalid,
    longer,
    pings,
)
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_limits import API
from tests.fakes.discord_moderation import Moderating
from tests.fakes.discord_world import (
    ADD_REACTIONS,
    DM,
    EPHEMERAL,
    HISTORY,
    IN_THREADS,
    MANAGE_MESSAGES,
    SEND,
    THREAD,
    VIEW,
    Json,
    World,
    numbered,
    shown,
)

NONCES = timedelta(minutes=3)  # for which a nonce is known
ATTACHED = "attachment://"
FIELDS = ("content", "embeds", "components")


def attached(embeds: list[Json]) -> list[str]:
    """The files that embeds show and that come with the message."""
    addresses = [(one.get("image") or {}).get("url", "") for one in embeds]
    return [one.removeprefix(ATTACHED) for one in addresses if one.startswith(ATTACHED)]


class Rest(Moderating):
    """`routes` adds them to an application. `see` is told every change of what members see."""

    def __init__(self, world: World, gateway: Gateway, see: Callable[[Seen], None]) -> None:
        self.world, self.gateway, self._see = world, gateway, see
        self.pinged: list[tuple[str, str]] = []  # message id, whom it rang up
        self.typing: list[str] = []  # chats in which the bot was seen writing
        self._nonces: dict[str, str] = {}  # nonce -> message id

    def routes(self, router: web.UrlDispatcher) -> None:
        whole: dict[str, Callable[[web.Request], Any]] = {
            "/users/@me": lambda _: self.world.bot,
            "/oauth2/applications/@me": lambda _: self.world.application(),
            "/applications/@me": lambda _: self.world.application(),
            "/gateway": lambda request: {"url": f"ws://{request.host}/gateway"},
            "/gateway/bot": self._gateway_bot,
            "/users/@me/guilds": self._my_guilds,
            "/users/{user}": lambda request: self._found(self.world.by_id(request.match_info["user"]), 10013, "User"),
            "/guilds/{guild}": lambda request: self.world.guild_json(self._guild(request)),
            "/guilds/{guild}/channels": lambda request: list(self._guild(request).channels.values()),
            "/guilds/{guild}/roles": lambda request: self._guild(request).roles,
            "/guilds/{guild}/threads/active": self._active,
            "/guilds/{guild}/members/{user}": self._member,
            "/channels/{channel}": lambda request: self._channel(request),
            "/channels/{channel}/messages": self._history,
            "/channels/{channel}/messages/{message}": lambda request: shown(self._message(request)),
        }
        for path, make in whole.items():
            router.add_get(API + path, self._json(make))
        one = API + "/channels/{channel}/messages"
        router.add_post(one, self._create)
        router.add_patch(one + "/{message}", self._edit)
        router.add_delete(one + "/{message}", self._delete)
        router.add_put(one + "/{message}/reactions/{emoji}/@me", self._react)
        router.add_post(API + "/channels/{channel}/typing", self._typing)
        router.add_post(API + "/users/@me/channels", self._direct)
        router.add_get("/attachments/{path:.*}", self._file)
        self.moderating(router)

    @staticmethod
    def _json(make: Callable[[web.Request], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            return answer(make(request))

        return handler

    @staticmethod
    def _found(value: Any, code: int, what: str) -> Any:
        if value is None:
            raise Refused(404, code, f"Unknown {what}")
        return value

    def _gateway_bot(self, request: web.Request) -> Json:
        limit = {"total": 1000, "remaining": self.gateway.starts, "reset_after": 14_400_000, "max_concurrency": 1}
        return {"url": f"ws://{request.host}/gateway", "shards": self.gateway.shards, "session_start_limit": limit}

    def _guild(self, request: web.Request) -> Any:
        wanted = request.match_info["guild"]
        return self._found(next((one for one in self.world.guilds.values() if one.id == wanted), None), 10004, "Guild")

    def _my_guilds(self, request: web.Request) -> list[Json]:
        return [
            {
                "id": one.id, "name": one.name, "icon": None, "owner": False, "features": [], "banner": None,
                "permissions": str(self.world.permissions(one, self.world.app_id)),
            }
            for one in self.world.guilds.values()
        ]  # fmt: skip

    def _active(self, request: web.Request) -> Json:
        return {"threads": list(self._guild(request).threads.values()), "members": []}

    def _member(self, request: web.Request) -> Json:
        return dict(self._found(self._guild(request).members.get(request.match_info["user"]), 10007, "Member"))

    def _channel(self, request: web.Request, need: int = 0) -> Json:
        """The channel of a call, where the bot may do what the call needs; raises Refused."""
        channel: Json = self._found(self.world.channels.get(request.match_info["channel"]), 10003, "Channel")
        self.may(channel, need)
        return channel

    def may(self, channel: Json, need: int) -> None:
        """Raises Refused where the bot may not see the channel, or not do this in it."""
        guild = self.world.guild_of(channel)
        if guild is None:
            return
        may = self.world.permissions(guild, self.world.app_id, channel)
        if self.world.app_id not in guild.members or not may & VIEW:
            raise Refused(403, 50001, "Missing Access")
        if need & SEND and channel["type"] == THREAD:
            need = need & ~SEND | IN_THREADS
        if need & ~may:
            raise Refused(403, 50013, "Missing Permissions")

    def _message(self, request: web.Request) -> Json:
        channel = self._channel(request)
        found = self.world.messages.get(request.match_info["message"])
        if found is None or found["channel_id"] != channel["id"] or found["flags"] & EPHEMERAL:
            raise Refused(404, 10008, "Unknown Message")
        return found

    def _history(self, request: web.Request) -> list[Json]:
        channel = self._channel(request)
        guild = self.world.guild_of(channel)
        if guild and not self.world.permissions(guild, self.world.app_id, channel) & HISTORY:
            return []  # no error: nothing is returned
        found = [one for one in self.world.messages.values() if one["channel_id"] == channel["id"]]
        found = sorted((one for one in found if not one["flags"] & EPHEMERAL), key=lambda one: int(one["id"]))
        limit = int(request.query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise Refused(400, 50035, "Invalid Form Body")
        if before := request.query.get("before"):
            found = [one for one in found if int(one["id"]) < int(before)]
        if after := request.query.get("after"):
            found = [one for one in found if int(one["id"]) > int(after)][:limit]
        return [shown(one) for one in reversed(found[-limit:])]

    async def body(self, request: web.Request) -> Json:
        """The JSON of a call, or its payload_json with the files beside it."""
        if not request.content_type.startswith("multipart"):
            return dict(json.loads(await request.text() or "{}"))
        data, files = {}, []
        async for part in await request.multipart():
            if getattr(part, "name", "") == "payload_json":
                data = json.loads(await part.text())  # type: ignore[union-attr]
            elif getattr(part, "filename", None):
                files.append((part.filename, bytes(await part.read())))  # type: ignore[union-attr]
        return data | {"_files": files}

    def attach(self, name: str, content: bytes) -> Json:
        """A file as a message shows it."""
        made = self.world.snowflake()
        path = f"{made}/{name}"
        self.world.files[path] = content
        url = f"{self.world.address}/attachments/{path}"
        return {"id": made, "filename": name, "size": len(content), "url": url, "proxy_url": url, "content_type": None}

    def take_files(self, message: Json, data: Json) -> None:
        """What an edit attaches stands in place of what was attached."""
        if data.get("_files"):
            message["attachments"] = [self.attach(*one) for one in data["_files"]]

    async def _file(self, request: web.Request) -> web.Response:
        held = self.world.files.get(request.match_info["path"])
        return web.Response(status=404) if held is None else web.Response(body=held)

    async def _create(self, request: web.Request) -> web.Response:
        channel, data = self._channel(request, SEND), await self.body(request)
        if channel["type"] == DM and channel["recipients"][0]["username"] in self.world.closed:
            raise Refused(403, 50007, "Cannot send messages to this user")
        check_message(data)
        nonce = data.get("nonce")
        known = self.world.messages.get(self._nonces.get(str(nonce), "")) if data.get("enforce_nonce") else None
        if known is not None and self.world.clock.now() - self.world.born(known["id"]) < NONCES:
            return answer(shown(known) | {"nonce": nonce})
        place, replied = self._replied(channel, data)
        files = [self.attach(*one) for one in data.get("_files", ())]
        more = {"embeds": data.get("embeds") or [], "components": data.get("components") or [], "attachments": files}
        more |= {"flags": data.get("flags") or 0, **place} | ({"poll": data["poll"]} if data.get("poll") else {})
        named = {one["filename"] for one in files}
        if lost := [one for one in attached(more["embeds"]) if one not in named]:
            raise invalid("embeds.0.image.url", "ATTACHMENT_NOT_FOUND", f"Referenced attachment {lost[0]} not found")
        message = self.world.message(channel, self.world.bot, data.get("content") or "", **more)
        if nonce is not None:
            self._nonces[str(nonce)] = message["id"]
        self.show(message, data.get("allowed_mentions"), replied=replied)
        await self.gateway.tell_message(message, nonce=nonce)
        return answer(shown(message) | {"nonce": nonce})

    def _replied(self, channel: Json, data: Json) -> tuple[Json, str]:
        """The fields of a reply, and who is replied to."""
        wanted = data.get("message_reference")
        if not wanted:
            return {}, ""
        guild = self.world.guild_of(channel)
        if guild and not self.world.permissions(guild, self.world.app_id, channel) & HISTORY:
            raise Refused(400, 160002, "You cannot reply without permission to read message history")
        to = self.world.messages.get(str(wanted["message_id"]))
        if to is None or to["channel_id"] != channel["id"]:
            if wanted.get("fail_if_not_exists", True):
                raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            return {}, ""
        return self.world.reference(channel, to["id"]), to["author"]["id"]

    def show(
        self, message: Json, allowed: Json | None = None, *, edit: bool = False, replied: str = "", private_to: str = ""
    ) -> None:
        """Write down what members see now."""
        buttons = [one for row in message["components"] for one in row["components"]]
        labels = [one["label"] for one in buttons if one["type"] == 2]
        labels += [option["label"] for one in buttons if one["type"] == 3 for option in one["options"]]
        to = (message.get("message_reference") or {}).get("message_id", message.get("_answers", ""))
        there = {f"attachment://{one['filename']}" for one in message["attachments"]}
        urls = [(one.get(name) or {}).get("url", "") for one in message["embeds"] for name in ("image", "thumbnail")]
        picture = any(url in there if url.startswith("attachment:") else url for url in urls)
        self._see(
            Seen(
                self.world.clock.now(), self.world.names[message["channel_id"]], message["id"], message["content"], to,
                edit, private_to, tuple(labels), picture,
                tuple(one["poll_media"]["text"] for one in (message.get("poll") or {}).get("answers", ())),
            )
        )  # fmt: skip
        if not edit:
            self.pinged += [(message["id"], one) for one in pings(message, allowed, replied)]

    def change(self, message: Json, data: Json, *, private_to: str = "") -> None:
        """Edit a message as an endpoint asks for it; raises Refused."""
        longer("content", data.get("content"), 2000)
        check_embeds(data.get("embeds") or [])
        check_components(data.get("components") or [])
        check_edit(data)
        for name in FIELDS:
            if name in data:
                message[name] = (data[name] or "").strip() if name == "content" else data[name] or []
        self.take_files(message, data)
        message["components"] = numbered(message["components"])
        if "flags" in data:
            message["flags"] = message["flags"] & ~4 | data["flags"] & 4
        message["edited_timestamp"] = self.world.stamp()
        self.show(message, edit=True, private_to=private_to)

    async def _edit(self, request: web.Request) -> web.Response:
        message, data = self._message(request), await self.body(request)
        if message["author"]["id"] != self.world.app_id:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        self.change(message, data)
        await self.gateway.tell_message(message, "MESSAGE_UPDATE")
        return answer(shown(message))

    async def _delete(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message["author"]["id"] != self.world.app_id:
            self._channel(request, MANAGE_MESSAGES)
        del self.world.messages[message["id"]]
        data = {"id": message["id"], "channel_id": message["channel_id"], "guild_id": message["_guild"]}
        await self.gateway.emit("MESSAGE_DELETE", data, message["_guild"])
        return web.Response(status=204)

    async def _react(self, request: web.Request) -> web.Response:
        message = self._message(request)
        self.may(self._channel(request), ADD_REACTIONS)
        message["reactions"].append(
            {"emoji": {"id": None, "name": request.match_info["emoji"]}, "count": 1, "me": True}
        )
        return web.Response(status=204)

    async def _typing(self, request: web.Request) -> web.Response:
        self.typing.append(self.world.names[self._channel(request, SEND)["id"]])
        return web.Response(status=204)

    async def _direct(self, request: web.Request) -> web.Response:
        data = await self.body(request)
        user = self._found(self.world.by_id(str(data["recipient_id"])), 10013, "User")
        return answer(self.world.direct(user))
