"""How the set-up is: token, intents, rights; what is off without each, and what to click."""

from collections.abc import Callable, Iterator

import discord

from bot.platforms.base import Finding
from bot.platforms.discord.client import UNREACHED, Client, has_content, has_members, opened

PORTAL = "discord.com/developers/applications → your application"
WITHOUT_CONTENT = "the bot reads only messages that mention it, answer it or stand in a direct chat"
WITHOUT_MEMBERS = "the bot does not learn who joins or leaves, and greets nobody"
NEEDED = {  # the name in discord.py -> as Discord's pages call it, what is off without it
    "view_channel": ("View Channels", "the bot neither reads nor answers there"),
    "send_messages": ("Send Messages", "the bot can't answer there"),
    "send_messages_in_threads": ("Send Messages in Threads", "the bot can't answer in threads and forum posts"),
    "read_message_history": (
        "Read Message History", "replies stand alone, and what was said while the bot was down is not answered",
    ),
    "embed_links": ("Embed Links", "cards of products are not shown"),
    "add_reactions": ("Add Reactions", "the bot can't react"),
}  # fmt: skip
CHANNELS = 50  # of a server that are looked at


async def look(make: Callable[[], Client], token: str) -> list[Finding]:
    """Findings of everything that can be asked; a wrong token and a dead network are findings too."""
    name = "DISCORD_TOKEN"
    try:
        async with opened(make()) as client:
            await client.login(token)
            found, servers = [Finding(name, True), *await _application(client)], list[Finding]()
            async for guild in client.fetch_guilds(with_counts=False):
                servers += await _guild(client, guild.id)
    except discord.LoginFailure:
        fix = f"{PORTAL} → Bot → Reset Token, and put it into .env"
        return [Finding(name, False, "Discord refuses the token; nothing works there", fix)]
    except (discord.HTTPException, *UNREACHED) as error:
        fix = "look at this computer's network and firewall, or at discordstatus.com"
        return [Finding("the network", False, f"it can't be reached ({type(error).__name__})", fix)]
    fix = f"{PORTAL} → Installation: open the install link, and choose your server"
    return [*found, *(servers or [Finding("a server", False, "the bot is in none", fix)])]


async def _application(client: Client) -> list[Finding]:
    """The two privileged intents, and who may add the bot."""
    told = await client.application_info()
    flags, switch = told.flags, f"{PORTAL} → Bot → Privileged Gateway Intents: switch it on, and save"
    return [
        Finding("Message Content Intent", has_content(flags), WITHOUT_CONTENT, switch),
        Finding("Server Members Intent", has_members(flags), WITHOUT_MEMBERS, switch),
        Finding(
            "only you can add the bot", not told.bot_public,
            "anybody may add it to a server, and is an admin of your shop there",
            f"{PORTAL} → Installation → Install Link: None; then Bot → Public Bot: off",
        ),
    ]  # fmt: skip


async def _guild(client: Client, guild_id: int) -> list[Finding]:
    """What the bot may do in the channels of a server that it sees."""
    guild = await client.fetch_guild(guild_id)
    assert client.user is not None
    me = await guild.fetch_member(client.user.id)
    channels = [
        one for one in await guild.fetch_channels() if isinstance(one, discord.TextChannel | discord.ForumChannel)
    ]
    seen = [one for one in channels if one.permissions_for(me).view_channel][:CHANNELS]
    if not seen:
        label, off = NEEDED["view_channel"]
        return [Finding(f"channels of {guild.name}", False, off, _fix(label, guild.name))]
    wrong = [finding for one in seen for finding in _channel(guild.name, one, me)]
    return wrong or [Finding(f"rights in {guild.name}", True)]


def _channel(guild: str, channel: discord.TextChannel | discord.ForumChannel, me: discord.Member) -> Iterator[Finding]:
    may = channel.permissions_for(me)
    for name, (label, off) in NEEDED.items():
        if not getattr(may, name):
            yield Finding(f"{label} in #{channel.name} of {guild}", False, off, _fix(label, f"#{channel.name}"))


def _fix(label: str, where: str) -> str:
    return f"in Discord: {where} → Edit → Permissions → the bot's role: allow {label}"
