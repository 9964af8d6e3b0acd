"""What moderation does, in Discord's calls. The bot needs Manage Messages, Moderate Members, Ban Members and, for slow
mode, Manage Channels; and a role above those of whom it mutes or bans."""

from datetime import datetime, timedelta
from typing import Any

import discord

from bot.messages import Ban, Free, Measure, Mute, Remove, Slow, Unban
from bot.platforms.discord.client import Client

LONGEST = timedelta(days=28) - timedelta(minutes=5)  # that a member may be timed out
MOST_SLOW = 21_600  # seconds
UNKNOWN_MESSAGE, UNKNOWN_MEMBER, UNKNOWN_BAN = 10008, 10007, 10026


async def moderate(client: Client, channel: str, action: Measure, now: datetime) -> None:
    """What is so already counts as done. Raises as a call."""
    try:
        await _act(client, channel, action, now)
    except discord.NotFound as error:
        if error.code not in (UNKNOWN_MESSAGE, UNKNOWN_MEMBER, UNKNOWN_BAN):
            raise


async def _act(client: Client, channel: str, action: Measure, now: datetime) -> None:
    if isinstance(action, Remove):
        path = "/channels/{channel_id}/messages/{message_id}"
        await client.call("DELETE", path, channel_id=channel, message_id=action.message_id)
        return
    if isinstance(action, Slow):
        body = {"rate_limit_per_user": min(action.seconds, MOST_SLOW)}
        await client.call("PATCH", "/channels/{channel_id}", body, channel_id=channel)
        return
    place: Any = client.get_channel(int(channel)) or await client.fetch_channel(int(channel))
    parts = {"guild_id": place.guild.id, "user_id": action.member}
    if isinstance(action, Ban):
        await client.call("PUT", "/guilds/{guild_id}/bans/{user_id}", {"delete_message_seconds": 0}, **parts)
    elif isinstance(action, Unban):
        await client.call("DELETE", "/guilds/{guild_id}/bans/{user_id}", **parts)
    elif isinstance(action, Mute | Free):
        until = min(action.until or now + LONGEST, now + LONGEST).isoformat() if isinstance(action, Mute) else None
        timeout = {"communication_disabled_until": until}
        await client.call("PATCH", "/guilds/{guild_id}/members/{user_id}", timeout, **parts)
