"""Who may manage a server, asked of Discord and remembered for less than a minute; where direct chats are."""

from collections import OrderedDict
from datetime import datetime, timedelta

import discord

from bot.clock import Clock
from bot.platforms.discord.client import Client

HOLDS = timedelta(seconds=50)
KNOWN = 5_000


class Admins:
    """`ask` whether a member is an admin; `channel` of a direct chat with a member."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._known: OrderedDict[tuple[int, int], tuple[datetime, bool]] = OrderedDict()
        self._direct: OrderedDict[int, int] = OrderedDict()  # member -> channel

    async def ask(self, guild_id: int, member_id: int) -> bool:
        """May this member manage the server? Raises as a call."""
        key, now = (guild_id, member_id), self._clock.now()
        asked, admin = self._known.get(key, (None, False))
        if asked is not None and abs(now - asked) < HOLDS:
            return admin
        admin = await self._look(guild_id, member_id)
        self._known[key] = (now, admin)
        self._known.move_to_end(key)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return admin

    async def _look(self, guild_id: int, member_id: int) -> bool:
        guild = self._client.get_guild(guild_id) or await self._client.fetch_guild(guild_id)
        try:
            member = await guild.fetch_member(member_id)
        except discord.NotFound:
            return False  # who left, or a webhook
        return member.guild_permissions.manage_guild

    async def channel(self, member: str) -> str:
        """The channel of the direct chat with a member. Raises as a call."""
        known = self._direct.get(int(member))
        if known is None:
            made = await self._client.call("POST", "/users/@me/channels", {"recipient_id": member})
            known = self._direct[int(member)] = int(made["id"])
            if len(self._direct) > KNOWN:
                self._direct.popitem(last=False)
        return str(known)
