"""A Discord of our own on a loopback port: gateway and REST, as strict as the real one where a bot can notice.

It takes its clock from outside, so that nonces, tokens and sessions expire when a test says so. `log` holds what
members see. Chats are named as `base.py` says; `shop#name` is another channel of the guild `shop`, `shop/name` a
thread.
"""

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.clock import Clock, SystemClock
from tests.fakes.base import DIRECT, Fake
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_interactions import Interaction, Interactions
from tests.fakes.discord_limits import Doors
from tests.fakes.discord_rest import Rest
from tests.fakes.discord_world import DM, FORUM, TEXT, Guild, Json, World, shown


class FakeDiscord(Fake):
    """`async with` it."""

    name = "discord"

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or SystemClock()
        self.world = World(self.clock)
        self.mention = f"<@{self.world.app_id}> "
        self.gateway = Gateway(self.world, self.faults)
        self.rest = Rest(self.world, self.gateway, self.log.append)
        self.interactions = Interactions(self.world, self.rest)
        self.doors = Doors(self.clock, self, lambda: self.world.token)
        self._runner: web.AppRunner

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[self.doors.middleware], client_max_size=32 << 20)
        application.router.add_get("/gateway", self.gateway.serve)
        self.rest.routes(application.router)
        self.interactions.routes(application.router)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.world.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.drop(1001)
        await self._runner.cleanup()

    def settings(self) -> Mapping[str, str]:
        gateway = self.world.address.replace("http", "ws", 1) + "/gateway"
        api = f"{self.world.address}/api/v10"
        return {"DISCORD_TOKEN": self.world.token, "DISCORD_API_URL": api, "DISCORD_GATEWAY_URL": gateway}

    # places

    async def place(self, chat: str) -> Json:
        """The channel of a chat; a new one is told to who is connected, a new guild as one that the bot was in."""
        if chat.startswith(DIRECT):
            return self.world.direct(self.world.user(chat.removeprefix(DIRECT)))
        guild_name, slash, thread = chat.partition("/")
        guild_name, _, channel = guild_name.partition("#")
        fresh = guild_name not in self.world.guilds
        guild = self.world.guild(guild_name)
        if fresh:
            await self.gateway.emit("GUILD_CREATE", self.world.guild_create(guild), guild.id)
        if not slash:
            return await self._channel(guild, channel or "general")
        made, new = self.world.thread(guild, thread, channel or "general")
        if new:
            await self.gateway.emit("THREAD_CREATE", made | {"newly_created": True}, guild.id)
        return made

    async def added(self, guild_name: str) -> None:
        """The bot comes into a guild."""
        guild = self.world.guild(guild_name)
        guild.joined = guild.members[self.world.app_id]["joined_at"] = self.world.stamp()
        told = {name: value for name, value in self.world.guild_create(guild).items() if name != "unavailable"}
        await self.gateway.emit("GUILD_CREATE", told, guild.id)

    async def _channel(self, guild: Guild, name: str, kind: int = TEXT) -> Json:
        new = name not in guild.channels
        made = self.world.channel(guild, name, kind)
        if new:
            await self.gateway.emit("CHANNEL_CREATE", made, guild.id)
        return made

    async def forum(self, guild: str, name: str) -> None:
        """Give a guild a forum; its posts are the threads `guild#name/title`, known as `guild/title`."""
        await self.place(guild)
        await self._channel(self.world.guilds[guild], name, FORUM)

    async def allow(self, chat: str, allow: int = 0, deny: int = 0) -> None:
        """Change what everybody may do in a channel, the bot too."""
        channel = await self.place(chat)
        guild = self.world.guild_of(channel)
        assert guild is not None
        overwrite = {"id": guild.id, "type": 0, "allow": str(allow), "deny": str(deny)}
        channel["permission_overwrites"] = [overwrite]
        await self.gateway.emit("CHANNEL_UPDATE", channel, guild.id)

    async def empower(self, chat: str, rights: int) -> None:
        """Give the bot's role rights of a server."""
        channel = await self.place(chat)
        guild = self.world.guild_of(channel)
        assert guild is not None
        role = guild.roles[2]
        role["permissions"] = str(int(role["permissions"]) | rights)
        await self.gateway.emit("GUILD_ROLE_UPDATE", {"guild_id": guild.id, "role": role}, guild.id)

    # what members do

    async def say(
        self, chat: str, member: str, text: str, *, reply_to: str = "", files: Mapping[str, bytes] | None = None
    ) -> str:
        channel, user = await self.place(chat), self.world.user(member)
        if guild := self.world.guild_of(channel):
            until = self.world.member(guild, user)["communication_disabled_until"]
            if until and datetime.fromisoformat(until) > self.world.clock.now():
                return ""  # the network does not let them
        more: dict[str, Any] = self.world.reference(channel, reply_to) if reply_to else {}
        more["attachments"] = [self.rest.attach(*one) for one in (files or {}).items()]
        message = self.world.message(channel, user, text, **more)
        if reply_to:
            message["mentions"] += [self.world.messages[reply_to]["author"]]
        await self.gateway.tell_message(message)
        return str(message["id"])

    async def use(
        self, chat: str, member: str, command: str, *, files: Mapping[str, bytes] | None = None, **values: Any
    ) -> Interaction:
        """Use a slash command; files are the values of options."""
        channel = await self.place(chat)
        held = {}
        for option, content in (files or {}).items():
            made = self.rest.attach(f"{option}.csv", content)
            held[made["id"]], values[option] = made, made["id"]
        return await self._tell(self.interactions.use(channel, member, command, values, held))

    async def complete(self, chat: str, member: str, command: str, option: str, typed: str) -> Interaction:
        """Type into an option that is completed; its `choices` come with the bot's answer."""
        channel = await self.place(chat)
        return await self._tell(self.interactions.use(channel, member, command, {option: typed}, {}, option))

    async def press(self, message_id: str, member: str, label: str) -> Interaction:
        """Press a button, or choose an option, under a message."""
        return await self._tell(self.interactions.press(self.world.messages[message_id], member, label))

    async def submit(self, opened: Interaction, **values: str) -> Interaction:
        return await self._tell(self.interactions.submit(opened, values))

    async def _tell(self, data: Json) -> Interaction:
        await self.gateway.emit("INTERACTION_CREATE", data, data.get("guild_id"))
        return self.interactions.held[data["token"]]

    async def react(self, message_id: str, member: str, emoji: str) -> None:
        message, user = self.world.messages[message_id], self.world.user(member)
        channel = self.world.channels[message["channel_id"]]
        data = {
            "user_id": user["id"], "channel_id": channel["id"], "message_id": message_id, "burst": False, "type": 0,
            "message_author_id": message["author"]["id"], "emoji": {"id": None, "name": emoji},
        }  # fmt: skip
        guild = self.world.guild_of(channel)
        if guild:
            data |= {"guild_id": guild.id, "member": self.world.member(guild, user)}
        await self.gateway.emit("MESSAGE_REACTION_ADD", data, guild.id if guild else None)

    async def join(self, guild_name: str, member: str) -> None:
        await self.place(guild_name)
        guild, user = self.world.guilds[guild_name], self.world.user(member)
        held = self.world.member(guild, user)
        held["joined_at"] = self.world.stamp()
        await self.gateway.emit("GUILD_MEMBER_ADD", held | {"guild_id": guild.id}, guild.id)

    async def leave(self, guild_name: str, member: str) -> None:
        guild, user = self.world.guilds[guild_name], self.world.user(member)
        guild.members.pop(user["id"], None)
        await self.gateway.emit("GUILD_MEMBER_REMOVE", {"guild_id": guild.id, "user": user}, guild.id)

    async def drop(self, code: int = 4000, *, reconnect: bool = False, forget: bool = False) -> None:
        await self.gateway.drop(code, reconnect=reconnect, forget=forget)

    def history(self, chat: str) -> list[Json]:
        """Every message of a chat, as the API shows it, oldest first; those to one member only among them."""
        return [shown(one) for one in self.world.messages.values() if self.world.names[one["channel_id"]] == chat]


__all__ = ["DM", "FakeDiscord"]
