"""The routes by which a bot keeps a server clean: bans, timeouts, slow mode; with the rights that each asks for."""

from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes.discord_checks import Refused, answer, invalid
from tests.fakes.discord_limits import API
from tests.fakes.discord_world import BAN, MANAGE_CHANNELS, MODERATE, Guild, Json

LONGEST = timedelta(days=28)


class Moderating:
    """`world`, `gateway`, `body`, `_guild` and `_channel` are those of `Rest`."""

    world: Any
    gateway: Any
    body: Any
    _guild: Any
    _channel: Any

    def moderating(self, router: web.UrlDispatcher) -> None:
        router.add_put(API + "/guilds/{guild}/bans/{user}", self._ban)
        router.add_delete(API + "/guilds/{guild}/bans/{user}", self._unban)
        router.add_patch(API + "/guilds/{guild}/members/{user}", self._change_member)
        router.add_patch(API + "/channels/{channel}", self._change_channel)

    def _over(self, guild: Guild, user_id: str, need: int) -> None:
        """Raises Refused where the bot may not do this to that member: the right, or the place of its role."""
        mine = self.world.app_id
        place = max((one["position"] for one in guild.roles if one["id"] in guild.members[mine]["roles"]), default=0)
        held = guild.members.get(user_id, {"roles": []})["roles"]
        theirs = max((one["position"] for one in guild.roles if one["id"] in held), default=0)
        if not self.world.permissions(guild, mine) & need or user_id == guild.owner or theirs >= place:
            raise Refused(403, 50013, "Missing Permissions")

    async def _ban(self, request: web.Request) -> web.Response:
        guild, user_id, data = self._guild(request), request.match_info["user"], await self.body(request)
        user = self.world.by_id(user_id)
        if user is None:
            raise Refused(404, 10013, "Unknown User")
        self._over(guild, user_id, BAN)
        if not 0 <= data.get("delete_message_seconds", 0) <= 604_800:
            raise invalid("delete_message_seconds", "NUMBER_TYPE_MAX", "int value should be less than 604800")
        guild.bans.add(user_id)
        if guild.members.pop(user_id, None):
            await self.gateway.emit("GUILD_MEMBER_REMOVE", {"guild_id": guild.id, "user": user}, guild.id)
        return web.Response(status=204)

    async def _unban(self, request: web.Request) -> web.Response:
        guild, user_id = self._guild(request), request.match_info["user"]
        self._over(guild, user_id, BAN)
        if user_id not in guild.bans:
            raise Refused(404, 10026, "Unknown Ban")
        guild.bans.discard(user_id)
        return web.Response(status=204)

    async def _change_member(self, request: web.Request) -> web.Response:
        guild, user_id, data = self._guild(request), request.match_info["user"], await self.body(request)
        if user_id not in guild.members:
            raise Refused(404, 10007, "Unknown Member")
        if unknown := set(data) - {"communication_disabled_until"}:
            raise AssertionError(f"the fake knows no {unknown} of a member")
        self._over(guild, user_id, MODERATE)
        until = data["communication_disabled_until"]
        if until and datetime.fromisoformat(until) - self.world.clock.now() > LONGEST:
            text = "You can only timeout a user for up to 28 days"
            raise invalid("communication_disabled_until", "BASE_TYPE_BAD_TIME", text)
        member: Json = guild.members[user_id]
        member["communication_disabled_until"] = until
        await self.gateway.emit("GUILD_MEMBER_UPDATE", member | {"guild_id": guild.id}, guild.id)
        return answer(member)

    async def _change_channel(self, request: web.Request) -> web.Response:
        channel, data = self._channel(request, MANAGE_CHANNELS), await self.body(request)
        if set(data) != {"rate_limit_per_user"}:
            raise AssertionError(f"the fake knows no {set(data)} of a channel")
        if not 0 <= data["rate_limit_per_user"] <= 21_600:
            raise invalid("rate_limit_per_user", "NUMBER_TYPE_MAX", "int value should be less than or equal to 21600.")
        channel["rate_limit_per_user"] = data["rate_limit_per_user"]
        await self.gateway.emit("CHANNEL_UPDATE", channel, channel["guild_id"])
        return answer(channel)
