"""What stands on the fake Discord: users, guilds, channels, messages, and what of it the API shows.

The payloads have every field that discord.py, discord.js and hikari ask for.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from bot.clock import Clock
from tests.fakes.base import BOSS, DIRECT

EPOCH = 1_420_070_400_000  # milliseconds
TEXT, DM, THREAD, FORUM = 0, 1, 11, 15
EPHEMERAL, LOADING = 1 << 6, 1 << 7
ADMINISTRATOR, MANAGE_GUILD, ADD_REACTIONS, VIEW, SEND = 1 << 3, 1 << 5, 1 << 6, 1 << 10, 1 << 11
EMBED, ATTACH, HISTORY, EVERYONE, COMMANDS, IN_THREADS = 1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 31, 1 << 38
BAN, MANAGE_CHANNELS, MANAGE_MESSAGES, MODERATE = 1 << 2, 1 << 4, 1 << 13, 1 << 40
USUAL = ADD_REACTIONS | VIEW | SEND | EMBED | ATTACH | HISTORY | EVERYONE | COMMANDS | IN_THREADS
CONTENT_FLAG, MEMBERS_FLAG = 1 << 19, 1 << 15  # of an application: the intents for less than 100 servers
JOINED = "2026-01-01T00:00:00+00:00"

Json = dict[str, Any]


@dataclass(slots=True)
class Guild:
    """A server. `members` by user id, `channels` and `threads` by name."""

    id: str
    name: str
    owner: str
    roles: list[Json]
    joined: str = JOINED
    members: dict[str, Json] = field(default_factory=dict)
    channels: dict[str, Json] = field(default_factory=dict)
    threads: dict[str, Json] = field(default_factory=dict)
    bans: set[str] = field(default_factory=set)  # user ids


class World:
    """Everything by its id, and by the names that tests use."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self._last = clock, 0
        self.app_id = self.snowflake()
        self.bot = self._user("shopbot", bot=True, id=self.app_id)
        self.token = ".".join((b64encode(self.app_id.encode()).decode().rstrip("="), "Gfake1", "x" * 38))
        self.flags = CONTENT_FLAG | MEMBERS_FLAG  # of the application
        self.public = False
        self.users: dict[str, Json] = {}  # by name
        self.guilds: dict[str, Guild] = {}  # by name
        self.channels: dict[str, Json] = {}
        self.names: dict[str, str] = {}  # channel id -> the chat as tests name it
        self.messages: dict[str, Json] = {}
        self.files: dict[str, bytes] = {}  # path -> what was uploaded
        self.address = ""
        self.closed: set[str] = set()  # names of members whose direct chats are closed
        self.locales: dict[str, str] = {}  # of members' clients, by name; others have en-US

    def snowflake(self) -> str:
        """An id that is later than every one before it, and says the clock's time."""
        milliseconds = int(self.clock.now().timestamp() * 1000) - EPOCH
        self._last = max(self._last + 1, milliseconds << 22)
        return str(self._last)

    def stamp(self) -> str:
        return self.clock.now().isoformat()

    def born(self, snowflake: str) -> datetime:
        return datetime.fromtimestamp(((int(snowflake) >> 22) + EPOCH) / 1000, self.clock.now().tzinfo)

    # people

    def _user(self, name: str, *, bot: bool = False, id: str = "") -> Json:
        return {
            "id": id or self.snowflake(), "username": name, "discriminator": "0", "avatar": None, "bot": bot,
            "global_name": None if bot else name.title(), "public_flags": 0, "flags": 0, "mfa_enabled": False,
            "verified": True, "locale": "en-US", "banner": None, "accent_color": None, "avatar_decoration_data": None,
        }  # fmt: skip

    def user(self, name: str) -> Json:
        """A user; new at the first use."""
        if name not in self.users:
            self.users[name] = self._user(name)
        return self.users[name]

    def by_id(self, user_id: str) -> Json | None:
        return next((one for one in (self.bot, *self.users.values()) if one["id"] == user_id), None)

    def member(self, guild: Guild, user: Json) -> Json:
        """A member of a guild; joins at the first use. The boss has a role that may manage the guild."""
        if user["id"] not in guild.members:
            roles = [guild.roles[1]["id"]] if user["username"] == BOSS else []
            guild.members[user["id"]] = {
                "user": user, "nick": None, "avatar": None, "banner": None, "roles": roles, "joined_at": JOINED,
                "premium_since": None, "deaf": False, "mute": False, "flags": 0, "pending": False,
                "communication_disabled_until": None,
            }  # fmt: skip
        return guild.members[user["id"]]

    def permissions(self, guild: Guild, user_id: str, channel: Json | None = None) -> int:
        """What a member may do, in a channel where one is given."""
        roles = guild.members[user_id]["roles"] if user_id in guild.members else []
        held = [role for role in guild.roles if role["id"] in (*roles, guild.id)]
        may = 0
        for role in held:
            may |= int(role["permissions"])
        if user_id == guild.owner or may & ADMINISTRATOR:
            return (1 << 53) - 1
        if channel and channel["type"] == THREAD:
            channel = self.channels[channel["parent_id"]]
        for own in (False, True):
            for one in channel["permission_overwrites"] if channel else []:
                if one["id"] in ([user_id, *roles] if own else [guild.id]):
                    may = may & ~int(one["deny"]) | int(one["allow"])
        return may

    # places

    def guild(self, name: str) -> Guild:
        """A guild with one channel and the bot in it; new at the first use."""
        if name not in self.guilds:
            guild_id, owner = self.snowflake(), self.user("owner")["id"]
            guild = self.guilds[name] = Guild(guild_id, name, owner, [])
            guild.roles += [self._role(guild_id, "@everyone", USUAL, 0), self._role("", "admins", MANAGE_GUILD, 1)]
            mine = self._role("", "shopbot", 0, 2)
            guild.roles.append(mine | {"managed": True, "tags": {"bot_id": self.app_id}})
            self.member(guild, self.bot)["roles"] = [guild.roles[2]["id"]]
            for one in ("owner", BOSS):
                self.member(guild, self.user(one))
            self.channel(guild, "general")
        return self.guilds[name]

    def _role(self, role_id: str, name: str, permissions: int, position: int) -> Json:
        return {
            "id": role_id or self.snowflake(), "name": name, "color": 0, "hoist": False, "position": position,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}, "icon": None,
            "unicode_emoji": None, "permissions": str(permissions), "managed": False, "mentionable": False, "flags": 0,
        }  # fmt: skip

    def channel(self, guild: Guild, name: str, kind: int = TEXT) -> Json:
        if name not in guild.channels:
            made = {
                "id": self.snowflake(), "type": kind, "name": name, "guild_id": guild.id, "topic": None, "nsfw": False,
                "position": len(guild.channels), "permission_overwrites": [], "rate_limit_per_user": 0, "flags": 0,
                "parent_id": None, "last_message_id": None, "default_auto_archive_duration": 1440,
            }  # fmt: skip
            if kind == FORUM:
                made |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
                made |= {"default_forum_layout": 0, "default_thread_rate_limit_per_user": 0}
            guild.channels[name] = self.channels[made["id"]] = made
            self.names[made["id"]] = guild.name if name == "general" else f"{guild.name}#{name}"
        return guild.channels[name]

    def thread(self, guild: Guild, name: str, parent: str = "general") -> tuple[Json, bool]:
        """A thread, and whether it is new."""
        if name in guild.threads:
            return guild.threads[name], False
        made = {
            "id": self.snowflake(), "type": THREAD, "name": name, "guild_id": guild.id, "last_message_id": None,
            "parent_id": guild.channels[parent]["id"], "owner_id": guild.owner, "message_count": 0, "member_count": 1,
            "rate_limit_per_user": 0, "flags": 0, "applied_tags": [], "total_message_sent": 0,
            "thread_metadata": {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": self.stamp(),
                                "locked": False, "invitable": True, "create_timestamp": self.stamp()},
        }  # fmt: skip
        guild.threads[name] = self.channels[made["id"]] = made
        self.names[made["id"]] = f"{guild.name}/{name}"
        return made, True

    def direct(self, user: Json) -> Json:
        name = DIRECT + user["username"]
        for channel_id, known in self.names.items():
            if known == name:
                return self.channels[channel_id]
        made = {"id": self.snowflake(), "type": DM, "recipients": [user], "last_message_id": None, "flags": 0}
        self.channels[made["id"]], self.names[made["id"]] = made, name
        return made

    def guild_of(self, channel: Json) -> Guild | None:
        return next((one for one in self.guilds.values() if one.id == channel.get("guild_id")), None)

    def guild_json(self, guild: Guild) -> Json:
        """As GET /guilds/ID shows it."""
        return {
            "id": guild.id, "name": guild.name, "icon": None, "splash": None, "discovery_splash": None,
            "owner_id": guild.owner, "region": "", "afk_channel_id": None, "afk_timeout": 300, "widget_enabled": False,
            "widget_channel_id": None, "verification_level": 0, "default_message_notifications": 0,
            "explicit_content_filter": 0, "roles": guild.roles, "emojis": [], "stickers": [], "features": [],
            "mfa_level": 0, "application_id": None, "system_channel_id": guild.channels["general"]["id"],
            "system_channel_flags": 0, "rules_channel_id": None, "public_updates_channel_id": None,
            "safety_alerts_channel_id": None, "vanity_url_code": None, "description": None, "banner": None,
            "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "nsfw_level": 0,
            "premium_progress_bar_enabled": False, "max_presences": None, "max_members": 500_000,
            "max_video_channel_users": 25, "max_stage_video_channel_users": 50, "hub_type": None,
        }  # fmt: skip

    def guild_create(self, guild: Guild) -> Json:
        """As the gateway shows it."""
        return self.guild_json(guild) | {
            "joined_at": guild.joined, "large": False, "unavailable": False, "member_count": len(guild.members),
            "voice_states": [], "members": [guild.members[self.app_id]], "channels": list(guild.channels.values()),
            "threads": list(guild.threads.values()), "presences": [], "stage_instances": [],
            "guild_scheduled_events": [], "soundboard_sounds": [],
        }  # fmt: skip

    def application(self) -> Json:
        return {
            "id": self.app_id, "name": "shopbot", "icon": None, "description": "", "bot_public": self.public,
            "bot_require_code_grant": False, "verify_key": "0" * 64, "flags": self.flags, "owner": self.user("owner"),
            "team": None, "summary": "", "bot": self.bot, "approximate_guild_count": len(self.guilds),
            "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
            "interactions_endpoint_url": None, "role_connections_verification_url": None, "redirect_uris": [],
            "tags": [], "rpc_origins": [], "integration_types_config": {"0": {}},
        }  # fmt: skip

    # messages

    def message(self, channel: Json, author: Json, content: str, **more: Any) -> Json:
        """A new message, as the API shows it. Fields that start with _ are ours."""
        made: Json = {
            "id": self.snowflake(), "channel_id": channel["id"], "author": author, "content": content.strip(),
            "timestamp": self.stamp(), "edited_timestamp": None, "tts": False, "mention_everyone": False,
            "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": False, "type": 0,
            "components": [], "flags": 0, "reactions": [], "_guild": channel.get("guild_id"), **more,
        }  # fmt: skip
        said, made["components"] = made["content"], numbered(made["components"])
        users = (self.bot, *self.users.values())
        made["mentions"] = [one for one in users if f"<@{one['id']}>" in said or f"<@!{one['id']}>" in said]
        guild = self.guild_of(channel)
        made["mention_roles"] = [one["id"] for one in guild.roles if f"<@&{one['id']}>" in said] if guild else []
        self.messages[made["id"]] = made
        channel["last_message_id"] = made["id"]
        return made

    def reference(self, channel: Json, message_id: str) -> Json:
        """The fields of a message that is a reply."""
        to = self.messages.get(message_id)
        place = {"type": 0, "message_id": message_id, "channel_id": channel["id"]}
        place |= {"guild_id": channel["guild_id"]} if "guild_id" in channel else {}
        return {"type": 19, "message_reference": place, "referenced_message": shown(to) if to else None}


def numbered(rows: list[Json]) -> list[Json]:
    """Components with the numbers that Discord gives them."""
    numbers = count(1)
    return [
        {**row, "id": next(numbers), "components": [{**one, "id": next(numbers)} for one in row["components"]]}
        for row in rows
    ]


def shown(message: Json) -> Json:
    """A message without what is only ours, as every endpoint but its creation shows it: the nonce is not kept."""
    return {name: value for name, value in message.items() if not name.startswith("_") and name != "nonce"}
